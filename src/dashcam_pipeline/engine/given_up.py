"""What follows a task that was given up: word to the stage behind it, and a copy for who looks into it."""

from __future__ import annotations

from dataclasses import replace

from dashcam_pipeline.engine.task import DeadLetter, Task, pack


def tombstone(task: Task, heir: str) -> Task:
    """What tells the next category that a task was given up: its record, without its frames."""
    return replace(
        task,
        task_id=f"{task.task_id}!",
        category=heir,
        dependencies=(),
        payload_ref=None,
        attempts=0,
        interruptions=0,
        tombstone_of=task.category,
    )


def for_keeping(task: Task, keeper: str, reason: str) -> Task:
    """What tells the keeper of dead letters of a task that was given up, with the frames that it had."""
    return replace(
        task,
        task_id=f"{task.task_id}:{keeper}",
        category=keeper,
        payload=pack(DeadLetter(task, reason)),
        attempts=0,
        interruptions=0,
    )
