"""Backpressure: who may bring frames in, and what waiting costs."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from typing import Any

import pytest

from dashcam_pipeline.engine.pressure import Gate, Limits
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.task import LeaseLost, Outcome
from engine_toys import CATEGORIES, RULES, WIDE, World, task

LONG_S = 30.0


def ask(world: World, source: str = "s", frames: int = 1, nbytes: int = 1) -> str | None:
    """The gate that a reader must wait for; None when it was let in."""
    answer = world.queue.admit(f"read-{source}", frames, nbytes)
    assert answer.admitted == (answer.waits_for is None)
    return answer.waits_for


def fill(world: World, category: str, count: int) -> None:
    world.push(*(task(f"{category}{n}", category) for n in range(count)))


@pytest.mark.parametrize("bounds", [(0, 1, 1), (3, 2, 4), (1, 5, 4), (-1, 0, 0)])
def test_limits_that_could_never_hold_are_refused(bounds: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="resume <= soft <= hard"):
        Limits(*bounds)


@pytest.mark.parametrize(
    ("levels", "admitted"),
    [
        ([0, 5, 9], [True, True, True]),
        ([9, 10, 9, 6, 5, 4], [True, False, False, False, False, True]),
        ([10, 4, 9, 10], [False, True, True, False]),
        ([20, 5, 0], [False, False, True]),
    ],
)
def test_a_gate_closes_at_its_soft_limit_and_opens_below_resume(
    levels: list[int], admitted: list[bool]
) -> None:
    gate = Gate(Limits(5, 10, 12))
    assert [gate.admits(level, 1) for level in levels] == admitted


@pytest.mark.parametrize(("more", "admitted"), [(3, True), (4, False)])
def test_no_request_goes_past_the_hard_limit(more: int, admitted: bool) -> None:
    assert Gate(Limits(5, 10, 12)).admits(9, more) == admitted


@pytest.mark.parametrize(
    ("limits", "waits_for"),
    [
        ({"gpu": Limits(2, 4, 8)}, "gpu"),
        ({"cpu": Limits(2, 4, 8)}, "cpu"),
        ({"min_free_bytes": 10**12}, "disk"),
        ({}, None),
    ],
)
def test_a_reader_waits_for_what_is_full(limits: dict[str, Any], waits_for: str | None) -> None:
    world = World(**limits)
    world.read()
    fill(world, "SEARCH", 4)
    fill(world, "CLOSE", 4)
    assert ask(world) == waits_for


def test_the_store_is_bounded_in_bytes_of_source_frames_only() -> None:
    world = World(store=Limits(50, 100, 120))
    world.read()
    world.bring_in({"f1": 100}, task("a", frames=("f1",)))
    assert ask(world) == "store"
    follow = task("b", "CLOSE", frames=("p1",))
    world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(push=(follow,), new_frames={"p1": 500}))
    assert ask(world) is None
    assert world.queue.snapshot().frames.picture_bytes == 500


def test_reservations_of_several_readers_hold_the_limits_exactly() -> None:
    world = World(gpu=Limits(10, 10, 10), store=Limits(100, 100, 100))
    for name in "abcd":
        world.read(name)
    assert [ask(world, name, 4, 30) for name in "abcd"] == [None, None, "gpu", "gpu"]
    world.bring_in({}, source="a")  # a used nothing of its room
    assert [ask(world, name, 4, 30) for name in "cd"] == [None, "gpu"]


def test_asking_again_does_not_count_twice() -> None:
    world = World(gpu=Limits(4, 4, 4))
    world.read()
    assert [ask(world, frames=4) for _ in range(3)] == [None, None, None]
    world.read("other")
    assert ask(world, "other") == "gpu"


@pytest.mark.parametrize("how", ["complete", "fail", "give_back", "owner died"])
def test_room_that_was_set_aside_is_free_again_when_its_reader_is_gone(how: str) -> None:
    world = World(gpu=Limits(4, 4, 4), max_attempts=1)
    world.read("a", owner="ra")
    world.read("b", owner="rb")
    assert [ask(world, "a", 4), ask(world, "b", 4)] == [None, "gpu"]
    if how == "complete":
        world.queue.complete("ra", ["read-a"], Outcome())
    elif how == "fail":
        world.queue.fail("ra", "read-a", "broken")
    elif how == "give_back":
        world.queue.give_back("ra", ["read-a"])
    else:
        world.queue.requeue_owner("ra", "killed")
    assert ask(world, "b", 4) is None


def test_only_a_task_that_is_held_gets_room() -> None:
    """A dead reader's last call must not set room aside for ever."""
    world = World(gpu=Limits(4, 4, 4), max_attempts=1)
    world.read("dead")
    world.read("alive", owner="other")
    world.queue.fail("r", "read-dead", "killed")
    with pytest.raises(LeaseLost, match="read-dead"):
        ask(world, "dead", 4)
    assert ask(world, "alive", 4) is None


