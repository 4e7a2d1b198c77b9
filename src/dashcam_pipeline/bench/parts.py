"""The parts of a run, each measured alone: decode, prepare, store, pictures, queue, outbox."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dashcam_pipeline.bench.models import BareModel
from dashcam_pipeline.bench.part import Clock, Part, measure
from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.manager import ManagerProcess
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.task import Category, Outcome, Task, WorkerClass
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.sources.decoding import DamageTolerantDecoder
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.storage.rows import VideoRow, VideoStatus
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.vision.types import Image

STORED_AT_ONCE = (
    8  # frames that are there at a time; more would measure the disk of a store that never is so full
)
ROWS_AT_ONCE = 16  # as the writer hands them in
TASK_PAYLOAD = bytes(200)  # about what a frame's record takes
NO_LIMIT = Limits(10**9, 10**9, 10**9)


def decode(video: Path, threads: int, name: str | None = None) -> Part:
    """Decode all of a file, and make no picture of any frame.

    Raises:
        VideoUnreadable: it can't be opened, or nothing of it decodes.
    """
    clock, n = Clock(), 0
    with open_video(video, threads) as opened:
        for _ in DamageTolerantDecoder(opened).frames():
            n += 1
    return clock.part(name or f"decode, {threads} thread{'s' if threads > 1 else ''}", max(n, 1))


def some_frames(video: Path, settings: Settings, most: int = STORED_AT_ONCE) -> list[Image]:
    """The first frames that a run would look at. Raises VideoUnreadable when there is none."""
    sampler = Sampler(settings.sampling.frames_per_s, settings.sampling.stride)
    with VideoFile(video) as opened:
        return [frame.image for frame in islice(opened.frames(sampler), most)]


def letterbox(model: BareModel, frames: Sequence[Image], for_s: float = 0.5) -> Part:
    """Make the model's input of a frame."""
    head = model.head
    if head is None:
        raise ValueError(f"{model.name} is no detector")
    return measure("letterbox", lambda turn: head.prepare(frames[turn % len(frames)]), for_s)


def store(
    folder: Path, settings: Settings, frames: Sequence[Image], for_s: float = 0.5
) -> tuple[Part, Part, Part]:
    """Write a frame, read a whole one, and cut a part of an eighth of its area out of a stored one.

    Args:
        folder: an empty one, on the disk that is to be measured; no frame is left in it.
    """
    kept = FrameStore(folder, settings.frame_store.format)
    ids = [kept.frame_id(f"bench-{number}") for number in range(len(frames))]

    def write(turn: int) -> None:
        place = turn % len(frames)
        kept.delete(ids[place])  # as in a run, where for each new frame an old one goes
        kept.put(ids[place], frames[place])

    def read(turn: int) -> None:
        np.array(kept.get(ids[turn % len(ids)]))

    def cut(turn: int) -> None:
        np.array(crop_of(kept.get(ids[turn % len(ids)])))

    for number in range(len(frames)):
        write(number)
    try:
        return (
            measure("store write", write, for_s),
            measure("store read", read, for_s),
            measure("store crop", cut, for_s),
        )
    finally:
        for frame_id in ids:
            kept.delete(frame_id)
        kept.forget_released()


def crop_of(frame: Image) -> Image:
    """About what a vehicle takes of a frame that is worth a plate search."""
    height, width = frame.shape[:2]
    return frame[height // 3 : height // 3 * 2, width // 3 : width // 3 + width * 3 // 8]


def picture_jpeg(settings: Settings, frames: Sequence[Image], for_s: float = 0.5) -> Part:
    """Write a vehicle's picture as JPEG, in memory."""
    crops = [np.ascontiguousarray(crop_of(frame)) for frame in frames]
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.storage.evidence_quality]
    return measure(
        "JPEG of a crop", lambda turn: cv2.imencode(".jpg", crops[turn % len(crops)], quality), for_s
    )


def queue_calls(folder: Path, batch: int = 8, for_s: float = 0.5) -> Part:
    """Lease a batch and complete it, with as many tasks pushed on, at the Manager process of a queue.

    Returns:
        n counts calls. CPU time is this process's own, without the Manager's.
    """
    first = Category(name="FIRST", worker_class=WorkerClass.GPU, batch=batch)
    manager = ManagerProcess()
    try:
        rules = QueueRules(gpu=NO_LIMIT, cpu=NO_LIMIT, writer=NO_LIMIT, store=NO_LIMIT)
        queue = manager.start((first,), rules, FrameStore(folder)).queue
        for number in range(batch):
            queue.push(f"{number}", _task(f"{number}"))

        def turn(number: int) -> None:
            leased = queue.lease("bench", ("FIRST",))
            if leased is None:
                raise RuntimeError("the queue lost its tasks")
            follow = tuple(_task(f"{number + 1}-{place}") for place in range(batch))
            queue.complete("bench", leased.task_ids, Outcome(push=follow))

        part = measure("queue call", turn, for_s)
    finally:
        manager.shutdown()
    return Part(part.name, part.n * 2, part.wall_s, part.cpu_s)


def outbox_write(folder: Path, for_s: float = 0.5) -> Part:
    """Put rows into an outbox in `folder`, which is on disk when each call returns; n counts rows."""
    row = VideoRow(run_id="bench", video_id="0" * 32, path="bench", filename="bench", status=VideoStatus.DONE)
    path = folder / "bench-outbox.sqlite3"
    with Outbox(path) as outbox:
        part = measure("outbox write", lambda turn: outbox.add([row] * ROWS_AT_ONCE), for_s)
    for companion in folder.glob(f"{path.name}*"):
        companion.unlink()
    return Part(part.name, part.n * ROWS_AT_ONCE, part.wall_s, part.cpu_s)


def _task(name: str) -> Task:
    return Task(task_id=name, category="FIRST", source_id="bench", payload=TASK_PAYLOAD)
