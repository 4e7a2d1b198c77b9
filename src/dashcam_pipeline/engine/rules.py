"""The limits and the patience of a queue, and where it sends what it makes itself."""

from __future__ import annotations

from dataclasses import dataclass

from dashcam_pipeline.engine.pressure import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """The limits of a queue."""

    gpu: Limits  # tasks that wait for the GPU class
    cpu: Limits  # tasks that wait for the CPU class
    writer: Limits  # tasks that wait for the writer
    store: Limits  # bytes of frames brought in by readers
    min_free_bytes: int = 0  # readers wait while the frame store's disk has less
    max_attempts: int = 3
    lease_s: float = 15.0
    stuck_s: float = 120.0  # a task that shows no progress for this long is stuck
    checkpoints_to: str | None = None  # the category that is given a Checkpoint at the end of every epoch
    dead_letters_to: str | None = None  # the category that is given every DeadLetter, with the task's frames
