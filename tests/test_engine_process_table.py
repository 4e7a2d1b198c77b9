"""What the table of processes makes of deaths, silence and slow starts, without any real process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.engine import process_table
from dashcam_pipeline.engine.board import STARTING, RunBoard, WorkerStatus
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.process_table import (
    IDLE_DEATHS,
    START_DEATHS,
    START_SILENCE_S,
    START_TIMEOUT_S,
    ProcessTable,
    WorkerKeepsDying,
)
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.worker import EXIT_RECYCLED, Processor, Tools, WorkerSpec
from engine_toys import World, task

LEASE_S = 15.0
STUCK_S = 120.0
TICK_S = 1.0


class FakeProcess:
    """A process that ends when a test says so."""

    def __init__(self, **how: Any) -> None:
        self.name = how["name"]
        self.pid: int | None = None
        self.exitcode: int | None = None

    def start(self) -> None:
        self.pid = 1

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = -signal.SIGKILL

    def join(self, timeout: float) -> None:
        assert self.exitcode is not None


class FakeContext:
    def __init__(self) -> None:
        self.made: list[FakeProcess] = []

    def Process(self, **how: Any) -> FakeProcess:  # noqa: N802, as multiprocessing calls it
        self.made.append(FakeProcess(**how))
        return self.made[-1]


def build(tools: Tools, names: tuple[str, ...]) -> Mapping[str, Processor]:
    return {}


class Table:
    """A table with one worker, `w`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = FakeContext()
        monkeypatch.setattr(process_table, "get_context", lambda method: self.context)
        self.world = World(lease_s=LEASE_S, stuck_s=STUCK_S)
        self.board = RunBoard(self.world.clock)
        spec = WorkerSpec(worker_id="w", worker_class="gpu", categories=("SEARCH",), build=build)
        shared = Shared(self.world.queue, self.board, threading.Event(), threading.Event())
        self.table = ProcessTable([spec], shared, FrameStore(folder), LEASE_S, 0, self.world.clock)
        self.table.reconcile()

    @property
    def process(self) -> FakeProcess:
        return self.context.made[-1]

    def beat(self, category: str | None = None, done: int = 0) -> None:
        self.board.heartbeat(
            WorkerStatus(
                worker_id=self.process.name,
                pid=1,
                worker_class="gpu",
                category=category,
                tasks_done=done,
                rss_bytes=1,
            )
        )

    def work(self) -> None:
        """The worker gets ready and takes a task."""
        self.beat()
        self.world.push(task(f"t{len(self.context.made)}"))
        assert self.world.lease_ids("SEARCH", owner=self.process.name)

    def die(self, code: int) -> None:
        self.process.exitcode = code
        self.table.reconcile()

    def turn(self, seconds: float, beats: str | None = "none") -> None:
        """Let time pass, tick after tick; the worker beats meanwhile unless told otherwise."""
        for _ in range(int(seconds / TICK_S)):
            self.world.clock.turn(TICK_S)
            if beats != "none":
                self.beat(beats)
                self.world.queue.renew(self.process.name)
            self.table.reconcile()

    def waiting(self) -> list[tuple[int, int]]:
        """Attempts and interruptions of what waits."""
        batch = self.world.queue.lease("somebody", ["SEARCH"])
        return [(one.attempts, one.interruptions) for one in batch.tasks] if batch else []


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    return Table(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("code", "counted"),
    [
        (-signal.SIGKILL, (0, 1)),
        (-signal.SIGTERM, (0, 1)),
        (-signal.SIGSEGV, (1, 0)),
        (-signal.SIGABRT, (1, 0)),
        (-signal.SIGBUS, (1, 0)),
        (-signal.SIGILL, (1, 0)),
        (-signal.SIGFPE, (1, 0)),
        (1, (1, 0)),
        (0, (1, 0)),
    ],
)
def test_a_death_from_outside_interrupts_any_other_is_an_attempt(
    table: Table, code: int, counted: tuple[int, int]
) -> None:
    table.work()
    table.die(code)
    assert table.waiting() == [counted]
    assert [process.name for process in table.context.made] == ["w", "w.2"]


