"""DEAD_LETTER: what is known of a task that was given up becomes a row, and its frame a picture.

Whatever can't be had of it is left out: this stage must not fail on what others failed on.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from dashcam_pipeline.config import PrivacySettings
from dashcam_pipeline.durable import write_durably
from dashcam_pipeline.engine.task import Batch, DeadLetter, Outcome, Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.frames import stored_frame
from dashcam_pipeline.stages.hiding import without_texts
from dashcam_pipeline.stages.records import (
    LookDone,
    PlateToRead,
    RowToWrite,
    SampledFrame,
    SearchedFrame,
    VehiclePassed,
    ViewToSearch,
)
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.rows import DeadLetterRow, SightingRow
from dashcam_pipeline.storage.writing.outbox import FILE_NAME, Outbox

FOLDER = "dead_letters"
SHORT_ID = 16  # characters of the video id in the names of pictures

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a video something is."""

    frame_idx: int
    ts_s: float


class KeepDeadLetter:
    """The processor of DEAD_LETTER. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        path = context.job.work_dir / FILE_NAME
        self._outbox = when_disk_allows(context, (), lambda: Outbox(path))

    def process(self, batch: Batch, /) -> Outcome:
        rows = [self._row(task) for task in batch.tasks]
        when_disk_allows(self._context, batch.task_ids, lambda: self._outbox.add(rows))
        return Outcome()

    @property
    def _privacy(self) -> PrivacySettings:
        return self._context.settings.privacy

    def close(self) -> None:
        """The process leaves."""
        self._outbox.close()

    def _row(self, task: Task) -> DeadLetterRow:
        letter: DeadLetter = task.load()
        dead = letter.task
        moment = moment_of(dead)
        reason = without_texts(letter.reason) if self._privacy.hash_plates else letter.reason
        return DeadLetterRow(
            run_id=self._context.job.run_id,
            video_id=dead.source_id,
            task_id=dead.task_id,
            category=dead.category,
            attempts=dead.attempts,
            error=next(iter(reversed(reason.strip().splitlines())), "no reason is known"),
            traceback=reason,
            frame_idx=moment.frame_idx if moment else None,
            ts_s=moment.ts_s if moment else None,
            frame_picture=self._keep_picture(task, dead, moment),
            failed_at=datetime.now(UTC),
        )

    def _keep_picture(self, task: Task, dead: Task, moment: Moment | None) -> str | None:
        """The path of the frame's picture in the work dir; None where there is no frame, no readable one, or where
        pictures are not to show everybody."""
        shows_all = not self._privacy.hash_plates and self._privacy.blur_evidence == "none"
        if task.payload_ref is None or not shows_all:
            return None
        import cv2  # a run without dead letters has a writer that looks at no pictures

        try:
            encoded, data = cv2.imencode(".png", stored_frame(self._context.tools.store, task))
            if not encoded:
                raise ValueError("it can't be encoded")
        except Exception as error:  # whatever libraries say of files that are gone, cut or something else
            log.warning("the frame %s of a task that was given up can't be read: %s", task.payload_ref, error)
            return None
        frame = f"{moment.frame_idx:07d}" if moment else re.sub(r"\W", "-", dead.task_id)[-40:]
        relative = (
            f"{FOLDER}/{self._context.job.run_id}/{dead.source_id[:SHORT_ID]}-{frame}-{dead.category}.png"
        )
        path = self._context.job.work_dir / relative
        when_disk_allows(self._context, (task.task_id,), lambda: write_durably(path, data.tobytes()))
        return relative


def moment_of(task: Task) -> Moment | None:
    """Where in the video a task's record belongs; None for one that is about no frame."""
    try:
        record = task.load()
    except Exception:  # its record may be the very thing that it failed on
        return None
    match record:
        case SampledFrame() | SearchedFrame():
            return Moment(record.frame_idx, record.ts_s)
        case ViewToSearch():
            return Moment(record.search.look.frame_idx, record.search.look.ts_s)
        case PlateToRead() | LookDone():
            return Moment(record.result.frame_idx, record.result.ts_s)
        case VehiclePassed():
            return Moment(record.passing.first_frame, record.passing.first_s)
        case RowToWrite(row=SightingRow() as row):
            return Moment(row.frame_idx, row.video_ts_frame)
    return None
