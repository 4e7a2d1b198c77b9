"""The one process that owns all others and all signals: it starts, watches, replaces and ends them."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from dashcam_pipeline.engine.frame_store import FrameStore, RunFolder, sweep_dead_runs
from dashcam_pipeline.engine.manager import MANAGER_GONE, ManagerProcess, Shared
from dashcam_pipeline.engine.monitor import JobSize, Monitor, RunSnapshot
from dashcam_pipeline.engine.process import USER_SIGNALS, signals_held_back
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.task import Category, DeadLetter, Task, WorkerClass
from dashcam_pipeline.engine.wording import pressure_line
from dashcam_pipeline.engine.worker import STARTING, WorkerSpec, worker_main
from dashcam_pipeline.errors import DashcamError

TICK_S = 0.1
SAMPLE_S = 0.25
LEAVE_S = 5.0  # workers without work leave within this, or are killed
START_DEATHS = 3  # a worker that dies this often before it is ready stops the run

log = logging.getLogger(__name__)


class WorkerKeepsDying(DashcamError):
    """A worker process dies again and again before it is ready to work."""


class ManagerDied(DashcamError):
    """The Manager process, which holds the queue, is gone."""


class RunEnd(StrEnum):
    """How a run came to its end."""

    FINISHED = "finished"  # nothing was left to do
    DRAINED = "drained"  # stopped by the user; what was under way was finished
    ABANDONED = "abandoned"  # stopped by the user a second time, or the drain took too long


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What to run, on what, within which limits."""

    run_id: str
    categories: tuple[Category, ...]
    rules: QueueRules
    workers: tuple[WorkerSpec, ...]
    tasks: tuple[Task, ...]  # what the queue holds at the start
    job: JobSize
    frames_root: Path
    frame_format: str
    drain_deadline_s: float
    log_level: int = logging.WARNING


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to."""

    end: RunEnd
    last: RunSnapshot
    withdrawn: tuple[Task, ...]  # tasks that nobody had begun when the user stopped the run
    dead_letters: tuple[DeadLetter, ...]
    left_frames: tuple[str, ...]  # frames that were still needed at the end


@dataclass(slots=True)
class _Slot:
    """A row of the process table: what should run there, and what does."""

    spec: WorkerSpec
    process: BaseProcess | None = None
    births: int = 0
    ready: bool = False
    start_deaths: int = 0

    @property
    def worker_id(self) -> str:
        """The name of the process that runs here; each has its own, as a dead one's last call may still be
        under way in the Manager."""
        return self.spec.worker_id if self.births < 2 else f"{self.spec.worker_id}.{self.births}"


@dataclass(slots=True)
class _Asked:
    """How often the user asked the run to stop. Signal handlers only count."""

    times: int = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.times += 1


class Supervisor:
    """Runs one plan from start to end. `show` gets a snapshot a few times a second."""

    def __init__(self, plan: RunPlan, show: Callable[[RunSnapshot], None]) -> None:
        self._plan = plan
        self._show = show
        self._context = get_context("spawn")
        self._slots = [_Slot(spec) for spec in plan.workers]
        self._asked = _Asked()
        self._withdrawn: list[Task] = []
        self._drain_until: float | None = None

    def run(self) -> RunResult:
        """Run the plan. Raises DashcamError when the run can't go on; all processes are gone then, too."""
        with self._signals():  # until everything is cleaned up
            sweep_dead_runs(self._plan.frames_root)
            folder = RunFolder(self._plan.frames_root, self._plan.run_id)
            try:
                return self._run_in(folder)
            finally:
                folder.remove()

    def _run_in(self, folder: RunFolder) -> RunResult:
        store = FrameStore(folder.path, self._plan.frame_format)
        manager: ManagerProcess | None = None
        try:
            manager = ManagerProcess(self._plan.categories, self._plan.rules, store)
            return self._supervise(manager, store)
        except MANAGER_GONE as error:
            raise ManagerDied(
                "the process that holds the task queue has died; run the same command again"
            ) from error
        finally:
            self._kill_workers()
            if manager is not None:
                manager.shutdown()

    def _supervise(self, manager: ManagerProcess, store: FrameStore) -> RunResult:
        shared = manager.shared
        for task in self._plan.tasks:
            shared.queue.push(task.task_id, task)
        workers_of = {
            worker_class: sum(spec.loops for spec in self._plan.workers if spec.worker_class == worker_class)
            for worker_class in WorkerClass
        }
        monitor = Monitor(shared, self._plan.job, workers_of)
        next_sample = 0.0
        while True:
            self._reconcile(shared, store)
            self._check_fatal(shared)
            end = self._check_end(shared)
            if end is not None or time.monotonic() >= next_sample:
                next_sample = time.monotonic() + SAMPLE_S
                snapshot = self._sample(monitor, manager)
            if end is not None:
                dead = tuple(shared.queue.dead_letters())
                self._dismiss(shared, at_once=end is RunEnd.ABANDONED)
                self._pass_on_logs(shared)
                _log_totals(snapshot)
                return RunResult(end, snapshot, tuple(self._withdrawn), dead, tuple(store.leftovers()))
            time.sleep(TICK_S)

    # --- processes ---------------------------------------------------------------------------------------

    def _reconcile(self, shared: Shared, store: FrameStore) -> None:
        """Make the processes that are there the processes that should be there."""
        status = shared.board.worker_status()
        for slot in self._slots:
            beat = status.get(slot.worker_id)
            if beat is not None and beat.category != STARTING:
                slot.ready, slot.start_deaths = True, 0
            if slot.process is None:
                self._start(slot, shared, store)
            elif not slot.process.is_alive():
                self._bury(slot, shared)
                self._start(slot, shared, store)
        silent = {silent.owner for silent in shared.queue.silent_owners()}
        for slot in self._slots:
            if slot.worker_id in silent and slot.process is not None:
                log.warning("worker %s has been silent for too long and is replaced", slot.worker_id)
                slot.process.kill()
                slot.process.join(LEAVE_S)

    def _start(self, slot: _Slot, shared: Shared, store: FrameStore) -> None:
        slot.ready = False
        slot.births += 1
        spec = replace(slot.spec, worker_id=slot.worker_id)
        slot.process = self._context.Process(
            target=worker_main,
            args=(spec, shared, store, os.getpid(), self._plan.log_level),
            name=slot.worker_id,
            daemon=True,
        )
        with signals_held_back():
            slot.process.start()

    def _bury(self, slot: _Slot, shared: Shared) -> None:
        """A worker is dead: its tasks go back at once."""
        assert slot.process is not None
        code = slot.process.exitcode
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        worker = slot.worker_id
        lost = shared.queue.requeue_owner(worker, f"worker {worker} died ({how})")
        shared.board.gone(worker)
        self._check_fatal(shared)  # it may have said why
        log.warning("worker %s died (%s); %d tasks handed back", worker, how, lost)
        if not slot.ready:
            slot.start_deaths += 1
            if slot.start_deaths >= START_DEATHS:
                self._pass_on_logs(shared)
                raise WorkerKeepsDying(
                    f"worker {worker} died {START_DEATHS} times while starting ({how}); "
                    "`dashcam doctor` tells whether its models and engines work on this host"
                )

    def _dismiss(self, shared: Shared, at_once: bool) -> None:
        """Let the workers leave by themselves, unless there is no time for it."""
        shared.terminate.set()
        shared.queue.close()
        deadline = time.monotonic() + (0.0 if at_once else LEAVE_S)
        for slot in self._slots:
            if slot.process is not None:
                slot.process.join(max(0.0, deadline - time.monotonic()))
        self._kill_workers()

    def _kill_workers(self) -> None:
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            if process.is_alive():
                process.kill()
        for process in running:
            process.join(LEAVE_S)

    # --- the end -----------------------------------------------------------------------------------------

    def _check_fatal(self, shared: Shared) -> None:
        fatal = shared.board.fatality()
        if fatal is not None:
            self._pass_on_logs(shared)
            error = DashcamError(fatal.message)
            error.exit_code = fatal.exit_code
            raise error

    def _check_end(self, shared: Shared) -> RunEnd | None:
        """Hear the user, and see whether anything is left to do."""
        if self._asked.times >= 1 and self._drain_until is None:
            self._drain_until = time.monotonic() + self._plan.drain_deadline_s
            shared.stop.set()
            for category in self._plan.categories:
                if category.worker_class is WorkerClass.SOURCE:
                    self._withdrawn += shared.queue.withdraw(category.name)
        if self._asked.times >= 2:
            return RunEnd.ABANDONED
        if shared.queue.unfinished() == 0:
            return RunEnd.FINISHED if self._drain_until is None else RunEnd.DRAINED
        if self._drain_until is not None and time.monotonic() > self._drain_until:
            return RunEnd.ABANDONED
        return None

    def _sample(self, monitor: Monitor, manager: ManagerProcess) -> RunSnapshot:
        self._pass_on_logs(manager.shared)
        workers = [slot.process.pid for slot in self._slots if slot.process is not None]
        pids = [pid for pid in (os.getpid(), manager.pid, *workers) if pid is not None]
        draining = self._drain_until is not None
        left = None if self._drain_until is None else max(0.0, self._drain_until - time.monotonic())
        snapshot = monitor.sample(pids, "draining" if draining else "running", left)
        try:
            self._show(snapshot)
        except OSError as error:  # who watched has gone; the run goes on
            log.info("nobody can be shown the run any more: %s", error)
            self._show = lambda snapshot: None
        return snapshot

    def _pass_on_logs(self, shared: Shared) -> None:
        for line in shared.board.drain_log():
            record = logging.LogRecord(line.logger, line.level, line.worker_id, 0, line.message, None, None)
            record.created = line.time_s
            record.processName = line.worker_id
            logging.getLogger(line.logger).handle(record)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Count requests to stop while the run lasts; put the old handlers back after it."""
        old = {number: signal.signal(number, self._asked) for number in USER_SIGNALS}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


def _log_totals(last: RunSnapshot) -> None:
    """What each stage did in the whole run, for who wants to know where the time went."""
    for load in last.queue.categories:
        log.info(
            "%s: %d tasks in %.1f s of worker time, %d failed", load.name, load.done, load.busy_s, load.failed
        )
    log.info("readers waited: %s", pressure_line(last))
