"""The rows of a run in the database: what is there before it, with what it begins, and how it ended."""

from __future__ import annotations

import logging
import platform
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from dashcam_pipeline.batch.inputs import Inputs
from dashcam_pipeline.batch.resume import Before, Plan
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage import resuming
from dashcam_pipeline.storage.postgres.connection import Connection, connect, unavailable
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.resuming import CHANGED, Reading
from dashcam_pipeline.storage.rows import RunRow, RunStatus, VideoRow, VideoStatus
from dashcam_pipeline.storage.text import storable
from dashcam_pipeline.storage.writing.writer import GIVE_UP_AFTER_S, ResultWriter

DIED = "the process of this run died"
CUT_OFF = "the run ended before this video was read to its end"
HARMED = (VideoStatus.FAILED, VideoStatus.PARTIAL)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the rows of a run stand at its end."""

    run: RunRow
    harmed: bool  # some of the videos of this call failed or were only partly readable
    whole: bool  # the run has come to all its videos


class RunRecords:
    """Reads and writes the rows of runs of one work dir. Call it only while the work dir is held."""

    def __init__(self, database: Database, work_dir: Path) -> None:
        self._database = database
        self._work_dir = work_dir

    def end_dead_runs(self) -> None:
        """Say how runs of this work dir ended that died before they could."""
        self._change(lambda connection: resuming.settle_runs(connection, self._work_dir))
        with ResultWriter(self._database.url) as writer:
            # The embedded database lies in the work dir, which we alone hold.
            writer.end_dead_runs(DIED, None if self._database.embedded else self._work_dir)

    def before(self, video_ids: Sequence[str], current_run: str | None) -> Before:
        """What earlier runs have left of the videos."""
        with connect(self._database.url) as connection:
            readings = resuming.readings_of_videos(connection, video_ids)
        return Before(
            readings=tuple(readings),
            work_dir=storable(str(self._work_dir)),
            host=platform.node(),
            current_run=current_run,
        )

    def of_run(self, run_id: str) -> list[Reading]:
        """All rows of a run."""
        with connect(self._database.url) as connection:
            return resuming.readings_of_run(connection, run_id)

    def run(self, run_id: str) -> RunRow | None:
        """The row of a run."""
        with connect(self._database.url) as connection:
            return resuming.find_run_row(connection, run_id)

    def name_moved(self, plan: Plan) -> None:
        """Let rows name the files as they are called now: those of the plan's run, and those of earlier ones whose
        file is no longer where it was (and not those of a file that was copied)."""
        moved = [
            video for video in plan.moved if video.run_id == plan.run_id or not Path(video.old_path).exists()
        ]
        self._change(lambda connection: resuming.move_videos(connection, moved))

    def begin(self, run: RunRow, plan: Plan, inputs: Inputs, in_the_middle: Collection[str]) -> None:
        """Write that the run is under way, and put its rows in order.

        Each step may be the last one before a kill: a video counts as unfinished before its rows go.
        """
        from_start = [video for video in plan.read if video.video_id not in in_the_middle]

        def tidy(connection: Connection) -> None:
            resuming.remove_videos(connection, plan.replaced)
            resuming.mark_changed(connection, plan.changed)

        self._change(tidy)
        self.name_moved(plan)
        known = {storable(reading.path) for reading in self.of_run(plan.run_id)} if plan.continues else set()
        with ResultWriter(self._database.url) as writer:
            writer.start_run(run)
            writer.write(
                videos=[
                    *(_row(run.run_id, video, VideoStatus.QUEUED) for video in from_start),
                    *_kept_rows(plan, known),
                    *(replace(row, run_id=run.run_id) for row in inputs.skipped),
                ]
            )
            self._change(
                lambda connection: resuming.go_on_with(connection, run.run_id, sorted(in_the_middle))
            )
            if plan.continues:
                ids = [video.video_id for video in from_start]
                self._change(lambda connection: resuming.forget_sightings(connection, run.run_id, ids))
                for picture in writer.clear_dead_letters(run.run_id, ids):
                    (self._work_dir / picture).unlink(missing_ok=True)

    def finish(
        self, run: RunRow, videos: Collection[str], give_up_after_s: float = GIVE_UP_AFTER_S
    ) -> Ending:
        """Write how the run ended, and that videos which were not finished were stopped.

        Only when no row of the run waits in the outbox. A run that is still RUNNING here came to its own end:
        its status is made of its videos.

        Args:
            videos: the ids of the videos of this call.
        """
        self._change(lambda connection: resuming.stop_unfinished(connection, run.run_id, CUT_OFF))
        rows = self.of_run(run.run_id)
        whole = not any(row.unfinished and row.reason != CHANGED for row in rows)
        harmed_rows = [row for row in rows if row.status in HARMED]
        if run.status is RunStatus.RUNNING:
            status = RunStatus.PARTIAL if harmed_rows else RunStatus.DONE
            run = replace(run, status=status if whole else RunStatus.STOPPED)
        with ResultWriter(self._database.url, give_up_after_s=give_up_after_s) as writer:
            writer.finish_run(run)
        return Ending(run, any(row.video_id in videos for row in harmed_rows), whole)

    def _change(self, work: resuming.Change) -> None:
        try:
            with connect(self._database.url) as connection:
                work(connection)
        except psycopg.Error as error:
            raise unavailable(self._database.url, error) from error


def _kept_rows(plan: Plan, known: Collection[str]) -> list[VideoRow]:
    """Rows of videos that were read by other runs; a continued run leaves those alone that it has already."""
    return [
        replace(
            _row(plan.run_id, kept.video, VideoStatus.SKIPPED),
            reason=f"read by run {kept.reading.run_id} already",
        )
        for kept in plan.kept
        if kept.reading.run_id != plan.run_id and storable(str(kept.video.path)) not in known
    ]


def _row(run_id: str, video: VideoJob, status: VideoStatus) -> VideoRow:
    return VideoRow(
        run_id=run_id,
        video_id=video.video_id,
        path=str(video.path),
        filename=shown(Path(video.path.name)),
        status=status,
        size_bytes=video.size_bytes,
    )
