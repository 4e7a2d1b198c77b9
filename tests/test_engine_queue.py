"""The queue: bringing tasks in, leasing them, giving them back, and who waits for what."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from dashcam_pipeline.engine.leases import Silent
from dashcam_pipeline.engine.ledger import MOST_INTERRUPTIONS
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.task import SUSPECT_INTERRUPTIONS, KeyState, LeaseLost, Outcome
from engine_toys import CATEGORIES, RULES, World, task

LONG_S = 30.0  # no test waits for this; it is there so that a lost wake-up fails instead of hanging


def test_pushed_tasks_are_popped_first_in_first_out() -> None:
    world = World()
    world.push(task("a"), task("b"), task("c", "CLOSE"))
    assert (world.queue.backlog("SEARCH"), world.queue.total_backlog()) == (2, 3)
    popped = [world.queue.pop("SEARCH") for _ in range(3)]
    assert [one.task_id if one else None for one in popped] == ["a", "b", None]
    assert (world.queue.backlog("SEARCH"), world.queue.total_backlog(), world.queue.unfinished()) == (0, 1, 1)


def test_what_is_popped_is_as_it_was_pushed() -> None:
    world = World()
    pushed = task("a", key="k", order=3, record={"x": 1})
    world.push(pushed)
    popped = world.queue.pop("SEARCH")
    assert popped == pushed
    assert popped is not None
    assert popped.load() == {"x": 1}


@pytest.mark.parametrize(
    ("task_id", "bad", "said"),
    [
        ("a", task("b"), "'b' pushed under the id 'a'"),
        ("a", task("a", "NOWHERE"), "unknown category 'NOWHERE'"),
        ("first", task("first"), "'first' is in use"),
        ("a", task("a", frames=("f9",)), "frames that are not stored: \\['f9'\\]"),
    ],
)
def test_an_unsound_task_is_refused_and_leaves_no_trace(task_id: str, bad: object, said: str) -> None:
    world = World()
    world.push(task("first"))
    with pytest.raises(ValueError, match=said):
        world.queue.push(task_id, bad)  # type: ignore[arg-type]
    assert (world.queue.total_backlog(), world.queue.unfinished()) == (1, 1)


def test_an_id_is_free_again_once_its_task_is_done() -> None:
    world = World()
    for _ in range(2):
        world.push(task("a"))
        world.queue.complete("w", world.lease_ids("SEARCH"), Outcome())


@pytest.mark.parametrize(
    ("asked", "got"), [(None, 4), (1, 1), (3, 3), (99, 4)]
)  # the batch of SEARCH is four
def test_a_lease_takes_at_most_a_batch(asked: int | None, got: int) -> None:
    world = World()
    world.push(*(task(f"t{n}") for n in range(9)))
    assert len(world.lease_ids("SEARCH", asked)) == got
    assert (world.load("SEARCH").waiting, world.load("SEARCH").in_flight) == (9 - got, got)


def test_a_lease_takes_only_what_was_asked_for() -> None:
    world = World()
    world.push(task("a"))
    assert world.queue.lease("w", ["ORDER", "CLOSE"]) is None
    assert world.queue.lease("w", []) is None


def test_nobody_else_gets_a_leased_task_until_it_is_given_back() -> None:
    world = World()
    world.push(task("a"), task("b"))
    leased = world.lease_ids("SEARCH", owner="one")
    assert world.lease_ids("SEARCH", owner="two") == []
    world.queue.give_back("one", leased)
    assert world.lease_ids("SEARCH", owner="two") == ["a", "b"]


def test_what_is_given_back_untried_has_not_failed() -> None:
    world = World()
    world.push(task("a"), task("b"))
    world.queue.give_back("w", world.lease_ids("SEARCH"))
    batch = world.queue.lease("w", ["SEARCH"])
    assert batch is not None
    assert [one.attempts for one in batch.tasks] == [0, 0]
    assert world.load("SEARCH").failed == 0


@pytest.mark.parametrize("call", ["complete", "progress", "fail", "give_back"])
def test_only_the_holder_of_a_lease_can_use_it(call: str) -> None:
    world = World()
    world.push(task("a"))
    (held,) = world.lease_ids("SEARCH", owner="one")
    arguments: dict[str, tuple[object, ...]] = {
        "complete": ([held], Outcome(push=(task("next"),))),
        "progress": (held, Outcome(push=(task("next"),))),
        "fail": (held, "no reason"),
        "give_back": ([held],),
    }
    for owner in ("two", ""):
        with pytest.raises(LeaseLost, match="a"):
            getattr(world.queue, call)(owner, *arguments[call])
    assert (world.load("SEARCH").in_flight, world.queue.total_backlog()) == (1, 0)
    world.queue.complete("one", [held], Outcome())
    assert world.queue.unfinished() == 0


def test_leases_run_out_when_nobody_renews_them() -> None:
    world = World(lease_s=10.0)
    world.push(task("a", "SEARCH"), task("b", "CLOSE"))
    world.lease_ids("SEARCH", owner="quiet")
    world.lease_ids("CLOSE", owner="alive")
    world.clock.turn(9.0)
    world.queue.renew("alive")
    assert world.queue.silent_owners() == []
    world.clock.turn(2.0)
    assert world.queue.silent_owners() == [Silent("quiet", stuck=False)]
    world.queue.requeue_owner("quiet", "silent")
    assert world.queue.silent_owners() == []


@pytest.mark.parametrize("sign", ["alive", "admit", "progress", None])
def test_a_task_without_a_sign_of_its_own_is_stuck_although_its_worker_beats(sign: str | None) -> None:
    world = World(lease_s=10.0, stuck_s=30.0)
    world.read("moves", owner="w")
    world.read("stands", owner="other")
    for _ in range(5):
        world.clock.turn(9.0)
        world.queue.renew("w")
        world.queue.renew("other")
        if sign == "alive":
            world.queue.alive("w", ["read-moves"])
        elif sign == "admit":
            world.queue.admit("read-moves", 1, 1)
        elif sign == "progress":
            world.queue.progress("w", "read-moves", Outcome())
    stuck = ["other"] if sign else ["other", "w"]
    assert world.queue.silent_owners() == [Silent(owner, stuck=True) for owner in stuck]


def test_a_sign_of_life_for_a_task_that_was_taken_away_says_so() -> None:
    world = World()
    world.push(task("a"))
    world.lease_ids("SEARCH", owner="one")
    with pytest.raises(LeaseLost, match="a"):
        world.queue.alive("two", ["a"])


def test_after_a_pause_of_the_whole_run_nobody_is_silent_or_stuck() -> None:
    world = World(lease_s=10.0, stuck_s=30.0)
    world.push(task("a"))
    world.lease_ids("SEARCH")
    world.clock.turn(1000.0)
    world.queue.grace()
    assert world.queue.silent_owners() == []
    world.clock.turn(10.1)
    assert world.queue.silent_owners() == [Silent("w", stuck=False)]


def test_an_interruption_is_no_attempt_but_too_many_of_them_are_the_end() -> None:
    world = World(max_attempts=2)
    world.push(task("a"))
    for number in range(MOST_INTERRUPTIONS):
        assert world.lease_ids("SEARCH", owner=f"w{number}") == ["a"]
        assert world.queue.requeue_owner(f"w{number}", "killed", interrupted=True) == 1
    assert (world.load("SEARCH").failed, world.queue.dead_letters()) == (0, [])
    world.lease_ids("SEARCH", owner="last")
    world.queue.requeue_owner("last", "killed once more", interrupted=True)
    (letter,) = world.queue.dead_letters()
    assert (letter.task.attempts, letter.task.interruptions) == (0, MOST_INTERRUPTIONS + 1)
    assert letter.reason == "killed once more"


def test_a_batch_that_loses_its_worker_again_and_again_comes_back_one_by_one() -> None:
    """One of its tasks may be what makes the host kill the worker; it alone is given up."""
    world = World()
    world.push(*(task(f"t{n}") for n in range(4)))
    for number in range(SUSPECT_INTERRUPTIONS):
        assert world.lease_ids("SEARCH", owner=f"w{number}") == ["t0", "t1", "t2", "t3"]
        world.queue.requeue_owner(f"w{number}", "killed", interrupted=True)
    for number in range(MOST_INTERRUPTIONS - SUSPECT_INTERRUPTIONS + 1):
        assert world.lease_ids("SEARCH", owner=f"alone{number}") == ["t0"]
        world.queue.requeue_owner(f"alone{number}", "killed", interrupted=True)
    (letter,) = world.queue.dead_letters()
    assert letter.task.task_id == "t0"
    heir = world.queue.lease("cpu", ["ORDER"])
    assert heir is not None
    assert (heir.tasks[0].tombstone_of, heir.tasks[0].interruptions) == ("SEARCH", 0)
    assert world.queue.unfinished() == 4


def test_progress_of_a_reader_clears_its_interruptions() -> None:
    world = World()
    world.read(owner="r0")
    for number in range(3 * MOST_INTERRUPTIONS):
        world.queue.progress(f"r{number}", "read-s", Outcome())
        world.queue.requeue_owner(f"r{number}", "killed", interrupted=True)
        assert world.lease_ids("READ", owner=f"r{number + 1}") == ["read-s"]
    assert world.queue.dead_letters() == []


def test_every_task_of_a_dead_owner_has_failed_once_and_they_come_back_in_order_one_by_one() -> None:
    world = World()
    world.push(*(task(f"t{n}") for n in range(4)), task("later"))
    world.lease_ids("SEARCH", owner="dead")
    assert world.queue.requeue_owner("dead", "killed") == 4
    leased = [world.lease_ids("SEARCH", owner=f"w{n}") for n in range(5)]
    assert leased == [["t0"], ["t1"], ["t2"], ["t3"], ["later"]]


def test_a_process_works_on_one_suspect_at_a_time() -> None:
    """Videos that were read beside one that kills the reader must not be blamed with it until all are given up."""
    world = World(max_attempts=3)
    world.push(*(task(f"v{n}", "READ", source=f"v{n}", key=f"v{n}") for n in range(3)))
    for n in range(3):
        assert world.lease_ids("READ", owner="reader") == [f"v{n}"]
    world.queue.requeue_owner("reader", "killed")
    world.push(task("fresh", "READ", source="fresh", key="fresh"))
    (first,) = world.lease_ids("READ", owner="reader.2")
    assert world.lease_ids("READ", owner="reader.2") == []
    (second,) = world.lease_ids("READ", owner="another")
    world.queue.progress("reader.2", first, Outcome(state=KeyState(b"further than before")))
    (third,) = world.lease_ids("READ", owner="reader.2")
    assert world.lease_ids("READ", owner="reader.2") == ["fresh"]
    world.queue.requeue_owner("reader.2", "killed again")
    attempts = {}
    while batch := world.queue.lease(f"r{len(attempts)}", ["READ"]):
        attempts[batch.tasks[0].task_id] = batch.tasks[0].attempts
    assert attempts == {first: 1, third: 2, "fresh": 1}
    assert {first, second, third} == {"v0", "v1", "v2"}


def test_a_dead_owner_gets_no_more_work() -> None:
    """Its last call for work may still be waiting when it is buried; what it got then would be lost."""
    world = World()
    world.queue.requeue_owner("dead", "killed")
    world.push(task("a"))
    assert world.lease_ids("SEARCH", owner="dead") == []
    assert world.lease_ids("SEARCH", owner="its successor") == ["a"]


def test_a_call_for_work_that_waits_while_its_owner_is_buried_ends_with_nothing() -> None:
    queue = CentralTaskQueue(CATEGORIES, RULES)
    got: list[object] = []
    ghost = threading.Thread(
        target=lambda: got.append(queue.lease("dead", ["SEARCH"], None, LONG_S)), daemon=True
    )
    ghost.start()
    queue.requeue_owner("dead", "killed")
    queue.push("a", task("a"))
    ghost.join(LONG_S / 3)
    assert got == [None]
    assert queue.backlog("SEARCH") == 1


def test_waiting_tasks_can_be_withdrawn_but_not_leased_ones() -> None:
    world = World()
    reading = world.read("s1")
    world.push(*(task(f"read-{name}", "READ", source=name, key=name) for name in ("s2", "s3")))
    assert [one.source_id for one in world.queue.withdraw("READ")] == ["s2", "s3"]
    assert world.queue.withdraw("READ") == []
    world.queue.complete("r", [reading], Outcome())
    assert world.queue.unfinished() == 0


def test_a_push_wakes_a_waiting_lease() -> None:
    queue = CentralTaskQueue(CATEGORIES, RULES)
    got: list[object] = []
    waiting = [
        threading.Thread(
            target=lambda n=n: got.append(queue.lease(f"w{n}", ["SEARCH"], 1, LONG_S)), daemon=True
        )
        for n in range(4)
    ]
    for thread in waiting:
        thread.start()
    for n in range(4):
        queue.push(f"t{n}", task(f"t{n}"))
    for thread in waiting:
        thread.join(LONG_S / 3)
    assert len(got) == 4
    assert None not in got


@pytest.mark.parametrize("call", ["complete", "fail", "give_back", "requeue_owner"])
def test_whatever_makes_work_wakes_a_waiting_lease(call: str) -> None:
    queue = CentralTaskQueue(CATEGORIES, RULES)
    queue.push("a", task("a"))
    queue.lease("first", ["SEARCH"])
    got: list[object] = []
    second = threading.Thread(
        target=lambda: got.append(queue.lease("second", ["SEARCH"], None, LONG_S)), daemon=True
    )
    second.start()
    arguments: dict[str, tuple[object, ...]] = {
        "complete": (["a"], Outcome(push=(task("next"),))),
        "fail": ("a", "no reason"),
        "give_back": (["a"],),
        "requeue_owner": ("killed",),
    }
    getattr(queue, call)("first", *arguments[call])
    second.join(LONG_S / 3)
    assert len(got) == 1
    assert got != [None]


def test_closing_wakes_who_waits_for_work_and_what_is_there_is_still_handed_out() -> None:
    queue = CentralTaskQueue(CATEGORIES, RULES)
    got: list[object] = []
    waiting = threading.Thread(
        target=lambda: got.append(queue.lease("w", ["SEARCH"], None, LONG_S)), daemon=True
    )
    waiting.start()
    queue.close()
    waiting.join(LONG_S / 3)
    assert got == [None]
    assert queue.lease("w", ["SEARCH"], None, LONG_S) is None
    queue.push("a", task("a"))
    assert queue.lease("w", ["SEARCH"], None, LONG_S) is not None


def test_busy_time_and_tasks_done_are_counted_by_category() -> None:
    world = World()
    world.push(*(task(f"t{n}") for n in range(5)))
    for busy_s in (1.5, 2.0):
        world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(), busy_s)
    load = world.load("SEARCH")
    assert (load.done, load.waiting, load.in_flight, load.busy_s) == (5, 0, 0, 3.5)


def test_ten_thousand_waiting_tasks_are_handed_out_completely() -> None:
    world = World()
    for n in range(5_000):
        world.push(task(f"s{n}"), task(f"o{n}", "ORDER", key="k", order=4_999 - n))
    seen: list[str] = []
    while batch := world.queue.lease("w", ["SEARCH", "ORDER"]):
        seen += batch.task_ids
        world.queue.complete("w", batch.task_ids, Outcome())
    ordered = [one for one in seen if one.startswith("o")]
    assert ordered == [f"o{n}" for n in reversed(range(5_000))]
    assert [one for one in seen if one.startswith("s")] == [f"s{n}" for n in range(5_000)]


def test_a_task_with_attempts_is_put_back_with_one_more() -> None:
    world = World(max_attempts=3)
    world.push(task("a"))
    tries = []
    while batch := world.queue.lease("w", ["SEARCH"]):
        tries.append(batch.tasks[0].attempts)
        world.queue.fail("w", "a", f"reason {len(tries)}")
    assert tries == [0, 1, 2]
    (letter,) = world.queue.dead_letters()
    assert (letter.task, letter.reason) == (replace(task("a"), attempts=3), "reason 3")
