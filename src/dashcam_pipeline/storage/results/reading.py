"""Reading back what runs have written: runs, their videos, their sightings, what they gave up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.proof.evidence_place import EvidencePlace
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.rows import DeadLetterRow, RunStatus, VideoStatus

LATEST = "latest"
ROWS_A_TRIP = 1000

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run with the sums over its videos."""

    run_id: str
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    work_dir: str | None
    host: str | None  # whose work dir that is
    videos: int
    done: int  # videos that were read to their end
    frames_decoded: int
    vehicles: int
    plates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is in the table of one video."""

    vehicles: int
    plates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSummary:
    """A video of a run with the plates found in it."""

    path: str
    filename: str
    video_id: str
    status: VideoStatus
    reason: str | None
    duration_s: float | None
    frames_decoded: int
    decode_errors: int
    dead_letters: int  # tasks that were given up
    vehicles: int
    plates: int
    reasons: dict[str, int] | None  # sightings without a plate, by reason
    claimed: list[str]  # the plates, in the order of their vehicles; empty when a later run replaced them
    trip: str | None  # equal for files that one camera recorded one after the other; None: not known yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A sighting as it is exported; the fields are the columns, in their order."""

    id: str  # as `dashcam explain` takes it
    plate: str | None  # only a claim; weaker texts stand in best_guess
    confidence: float | None  # of the plate, or else of the best guess
    region: str | None  # the readers' guess at the plate's country
    format: str | None  # of the text, as "ro/standard"; unknown where it fits none
    video: str | None  # file name of the video in which it was seen first
    first_frame: int  # in `video`; frames count from 0 in decode order
    last_frame: int  # in `last_video`
    first_s: float  # seconds from the start of `video`
    last_s: float  # seconds from the start of `last_video`
    last_video: str | None  # file name of the video of last_frame and last_s; most often `video`
    span_s: float  # from the first sight to the last
    vehicle_class: str  # car, truck, bus or motorcycle
    reads: int  # looks that voted
    agreeing_reads: int  # of these, with the text that won
    best_guess: str | None  # the text of a vote that makes no claim
    reason: str | None  # why there is no plate: see reasons.md
    best_read: str | None  # the single strongest read, as the reader gave it
    frame: int  # of the pictures
    frame_s: float  # its second in `frame_video`
    ts: datetime | None  # its wall time where known, with the camera's offset to UTC
    time_source: str | None = None  # where that comes from: gps, sidecar, name, container or file
    latitude: float | None = None  # where the camera was then, degrees (WGS84)
    longitude: float | None = None
    speed_kmh: float | None = None  # of the camera
    heading_deg: float | None = None  # where it moved to, clockwise from north
    position_source: str | None = None  # where the position comes from: gpx, nmea, srt, …
    evidence: str | None  # picture of the vehicle
    plate_evidence: str | None  # picture of the plate
    frame_evidence: str | None  # picture of the whole frame
    strip_evidence: str | None  # picture of the plate in the looks that were read
    frame_video: str | None  # file name of the video of `frame`
    parts: int  # rows of the table `vehicles` that it is made of
    video_path: str | None  # of `video`, as the run found it
    video_id: str  # by content, not by name
    track_id: int  # counts from 1 within the video
    part: int  # counts from 0 within the track, which is split where its plate changes
    uuid: str  # id in the database
    run_id: str  # the run that wrote it last


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found(Sighting):
    """A sighting with its pictures as they are stored: relative to the work dir of the run that wrote them."""

    work_dir: str | None
    host: str | None
    utc_offset_min: int | None

    def placed(self, in_use: Path | None) -> Sighting:
        place = EvidencePlace(self.work_dir, self.host, in_use)
        values = {field.name: getattr(self, field.name) for field in fields(Sighting)}
        values["ts"] = with_offset(self.ts, self.utc_offset_min)
        pictures = {name: str(place.find(values[name])) for name in PICTURES if values[name] is not None}
        return Sighting(**{**values, **pictures})


def with_offset(moment: datetime | None, utc_offset_min: int | None) -> datetime | None:
    """A moment as the clock on the camera's wall said it; in UTC where its offset is unknown."""
    if moment is None:
        return None
    return moment.astimezone(timezone(timedelta(minutes=utc_offset_min or 0)))


PICTURES = ("evidence", "plate_evidence", "frame_evidence", "strip_evidence")


