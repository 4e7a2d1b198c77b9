"""What finishing tasks changes: all or nothing, states, tombstones, sources and their closers."""

from __future__ import annotations

import pytest

from dashcam_pipeline.engine.task import Category, KeyState, LeaseLost, Outcome, Task, WorkerClass, pack
from engine_toys import CATEGORIES, World, task


def held_world() -> World:
    """Two leased tasks of a keyed category, one of which rests on frame f1; f1 and one more task are there."""
    world = World()
    world.read()
    world.bring_in(
        {"f1": 10},
        task("a", "GATHER", key="k", frames=("f1",)),
        task("b", "GATHER", key="k"),
        task("other", "CLOSE"),
    )
    assert world.lease_ids("GATHER") == ["a", "b"]
    return world


@pytest.mark.parametrize(
    ("task_ids", "outcome", "error"),
    [
        (["a", "gone"], Outcome(), LeaseLost),
        ([], Outcome(), LeaseLost),
        (["a", "a"], Outcome(), LeaseLost),
        (["a"], Outcome(push=(task("other"),)), ValueError),
        (["a"], Outcome(push=(task("x"), task("x"))), ValueError),
        (["a"], Outcome(push=(task("x"), task("y", frames=("nowhere",)))), ValueError),
        (["a"], Outcome(push=(task("x"), task("y", "NOWHERE"))), ValueError),
        (["a"], Outcome(push=(task("x"),), state=KeyState(b"", ("nowhere",))), ValueError),
        (["a"], Outcome(push=(task("x"),), new_frames={"f1": 5}), ValueError),
        (["a"], Outcome(push=(task("x"),), closer=task("end", "NOWHERE")), ValueError),
        (["a"], Outcome(push=(task("x"),), closer=task("end", "CLOSE", source="another")), ValueError),
        (["a"], Outcome(push=(task("x"),), closer=task("end", "CLOSE", frames=("f1",))), ValueError),
    ],
)
def test_an_unsound_outcome_changes_nothing_but_its_pictures_are_deleted(
    task_ids: list[str], outcome: Outcome, error: type[Exception]
) -> None:
    world = held_world()
    before = world.queue.snapshot()
    pictures = {**outcome.new_frames, "p1": 7, "p2": 7}
    tallied = Outcome(
        push=outcome.push,
        new_frames=pictures,
        state=outcome.state,
        closer=outcome.closer,
        tallies={"counted": 1},
    )
    with pytest.raises(error):
        world.queue.complete("w", task_ids, tallied, busy_s=1.0)
    assert world.queue.snapshot() == before
    assert sorted(world.deleted) == ["p1", "p2"]
    world.queue.complete("w", ["a", "b"], Outcome())
    assert world.deleted[2:] == ["f1"]


def test_frames_outlive_the_task_when_what_follows_needs_them() -> None:
    world = World()
    world.read()
    world.bring_in({"f1": 10}, task("a", frames=("f1",)))
    world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(push=(task("b", "CLOSE", frames=("f1",)),)))
    assert world.deleted == []
    world.queue.complete("w", world.lease_ids("CLOSE"), Outcome())
    assert world.deleted == ["f1"]


def test_a_picture_that_nobody_needs_is_deleted_at_once() -> None:
    world = World()
    world.push(task("a"))
    world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(new_frames={"p": 3}))
    assert (world.deleted, world.queue.snapshot().frames.frames) == (["p"], 0)


def test_a_store_that_cannot_delete_does_not_break_the_books() -> None:
    world = held_world()

    def refuse(frame_id: str) -> None:
        raise PermissionError(frame_id)

    world.queue._ledger.frames._delete = refuse
    world.queue.complete("w", ["a", "b"], Outcome(push=(task("next"),)))
    assert world.lease_ids("SEARCH") == ["next"]
    assert world.queue.snapshot().frames.frames == 0


