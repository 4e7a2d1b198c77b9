"""The one process that owns all others and all signals: it starts, watches, replaces and ends them."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from dashcam_pipeline.engine.board_log import pass_on_logs
from dashcam_pipeline.engine.checkpoint_files import SavedCheckpoint
from dashcam_pipeline.engine.deadman import Deadman
from dashcam_pipeline.engine.frame_store import FrameStore, RunFolder, sweep_dead_runs
from dashcam_pipeline.engine.manager import ManagerProcess
from dashcam_pipeline.engine.monitor import PAUSED, JobSize, Monitor, RunSnapshot
from dashcam_pipeline.engine.process_table import ProcessTable, raise_fatality
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Category, DeadLetter, Task, WorkerClass
from dashcam_pipeline.engine.user_signals import UserSignals
from dashcam_pipeline.engine.wording import pressure_line
from dashcam_pipeline.engine.worker import WorkerSpec
from dashcam_pipeline.errors import DashcamError

TICK_S = 0.1
SAMPLE_S = 0.25

log = logging.getLogger(__name__)


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
    checkpoints: tuple[SavedCheckpoint, ...] = ()  # where sources of them go on
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
    dead_letters: tuple[DeadLetter, ...]
    left_frames: tuple[str, ...]  # frames that were still needed at the end
    cpu_s: Mapping[str, float] = field(default_factory=dict)  # of the Manager and each worker


@dataclass(frozen=True, slots=True)
class _Run:
    """What there is while the run lasts."""

    manager: ManagerProcess
    shared: Shared
    table: ProcessTable
    store: FrameStore


class Supervisor:
    """Runs one plan from start to end. Everything happens in the main thread, which signals reach.

    Args:
        plan: what to run.
        show: gets a snapshot a few times a second, and one of the phase `PAUSED` before the run stands still.
    """

    def __init__(self, plan: RunPlan, show: Callable[[RunSnapshot], None]) -> None:
        self._plan = plan
        self._show = show
        self._signals = UserSignals()
        self._drain_until: float | None = None
        self._last: RunSnapshot | None = None

    def run(self) -> RunResult:
        """Run the plan. Raises DashcamError when the run can't go on; all processes are gone then, too."""
        with self._signals.heard():  # until everything is cleaned up
            sweep_dead_runs(self._plan.frames_root)
            folder = RunFolder(self._plan.frames_root, self._plan.run_id)
            try:
                return self._run_in(folder)
            finally:
                folder.remove()

    def _run_in(self, folder: RunFolder) -> RunResult:
        plan = self._plan
        store = FrameStore(folder.path, plan.frame_format)
        manager = ManagerProcess()
        table: ProcessTable | None = None
        with Deadman(manager.kill, plan.rules.lease_s, lambda: self._signals.stops >= 2) as deadman:
            try:
                shared = manager.start(plan.categories, plan.rules, store)
                deadman.answered()
                deadman.listen(shared.queue.unfinished)
                table = ProcessTable(plan.workers, shared, store, plan.rules.lease_s, plan.log_level)
                return self._supervise(_Run(manager, shared, table, store))
            except (EOFError, OSError) as error:
                if not manager.has_died():
                    raise
                return self._without_manager(error, store)
            finally:
                if table is not None:
                    table.kill()
                manager.shutdown()

    def _supervise(self, run: _Run) -> RunResult:
        self._fill(run)
        monitor = Monitor(run.shared, self._plan.job, self._loops_of())
        next_sample = 0.0
        try:
            while True:
                self._allow(run.table.reconcile())
                raise_fatality(run.shared.board)
                end = self._check_end(run.shared)
                if end is not None or time.monotonic() >= next_sample:
                    next_sample = time.monotonic() + SAMPLE_S
                    self._last = self._sample(monitor, run)
                    self._tell(self._last)
                if end is not None:
                    return self._end(end, self._last or self._sample(monitor, run), run)
                if self._signals.pause:
                    self._stand_still(run)
                time.sleep(TICK_S)
        except DashcamError:
            with suppress(EOFError, OSError):  # the reason counts, also when the Manager is gone too
                pass_on_logs(run.shared.board)
            raise

    def _fill(self, run: _Run) -> None:
        """Put into the queue what is to be done, behind the checkpoints that there are."""
        for saved in self._plan.checkpoints:
            frames = {frame_id: run.store.put_back(frame_id, data) for frame_id, data in saved.frames.items()}
            run.shared.queue.restore(saved.checkpoint, frames)
        for task in self._plan.tasks:
            run.shared.queue.push(task.task_id, task)

    # --- the end -----------------------------------------------------------------------------------------

    def _check_end(self, shared: Shared) -> RunEnd | None:
        """Hear the user, and see whether anything is left to do."""
        if self._signals.stops >= 1 and self._drain_until is None:
            self._drain_until = time.monotonic() + self._plan.drain_deadline_s
            shared.stop.set()
            for category in self._plan.categories:
                if category.worker_class is WorkerClass.SOURCE:
                    shared.queue.withdraw(category.name)
        if self._signals.stops >= 2:
            return RunEnd.ABANDONED
        if shared.queue.unfinished() == 0:
            return RunEnd.FINISHED if self._drain_until is None else RunEnd.DRAINED
        if self._drain_until is not None and time.monotonic() > self._drain_until:
            return RunEnd.ABANDONED
        return None

    def _end(self, end: RunEnd, last: RunSnapshot, run: _Run) -> RunResult:
        dead = tuple(run.shared.queue.dead_letters())
        if end is RunEnd.ABANDONED:
            run.table.kill()
        else:
            run.table.dismiss()
        pass_on_logs(run.shared.board)
        _log_totals(last)
        run.table.cpu.look("manager", run.manager.pid)
        return RunResult(end, last, dead, tuple(run.store.leftovers()), run.table.cpu.seconds)

    def _without_manager(self, error: Exception, store: FrameStore) -> RunResult:
        """The Manager is gone. That is an end like any other for a user who wants to leave at once."""
        if self._signals.stops < 2:
            raise ManagerDied(
                "the process that holds the task queue has died; run the same command again"
            ) from error
        if self._last is None:
            raise KeyboardInterrupt from error
        return RunResult(RunEnd.ABANDONED, self._last, (), tuple(store.leftovers()))

    # --- standing still ----------------------------------------------------------------------------------

    def _stand_still(self, run: _Run) -> None:
        """Ctrl+Z: stop the workers, then the Manager, then this process; all go on in the opposite order."""
        if self._last is not None:
            self._tell(replace(self._last, phase=PAUSED))
        run.table.signal(signal.SIGSTOP)
        run.manager.signal(signal.SIGSTOP)
        self._signals.stand_still()
        run.manager.signal(signal.SIGCONT)
        self._allow(run.table.grace())
        run.table.signal(signal.SIGCONT)

    def _allow(self, stood_still_s: float) -> None:
        """The time for which the run stood still is not taken from what the rest may take."""
        if self._drain_until is not None:
            self._drain_until += stood_still_s

    # --- showing -----------------------------------------------------------------------------------------

    def _loops_of(self) -> dict[WorkerClass, int]:
        return {
            worker_class: sum(spec.loops for spec in self._plan.workers if spec.worker_class == worker_class)
            for worker_class in WorkerClass
        }

    def _sample(self, monitor: Monitor, run: _Run) -> RunSnapshot:
        pass_on_logs(run.shared.board)
        run.table.look_at_cpu()
        pids = [pid for pid in (os.getpid(), run.manager.pid, *run.table.pids()) if pid is not None]
        left = None if self._drain_until is None else max(0.0, self._drain_until - time.monotonic())
        return monitor.sample(pids, "running" if left is None else "draining", left)

    def _tell(self, snapshot: RunSnapshot) -> None:
        try:
            self._show(snapshot)
        except OSError as error:  # who watched has gone; the run goes on
            log.info("nobody can be shown the run any more: %s", error)
            self._show = lambda snapshot: None


def _log_totals(last: RunSnapshot) -> None:
    """What each stage did in the whole run, for who wants to know where the time went."""
    for load in last.queue.categories:
        log.info(
            "%s: %d tasks in %.1f s of worker time, %d failed", load.name, load.done, load.busy_s, load.failed
        )
    log.info("readers waited: %s", pressure_line(last))
