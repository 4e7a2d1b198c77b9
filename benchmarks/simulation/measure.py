"""The figures of this tree on this host: every stage worked off in one process over a video, by CPU time.

The stages, the queue and the frame store are the real ones. There are no processes beside, so the CPU time between
two moments belongs to the stage that ran, however busy the host is. Delivery to the database is left out.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import cv2

from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Admission, Batch, Outcome, Task, WorkerClass, pack
from dashcam_pipeline.engine.worker import Processor, Tools
from dashcam_pipeline.stages.context import Job
from dashcam_pipeline.stages.pipeline import CHECKPOINT, DEAD_LETTER, BuildStages, table_for
from dashcam_pipeline.stages.records import RowToWrite, VideoJob
from dashcam_pipeline.storage.writing.outbox import FILE_NAME, Outbox
from dashcam_pipeline.vision.models.openvino_runtime import OpenVinoRuntime
from simulation.params import Edge, StageCost, Video

OWNER = "w"
VIDEO_ID = "f" * 32
FRAMES_BETWEEN = 64  # brought in between two rounds of the other stages, so that batches are full
WIDE = Limits(10**15, 10**15, 10**15)


@dataclass(slots=True)
class Spent:
    """What was seen of one category."""

    sizes: list[int] = field(default_factory=list)  # of its batches …
    cpu_s: list[float] = field(default_factory=list)  # … and what each took
    model_s: float = 0.0  # inside the models
    inference_s: list[float] = field(default_factory=list)  # each of them, by the wall clock

    def cost(self) -> StageCost:
        """A straight line through the batches, where they differ in size and it makes sense; else all by the task."""
        tasks, total_s = sum(self.sizes), sum(self.cpu_s)
        batch_s, item_s = 0.0, total_s / tasks
        if len(set(self.sizes)) > 1:
            line = statistics.linear_regression(self.sizes, self.cpu_s)
            if line.slope > 0 and line.intercept > 0:
                batch_s, item_s = line.intercept, line.slope
                scale = total_s / (len(self.sizes) * batch_s + tasks * item_s)
                batch_s, item_s = batch_s * scale, item_s * scale
        off = [took - batch_s - size * item_s for size, took in zip(self.sizes, self.cpu_s, strict=True)]
        mean_s = total_s / len(self.cpu_s)
        return StageCost(
            batch_s=round(batch_s, 7),
            item_s=round(item_s, 7),
            spread=round(statistics.pstdev(off) / mean_s, 3),
            model_share=round(min(1.0, self.model_s / total_s), 3),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a video showed."""

    video: Video
    stages: Mapping[str, StageCost]
    edges: tuple[Edge, ...]
    tasks: Mapping[str, int]
    inference_s: Mapping[str, float]  # wall time of the fastest one, which nothing disturbed


def measure(path: Path, settings: Settings) -> Seen:
    """Work off a whole video in this process, and once more with two threads a model to see what those gain."""
    one, two = _measure(path, settings, 1), _measure(path, settings, 2)
    stages = {}
    for name, cost in one.stages.items():
        shared = 0.0
        if name in one.inference_s:  # Amdahl: t2 / t1 = 1 - share + share / 2
            shared = min(1.0, max(0.0, 2 * (1 - two.inference_s[name] / one.inference_s[name])))
        stages[name] = cost.model_copy(update={"parallel_share": round(shared * cost.model_share, 3)})
    return replace(one, stages=stages)


def _measure(path: Path, settings: Settings, threads: int) -> Seen:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder, _timed_models() as clock:
        return _Bench(path, Path(folder), settings, threads, clock).seen()


@dataclass(slots=True)
class _ModelClock:
    cpu_s: float = 0.0
    walls_s: list[float] = field(default_factory=list)


@contextmanager
def _timed_models() -> Iterator[_ModelClock]:
    """Count the CPU time inside of OpenVINO."""
    clock, infer = _ModelClock(), OpenVinoRuntime.infer

    def timed(self: OpenVinoRuntime, *batch: Any, **more: Any) -> Any:
        began_s, wall_s = time.process_time(), time.perf_counter()
        try:
            return infer(self, *batch, **more)
        finally:
            clock.cpu_s += time.process_time() - began_s
            clock.walls_s.append(time.perf_counter() - wall_s)

    OpenVinoRuntime.infer = timed  # type: ignore[method-assign]
    try:
        yield clock
    finally:
        OpenVinoRuntime.infer = infer  # type: ignore[method-assign]


class _Write:
    """FINAL_WRITE without a database: rows go to the outbox."""

    def __init__(self, folder: Path) -> None:
        self._outbox = Outbox(folder / FILE_NAME)

    def process(self, batch: Batch, /) -> Outcome:
        self._outbox.add([task.load().row for task in batch.tasks])
        return Outcome()

    def close(self) -> None:
        self._outbox.close()