class TestStates:
    def test_the_state_of_a_key_comes_with_its_next_batch_and_holds_its_frames(self) -> None:
        world = held_world()
        world.queue.complete("w", ["a", "b"], Outcome(state=KeyState(pack("seen"), ("f1",))))
        world.push(task("c", "GATHER", key="k"), task("d", "GATHER", key="another"))
        batches = [world.queue.lease("w", ["GATHER"]) for _ in range(2)]
        states = {batch.tasks[0].key: batch.state for batch in batches if batch}
        assert states["another"] is None
        assert states["k"] is not None
        assert states["k"].load() == "seen"
        assert world.deleted == []
        world.queue.complete("w", ["c"], Outcome())
        assert world.deleted == ["f1"]

    def test_a_new_state_may_hold_what_the_old_one_held(self) -> None:
        world = held_world()
        world.queue.complete("w", ["a"], Outcome(state=KeyState(b"1", ("f1",)), new_frames={"p": 1}))
        world.queue.complete("w", ["b"], Outcome(state=KeyState(b"2", ("f1",))))
        assert world.deleted == ["p"]

    def test_the_states_of_a_source_are_dropped_when_nothing_of_it_is_left(self) -> None:
        world = held_world()
        world.queue.complete("w", ["a", "b"], Outcome(state=KeyState(b"", ("f1",))))
        world.queue.complete("w", world.lease_ids("CLOSE"), Outcome())
        assert world.deleted == []
        world.queue.complete("r", ["read-s"], Outcome())
        assert (world.deleted, world.queue.unfinished()) == (["f1"], 0)

    def test_an_independent_category_keeps_no_state(self) -> None:
        world = World()
        world.push(task("a"), task("b"))
        world.queue.complete("w", world.lease_ids("SEARCH", 1), Outcome(state=KeyState(b"x")))
        batch = world.queue.lease("w", ["SEARCH"])
        assert batch is not None
        assert batch.state is None

    @pytest.mark.parametrize("state", [None, KeyState(b"x")])
    def test_an_ordered_key_goes_on_where_it_was_with_or_without_a_state(
        self, state: KeyState | None
    ) -> None:
        world = World()
        world.read()  # the source is not over
        for order in range(3):
            world.push(task(f"t{order}", "ORDER", key="k", order=order))
            assert world.lease_ids("ORDER") == [f"t{order}"]
            world.queue.complete("w", [f"t{order}"], Outcome(state=state))


class TestDeadLetters:
    def test_the_heir_is_told_of_a_task_that_was_given_up_and_its_frames_are_let_go(self) -> None:
        world = World(max_attempts=1)
        world.read()
        world.bring_in({"f": 1}, task("a", key="s", order=0, frames=("f",), record="payload"))
        assert world.queue.fail("w", world.lease_ids("SEARCH")[0], "broken")
        batch = world.queue.lease("w", ["ORDER"])
        assert batch is not None
        (told,) = batch.tasks
        assert (told.tombstone_of, told.load(), told.key, told.order) == ("SEARCH", "payload", "s", 0)
        assert (told.payload_ref, told.dependencies, told.attempts) == (None, (), 0)
        assert world.deleted == ["f"]
        assert world.queue.tallies("s") == {"dead_letters": 1}

    def test_a_dead_tombstone_has_no_heir(self) -> None:
        world = World(max_attempts=1)
        world.push(task("a", "READ", key="s"))
        assert world.queue.fail("w", world.lease_ids("READ")[0], "one")
        assert world.queue.fail("w", world.lease_ids("READ")[0], "two")
        assert (world.queue.unfinished(), len(world.queue.dead_letters())) == (0, 2)

    def test_an_ordered_key_goes_on_behind_a_frame_that_was_given_up(self) -> None:
        world = World(max_attempts=2)
        world.push(*(task(f"t{n}", "ORDER", key="k", order=n) for n in range(6)))
        assert world.lease_ids("ORDER") == ["t0", "t1", "t2", "t3"]
        world.queue.requeue_owner("w", "killed")
        for name in ("t0", "t1", "t2", "t3"):
            (leased,) = world.lease_ids("ORDER", owner="v")
            assert leased == name
            if name == "t1":
                assert world.queue.fail("v", name, "it is the guilty one")
            else:
                world.queue.complete("v", [name], Outcome(state=KeyState(b"")))
        assert world.lease_ids("ORDER", owner="v") == ["t4", "t5"]

    def test_a_gap_is_closed_by_the_tombstone_of_the_stage_before(self) -> None:
        world = World(max_attempts=1)
        world.push(task("s0", key="k", order=0))
        world.push(task("t1", "ORDER", key="k", order=1))
        assert world.lease_ids("ORDER") == []
        world.queue.fail("w", world.lease_ids("SEARCH")[0], "broken")
        assert world.lease_ids("ORDER") == ["s0!", "t1"]