def test_a_silent_worker_is_killed_and_its_tasks_were_interrupted(table: Table) -> None:
    table.work()
    table.turn(LEASE_S)
    assert len(table.context.made) == 1
    table.turn(2 * TICK_S)
    assert table.context.made[0].exitcode == -signal.SIGKILL
    assert (len(table.context.made), table.waiting()) == (2, [(0, 1)])


def test_a_stuck_task_is_an_attempt_although_we_killed_its_worker(table: Table) -> None:
    table.work()
    table.turn(STUCK_S, beats="SEARCH")
    assert len(table.context.made) == 1
    table.turn(2 * TICK_S, beats="SEARCH")
    assert (len(table.context.made), table.waiting()) == (2, [(1, 0)])


def test_a_worker_that_is_silent_while_idle_is_replaced(table: Table) -> None:
    table.beat()
    table.turn(LEASE_S + 2 * TICK_S)
    assert len(table.context.made) == 2


def test_a_long_start_is_patiently_waited_for_while_the_process_beats(table: Table) -> None:
    table.turn(START_TIMEOUT_S, beats=STARTING)
    assert len(table.context.made) == 1
    table.turn(2 * TICK_S, beats=STARTING)
    assert len(table.context.made) == 2


@pytest.mark.parametrize("first", ["none", STARTING], ids=["never a sign", "no sign any more"])
def test_a_start_without_signs_of_life_is_given_up_sooner(table: Table, first: str) -> None:
    if first != "none":
        table.beat(first)
    table.turn(START_SILENCE_S)
    assert len(table.context.made) == 1
    table.turn(2 * TICK_S)
    assert len(table.context.made) == 2


def test_starts_that_never_come_to_an_end_stop_the_run(table: Table) -> None:
    with pytest.raises(WorkerKeepsDying, match="no sign of life"):
        table.turn(START_DEATHS * (START_SILENCE_S + 3 * TICK_S))
    assert len(table.context.made) == START_DEATHS


def test_a_worker_that_got_ready_may_die_at_its_start_again(table: Table) -> None:
    for _ in range(3):
        for _ in range(START_DEATHS - 1):
            table.die(1)
        table.work()
        table.table.reconcile()
    table.die(1)


def test_deaths_without_any_work_in_a_row_stop_the_run(table: Table) -> None:
    for _ in range(IDLE_DEATHS - 1):
        table.beat()
        table.die(1)
    table.beat()
    with pytest.raises(WorkerKeepsDying, match="in a row before it had done any work"):
        table.die(1)


@pytest.mark.parametrize("useful", ["held a task", "had done one", "was worn out"])
def test_a_worker_that_was_of_use_in_between_may_go_on_dying(table: Table, useful: str) -> None:
    for _ in range(3):
        for _ in range(IDLE_DEATHS - 1):
            table.beat()
            table.die(1)
        if useful == "held a task":
            table.work()
        else:
            table.beat(done=1 if useful == "had done one" else 0)
        table.die(EXIT_RECYCLED if useful == "was worn out" else 1)


def test_recycling_is_no_death(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2 * IDLE_DEATHS):
        table.beat()
        table.die(EXIT_RECYCLED)
    assert len(table.context.made) == 2 * IDLE_DEATHS + 1
    assert caplog.records == []


def test_when_the_whole_run_stood_still_nobody_is_late(table: Table) -> None:
    table.work()
    table.world.clock.turn(10 * STUCK_S)
    assert table.table.reconcile() == 10 * STUCK_S
    table.turn(LEASE_S - TICK_S)
    assert len(table.context.made) == 1
    table.turn(3 * TICK_S)
    assert len(table.context.made) == 2
