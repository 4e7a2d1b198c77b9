"""Waiting in a stage: a sign of life every second, so that the work is not taken for stuck, and an ear for the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from dashcam_pipeline.engine.task import LeaseLost
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.storage.writing.patience import patiently

ALIVE_EVERY_S = 1.0
DISK = "disk"  # what it is called on the board

Result = TypeVar("Result")


def wait(context: StageContext, task_ids: Sequence[str], seconds: float) -> None:
    """Wait, with leased tasks in hand, or with none as while a worker starts.

    Raises:
        LeaseLost: the run ends, or the tasks are somebody else's by now: what was begun with them is void.
    """
    shared, owner = context.tools.shared, context.tools.worker_id
    while seconds > 0:
        turn_s = min(seconds, ALIVE_EVERY_S)
        if shared.terminate.wait(turn_s):
            raise LeaseLost(f"the run ends before {task_ids[0] if task_ids else owner} could go on")
        if task_ids:
            shared.queue.alive(owner, task_ids)
        seconds -= turn_s


def when_disk_allows(context: StageContext, task_ids: Sequence[str], write: Callable[[], Result]) -> Result:
    """Do `write`; where the disk is full or closed to us, wait for it up to `storage.disk_patience_s`.

    Args:
        task_ids: the leased tasks that it is for.
        write: may be called several times.

    Raises:
        LeaseLost: see `wait`.
        DiskUnavailable: the disk refused all the time; the run can be continued.
    """
    board = context.tools.shared.board
    waited = False

    def pause(seconds: float, why: str) -> None:
        nonlocal waited
        waited = True
        board.service(DISK, f"waiting: {why}")
        wait(context, task_ids, seconds)

    result = patiently(write, patience_s=context.settings.storage.disk_patience_s, pause=pause)
    if waited:
        board.service(DISK, "ok")
    return result
