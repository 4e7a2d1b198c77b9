"""The table of worker processes: it starts what should run, kills what hangs, and replaces what has died."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

from dashcam_pipeline.engine.board import STARTING, RunBoard
from dashcam_pipeline.engine.cpu_book import CpuBook
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.process import signals_held_back
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.worker import EXIT_RECYCLED, WorkerSpec, worker_main
from dashcam_pipeline.errors import DashcamError

START_TIMEOUT_S = 1800.0  # an engine that is built at the first start on a GPU may take its time
START_SILENCE_S = 60.0  # … but its process shows signs of life meanwhile
START_DEATHS = 3  # a worker that dies this often before it is ready stops the run
IDLE_DEATHS = 5  # so does one that dies this often in a row without having done or held any task
LEAVE_S = 5.0  # workers without work leave within this, or are killed

OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM})
"""Signals by which others end a process; the rest are its own fault."""

log = logging.getLogger(__name__)


class WorkerKeepsDying(DashcamError):
    """A worker process dies again and again before it has been of any use."""


@dataclass(slots=True)
class _Slot:
    """A row of the table: what should run there, and what does."""

    spec: WorkerSpec
    process: BaseProcess | None = None
    births: int = 0
    born_s: float = 0.0
    seen: bool = False  # it has shown a sign of life
    ready: bool = False
    tasks_done: int = 0  # by this process, as far as it has said
    start_deaths: int = 0
    idle_deaths: int = 0
    verdict: _Verdict | None = None  # why it is being killed

    @property
    def worker_id(self) -> str:
        """The name of the process that runs here; each has its own, as a dead one's last call may still be
        under way in the Manager."""
        return self.spec.worker_id if self.births < 2 else f"{self.spec.worker_id}.{self.births}"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Why a worker is killed, or how it died."""

    how: str
    interrupted: bool  # not by the fault of its tasks


