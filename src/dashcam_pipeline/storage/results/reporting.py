"""What the report of a run tells besides its sightings: what it was made with, when and where its videos were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from pydantic import TypeAdapter

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.reading import with_offset
from dashcam_pipeline.storage.rows import FixRow


@dataclass(frozen=True, slots=True)
class MadeWith:
    """What the rows of a run rest on."""

    version: str | None  # of this program
    config_fingerprint: str | None
    model_fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Footage:
    """A video file: its picture, and when and where it was taken as far as that is known."""

    path: str
    video_id: str
    of_another_run: bool  # this one found that it had been read
    duration_s: float | None
    width: int | None  # of the upright frame, pixels
    height: int | None
    fps: float | None
    started_at: datetime | None  # with the camera's offset to UTC
    time_source: str | None
    time_note: str | None
    position_source: str | None
    position_note: str | None
    track: tuple[FixRow, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    path: str
    video_id: str
    of_another_run: bool
    duration_s: float | None
    width: int | None
    height: int | None
    fps: float | None
    started_at: datetime | None
    utc_offset_min: int | None
    time_source: str | None
    time_note: str | None
    position_source: str | None
    position_note: str | None
    track: object


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """A sighting whose plate is on the watchlist."""

    uuid: str  # of the sighting
    spelling: str  # of the plate on the list
    note: str | None  # what the list said of it
    distance: float  # of the two plates; 0: the same


_TRACK: TypeAdapter[tuple[FixRow, ...]] = TypeAdapter(tuple[FixRow, ...])


def made_with(connection: Connection, run_id: str) -> MadeWith:
    """What a run was made with; all unknown where there is no such run."""
    with connection.cursor(row_factory=class_row(MadeWith)) as cursor:
        found = cursor.execute(query("report", "made_with"), {"run_id": run_id}).fetchone()
    return found or MadeWith(None, None, None)


def list_footage(connection: Connection, run_id: str) -> list[Footage]:
    """The videos of a run, by path."""
    with connection.cursor(row_factory=class_row(_Stored)) as cursor:
        return [_footage(row) for row in cursor.execute(query("report", "videos"), {"run_id": run_id})]


def find_alerts(connection: Connection, uuids: Sequence[str]) -> dict[str, RaisedAlert]:
    """The alerts of these sightings, by their keys; of several of one sighting, the nearest."""
    found: dict[str, RaisedAlert] = {}
    with connection.cursor(row_factory=class_row(RaisedAlert)) as alerts:
        for alert in alerts.execute(query("report", "alerts"), {"uuids": list(uuids)}):
            found.setdefault(alert.uuid, alert)
    return found


def _footage(row: _Stored) -> Footage:
    return Footage(
        path=row.path,
        video_id=row.video_id,
        of_another_run=row.of_another_run,
        duration_s=row.duration_s,
        width=row.width,
        height=row.height,
        fps=row.fps,
        started_at=with_offset(row.started_at, row.utc_offset_min),
        time_source=row.time_source,
        time_note=row.time_note,
        position_source=row.position_source,
        position_note=row.position_note,
        track=_TRACK.validate_python(row.track or ()),
    )