class _Bench:
    def __init__(
        self, path: Path, folder: Path, settings: Settings, threads: int, clock: _ModelClock
    ) -> None:
        self._path, self._clock = path, clock
        (folder / "frames").mkdir()
        self._store = FrameStore(folder / "frames", settings.frame_store.format)
        job = Job(settings=settings, run_id="run", work_dir=folder, database_url="")
        table = table_for(job)
        self._categories = {stage.category.name: stage.category for stage in table}
        self._writing = next(stage.category.name for stage in table if RowToWrite in stage.takes)
        self.queue = CentralTaskQueue(
            tuple(self._categories.values()),
            QueueRules(
                gpu=WIDE,
                cpu=WIDE,
                writer=WIDE,
                store=WIDE,
                lease_s=1e9,
                stuck_s=1e9,
                checkpoints_to=CHECKPOINT,
            ),
            delete_frame=self._store.delete,
        )
        shared = Shared(
            cast(CentralTaskQueue, _Between(self)), RunBoard(), threading.Event(), threading.Event()
        )
        tools = Tools(shared, self._store, OWNER, threads, "cpu")
        built = [name for name in self._categories if name not in (self._writing, DEAD_LETTER)]
        self._processors: dict[str, Processor] = dict(BuildStages(job)(tools, tuple(built)))
        self._processors[self._writing] = _Write(folder)
        self._reading = next(
            c.name for c in self._categories.values() if c.worker_class is WorkerClass.SOURCE
        )
        self._others = [name for name in self._processors if name != self._reading]
        self._spent: dict[str, Spent] = defaultdict(Spent)
        self._pushed: Counter[tuple[str, str]] = Counter()
        self._with_frame: Counter[tuple[str, str]] = Counter()
        self._brought = self._since_round = 0
        self._source_frames: set[str] = set()
        self._frame_bytes: list[int] = []
        self._reader_off_s = 0.0  # CPU time of others while the reader's clock ran

    def seen(self) -> Seen:
        job = VideoJob(VIDEO_ID, self._path, self._path.stat().st_size)
        self.queue.push(
            "file",
            Task(task_id="file", category=self._reading, source_id=VIDEO_ID, key=VIDEO_ID, payload=pack(job)),
        )
        batch = self.queue.lease(OWNER, [self._reading])
        assert batch is not None
        began_s = time.process_time()
        outcome = self._processors[self._reading].process(batch)
        read_s = time.process_time() - began_s - self._reader_off_s
        assert outcome.closer is not None
        row = outcome.closer.load().row
        self._count(self._reading, outcome.push)
        self.queue.complete(OWNER, batch.task_ids, outcome)
        self._work_off()
        for processor in self._processors.values():
            if hasattr(processor, "close"):
                processor.close()
        if self.queue.unfinished() or self.queue.dead_letters():
            raise SystemExit(f"{self._path}: not everything could be worked off; try `dashcam run` on it")
        costs = {name: spent.cost() for name, spent in self._spent.items()}
        costs[self._reading] = StageCost(item_s=round(read_s / self._brought, 7))
        tasks = {name: sum(spent.sizes) for name, spent in self._spent.items()}
        return Seen(
            Video(
                seconds=row.duration_s,
                frames=row.frames_decoded,
                frames_looked_at=self._brought,
                vehicles=max(1, self._vehicles()),
                frame_bytes=round(statistics.mean(self._frame_bytes)),
            ),
            costs,
            tuple(self._edges(tasks)),
            tasks,
            {name: min(spent.inference_s) for name, spent in self._spent.items() if spent.inference_s},
        )

    def bring_in(self, outcome: Outcome) -> None:
        """The reader hands in a chunk; the others work when enough has come together."""
        began_s = time.process_time()
        self._frame_bytes += outcome.new_frames.values()
        self._source_frames |= outcome.new_frames.keys()
        self._brought += len(outcome.new_frames)
        self._since_round += len(outcome.new_frames)
        self.queue.progress(OWNER, "file", outcome)
        if self._since_round >= FRAMES_BETWEEN:
            self._since_round = 0
            self._work_off()
        self._reader_off_s += time.process_time() - began_s

    def _work_off(self) -> None:
        while batch := self.queue.lease(OWNER, self._others):
            self._clock.walls_s.clear()
            model_s, began_s = self._clock.cpu_s, time.process_time()
            outcome = self._processors[batch.category].process(batch)
            spent = self._spent[batch.category]
            spent.cpu_s.append(time.process_time() - began_s)
            spent.sizes.append(len(batch.tasks))
            spent.model_s += self._clock.cpu_s - model_s
            spent.inference_s += self._clock.walls_s
            self._count(batch.category, outcome.push)
            self.queue.complete(OWNER, batch.task_ids, outcome)

    def _count(self, parent: str, push: Sequence[Task]) -> None:
        for task in push:
            self._pushed[parent, task.category] += 1
            self._with_frame[parent, task.category] += any(
                name in self._source_frames for name in task.dependencies
            )

    def _edges(self, tasks: Mapping[str, int]) -> Iterator[Edge]:
        for (parent, child), number in sorted(self._pushed.items()):
            if parent == self._reading:
                continue
            ends = 1 if self._categories[parent].ordered else 0  # the end of the video is a task too
            yield Edge(
                parent=parent,
                child=child,
                per_task=round(number / (tasks[parent] - ends), 6),
                keeps_frame=self._with_frame[parent, child] * 2 > number,
            )

    def _vehicles(self) -> int:
        """Rows that come from categories that go by the vehicle."""
        return sum(
            number
            for (parent, child), number in self._pushed.items()
            if child == self._writing and self._categories[parent].keyed and parent != self._reading
        )


class _Between:
    """The queue as the reader sees it: whatever it brings in is worked off in between."""

    def __init__(self, bench: _Bench) -> None:
        self._bench = bench

    def admit(self, task_id: str, frames: int, nbytes: int, wait_s: float) -> Admission:
        return Admission(True)

    def progress(self, owner: str, task_id: str, outcome: Outcome) -> None:
        self._bench.bring_in(outcome)

    def alive(self, owner: str, task_ids: Sequence[str]) -> None:
        pass

    def tallies(self, source_id: str) -> dict[str, int]:
        return self._bench.queue.tallies(source_id)
