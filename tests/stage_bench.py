"""A bench for tests of stages: the real table, router, queue and frame store, with no processes around them."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Batch, Outcome, Task, pack
from dashcam_pipeline.engine.worker import Processor, Tools
from dashcam_pipeline.stages.context import Job, StageContext
from dashcam_pipeline.stages.pipeline import Router, Stage, stages
from dashcam_pipeline.stages.records import VehiclePassed, VehiclePicture, ViewToSearch
from dashcam_pipeline.vision.plates.plate_gates import NOTHING_AROUND
from dashcam_pipeline.vision.tracking.watch import Look, Passing
from dashcam_pipeline.vision.types import Box, Image
from dashcam_pipeline.vision.vote.rounds import Search
from engine_toys import RULES

VIDEO = "v" * 32


class Bench:
    """One run's worth of everything that stages touch."""

    def __init__(self, folder: Path, settings: Settings | None = None, **rules: Any) -> None:
        self.table = stages()
        (folder / "frames").mkdir(exist_ok=True)
        self.store = FrameStore(folder / "frames")
        self.queue = CentralTaskQueue(
            [stage.category for stage in self.table],
            replace(RULES, **rules),
            delete_frame=self.store.delete,
            free_bytes=lambda: 10**12,
        )
        self._reading = False
        self.board = RunBoard()
        self.stop = threading.Event()
        shared = Shared(self.queue, self.board, self.stop, threading.Event())
        self.tools = Tools(shared, self.store, "w", 1, "cpu")
        self.job = Job(settings=settings or Settings(), run_id="run", work_dir=folder, database_url="")

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.table if stage.category.name == name)

    def context(self, name: str) -> StageContext:
        return StageContext(self.job, self.tools, Router(self.stage(name), self.table))

    def build(self, name: str) -> Processor:
        return self.stage(name).build(self.context(name))

    def push(self, *tasks: Task) -> None:
        for task in tasks:
            self.queue.push(task.task_id, task)

    def lease(self, category: str, n: int | None = None, owner: str = "w") -> Batch | None:
        return self.queue.lease(owner, [category], n)

    def work(self, category: str, processor: Processor, n: int | None = None) -> Outcome | None:
        """Work off one batch; None when there is none."""
        batch = self.lease(category, n)
        if batch is None:
            return None
        outcome = processor.process(batch)
        self.queue.complete("w", batch.task_ids, outcome)
        return outcome

    def drain(self, category: str) -> list[Any]:
        """The records of all tasks that wait in a category, which are done with that."""
        records: list[Any] = []
        while batch := self.lease(category):
            records += [task.load() for task in batch.tasks]
            self.queue.complete("w", batch.task_ids, Outcome())
        return records

    def open_video(self) -> None:
        """A reading task that never ends: the video is not over, whatever else is done."""
        if not self._reading:
            self.push(Task(task_id="reading", category="READ", source_id=VIDEO))
            self.lease("READ", owner="reader")
            self._reading = True

    def bring_in(self, frames: dict[str, Image], *tasks: Task) -> None:
        """Frames with the tasks that need them, through the reading task of the video."""
        self.open_video()
        stored = {name: self.store.put(name, pixels) for name, pixels in frames.items()}
        self.queue.progress("reader", "reading", Outcome(push=tasks, new_frames=stored))


def picture(seed: int = 0, height: int = 120, width: int = 160) -> Image:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def task(category: str, name: str, record: object, **more: Any) -> Task:
    return Task(
        task_id=f"{VIDEO}:{category}:{name}",
        category=category,
        source_id=VIDEO,
        payload=pack(record),
        **more,
    )


def frame_task(category: str, order: int, record: object, **more: Any) -> Task:
    frame = f"{order}.npy"
    return task(
        category, str(order), record, key=VIDEO, order=order, payload_ref=frame, dependencies=(frame,), **more
    )


CAR_BOX = Box(20, 20, 120, 100)


def look(frame_idx: int = 0, *, track_id: int = 1, search: bool = True, box: Box = CAR_BOX) -> Look:
    """A view of a vehicle; the earlier, the better."""
    return Look(track_id, frame_idx, frame_idx / 10, box, search, worth=1000.0 - frame_idx)


def stored(frame_idx: int) -> VehiclePicture:
    """Where the picture of a view lies; its frame begins 10 pixels to the left and 12 above."""
    return VehiclePicture(f"look-{frame_idx}.npy", 10, 12)


def view(frame_idx: int = 0, *, in_full: bool = False, **more: Any) -> ViewToSearch:
    return ViewToSearch(Search(look(frame_idx, **more), in_full), stored(frame_idx), NOTHING_AROUND)


def passed(*looks: Look, track_id: int = 1) -> VehiclePassed:
    """A vehicle has passed, with these views."""
    pictures = tuple(stored(one.frame_idx) for one in looks)
    return VehiclePassed(Passing(track_id, "car", 0, 30, 0.0, 3.0, looks), pictures)