class TestSources:
    def closed(self, world: World, source: str = "s") -> None:
        """The reading task of a source ends and leaves a closer."""
        world.queue.complete(
            "r", [f"read-{source}"], Outcome(closer=task(f"end-{source}", "CLOSE", source=source))
        )

    def test_the_closer_comes_when_nothing_else_of_its_source_is_left_and_only_once(self) -> None:
        world = World()
        for source in ("s", "other"):
            world.read(source)
            world.bring_in({}, task(f"a-{source}", source=source), source=source)
            self.closed(world, source)
        assert (world.lease_ids("CLOSE"), world.queue.unfinished()) == ([], 4)
        world.queue.complete("w", world.lease_ids("SEARCH", 1), Outcome(push=(task("b", "GATHER", key="k"),)))
        assert world.lease_ids("CLOSE") == []
        world.queue.complete("w", world.lease_ids("GATHER"), Outcome())
        assert world.lease_ids("CLOSE") == ["end-s"]
        world.queue.complete("w", ["end-s"], Outcome(push=(task("row"),)))
        assert world.queue.snapshot().sources_done == 0
        leased = world.lease_ids("SEARCH")
        world.queue.complete("w", leased, Outcome())
        assert world.lease_ids("CLOSE") == ["end-other"]
        world.queue.complete("w", ["end-other"], Outcome())
        assert (world.queue.snapshot().sources_done, world.queue.unfinished()) == (2, 0)

    @pytest.mark.parametrize("how", ["given up", "popped", "withdrawn", "owner died"])
    def test_the_closer_comes_also_when_the_last_task_was_not_done(self, how: str) -> None:
        world = World(max_attempts=1)
        world.read()
        world.bring_in({}, task("last", "GATHER", key="k"))
        self.closed(world)
        if how == "given up":
            world.queue.fail("w", world.lease_ids("GATHER")[0], "broken")
        elif how == "popped":
            world.queue.pop("GATHER")
        elif how == "withdrawn":
            world.queue.withdraw("GATHER")
        else:
            world.lease_ids("GATHER", owner="dead")
            world.queue.requeue_owner("dead", "killed")
        assert world.lease_ids("CLOSE") == ["end-s"]

    def test_counts_are_added_up_and_stay_in_the_totals_when_the_source_is_over(self) -> None:
        world = World()
        for source in ("s", "other"):
            world.read(source)
            world.queue.progress("r", f"read-{source}", Outcome(tallies={"seen": 2}))
            world.queue.progress("r", f"read-{source}", Outcome(tallies={"seen": 1, "odd": 1}))
        assert world.queue.tallies("s") == {"seen": 3, "odd": 1}
        self.closed(world)
        world.queue.complete("w", world.lease_ids("CLOSE"), Outcome(tallies={"seen": 10}))
        now = world.queue.snapshot()
        assert (now.totals, list(now.tallies)) == ({"seen": 16, "odd": 2}, ["other"])
        world.queue.complete("r", ["read-other"], Outcome())  # ends without a closer
        assert world.queue.snapshot().totals == {"seen": 16, "odd": 2}

    def test_thousands_of_sources_leave_nothing_behind(self) -> None:
        world = World()
        for n in range(2_000):
            source = f"v{n}"
            world.read(source)
            world.bring_in({f"f{n}": 1}, task(f"t{n}", source=source, frames=(f"f{n}",)), source=source)
            follow = task(f"g{n}", "GATHER", source=source, key=source)
            world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(push=(follow,), tallies={"n": 1}))
            state = KeyState(b"", ())
            world.queue.complete("w", world.lease_ids("GATHER"), Outcome(state=state))
            self.closed(world, source)
            world.queue.complete("w", world.lease_ids("CLOSE"), Outcome())
        now, ledger = world.queue.snapshot(), world.queue._ledger
        assert (now.sources_done, now.totals, now.tallies) == (2_000, {"n": 2_000}, {})
        assert now.frames.frames == 0
        left = [ledger._states._versions, ledger.epochs._sources, ledger._live, ledger.leases._leases]
        left += [getattr(ledger.sources, name) for name in ("_open", "_keys", "_closers", "_closing")]
        left += [bucket._lanes for bucket in ledger._buckets.values() if hasattr(bucket, "_lanes")]
        assert [one for one in left if one] == []


def test_nothing_that_workers_push_is_refused_however_full_the_queue_is() -> None:
    from dashcam_pipeline.engine.pressure import Limits

    tight = Limits(1, 1, 1)
    world = World(gpu=tight, cpu=tight, store=tight, min_free_bytes=10**15)
    world.push(task("a"))
    follow = tuple(task(f"b{n}", frames=(f"p{n}",)) for n in range(500))
    pictures = {f"p{n}": 10**9 for n in range(500)}
    world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(push=follow, new_frames=pictures))
    assert world.queue.backlog("SEARCH") == 500


def test_a_category_named_as_ordered_alone_is_keyed_too() -> None:
    only = Category(name="ONLY", worker_class=WorkerClass.CPU, ordered=True)
    world = World((*CATEGORIES, only))
    pushed: list[Task] = [task(f"t{n}", "ONLY", key="k", order=n) for n in range(2)]
    world.push(*pushed)
    assert world.lease_ids("ONLY", owner="one") == ["t0"]
    assert world.lease_ids("ONLY", owner="two") == []
