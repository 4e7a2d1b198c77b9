"""The loop of a worker: lease, work, hand in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from dashcam_pipeline.engine import worker
from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.pulse import LEAST_LIFE_S, Pulse
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Batch, KeyState, LeaseLost, Outcome, pack
from dashcam_pipeline.engine.worker import Processor, WorkerSpec
from dashcam_pipeline.errors import EXIT_BAD_INPUT, BadInput, DiskUnavailable
from engine_toys import World, task


class Does:
    """A processor that does what a test says, and remembers what it was given."""

    def __init__(self, act: Callable[[Batch], Outcome]) -> None:
        self._act = act
        self.seen: list[tuple[str, ...]] = []

    def process(self, batch: Batch, /) -> Outcome:
        self.seen.append(batch.task_ids)
        return self._act(batch)


class Turns:
    """Lets the loop turn until nothing is left to lease."""

    def __init__(self, world: World, categories: tuple[str, ...]) -> None:
        self._world = world
        self._categories = categories
        self.worked_on: list[str | None] = []

    @property
    def leaving(self) -> bool:
        return not any(self._world.queue.backlog(name) for name in self._categories)

    def working_on(self, category: str | None, done: int = 0) -> None:
        self.worked_on.append(category)


class Bench:
    """A worker without a process."""

    def __init__(self, world: World, categories: tuple[str, ...] = ("SEARCH",)) -> None:
        self.world = world
        self.board = RunBoard()
        self.shared = Shared(world.queue, self.board, threading.Event(), threading.Event())
        self.spec = WorkerSpec(
            worker_id="w",
            worker_class="gpu",
            categories=categories,
            build=lambda tools, names: {},
        )
        self.pulse = Turns(world, categories)

    def run(self, processors: Mapping[str, Processor]) -> None:
        with worker._guard(self.spec, self.shared):
            worker._loop(self.spec, self.shared, processors, cast(Pulse, self.pulse))


def refuse(*guilty: str, error: type[Exception] = RuntimeError) -> Callable[[Batch], Outcome]:
    """Fails on every batch that has one of the tasks in it; else hands them on."""

    def act(batch: Batch) -> Outcome:
        if set(guilty) & set(batch.task_ids):
            raise error("no more data")
        return Outcome(push=tuple(task(f"{one.task_id}-done", "CLOSE") for one in batch.tasks))

    return act


@pytest.mark.parametrize("guilty", ["t0", "t2", "t3", "t6"])
@pytest.mark.parametrize(
    "error", [RuntimeError, EOFError, ConnectionResetError, BrokenPipeError, MemoryError, AssertionError]
)
def test_only_the_guilty_task_of_a_failing_batch_is_given_up(guilty: str, error: type[Exception]) -> None:
    """Also when a library raises what a lost connection to the Manager would raise."""
    world = World(max_attempts=3)
    world.push(*(task(f"t{n}") for n in range(7)))
    bench, does = Bench(world), Does(refuse(guilty, error=error))
    bench.run({"SEARCH": does})
    (letter,) = world.queue.dead_letters()
    assert letter.task.task_id == guilty
    assert f"{error.__name__}: no more data" in letter.reason
    assert does.seen.count((guilty,)) == 3
    done = [popped.task_id for _ in range(6) if (popped := world.queue.pop("CLOSE"))]
    assert sorted(done) == sorted(f"t{n}-done" for n in range(7) if f"t{n}" != guilty)
    assert world.load("SEARCH").in_flight == 0


def test_an_outcome_that_the_queue_refuses_counts_as_a_failure_of_its_task() -> None:
    world = World(max_attempts=2)
    world.push(task("bad"), task("good"))
    world.push(task("taken", "CLOSE"))

    def act(batch: Batch) -> Outcome:
        names = ["taken" if one.task_id == "bad" else "new" for one in batch.tasks]
        return Outcome(push=tuple(task(name, "CLOSE") for name in names))

    Bench(world).run({"SEARCH": Does(act)})
    (letter,) = world.queue.dead_letters()
    assert (letter.task.task_id, "in use" in letter.reason) == ("bad", True)
    assert world.queue.backlog("CLOSE") == 2


@pytest.mark.parametrize(
    ("error", "code"), [(BadInput("mend this"), EXIT_BAD_INPUT), (DiskUnavailable("mend this"), 3)]
)
def test_an_error_that_the_user_can_mend_is_told_and_ends_the_worker(error: Exception, code: int) -> None:
    world = World()
    world.push(task("a"), task("b"))

    def act(batch: Batch) -> Outcome:
        raise error

    bench = Bench(world)
    bench.run({"SEARCH": Does(act)})
    fatal = bench.board.fatality()
    assert fatal is not None
    assert (fatal.worker_id, fatal.message, fatal.exit_code) == ("w", "mend this", code)
    assert world.queue.dead_letters() == []


def test_work_on_tasks_that_were_taken_away_is_thrown_away() -> None:
    world = World()
    world.read()
    world.push(task("a"))

    def act(batch: Batch) -> Outcome:
        world.queue.requeue_owner("w", "silent")  # while it works, it is declared dead
        return Outcome(push=(task("from the dead", "CLOSE"),), new_frames={"p": 1})

    bench = Bench(world)
    batch = world.queue.lease("w", ["SEARCH"])
    assert batch is not None
    with pytest.raises(LeaseLost):
        worker._work(bench.spec, bench.shared, Does(act), batch)
    assert (world.queue.backlog("CLOSE"), world.deleted) == (0, ["p"])
    assert world.lease_ids("SEARCH", owner="another") == ["a"]


def test_the_loop_goes_on_after_a_lease_was_lost() -> None:
    world = World()
    world.push(*(task(f"t{n}") for n in range(8)))
    taken = iter([True])

    def act(batch: Batch) -> Outcome:
        if next(taken, False):
            world.queue.give_back("w", batch.task_ids)
        return Outcome()

    bench = Bench(world)
    bench.run({"SEARCH": Does(act)})
    assert (world.load("SEARCH").done, world.queue.dead_letters()) == (8, [])


def test_the_worker_says_what_it_works_on() -> None:
    world = World()
    world.push(task("a"), task("b", "CLOSE"))
    bench = Bench(world, ("SEARCH", "CLOSE"))
    bench.run({"SEARCH": Does(lambda batch: Outcome()), "CLOSE": Does(lambda batch: Outcome())})
    assert bench.pulse.worked_on == ["CLOSE", None, "SEARCH", None]


def test_a_worker_without_work_leaves_when_it_is_told_to() -> None:
    bench = Bench(World())
    bench.shared.terminate.set()
    bench.shared.queue.close()
    bench.pulse = cast(Turns, type("Stays", (), {"leaving": False}))
    bench.run({})


def test_a_state_of_a_key_comes_along_when_its_batch_is_tried_one_by_one() -> None:
    world = World(max_attempts=1)
    world.read()
    world.push(*(task(f"g{n}", "GATHER", key="k") for n in range(3)))
    states: list[object] = []

    def act(batch: Batch) -> Outcome:
        states.append(batch.state.load() if batch.state else None)
        if "g1" in batch.task_ids:
            raise RuntimeError
        return Outcome(state=KeyState(pack(batch.task_ids)))

    Bench(world, ("GATHER",)).run({"GATHER": Does(act)})
    assert states == [None, None, ("g0",), ("g0",), ("g0",)]


MB = 10**6


class TestPulse:
    """When a worker makes room for a fresh process."""

    def pulse(self, bench: Bench, **limits: Any) -> Pulse:
        return Pulse("w", "gpu", bench.shared, clock=bench.world.clock, **limits)

    @pytest.mark.parametrize(("done", "worn_out"), [((4, 5), False), ((4, 5, 1), True), ((11,), True)])
    def test_after_so_many_tasks_it_is_worn_out(self, done: tuple[int, ...], worn_out: bool) -> None:
        pulse = self.pulse(Bench(World()), max_tasks=10)
        for tasks in done:
            pulse.working_on(None, tasks)
        assert (pulse.worn_out, pulse.leaving) == (worn_out, worn_out)

    @pytest.mark.parametrize(
        ("rss_mb", "lived_s", "worn_out"),
        [(99, LEAST_LIFE_S, False), (101, LEAST_LIFE_S, True), (101, LEAST_LIFE_S - 1, False)],
        ids=["small enough", "too big", "too big, but it has only begun"],
    )
    def test_past_its_memory_it_is_worn_out_but_not_before_it_was_of_use(
        self, rss_mb: int, lived_s: float, worn_out: bool
    ) -> None:
        bench = Bench(World())
        pulse = self.pulse(bench, max_rss_bytes=100 * MB, rss=lambda: rss_mb * MB)
        bench.world.clock.turn(lived_s)
        pulse.beat()
        assert (pulse.worn_out, pulse.leaving) == (worn_out, worn_out)
        assert bench.board.worker_status()["w"].rss_bytes == rss_mb * MB

    def test_at_the_end_of_the_run_it_leaves_without_being_worn_out(self) -> None:
        bench = Bench(World())
        pulse = self.pulse(bench, max_tasks=10, max_rss_bytes=100 * MB, rss=lambda: MB)
        bench.shared.terminate.set()
        pulse.beat()
        assert (pulse.worn_out, pulse.leaving) == (False, True)

    def test_every_beat_keeps_the_leases(self) -> None:
        bench = Bench(World(lease_s=10.0))
        bench.world.push(task("a"))
        bench.world.lease_ids("SEARCH", owner="w")
        pulse = self.pulse(bench)
        for _ in range(5):
            bench.world.clock.turn(9.0)
            pulse.beat()
        assert bench.world.queue.silent_owners() == []


def test_each_processor_is_closed_once_also_when_it_serves_several_categories() -> None:
    closed: list[str] = []

    class Closes(Does):
        def close(self) -> None:
            closed.append("one")

    def act(batch: Batch) -> Outcome:
        return Outcome()

    both = Closes(act)
    worker.close_all({"SEARCH": both, "CLOSE": both, "ORDER": Does(act)})
    assert closed == ["one"]