@pytest.mark.parametrize(("frames", "nbytes"), [(1, 10**9), (999, 1)])
def test_a_request_larger_than_the_limits_is_let_into_an_empty_pipeline(frames: int, nbytes: int) -> None:
    world = World(gpu=Limits(1, 8, 8), store=Limits(1, 100, 100))
    world.read("huge")
    world.read("small")
    assert ask(world, "small") is None
    assert ask(world, "huge", frames, nbytes) is not None
    world.queue.complete("r", ["read-small"], Outcome())
    assert ask(world, "huge", frames, nbytes) is None


def test_a_full_disk_is_waited_for_until_there_is_room() -> None:
    world = World(min_free_bytes=1000)
    world.read()
    for free, waits_for in ((1000, "disk"), (1001, None), (999, "disk"), (10**9, None)):
        world.free = free
        assert ask(world) == waits_for


def test_a_wait_is_counted_once_with_its_seconds() -> None:
    world = World(gpu=Limits(1, 1, 8))
    world.read("a")
    world.read("b")
    fill(world, "SEARCH", 1)
    for _ in range(4):
        assert [ask(world, "a"), ask(world, "b")] == ["gpu", "gpu"]
        world.clock.turn(0.5)
    now = world.queue.snapshot().pressure
    assert (now.closed, now.waits, now.wait_s, now.waiting_readers) == (("gpu",), {"gpu": 2}, {"gpu": 4.0}, 2)
    world.queue.pop("SEARCH")
    assert ask(world, "a") is None
    world.clock.turn(10.0)
    world.queue.complete("r", ["read-b"], Outcome())  # it stops waiting without having been let in
    now = world.queue.snapshot().pressure
    assert (now.closed, now.waits, now.wait_s, now.waiting_readers) == ((), {"gpu": 2}, {"gpu": 14.0}, 0)
    world.clock.turn(99.0)
    assert world.queue.snapshot().pressure.wait_s == {"gpu": 14.0}


def test_room_that_comes_free_wakes_the_reader_that_waits() -> None:
    queue = CentralTaskQueue(CATEGORIES, replace(RULES, gpu=Limits(1, 1, 8)))
    queue.push("read", task("read", "READ", key="s"))
    queue.push("a", task("a"))
    queue.lease("r", ["READ"])
    got: list[bool] = []
    reader = threading.Thread(
        target=lambda: got.append(queue.admit("read", 1, 1, LONG_S).admitted), daemon=True
    )
    reader.start()
    queue.complete("w", queue.lease("w", ["SEARCH"]).task_ids, Outcome())  # type: ignore[union-attr]
    reader.join(LONG_S / 3)
    assert got == [True]


@pytest.mark.parametrize("seed", range(6))
def test_a_pipeline_under_pressure_stays_within_its_limits_and_never_stands_still(seed: int) -> None:
    """Several readers with frames of odd sizes, one worker, gates that close early: all frames come through."""
    chance = random.Random(seed)
    gpu, store = Limits(2, 6, 9), Limits(20, 60, 90)
    world = World(gpu=gpu, store=store, cpu=WIDE)
    left = {name: [chance.choice([1, 7, 40, 200]) for _ in range(30)] for name in "abc"}
    for name in left:
        world.read(name)
    brought, done, idle = 0, 0, 0
    while left or world.queue.backlog("SEARCH"):
        moved = False
        for name in list(left):
            chunk = left[name][: chance.randint(1, 3)]
            if ask(world, name, len(chunk), sum(chunk)) is not None:
                continue
            del left[name][: len(chunk)]
            frames = {f"{name}{brought + n}": size for n, size in enumerate(chunk)}
            tasks = [task(f"t{frame}", source=name, frames=(frame,)) for frame in frames]
            world.bring_in(frames, *tasks, source=name)
            brought, moved = brought + len(chunk), True
            if not left[name]:
                world.queue.complete("r", [f"read-{name}"], Outcome())
                del left[name]
            use = world.queue.snapshot().frames
            assert world.queue.backlog("SEARCH") <= gpu.hard
            assert use.source_bytes <= max(store.hard, sum(chunk))  # only alone may one be larger
        if batch := world.queue.lease("w", ["SEARCH"], chance.randint(1, 4)):
            world.queue.complete("w", batch.task_ids, Outcome())
            done, moved = done + len(batch.tasks), True
        idle = 0 if moved else idle + 1
        assert idle < 2, "nothing moves any more"
    assert (brought, done, len(world.deleted)) == (90, 90, 90)
    assert world.queue.snapshot().frames.source_bytes == 0
