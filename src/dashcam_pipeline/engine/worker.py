"""A worker process: lease a batch, work on it, hand in the outcome, until told to leave.

The loop knows nothing of what the work is: the processors of its categories are built once, at the start, by a
function that the supervisor names.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import cv2
import psutil

from dashcam_pipeline.engine.board import Fatal, LogLine, WorkerStatus
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.manager import MANAGER_GONE, Shared
from dashcam_pipeline.engine.process import become_child
from dashcam_pipeline.engine.task import Batch, LeaseLost, Outcome
from dashcam_pipeline.errors import DashcamError

HEARTBEAT_S = 1.0
STARTING = "starting"  # the category of a worker that is still loading its models
LEASE_WAIT_S = 0.5  # a worker without work looks up this often
EXIT_BROKEN = 1  # a worker process that broke down outside of a task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a processor may use."""

    shared: Shared
    store: FrameStore
    worker_id: str
    threads: int  # a model's own threads, so that workers × threads = cores
    device: str  # "cpu" or "cuda:N"


class Processor(Protocol):
    """Works on the batches of one category."""

    def process(self, batch: Batch, /) -> Outcome:
        """Work on one batch. May be called again for the same tasks, after a failure or the death of a worker."""


Build = Callable[[Tools, tuple[str, ...]], Mapping[str, Processor]]
"""Makes the processors of the named categories. A module-level function or a picklable object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """One row of the supervisor's table of processes."""

    worker_id: str
    worker_class: str
    categories: tuple[str, ...]
    build: Build
    loops: int = 1  # batches under way at the same time, a thread each
    threads: int = 1
    device: str = "cpu"


def worker_main(spec: WorkerSpec, shared: Shared, store: FrameStore, parent_pid: int, log_level: int) -> None:
    """The whole life of a worker process."""
    become_child(parent_pid)
    cv2.setNumThreads(spec.threads)  # else OpenCV takes every core in every process
    _log_to_board(shared, spec.worker_id, log_level)
    pulse = _Pulse(spec, shared)
    pulse.start()
    try:
        with _guard(spec, shared):
            tools = Tools(shared, store, spec.worker_id, spec.threads, spec.device)
            processors = spec.build(tools, spec.categories)
            pulse.ready()
            loops = [
                threading.Thread(target=_guarded_loop, args=(spec, shared, processors, pulse))
                for _ in range(1, spec.loops)
            ]
            for thread in loops:
                thread.start()
            _loop(spec, shared, processors, pulse)
            for thread in loops:
                thread.join()
    finally:
        pulse.stop()


@contextmanager
def _guard(spec: WorkerSpec, shared: Shared) -> Iterator[None]:
    """An error that a user can mend stops the run with its text; anything else ends this worker process."""
    try:
        yield
    except DashcamError as error:
        shared.board.fatal(Fatal(spec.worker_id, str(error), error.exit_code))
    except MANAGER_GONE as error:  # the supervisor sees that too, and says it
        log.error("worker %s leaves: %r", spec.worker_id, error)
    except BaseException:  # a thread that ended alone would keep its leases alive for ever
        log.error("worker %s breaks down: %s", spec.worker_id, traceback.format_exc())
        os._exit(EXIT_BROKEN)


def _guarded_loop(
    spec: WorkerSpec, shared: Shared, processors: Mapping[str, Processor], pulse: _Pulse
) -> None:
    with _guard(spec, shared):
        _loop(spec, shared, processors, pulse)


def _loop(spec: WorkerSpec, shared: Shared, processors: Mapping[str, Processor], pulse: _Pulse) -> None:
    """Lease, work, hand in."""
    while not pulse.leaving:
        batch = shared.queue.lease(spec.worker_id, spec.categories, None, LEASE_WAIT_S)
        if batch is None:
            if shared.terminate.is_set():
                return
            continue
        pulse.working_on(batch.category)
        try:
            _work(spec, shared, processors[batch.category], batch)
        except LeaseLost as lost:
            log.warning("work thrown away: %s", lost)
        finally:
            pulse.working_on(None, len(batch.tasks))


def _work(spec: WorkerSpec, shared: Shared, processor: Processor, batch: Batch) -> None:
    """One batch. If it fails as a whole, its tasks are tried one by one, so that only the guilty one fails."""
    started = time.perf_counter()
    try:
        outcome = processor.process(batch)
        shared.queue.complete(spec.worker_id, batch.task_ids, outcome, time.perf_counter() - started)
    except (LeaseLost, DashcamError):
        raise
    except Exception:  # should the Manager be gone, then telling it of the failure raises that again
        if len(batch.tasks) == 1:
            _fail(spec, shared, batch)
            return
        log.info("a batch of %d %s tasks failed, trying them one by one", len(batch.tasks), batch.category)
        shared.queue.give_back(spec.worker_id, batch.task_ids[1:])
        single = Batch(batch.category, batch.tasks[:1], batch.state)
        _work(spec, shared, processor, single)


def _fail(spec: WorkerSpec, shared: Shared, batch: Batch) -> None:
    task = batch.tasks[0]
    trace = traceback.format_exc()
    given_up = shared.queue.fail(spec.worker_id, task.task_id, trace)
    log.log(
        logging.ERROR if given_up else logging.WARNING,
        "task %s failed (attempt %d%s): %s",
        task.task_id,
        task.attempts + 1,
        ", given up" if given_up else "",
        trace.strip().splitlines()[-1],
    )
    log.debug("%s", trace)


class _Pulse(threading.Thread):
    """Says every second that this process is alive, keeps its leases, and hears when it is time to leave."""

    def __init__(self, spec: WorkerSpec, shared: Shared) -> None:
        super().__init__(name="pulse", daemon=True)
        self._spec = spec
        self._shared = shared
        self._process = psutil.Process()
        self._category: str | None = STARTING
        self._done = 0
        self._stopped = threading.Event()
        self.leaving = False

    def working_on(self, category: str | None, done: int = 0) -> None:
        """What the worker does now, and what it has just done."""
        self._category = category
        self._done += done

    def ready(self) -> None:
        """The worker has loaded what it needs; known at once, so that a death from here on is the work's fault."""
        self._category = None
        self._beat()

    def stop(self) -> None:
        """The worker ends."""
        self._stopped.set()

    def run(self) -> None:
        try:
            while True:
                self._beat()
                if self._stopped.wait(HEARTBEAT_S):
                    return
        except MANAGER_GONE:
            self.leaving = True

    def _beat(self) -> None:
        self._shared.board.heartbeat(
            WorkerStatus(
                worker_id=self._spec.worker_id,
                pid=self._process.pid,
                worker_class=self._spec.worker_class,
                category=self._category,
                tasks_done=self._done,
                rss_bytes=self._process.memory_info().rss,
            )
        )
        self._shared.queue.renew(self._spec.worker_id)
        self.leaving = self._shared.terminate.is_set()


class _BoardHandler(logging.Handler):
    """Log records go to the board: only the supervisor prints."""

    def __init__(self, shared: Shared, worker_id: str) -> None:
        super().__init__()
        self._shared = shared
        self._worker_id = worker_id

    def emit(self, record: logging.LogRecord) -> None:
        line = LogLine(record.created, record.levelno, self._worker_id, record.name, record.getMessage())
        with suppress(*MANAGER_GONE):
            self._shared.board.log(line)


def _log_to_board(shared: Shared, worker_id: str, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_BoardHandler(shared, worker_id)]
    root.setLevel(level)
