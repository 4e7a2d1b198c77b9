"""SUMMARY: when nothing of a video is left to do, its counts become the video's row."""

from __future__ import annotations

from dataclasses import replace

from dashcam_pipeline.engine.monitor import BYTES_DONE
from dashcam_pipeline.engine.task import Batch, Outcome
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.plate_smooth import PLATES, REASON, VEHICLES
from dashcam_pipeline.stages.records import RowToWrite, VideoRead
from dashcam_pipeline.storage.rows import VideoStatus


class Summary:
    """The processor of SUMMARY. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context

    def process(self, batch: Batch, /) -> Outcome:
        task = batch.tasks[0]
        read: VideoRead = task.load()
        counts = self._context.tools.shared.queue.tallies(task.source_id)
        given_up = counts.get("dead_letters", 0)
        row = replace(
            read.row,
            dead_letters=given_up,
            vehicles=counts.get(VEHICLES, 0),
            plates=counts.get(PLATES, 0),
            reasons={
                name.removeprefix(REASON): count
                for name, count in sorted(counts.items())
                if name.startswith(REASON)
            },
        )
        if given_up and row.status is VideoStatus.DONE:
            row = replace(
                row, status=VideoStatus.PARTIAL, reason=f"{given_up} tasks failed and were given up"
            )
        return Outcome(
            push=(self._context.route.task(RowToWrite(row), task, "video"),),
            tallies={BYTES_DONE: row.size_bytes or 0},
        )
