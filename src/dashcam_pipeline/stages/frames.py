"""Between a task and the pixels that it works on or makes: the frame store, as stages use it."""

from __future__ import annotations

from collections.abc import Sequence

from dashcam_pipeline.engine.frame_store import JPEG_QUALITY, FrameStore
from dashcam_pipeline.engine.task import Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.vision.types import Image


def stored_frame(store: FrameStore, task: Task) -> Image:
    """The frame that a task works on."""
    if task.payload_ref is None:
        raise ValueError(f"task {task.task_id} names no frame")
    return store.get(task.payload_ref)


def store_frame(
    context: StageContext, task_ids: Sequence[str], frame_id: str, image: Image, quality: int = JPEG_QUALITY
) -> int:
    """Store a frame for the leased tasks `task_ids`; its size in bytes. A full disk is waited for, see waiting.py."""
    return when_disk_allows(context, task_ids, lambda: context.tools.store.put(frame_id, image, quality))
