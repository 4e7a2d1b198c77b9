"""What the report of a run tells besides its sightings: what it was made with, when and where its videos were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, kwargs_row
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
    with connection.cursor(row_factory=kwargs_row(_footage)) as cursor:
        return cursor.execute(query("report", "videos"), {"run_id": run_id}).fetchall()


def find_alerts(connection: Connection, uuids: Sequence[str]) -> dict[str, RaisedAlert]:
    """The alerts of these sightings, by their keys; of several of one sighting, the nearest."""
    found: dict[str, RaisedAlert] = {}
    with connection.cursor(row_factory=class_row(RaisedAlert)) as alerts:
        for alert in alerts.execute(query("report", "alerts"), {"uuids": list(uuids)}):
            found.setdefault(alert.uuid, alert)
    return found


def _footage(*, utc_offset_min: int | None, **stored: Any) -> Footage:
    """A row as the database gives it."""
    return Footage(
        **{
            **stored,
            "started_at": with_offset(stored["started_at"], utc_offset_min),
            "track": _TRACK.validate_python(stored["track"] or ()),
        }
    )