class ProcessTable:
    """See the module. Call everything from the main thread: a worker ends with the thread that started it.

    Args:
        specs: what should run.
        shared, store: what the workers get.
        lease_s: how long a worker may be silent, seconds.
        log_level: from which on workers log.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        shared: Shared,
        store: FrameStore,
        lease_s: float,
        log_level: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = [_Slot(spec) for spec in specs]
        self._shared = shared
        self._store = store
        self._lease_s = lease_s
        self._log_level = log_level
        self._clock = clock
        self._context = get_context("spawn")
        self._looked_s = clock()
        self.cpu = CpuBook()

    def reconcile(self) -> float:
        """Make the processes that are there the processes that should be there.

        Raises WorkerKeepsDying when that is of no use, and what a dead worker has said to be wrong.

        Returns:
            Seconds for which the whole run has stood still since the last call, usually 0.
        """
        self._hear()
        stood_still_s = self._judge()
        for slot in self._slots:
            if slot.process is not None and not slot.process.is_alive():
                self._bury(slot)
            if slot.process is None:
                self._start(slot)
        return stood_still_s

    def pids(self) -> list[int]:
        """The processes that run."""
        pids = (slot.process.pid for slot in self._slots if slot.process is not None)
        return [pid for pid in pids if pid is not None]

    def look_at_cpu(self) -> None:
        """Read the CPU time of the processes that run."""
        for slot in self._slots:
            if slot.process is not None:
                self.cpu.look(slot.spec.worker_id, slot.process.pid)

    def dismiss(self) -> None:
        """Let the workers leave by themselves; those that don't are killed."""
        self._shared.terminate.set()
        self._shared.queue.close()
        deadline = self._clock() + LEAVE_S
        for slot in self._slots:
            if slot.process is not None:
                self.cpu.last_look(slot.spec.worker_id, slot.process, max(0.0, deadline - self._clock()))
                slot.process.join(max(0.0, deadline - self._clock()))
        self.kill()

    def kill(self) -> None:
        """End all processes at once."""
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            if process.is_alive():
                process.kill()
        for process in running:
            process.join(LEAVE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every worker, as to stop it or to let it go on."""
        for slot in self._slots:
            if slot.process is not None and slot.process.pid is not None and slot.process.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(slot.process.pid, number)

    def grace(self) -> float:
        """The whole run stood still since the last look: nobody is late by that time, which is returned."""
        stood_still_s = self._since_last_look()
        self._shared.queue.grace()
        self._shared.board.grace()
        for slot in self._slots:
            slot.born_s += stood_still_s
        return stood_still_s

    # --- what becomes of a worker ------------------------------------------------------------------------

    def _hear(self) -> None:
        """What the workers say of themselves."""
        status = self._shared.board.worker_status()
        for slot in self._slots:
            beat = status.get(slot.worker_id)
            if beat is None:
                continue
            slot.seen, slot.tasks_done = True, beat.tasks_done
            if beat.category != STARTING:
                slot.ready, slot.start_deaths = True, 0

    def _judge(self) -> float:
        """Kill who is silent, stuck, or does not get ready; also a stopped process dies of this."""
        silent = {one.owner: one.stuck for one in self._shared.queue.silent_owners()}
        late = set(self._shared.board.late(self._lease_s))
        mute = set(self._shared.board.late(START_SILENCE_S))
        if (
            self._clock() - self._looked_s > self._lease_s / 2
        ):  # this process was stopped, so all may have been
            return self.grace()
        self._since_last_look()
        for slot in self._slots:
            if slot.process is None or not slot.process.is_alive():
                continue
            slot.verdict = self._verdict(slot, silent, late, mute)
            if slot.verdict is not None:
                slot.process.kill()
                slot.process.join(LEAVE_S)
        return 0.0

    def _since_last_look(self) -> float:
        before, self._looked_s = self._looked_s, self._clock()
        return self._looked_s - before

    def _verdict(
        self, slot: _Slot, silent: dict[str, bool], late: set[str], mute: set[str]
    ) -> _Verdict | None:
        age_s = self._clock() - slot.born_s
        if not slot.ready:
            no_sign = slot.worker_id in mute or (not slot.seen and age_s > START_SILENCE_S)
            if no_sign:
                return _Verdict(f"no sign of life for {START_SILENCE_S:.0f} s while starting", True)
            if age_s > START_TIMEOUT_S:
                return _Verdict(f"not ready within {START_TIMEOUT_S:.0f} s", True)
        elif silent.get(slot.worker_id):
            return _Verdict("the work on a task did not go on: it was stuck", False)
        elif slot.worker_id in silent or slot.worker_id in late:
            return _Verdict(f"it was silent for {self._lease_s:g} s", True)
        return None

    def _start(self, slot: _Slot) -> None:
        slot.births += 1
        slot.born_s = self._clock()
        slot.seen, slot.ready, slot.tasks_done = False, False, 0
        spec = replace(slot.spec, worker_id=slot.worker_id)
        process = self._context.Process(
            target=worker_main,
            args=(spec, self._shared, self._store, os.getpid(), self._log_level),
            name=slot.worker_id,
            daemon=True,
        )
        with signals_held_back():
            process.start()
        slot.process = process

    def _bury(self, slot: _Slot) -> None:
        """A worker is dead: its tasks go back at once."""
        assert slot.process is not None
        code = slot.process.exitcode
        death = slot.verdict or _cause(code)
        slot.process, slot.verdict = None, None
        worker = slot.worker_id
        self._hear()
        lost = self._shared.queue.requeue_owner(
            worker, f"worker {worker} died ({death.how})", death.interrupted
        )
        self._shared.board.gone(worker)
        raise_fatality(self._shared.board)  # it may have said why
        if code == EXIT_RECYCLED:
            log.info("worker %s has done its share and is replaced by a fresh process", worker)
            slot.idle_deaths = 0
            return
        log.warning("worker %s died (%s); %d tasks handed back", worker, death.how, lost)
        self._count(slot, death, lost)

    def _count(self, slot: _Slot, death: _Verdict, lost: int) -> None:
        """Stop the run when replacing a worker is of no use."""
        if not slot.ready:
            slot.start_deaths += 1
            if slot.start_deaths >= START_DEATHS:
                raise WorkerKeepsDying(
                    f"worker {slot.worker_id} died {START_DEATHS} times while starting ({death.how}); "
                    "`dashcam doctor` tells whether its models and engines work on this host"
                )
            return
        slot.idle_deaths = 0 if lost or slot.tasks_done else slot.idle_deaths + 1
        if slot.idle_deaths >= IDLE_DEATHS:
            raise WorkerKeepsDying(
                f"worker {slot.worker_id} died {IDLE_DEATHS} times in a row before it had done any work "
                f"({death.how}); the log says more, and `dashcam doctor` looks at this host"
            )


def raise_fatality(board: RunBoard) -> None:
    """Raise what a worker has said to be the reason why the run can't go on, if one has."""
    fatal = board.fatality()
    if fatal is not None:
        error = DashcamError(fatal.message)
        error.exit_code = fatal.exit_code
        raise error


def _cause(code: int | None) -> _Verdict:
    """How a process died, by its exit code."""
    if code is not None and code < 0:
        return _Verdict(f"killed by signal {-code}", -code in OUTSIDE)
    return _Verdict(f"exit code {code}", False)
