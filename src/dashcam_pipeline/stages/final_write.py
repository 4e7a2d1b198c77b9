"""FINAL_WRITE: rows go into Postgres, many in one transaction. One process does it, so rows never race."""

from __future__ import annotations

import time

from dashcam_pipeline.engine.task import Batch, Outcome
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.storage.rows import SightingRow, VideoRow, VideoStatus
from dashcam_pipeline.storage.writer import ResultWriter

PATIENCE_S = 1800.0  # how long rows wait for a server that is away before the run ends


class FinalWrite:
    """The processor of FINAL_WRITE. A task is done only when its row is committed."""

    def __init__(self, context: StageContext) -> None:
        self._board = context.tools.shared.board
        self._writer = ResultWriter(
            context.job.database_url, give_up_after_s=PATIENCE_S, sleep=self._wait_for_server
        )
        self._rows = 0

    def process(self, batch: Batch, /) -> Outcome:
        rows = [task.load().row for task in batch.tasks]
        sightings = [row for row in rows if isinstance(row, SightingRow)]
        videos = [row for row in rows if isinstance(row, VideoRow)]
        self._writer.write(sightings, videos)
        self._rows += len(sightings)
        self._board.service("database", f"ok, {self._rows} sightings written")
        for seen in sightings:
            if seen.final_plate is not None:
                self._board.highlight(
                    f"{seen.final_plate}  {seen.plate_confidence:.2f}  {seen.vehicle_class}  at {seen.first_s:.1f} s"
                )
        for video in videos:
            if video.status is not VideoStatus.RUNNING:
                self._board.source_over(video.video_id)
        return Outcome()

    def _wait_for_server(self, seconds: float) -> None:
        """Between two tries: let who watches know what the rows wait for."""
        self._board.service("database", f"trying again: {self._writer.problem}")
        time.sleep(seconds)
