"""What a call of `dashcam run` reads of earlier runs, and how it puts their rows in order before it goes on."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from psycopg.rows import class_row, kwargs_row

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.rows import RunRow, RunStatus, VideoStatus
from dashcam_pipeline.storage.text import storable

Change = Callable[[Connection], None]
"""What is done in one transaction."""
UNFINISHED = frozenset({VideoStatus.QUEUED, VideoStatus.RUNNING, VideoStatus.STOPPED})
CHANGED = "the file has changed"
"""The reason of a video that was stopped for good: its content is no longer there under its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a run came to with a video."""

    run_id: str
    video_id: str
    path: str
    status: VideoStatus
    reason: str | None
    dead_letters: int
    begun: bool  # the video was opened: sightings of earlier runs may have been replaced
    started_at: datetime  # of the run
    work_dir: str | None
    host: str | None
    config_fingerprint: str
    model_fingerprint: str

    @property
    def unfinished(self) -> bool:
        """Whether the video was not read to its end."""
        return self.status in UNFINISHED

    @property
    def went_wrong(self) -> bool:
        """Whether reading it again could come to more."""
        return self.status is VideoStatus.FAILED or self.dead_letters > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A video of a run whose file has another name or folder now."""

    run_id: str
    video_id: str
    old_path: str
    new_path: str


def readings_of_videos(connection: Connection, video_ids: Sequence[str]) -> list[Reading]:
    """All rows of these videos in any run, without skipped ones, the latest last."""
    return _readings(connection, "readings_of_videos", {"video_ids": list(video_ids)})


def readings_of_run(connection: Connection, run_id: str) -> list[Reading]:
    """All rows of a run, the skipped ones too."""
    return _readings(connection, "readings_of_run", {"run_id": run_id})


def find_run_row(connection: Connection, run_id: str) -> RunRow | None:
    """The row of a run as it was written."""
    with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        row = cursor.execute(query("resume", "run"), {"run_id": run_id}).fetchone()
    return None if row is None else _with_status(row)


def settle_runs(connection: Connection, work_dir: Path) -> None:
    """Runs of this work dir that never came to say so, and whose videos are all done, are done."""
    where = {"work_dir": storable(str(work_dir)), "host": platform.node(), "changed": CHANGED}
    connection.execute(query("resume", "settle_runs"), where)


def stop_unfinished(connection: Connection, run_id: str, reason: str) -> None:
    """Say of a run's videos that are queued or being read that they were stopped, with what is in the table."""
    connection.execute(query("resume", "stop_unfinished"), {"run_id": run_id, "reason": storable(reason)})


def remove_videos(connection: Connection, readings: Sequence[Reading]) -> None:
    """Forget rows of files that are other videos now."""
    for reading in readings:
        connection.execute(query("resume", "remove_video"), _key(reading))


def mark_changed(connection: Connection, readings: Sequence[Reading]) -> None:
    """Say of videos that their content is no longer there."""
    for reading in readings:
        connection.execute(query("resume", "mark_changed"), {**_key(reading), "reason": CHANGED})


def move_videos(connection: Connection, moved: Sequence[Moved]) -> None:
    """Name the files of videos as they are called now, with their sightings."""
    for video in moved:
        parameters = {
            "run_id": video.run_id,
            "video_id": video.video_id,
            "old_path": video.old_path,
            "new_path": storable(video.new_path),
            "filename": storable(Path(video.new_path).name),
        }
        connection.execute(query("resume", "remove_copy"), parameters)
        connection.execute(query("resume", "move_video"), parameters)
    if moved:
        video_ids = [video.video_id for video in moved]
        connection.execute(query("write", "name_videos"), {"video_ids": video_ids})


def forget_sightings(connection: Connection, run_id: str, video_ids: Sequence[str]) -> None:
    """Remove what a run wrote of videos that it reads again from their start."""
    parameters = {"run_id": run_id, "video_ids": list(video_ids)}
    connection.execute(query("resume", "forget_sightings"), parameters)


def go_on_with(connection: Connection, run_id: str, video_ids: Sequence[str]) -> None:
    """Say of videos that they are being read again, from the middle."""
    connection.execute(query("resume", "go_on_with"), {"run_id": run_id, "video_ids": list(video_ids)})


def _readings(connection: Connection, name: str, parameters: dict[str, object]) -> list[Reading]:
    with connection.cursor(row_factory=kwargs_row(_as_reading)) as cursor:
        return cursor.execute(query("resume", name), parameters).fetchall()


def _as_reading(status: str, **columns: object) -> Reading:
    return Reading(status=VideoStatus(status), **columns)  # type: ignore[arg-type]


def _with_status(row: RunRow) -> RunRow:
    return replace(row, status=RunStatus(row.status), host=row.host or "")


def _key(reading: Reading) -> dict[str, str]:
    return {"run_id": reading.run_id, "path": reading.path, "video_id": reading.video_id}