def list_runs(connection: Connection) -> list[RunSummary]:
    """All runs, the latest first."""
    return _all(connection, RunSummary, "runs", {})


def find_run(connection: Connection, name: str) -> RunSummary:
    """The run that `name` means: `latest`, a run id, or the beginning of one.

    Raises:
        BadInput: there is none, or several.
    """
    runs = list_runs(connection)
    if not runs:
        raise BadInput("no run has been recorded in this database yet")
    if name == LATEST:
        return runs[0]
    matching = [run for run in runs if run.run_id == name] or [r for r in runs if r.run_id.startswith(name)]
    if len(matching) != 1:
        found = "no run" if not matching else f"{len(matching)} runs begin"
        raise BadInput(
            f"{found} {'is called' if not matching else 'with'} {name!r}: `dashcam runs` lists them, the latest "
            f"is {runs[0].run_id}"
        )
    return matching[0]


def list_videos(connection: Connection, run_id: str) -> list[VideoSummary]:
    """The videos of a run, by path."""
    return _all(connection, VideoSummary, "videos", {"run_id": run_id})


def count_stored(connection: Connection, run_id: str, video_id: str) -> Stored:
    """The sightings that a run has written of a video so far."""
    return _all(connection, Stored, "count_stored", {"run_id": run_id, "video_id": video_id})[0]


def find_videos(connection: Connection, run_id: str, name: str) -> list[str]:
    """The ids of a run's videos with that file name, path or id.

    Raises:
        BadInput: there is none.
    """
    videos = list_videos(connection, run_id)
    found = {video.video_id for video in videos if name in (video.filename, video.path, video.video_id)}
    if not found:
        names = ", ".join(sorted({video.filename for video in videos})) or "no video"
        raise BadInput(f"the run {run_id} has no video {name!r}: it has {names}")
    return sorted(found)


def count_replaced(connection: Connection, run_id: str) -> int:
    """How many of a run's videos have sightings that another run wrote since."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(query("read", "replaced_videos"), {"run_id": run_id}).fetchone() or 0)


def list_dead_letters(connection: Connection, run_id: str) -> list[DeadLetterRow]:
    """The work that a run gave up, by video and frame."""
    return _all(connection, DeadLetterRow, "dead_letters", {"run_id": run_id})


def count_dead_letters(connection: Connection, run_id: str) -> int:
    """How many pieces of work a run gave up."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(query("read", "count_dead_letters"), {"run_id": run_id}).fetchone() or 0)


def count_without_pictures(connection: Connection, run_id: str) -> int:
    """How many rows of a run have no evidence pictures though nothing failed on them: there was no room left."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query("read", "count_without_pictures"), {"run_id": run_id}).fetchone()
    return int(found or 0)


def iterate_sightings(
    connection: Connection,
    run: RunSummary,
    video_ids: Sequence[str] | None = None,
    work_dir: Path | None = None,
) -> Iterator[Sighting]:
    """The sightings in the videos of a run by video and first frame, fetched bit by bit; evidence with its full path.

    Args:
        connection: to the database.
        run: whose sightings.
        video_ids: only of these videos.
        work_dir: where pictures are looked for that are not in the work dir of their run any more.

    Of videos that the run skipped, because they had been read already, those of the earlier run.
    """
    parameters = {
        "ids": None,
        "run_id": run.run_id,
        "video_ids": list(video_ids) if video_ids is not None else None,
    }
    with connection.cursor(name="sightings", row_factory=class_row(_Found)) as cursor:
        cursor.itersize = ROWS_A_TRIP
        cursor.execute(query("read", "sightings"), parameters)
        for found in cursor:
            yield found.placed(work_dir)


def sightings_of_ids(
    connection: Connection, ids: Sequence[UUID], work_dir: Path | None = None
) -> list[Sighting]:
    """The sightings with these ids in the database, in the order of the ids, whichever run they are of."""
    parameters = {"ids": list(ids), "run_id": None, "video_ids": None}
    with connection.cursor(row_factory=class_row(_Found)) as cursor:
        found = {row.uuid: row for row in cursor.execute(query("read", "sightings"), parameters)}
    return [found[str(one)].placed(work_dir) for one in ids if str(one) in found]


def _all(connection: Connection, record: type[Record], name: str, parameters: dict[str, str]) -> list[Record]:
    with connection.cursor(row_factory=class_row(record)) as cursor:
        return cursor.execute(query("read", name), parameters).fetchall()
