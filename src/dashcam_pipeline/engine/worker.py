"""A worker process: lease a batch, work on it, hand in the outcome, until told to leave.

The loop knows nothing of what the work is: the processors of its categories are built once, at the start, by a
function that the supervisor names.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, Protocol

from dashcam_pipeline.engine.board import Fatal
from dashcam_pipeline.engine.board_log import log_to_board
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.process import become_child
from dashcam_pipeline.engine.pulse import Pulse
from dashcam_pipeline.engine.shared import MANAGER_GONE, Shared
from dashcam_pipeline.engine.task import Batch, LeaseLost, Outcome
from dashcam_pipeline.errors import DashcamError

LEASE_WAIT_S = 0.5  # a worker without work looks up this often
HELPER_WAIT_S = 0.05  # so does one that may help others
EXIT_DONE = 0
EXIT_BROKEN = 1  # a worker process that broke down outside of a task
EXIT_RECYCLED = 75  # a worker process that left by itself, worn out, to be replaced by a fresh one

OPENCV_THREADS = "OPENCV_FOR_THREADS_NUM"  # read by OpenCV when it is loaded

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
    """Works on the batches of one category.

    It may have a method `close()`, called once when its worker leaves by itself: at the end of the run, or to be
    replaced by a fresh process. A worker that is killed or breaks down doesn't come to that.
    """

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
    helps: tuple[
        str, ...
    ] = ()  # categories of another class, done when that is behind and nothing else is there
    helped_workers: int = 0  # workers of that class
    loops: int = 1  # batches under way at the same time, a thread each
    threads: int = 1
    device: str = "cpu"
    max_tasks: int | None = None  # replaced by a fresh process after so many tasks …
    max_rss_bytes: int | None = None  # … or when it holds more memory than this


def worker_main(spec: WorkerSpec, shared: Shared, store: FrameStore, parent_pid: int, log_level: int) -> None:
    """The whole life of a worker process."""
    become_child(parent_pid)
    os.environ[OPENCV_THREADS] = str(spec.threads)  # else OpenCV, where it is loaded, takes every core
    log_to_board(shared.board, spec.worker_id, log_level)
    pulse = Pulse(
        spec.worker_id,
        spec.worker_class,
        shared,
        max_tasks=spec.max_tasks,
        max_rss_bytes=spec.max_rss_bytes,
    )
    pulse.start()
    try:
        with _guard(spec, shared):
            tools = Tools(shared, store, spec.worker_id, spec.threads, spec.device)
            gc.disable()  # what is loaded now stays: to look through it again and again finds nothing
            processors = spec.build(tools, (*spec.categories, *spec.helps))
            gc.freeze()
            gc.enable()
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
            close_all(processors)
            _leave(EXIT_RECYCLED if pulse.worn_out else EXIT_DONE)
    finally:
        pulse.stop()


def _leave(code: int) -> NoReturn:
    """End this process, in which nothing is left to be done, without taking its libraries apart: models that are
    unloaded one by one hold up the end of a run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def close_all(processors: Mapping[str, Processor]) -> None:
    """Let each processor that wants to put its things in order do so, once."""
    for processor in {id(one): one for one in processors.values()}.values():
        close = getattr(processor, "close", None)
        if close is not None:
            close()


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
    spec: WorkerSpec, shared: Shared, processors: Mapping[str, Processor], pulse: Pulse
) -> None:
    with _guard(spec, shared):
        _loop(spec, shared, processors, pulse)


def _loop(spec: WorkerSpec, shared: Shared, processors: Mapping[str, Processor], pulse: Pulse) -> None:
    """Lease, work, hand in."""
    while not pulse.leaving:
        batch = _next_batch(spec, shared)
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


def _next_batch(spec: WorkerSpec, shared: Shared) -> Batch | None:
    """Work of the worker's own, else, if it is a helper, what others have too much of."""
    if not spec.helps:
        return shared.queue.lease(spec.worker_id, spec.categories, None, LEASE_WAIT_S)
    return (
        shared.queue.lease(spec.worker_id, spec.categories)
        or shared.queue.help(spec.worker_id, spec.helps, spec.helped_workers)
        or shared.queue.lease(spec.worker_id, spec.categories, None, HELPER_WAIT_S)
    )


def _work(spec: WorkerSpec, shared: Shared, processor: Processor, batch: Batch) -> None:
    """One batch. If it fails as a whole, its tasks are tried one by one, so that only the guilty one fails."""
    started = time.perf_counter()
    try:
        outcome = processor.process(batch)
        busy_s = time.perf_counter() - started
        helped = batch.category in spec.helps
        shared.queue.complete(spec.worker_id, batch.task_ids, outcome, busy_s, helped)
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
