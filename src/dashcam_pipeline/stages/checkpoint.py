"""CHECKPOINT: the end of an epoch of a video goes to disk, so that a run that is killed goes on from there.

Several that wait are written as one: only the latest counts. One that can't be written costs no result, only time after
the next kill: the earlier checkpoint stays.
"""

from __future__ import annotations

import logging

from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder, SavedCheckpoint
from dashcam_pipeline.engine.task import Batch, Checkpoint, Outcome
from dashcam_pipeline.stages.context import CHECKPOINTS, StageContext

log = logging.getLogger(__name__)


class SaveCheckpoint:
    """The processor of CHECKPOINT. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._store = context.tools.store
        self._stamp = context.job.stamp
        self._folder = CheckpointFolder(context.job.work_dir / CHECKPOINTS, context.job.run_id)

    def process(self, batch: Batch, /) -> Outcome:
        checkpoints: list[Checkpoint] = [task.load() for task in batch.tasks]
        latest = max(checkpoints, key=lambda checkpoint: checkpoint.epoch)
        try:
            frames = {frame_id: self._store.read_bytes(frame_id) for frame_id in latest.frames}
            self._folder.save(SavedCheckpoint(stamp=self._stamp, checkpoint=latest, frames=frames))
        except Exception as error:  # whatever it is, no row is missing for it
            log.warning("no checkpoint of %s could be written: %r", latest.source_id, error)
        return Outcome()
