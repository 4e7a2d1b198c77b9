"""Alerts in the database: raised in the transaction that writes their sighting, so each is there once, whatever dies.

What is told of them is told from the table: see `notifier.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

from psycopg.rows import class_row, kwargs_row, scalar_row

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.proof.evidence_place import EvidencePlace
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.retention.plate_hash import hashed, plate_key, shown

PAYLOAD_VERSION = 1
"""Of what a webhook gets: counted up when a field changes its meaning or goes; fields may be added."""


class AlertState(StrEnum):
    """How far an alert has got on its way to the webhook."""

    KEPT = "kept"  # no webhook was configured when it was raised
    PENDING = "pending"  # to be posted
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"  # given up


@dataclass(frozen=True, slots=True)
class Watching:
    """What who writes sightings must know to raise alerts of them."""

    work_dir: Path | None = None  # whose plates may be hashed, see `plate_hash.plate_key`
    state: AlertState = AlertState.PENDING  # of new alerts; who knows of no webhook leaves them to who does


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert with its sighting as it is now. Of one vehicle and one watched plate there is one."""

    id: str
    raised_at: datetime
    run_id: str  # that raised it
    plate: str  # that was claimed then
    watched: str  # the entry of the list, as it is compared
    spelling: str  # as it was given
    note: str | None
    distance: float  # 0: the very plate
    confidence: float | None
    vehicle_class: str
    sighting: str  # as `dashcam explain` takes it
    uuid: str  # of the sighting
    video: str | None  # file name
    video_path: str | None
    first_s: float  # in `video`
    last_video: str | None  # most often `video`
    last_s: float  # in `last_video`
    ts: datetime | None
    utc_offset_min: int | None
    time_source: str | None  # how much `ts` is worth: see gps.md
    latitude: float | None
    longitude: float | None
    vehicle_picture: str | None  # paths relative to the work dir
    plate_picture: str | None
    frame_picture: str | None
    strip_picture: str | None
    work_dir: str | None
    host: str | None  # whose work dir that is
    told_before: bool  # an earlier run raised it
    state: AlertState
    attempts: int
    next_try_at: datetime | None
    last_error: str | None
    delivered_at: datetime | None

    @property
    def line(self) -> str:
        """In a few words, for who watches a run."""
        parts = [shown(self.plate) if self.distance or self.plate.startswith("h:") else self.spelling]
        if self.distance:
            parts.append(f"is nearly {self.spelling}")
        elif self.plate.startswith("h:"):
            parts.append(f"is {self.spelling}")
        if self.confidence is not None:
            parts.append(f" {self.confidence:.2f} ")
        parts.append(f"{self.vehicle_class}  at {self.first_s:.1f} s")
        if self.video is not None:
            parts.append(f"of {self.video}")
        if self.note:
            parts.append(f" ({self.note})")
        if self.told_before:
            parts.append(" (known from an earlier run)")
        return " ".join(parts)

    def payload(self, in_use: Path | None = None) -> dict[str, object]:
        """What a webhook gets of it: see watchlist.md.

        Args:
            in_use: the work dir of the command, where the run's own has been moved.
        """
        place = EvidencePlace(self.work_dir, self.host, in_use)
        pictures = {
            "vehicle": self.vehicle_picture,
            "plate": self.plate_picture,
            "frame": self.frame_picture,
            "strip": self.strip_picture,
        }
        return {
            "version": PAYLOAD_VERSION,
            "id": self.id,
            "raised_at": self.raised_at.astimezone(UTC).isoformat(),
            "run_id": self.run_id,
            "plate": self.plate,
            "watched": self.spelling,
            "note": self.note,
            "distance": self.distance,
            "confidence": self.confidence,
            "vehicle_class": self.vehicle_class,
            "sighting": self.sighting,
            "uuid": self.uuid,
            "video": self.video,
            "video_path": self.video_path,
            "first_s": self.first_s,
            "last_video": self.last_video,
            "last_s": self.last_s,
            "ts": None if self.ts is None else self._local(self.ts).isoformat(),
            "time_source": self.time_source,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "pictures": {
                name: None if path is None else str(place.find(path)) for name, path in pictures.items()
            },
        }

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(timezone(timedelta(minutes=self.utc_offset_min or 0)))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is still to be posted."""

    pending: int
    due_in_s: float | None  # the first of them; None: there is none


def raise_for_rows(connection: Connection, ids: Collection[str], watching: Watching) -> None:
    """Raise the alerts of sightings that were just written, while those of earlier runs still have their rows.

    An alert that stands at one of these rows and is of another vehicle strays until its own is written.
    """
    scope = {"ids": sorted(ids)}
    connection.execute(query("alerts", "stray"), scope)
    _raise(connection, watching, ids=sorted(ids), past=True)
    connection.execute(query("alerts", "follow"), scope)


def alerts_of(connection: Connection, ids: Collection[str]) -> list[Alert]:
    """The alerts of these sightings, also those that an earlier run raised."""
    return _alerts(connection, sighting_ids=sorted(ids)) if ids and _list_has_entries(connection) else []


def raise_for_joined(connection: Connection, video_ids: Collection[str], watching: Watching) -> None:
    """Once vehicles of videos are joined: raise what only the whole of one shows, and make one alert a vehicle."""
    _raise(connection, watching, video_ids=sorted(video_ids), past=False)
    for name in ("merge", "merged_delivered"):
        connection.execute(query("alerts", name), {"video_ids": sorted(video_ids)})


def raise_for_past(
    connection: Connection, plates: Collection[str], ids: Collection[str], watching: Watching
) -> int:
    """Raise the alerts of stored sightings that have one of these plates; how many there were.

    Args:
        plates: entries of the list, as they are compared; no other entry raises anything.
        ids: of the sightings.
    """
    return _raise(connection, watching, ids=sorted(ids), only=sorted(plates), past=True)


def forget_strayed(connection: Connection, video_ids: Collection[str]) -> None:
    """After videos were read anew: remove alerts whose vehicle was not found again."""
    with connection.cursor() as cursor:
        parameters = [{"video_id": video_id} for video_id in sorted(video_ids)]
        cursor.executemany(query("alerts", "forget_strayed"), parameters)


def alerts_of_run(connection: Connection, run_id: str | None = None) -> list[Alert]:
    """The alerts that a run raised, or that its sightings had raised in an earlier one; of all runs without one."""
    return _alerts(connection, run_id=run_id)


def claim(connection: Connection, owner: str, lease_s: float) -> Alert | None:
    """An alert that is to be posted now, and by nobody else for `lease_s`; None where there is none.

    Args:
        owner: who posts it; see `release`.
    """
    parameters = {"owner": owner, "lease_s": lease_s}
    with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
        alert_id = cursor.execute(query("alerts", "claim"), parameters).fetchone()
        if alert_id is None:
            return None
        found = _alerts(connection, alert_ids=[str(alert_id)])
    return found[0] if found else None


def release(connection: Connection, owner: str) -> None:
    """Let go of all that this owner has claimed: who it was in an earlier process is gone."""
    connection.execute(query("alerts", "release"), {"owner": owner})


def note_delivered(connection: Connection, alert_id: str) -> None:
    """The webhook has taken it."""
    connection.execute(query("alerts", "delivered"), {"id": alert_id})


def note_failure(connection: Connection, alert_id: str, error: str, pause_s: float | None) -> None:
    """The webhook has not taken it; it is tried again after a pause, or without one given up."""
    name = "undelivered" if pause_s is None else "try_again"
    connection.execute(query("alerts", name), {"id": alert_id, "error": error, "pause_s": pause_s})


def outlook(connection: Connection) -> Outlook:
    """What is still to be posted, by anybody."""
    with connection.cursor(row_factory=class_row(Outlook)) as cursor:
        found = cursor.execute(query("alerts", "outlook")).fetchone()
    assert found is not None
    return found


def send_again(connection: Connection, run_id: str | None, *, kept: bool) -> list[str]:
    """Have posted what was given up, or waits for its next try; the ids.

    Args:
        run_id: only alerts of this run.
        kept: also what was raised when no webhook was configured.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query("alerts", "send_again"), {"run_id": run_id, "kept": kept}).fetchall()
    return [str(alert_id) for alert_id in found]


