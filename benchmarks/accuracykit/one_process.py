"""The real stages, queue and frame store in one process, without workers, Manager and database: for looking inside.

Every record that a stage hands on can be watched. Rows are those of a whole run, before what is done with them once
they are stored: results don't depend on who works on what, and when.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import cv2

from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Admission, Outcome, Task, WorkerClass, pack
from dashcam_pipeline.engine.worker import Processor, Tools
from dashcam_pipeline.stages.context import Job
from dashcam_pipeline.stages.pipeline import READ, BuildStages, table_for
from dashcam_pipeline.stages.records import SampledFrame, VideoJob
from dashcam_pipeline.vision.types import Box, Image

OWNER = "w"
VIDEO_ID = "f" * 32
THREADS = 1
WIDE = Limits(10**15, 10**15, 10**15)
MEMORY = Path("/dev/shm")

Watcher = Callable[[object], None]
"""Is shown every record that goes from one stage to the next."""


@contextmanager
def bench(settings: Settings, watcher: Watcher) -> Iterator[OneProcess]:
    """A bench in a folder that is removed afterwards; in memory where the system has such."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield OneProcess(Path(folder), settings, watcher)


class OneProcess:
    """All stages but those of the writer."""

    def __init__(self, folder: Path, settings: Settings, watcher: Watcher) -> None:
        self._watcher = watcher
        (folder / "frames").mkdir()
        self.store = FrameStore(folder / "frames", settings.frame_store.format)
        job = Job(settings=settings, run_id="run", work_dir=folder, database_url="")
        self._table = table = table_for(job)
        self._is_open = False
        categories = [stage.category for stage in table]
        rules = QueueRules(gpu=WIDE, cpu=WIDE, writer=WIDE, store=WIDE, lease_s=1e9, stuck_s=1e9)
        self.queue = CentralTaskQueue(
            tuple(categories), rules, delete_frame=self.store.delete, free_bytes=lambda: 10**15
        )
        shared = Shared(
            cast(CentralTaskQueue, _Between(self)), RunBoard(), threading.Event(), threading.Event()
        )
        built = [one.name for one in categories if one.worker_class is not WorkerClass.WRITER]
        tools = Tools(shared, self.store, OWNER, THREADS, "cpu")
        self._processors: dict[str, Processor] = dict(BuildStages(job)(tools, tuple(built)))
        self._written = [one.name for one in categories if one.worker_class is WorkerClass.WRITER]
        self._others = [name for name in built if name != READ]

    def read(self, path: Path) -> None:
        """Work off a whole video.

        Raises:
            BenchTrouble: a part of it could not be worked off.
        """
        payload = pack(VideoJob(VIDEO_ID, path, path.stat().st_size))
        self.queue.push(
            "file", Task(task_id="file", category=READ, source_id=VIDEO_ID, key=VIDEO_ID, payload=payload)
        )
        batch = self.queue.lease(OWNER, [READ])
        assert batch is not None
        outcome = self._processors[READ].process(batch)
        self.queue.complete(OWNER, batch.task_ids, outcome)
        self._show(outcome.push)
        self.work_off()
        if self.queue.unfinished() or self.queue.dead_letters():
            raise BenchTrouble(f"{path}: not everything could be worked off; try `dashcam run` on it")

    def hand_in(self, record: object, name: str, pictures: Mapping[str, Image]) -> None:
        """A record of one vehicle, or of one frame, as if an earlier stage had made it.

        Args:
            record: it goes to the stage that takes it.
            name: tells it from all others.
            pictures: what it needs, by frame id.
        """
        if not self._is_open:  # a reading task that never ends
            self.queue.push("file", Task(task_id="file", category=READ, source_id=VIDEO_ID, key=VIDEO_ID))
            self.queue.lease(OWNER, [READ])
            self._is_open = True
        stored = {frame_id: self.store.put(frame_id, picture) for frame_id, picture in pictures.items()}
        category = next(stage.category.name for stage in self._table if type(record) in stage.takes)
        task = Task(
            task_id=f"{VIDEO_ID}:{category}:{name}",
            category=category,
            source_id=VIDEO_ID,
            key=f"{VIDEO_ID}/{name}",
            payload=pack(record),
            payload_ref=next(iter(stored)),
            dependencies=tuple(stored),
        )
        self.queue.progress(OWNER, "file", Outcome(push=(task,), new_frames=stored))

    def vehicles_in(self, image: Image, name: str) -> list[Box]:
        """What VEHICLE_DETECT finds in a picture; `name` tells it from all others."""
        category = next(stage.category.name for stage in self._table if SampledFrame in stage.takes)
        self.hand_in(SampledFrame(0, 0.0), name, {self.store.frame_id(name): image})
        batch = self.queue.lease(OWNER, [category])
        assert batch is not None
        outcome = self._processors[category].process(batch)
        self.queue.complete(OWNER, batch.task_ids, Outcome())
        return [found.box for task in outcome.push for found in task.load().vehicles]

    def work_off(self) -> None:
        """Until nothing is left but rows, which are shown and forgotten."""
        while batch := self.queue.lease(OWNER, [*self._others, *self._written]):
            processor = self._processors.get(batch.category)
            outcome = processor.process(batch) if processor else Outcome()
            self.queue.complete(OWNER, batch.task_ids, outcome)
            self._show(outcome.push)

    def bring_in(self, outcome: Outcome) -> None:
        """The reader hands in a chunk: it is worked off at once."""
        self.queue.progress(OWNER, "file", outcome)
        self._show(outcome.push)
        self.work_off()

    def _show(self, pushed: Sequence[Task]) -> None:
        for task in pushed:
            self._watcher(task.load())


class _Between:
    """The queue as the reader sees it: whatever it brings in is worked off in between."""

    def __init__(self, one: OneProcess) -> None:
        self._one = one

    def admit(self, *given: Any) -> Admission:
        return Admission(True)

    def progress(self, owner: str, task_id: str, outcome: Outcome) -> None:
        self._one.bring_in(outcome)

    def alive(self, *given: Any) -> None:
        pass

    def tallies(self, source_id: str) -> dict[str, int]:
        return self._one.queue.tallies(source_id)
