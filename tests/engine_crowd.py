"""Workers for tests of the Manager: they lease small tasks and finish them, until nothing comes any more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from dashcam_pipeline.engine.process import become_child
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Outcome, Task


def work(shared: Shared, owner: str, parent_pid: int, log: Path, dies_after: int | None) -> None:
    """Lease, complete and note down; with `dies_after`, die with a batch in hand after so many batches."""
    become_child(parent_pid)
    batches = 0
    with log.open("w", buffering=1) as done:
        while batch := shared.queue.lease(owner, ["SEARCH", "CLOSE"], None, 2.0):
            if batches == dies_after:
                os.kill(os.getpid(), signal.SIGKILL)
            follow = [_after(task) for task in batch.tasks if task.category == "SEARCH"]
            shared.queue.complete(owner, batch.task_ids, Outcome(push=tuple(follow)))
            batches += 1
            done.write("".join(f"{task_id}\n" for task_id in batch.task_ids))


def _after(task: Task) -> Task:
    return Task(task_id=f"{task.task_id}-after", category="CLOSE", source_id=task.source_id)
