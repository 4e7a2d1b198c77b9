"""Turns what the queue and the board show into rates, progress and the stage that binds the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from dashcam_pipeline.engine.board import BoardSnapshot, SourceProgress
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.snapshot import QueueSnapshot
from dashcam_pipeline.engine.task import WorkerClass

LEAST_DONE = 0.01  # share that must be done before a pace is worth something
WINDOW_S = 5.0  # rates are over this much of the past
PAUSED = "paused"
"""The phase of a snapshot before a run stands still: who shows it leaves the terminal to others until the next."""
FRAMES_DONE = "frames_done"
"""The tally in which a stage counts the frames that need no more reading of the source."""
BYTES_DONE = "bytes_done"
"""The tally in which the closing stage counts the bytes of a source that is worked off, or can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSize:
    """What the run has to do, as known at its start. Sources weigh by their bytes: durations come later."""

    source_bytes: Mapping[str, int]

    @property
    def sources(self) -> int:
        return len(self.source_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """One moment of a run, ready to be shown."""

    elapsed_s: float
    phase: str  # "running", "draining" …
    deadline_s: float | None  # seconds left to drain, when draining
    queue: QueueSnapshot
    board: BoardSnapshot
    tasks_per_s: Mapping[str, float]  # by category, over the last seconds
    frames_per_s: float  # frames worked off, over the last seconds
    realtime: float  # seconds of video worked off in a second, since the start
    progress: float  # 0..1, of all sources together
    eta_s: float | None
    sources: int
    binding: str
    rss_bytes: int  # all processes together
    peak_rss_bytes: int
    peak_backlog: int = 0  # most tasks that waited at any look
    done_of: Mapping[str, float] = field(default_factory=dict)  # source under way -> 0..1
    eta_of: Mapping[str, float] = field(default_factory=dict)  # source under way -> seconds, where known


def share_done(progress: SourceProgress, frames_done: int) -> float:
    """How much of a source is worked off: what was read of it, less what still waits in the pipeline."""
    if not progress.duration_s:
        return 0.0
    read = 1.0 if progress.over else min(1.0, progress.position_s / progress.duration_s)
    return read * (min(1.0, frames_done / progress.frames_in) if progress.frames_in else 1.0)


def time_left(elapsed_s: float, done: float) -> float | None:
    """Seconds until all is done, at the pace so far; None while too little is done to tell."""
    return elapsed_s / done - elapsed_s if LEAST_DONE < done <= 1.0 else None


def binding_stage(before: QueueSnapshot, now: QueueSnapshot, workers_of: Mapping[WorkerClass, int]) -> str:
    """The stage that sets the pace between two moments.

    The class whose workers were busiest, and in it the category that took most of their time. Where readers had
    no need to wait and no class was busy most of the time, reading is what the others wait for. The GPU class's
    workers do the work of a CPU class that has none of its own (0).
    """
    elapsed = max(now.clock_s - before.clock_s, 1e-9)
    busy = {
        load.name: (load.busy_s - old.busy_s) / elapsed
        for load, old in zip(now.categories, before.categories, strict=True)
    }
    in_class: dict[WorkerClass, list[str]] = {}
    for load in now.categories:
        shared = load.worker_class is WorkerClass.CPU and workers_of.get(WorkerClass.CPU) == 0
        in_class.setdefault(WorkerClass.GPU if shared else load.worker_class, []).append(load.name)
    use = {
        worker_class: sum(busy[name] for name in names) / workers_of.get(worker_class, 1)
        for worker_class, names in in_class.items()
        if worker_class is not WorkerClass.SOURCE
    }
    busiest = max(use, key=lambda worker_class: use[worker_class], default=None)
    waited = sum(now.pressure.wait_s.values()) > sum(before.pressure.wait_s.values())
    if busiest is None or (not waited and use[busiest] < BUSY_SHARE):
        return "reading"
    return max(in_class[busiest], key=lambda name: busy[name])


BUSY_SHARE = 0.7  # a class below this has time to spare


class Monitor:
    """Samples a run. Call `sample` a few times a second."""

    def __init__(self, shared: Shared, job: JobSize, workers_of: Mapping[WorkerClass, int]) -> None:
        self._shared = shared
        self._job = job
        self._workers_of = workers_of
        self._past: deque[QueueSnapshot] = deque()
        self._started_s: float | None = None
        self._peak_rss = 0
        self._peak_backlog = 0
        self._durations: dict[str, float] = {}
        self._began: dict[str, float] = {}  # source under way -> when it was first seen

    def sample(self, pids: Sequence[int], phase: str, deadline_s: float | None) -> RunSnapshot:
        """Look at everything once; `pids` are the processes whose memory is added up."""
        queue, board = self._shared.queue.snapshot(), self._shared.board.snapshot()
        self._started_s = queue.clock_s if self._started_s is None else self._started_s
        self._past.append(queue)
        while len(self._past) > 2 and queue.clock_s - self._past[0].clock_s > WINDOW_S:
            self._past.popleft()
        before = self._past[0]
        span = max(queue.clock_s - before.clock_s, 1e-9)
        rss = _rss(pids)
        self._peak_rss = max(self._peak_rss, rss)
        self._peak_backlog = max(self._peak_backlog, sum(load.waiting for load in queue.categories))
        elapsed = queue.clock_s - self._started_s
        shares = {
            source: share_done(progress, queue.tallies.get(source, {}).get(FRAMES_DONE, 0))
            for source, progress in board.sources.items()
        }
        progress = self._progress(shares, queue)
        frames = queue.totals.get(FRAMES_DONE, 0) - before.totals.get(FRAMES_DONE, 0)
        return RunSnapshot(
            elapsed_s=elapsed,
            phase=phase,
            deadline_s=deadline_s,
            queue=queue,
            board=board,
            tasks_per_s={
                load.name: (load.done - old.done) / span
                for load, old in zip(queue.categories, before.categories, strict=True)
            },
            frames_per_s=frames / span,
            realtime=self._seconds_done(board, shares) / max(elapsed, 1e-9),
            progress=progress,
            eta_s=time_left(elapsed, progress),
            sources=self._job.sources,
            binding=binding_stage(before, queue, self._workers_of),
            rss_bytes=rss,
            peak_rss_bytes=self._peak_rss,
            peak_backlog=self._peak_backlog,
            done_of=shares,
            eta_of=self._etas(shares, queue.clock_s),
        )

    def _etas(self, shares: Mapping[str, float], now_s: float) -> dict[str, float]:
        self._began = {source: self._began.get(source, now_s) for source in shares}
        etas = {source: time_left(now_s - self._began[source], share) for source, share in shares.items()}
        return {source: eta for source, eta in etas.items() if eta is not None}

    def _progress(self, shares: Mapping[str, float], queue: QueueSnapshot) -> float:
        sizes = self._job.source_bytes
        total = sum(sizes.values())
        if not total:
            return 1.0
        done = queue.totals.get(BYTES_DONE, 0)
        under_way = [
            name for name in shares if name in sizes and BYTES_DONE not in queue.tallies.get(name, {})
        ]
        return min(1.0, (done + sum(sizes[name] * shares[name] for name in under_way)) / total)

    def _seconds_done(self, board: BoardSnapshot, shares: Mapping[str, float]) -> float:
        for source, progress in board.sources.items():
            self._durations[source] = progress.position_s - progress.began_s
        return sum(seconds * shares.get(source, 1.0) for source, seconds in self._durations.items())


def _rss(pids: Sequence[int]) -> int:
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_info().rss
        except psutil.Error:
            continue
    return total
