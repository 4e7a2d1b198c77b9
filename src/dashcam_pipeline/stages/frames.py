"""From a task to the pixels it works on."""

from __future__ import annotations

from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.task import Task
from dashcam_pipeline.vision.types import Image


def stored_frame(store: FrameStore, task: Task) -> Image:
    """The frame that a task works on."""
    if task.payload_ref is None:
        raise ValueError(f"task {task.task_id} names no frame")
    return store.get(task.payload_ref)
