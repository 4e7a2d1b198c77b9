"""Sightings that are one vehicle, in the database: what is to be joined, and what was."""

from __future__ import annotations

import platform
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from psycopg.rows import class_row, kwargs_row, scalar_row
from psycopg.types.json import Jsonb

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.text import storable

LOCK_KEY = 7_305_491_127
"""Of the advisory lock by which two runs that join at the same time take turns."""
OVER = frozenset({VideoStatus.DONE, VideoStatus.PARTIAL, VideoStatus.FAILED})

FileBox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A video that is over and whose vehicles are still to be joined."""

    video_id: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVideo:
    """The latest reading of a video."""

    run_id: str
    video_id: str
    path: str
    status: VideoStatus
    duration_s: float | None
    width: int | None
    height: int | None
    codec: str | None
    frames_decoded: int
    updated_at: datetime

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A row of `vehicles`, without its looks."""

    id: str
    video_id: str
    vehicle_class: str
    first_frame: int
    last_frame: int
    first_s: float  # in its video
    last_s: float
    final_plate: str | None
    best_guess: str | None
    plate_confidence: float | None
    no_plate_reason: str | None
    first_bbox: FileBox | None  # pixels
    last_bbox: FileBox | None
    shot: int  # shot cuts of its video before it
    agreeing_reads: int
    plate_width: float | None  # pixels, in the picture that is its proof

    @property
    def text(self) -> str | None:
        """Of the plate, or else of the best guess."""
        return self.final_plate or self.best_guess


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVote:
    """How the plate of a row of `vehicles` came about."""

    id: str
    looks: list[dict[str, object]]  # as `LookRow` has them
    reads: int
    agreeing_reads: int
    char_votes: list[dict[str, float]]
    best_read: str | None
    plate_region: str | None
    plate_format: str | None
    confidence_parts: dict[str, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRow:
    """What holds for several rows of `vehicles` together. See the table `joined`."""

    id: str  # of the row that speaks for the others
    parts: int
    until_id: str
    shown_id: str
    span_s: float
    final_plate: str | None
    plate_confidence: float | None
    best_guess: str | None
    no_plate_reason: str | None
    reads: int
    agreeing_reads: int
    char_votes: list[dict[str, float]]
    best_read: str | None
    plate_region: str | None
    plate_format: str | None
    confidence_parts: dict[str, float] | None


def pending_videos(
    connection: Connection, work_dir: Path, video_ids: Collection[str], stamp: str
) -> list[Pending]:
    """The videos to be joined: those that runs of this work dir brought in since, and those of `video_ids` that were
    joined with other settings than `stamp` names."""
    parameters = {
        "host": platform.node(),
        "work_dir": storable(str(work_dir)),
        "video_ids": sorted(video_ids),
        "stamp": stamp,
    }
    with connection.cursor(row_factory=class_row(Pending)) as cursor:
        return cursor.execute(query("joining", "pending"), parameters).fetchall()


def videos_in_folders(connection: Connection, folders: Collection[str]) -> list[StoredVideo]:
    """All videos of this host in these folders, as they were read last. Folders end in a slash."""
    parameters = {"host": platform.node(), "folders": sorted(folders)}
    with connection.cursor(row_factory=kwargs_row(_as_video)) as cursor:
        return cursor.execute(query("joining", "videos_in_folders"), parameters).fetchall()


def lock(connection: Connection) -> None:
    """Until the end of the transaction, nobody else joins anything."""
    connection.execute(query("joining", "lock"), {"key": LOCK_KEY})


def parts_of(connection: Connection, video_ids: Collection[str]) -> list[StoredPart]:
    """All vehicles of these videos, in no order."""
    with connection.cursor(row_factory=class_row(StoredPart)) as cursor:
        return cursor.execute(query("joining", "parts"), {"video_ids": sorted(video_ids)}).fetchall()


def votes_of(connection: Connection, ids: Collection[str]) -> dict[str, StoredVote]:
    """The votes of these vehicles, by id."""
    with connection.cursor(row_factory=class_row(StoredVote)) as cursor:
        found = cursor.execute(query("joining", "votes"), {"ids": sorted(ids)}).fetchall()
    return {vote.id: vote for vote in found}


def dissolve(connection: Connection, video_ids: Collection[str]) -> set[str]:
    """Let every vehicle of these videos, and what was joined to them, speak for itself again.

    Returns:
        The videos that this touched, which are to be joined now.
    """
    given = {"video_ids": sorted(video_ids)}
    with connection.cursor(row_factory=scalar_row) as cursor:
        heads = cursor.execute(query("joining", "heads"), given).fetchall()
        touched = cursor.execute(query("joining", "videos_of_heads"), {"heads": heads}).fetchall()
    connection.execute(query("joining", "let_go"), {"heads": heads})
    connection.execute(query("joining", "forget_joined"), {"heads": heads})
    all_ids = {*video_ids, *map(str, touched)}
    connection.execute(query("joining", "set_pending"), {"video_ids": sorted(all_ids)})
    return all_ids


def write_joined(connection: Connection, row: JoinedRow, part_ids: Collection[str]) -> None:
    """Make several rows one sighting.

    Args:
        part_ids: of all of them; that of `row` may be among them.
    """
    parameters = {
        **asdict(row),
        "char_votes": Jsonb(row.char_votes),
        "confidence_parts": None if row.confidence_parts is None else Jsonb(row.confidence_parts),
    }
    connection.execute(query("joining", "insert_joined"), parameters)
    connection.execute(
        query("joining", "set_part_of"), {"id": row.id, "parts": sorted(set(part_ids) - {row.id})}
    )


def settle(connection: Connection, videos: Sequence[StoredVideo], trip: str, stamp: str) -> None:
    """Write that the vehicles of these videos are joined, and count them as they are now."""
    parameters = {
        "run_ids": [video.run_id for video in videos],
        "video_ids": [video.video_id for video in videos],
        "trip": trip,
        "stamp": stamp,
    }
    connection.execute(query("joining", "settle"), parameters)


def _as_video(status: str, **columns: object) -> StoredVideo:
    return StoredVideo(status=VideoStatus(status), **columns)  # type: ignore[arg-type]