def _raise(
    connection: Connection,
    watching: Watching,
    *,
    past: bool,
    ids: Sequence[str] | None = None,
    video_ids: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
) -> int:
    if not _list_has_entries(connection):
        return 0
    scope = {"ids": ids, "video_ids": video_ids}
    connection.execute(query("alerts", "lock_rows"), scope)
    hashes = _hashes(connection, watching, scope)
    parameters = {
        **scope,
        "only": only,
        "past": past,
        "state": watching.state,
        "watched": list(hashes),
        "hashes": list(hashes.values()),
    }
    return connection.execute(query("alerts", "raise"), parameters).rowcount


def _hashes(
    connection: Connection, watching: Watching, scope: dict[str, Sequence[str] | None]
) -> dict[str, str]:
    """The hash of every watched plate, where a sighting has a hash for a plate."""
    row = connection.execute(query("alerts", "hashes_asked_for"), scope).fetchone()
    if not (row and row[0]) or watching.work_dir is None:
        return {}
    key = plate_key(watching.work_dir, create=False)
    if key is None:
        return {}
    rows = connection.execute(query("alerts", "watched")).fetchall()
    return {str(plate): hashed(str(spelling), key) for plate, spelling in rows}


def _list_has_entries(connection: Connection) -> bool:
    row = connection.execute(query("watchlist", "has_entries")).fetchone()
    return bool(row and row[0])


def _alerts(
    connection: Connection,
    run_id: str | None = None,
    sighting_ids: Sequence[str] | None = None,
    alert_ids: Sequence[str] | None = None,
) -> list[Alert]:
    parameters = {"run_id": run_id, "sighting_ids": sighting_ids, "alert_ids": alert_ids}
    with connection.cursor(row_factory=kwargs_row(_as_alert)) as cursor:
        return cursor.execute(query("alerts", "alerts"), parameters).fetchall()


def _as_alert(state: str, **columns: object) -> Alert:
    return Alert(state=AlertState(state), **columns)  # type: ignore[arg-type]
