"""Where the vehicles of a video were, frame by frame: for who draws them, or hands their boxes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import kwargs_row
from pydantic import TypeAdapter

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.rows import BoxRow, LookRow, PathRow


@dataclass(frozen=True, slots=True)
class PathPoint:
    """A vehicle's box in one frame."""

    frame_idx: int
    ts_s: float  # seconds from the start of the video
    box: BoxRow  # whole pixels of the upright frame


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingPath:
    """One row of `vehicles`, with what is known of the whole vehicle where that has several rows."""

    id: str  # of the sighting, as `dashcam explain` takes it
    uuid: str
    track_id: int  # of this row
    part: int
    plate: str | None  # of the whole vehicle, like the next three
    best_guess: str | None
    confidence: float | None
    reason: str | None
    vehicle_class: str
    first_frame: int  # of this row
    last_frame: int
    first_s: float
    last_s: float
    first_bbox: BoxRow | None
    last_bbox: BoxRow | None
    path: tuple[PathPoint, ...]  # empty for rows of older versions
    looks: tuple[LookRow, ...]


def sightings_of_video(connection: Connection, video_id: str) -> list[SightingPath]:
    """All rows of one video, in the order in which their vehicles came."""
    with connection.cursor(row_factory=kwargs_row(_read)) as cursor:
        return cursor.execute(query("paths", "of_video"), {"video_id": video_id}).fetchall()


def _read(**stored: Any) -> SightingPath:
    """A row as the database gives it."""
    return SightingPath(
        **{
            **stored,
            "path": tuple(
                PathPoint(frame_idx, ts_s, (x1, y1, x2, y2))
                for frame_idx, ts_s, x1, y1, x2, y2 in _PATH.validate_python(stored["path"])
            ),
            "looks": _LOOKS.validate_python(stored["looks"]),
            "first_bbox": _box(stored["first_bbox"]),
            "last_bbox": _box(stored["last_bbox"]),
        }
    )


def _box(corners: Sequence[float] | None) -> BoxRow | None:
    if corners is None:
        return None
    x1, y1, x2, y2 = corners
    return (x1, y1, x2, y2)


_LOOKS = TypeAdapter(tuple[LookRow, ...])
_PATH = TypeAdapter(tuple[PathRow, ...])
