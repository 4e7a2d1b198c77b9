"""Settings of what becomes of it: when and where it was, trips, and where results go."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from dashcam_pipeline.config.base import NO_LIMIT, Count, Seconds, Section


def _expression(text: str) -> str:
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    if not groups.keys() & {"time", "number"}:
        raise ValueError("a regular expression without a group named time or number: (?P<time>...)")
    return text


_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)")


def zone_of(text: str) -> tzinfo:
    """The time zone that a setting names.

    Raises:
        ValueError: there is no such zone.
    """
    if text.upper() in ("UTC", "Z"):
        return timezone.utc  # noqa: UP017 (known without a time zone database)
    if (match := _OFFSET.fullmatch(text)) is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        if offset <= timedelta(hours=14) and int(match["minutes"]) < 60:
            return timezone(-offset if match["sign"] == "-" else offset)
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):  # the last for a folder of the database, such as "Europe"
        raise ValueError(
            f"no time zone: {text!r}; one is Europe/Berlin, or an offset such as +02:00"
        ) from None


def _zone(text: str) -> str:
    zone_of(text)
    return text


TimeSource = Literal["gps", "sidecar", "name", "container", "file"]
"""What can say when a video began."""


class JourneySettings(Section):
    """When a video was recorded, and where the camera was."""

    positions: bool = True
    """Positions are read from files beside the video (.gpx, .nmea, .srt) and from inside it."""
    zone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None,
        json_schema_extra={"allowed": "a time zone: Europe/Berlin, +02:00, or null"},
    )
    """The zone that the camera's clock was set to; null = found by GPS or by the container where they say, else this
    host's."""
    time_sources: tuple[TimeSource, ...] = Field(
        default=("gps", "sidecar", "name", "container", "file"),
        json_schema_extra={"allowed": "a list of gps, sidecar, name, container and file, in any order"},
    )
    """What says when a video began: the first of these that knows."""
    shift_s: float = Field(default=0.0, ge=-NO_LIMIT, le=NO_LIMIT, json_schema_extra={"allowed": "a number"})
    """The camera's clock was wrong: so many seconds are added to its times. Times of GPS stay."""
    max_gap_s: Seconds = 5.0
    """Between two fixes further apart than this no position is made up."""
    max_speed_kmh: Annotated[float, Field(gt=0.0, le=NO_LIMIT)] = 300.0
    """Fixes that could only be reached faster than this are jumps, and dropped."""


class TripSettings(Section):
    """Which sightings are one vehicle: in one file, and in files that one camera recorded one after the other."""

    join: bool = True
    """One vehicle is one sighting, also where its track broke, and in several files of a trip."""
    max_gap_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 3.0
    """A file that begins so long after another has ended, by the times in their names, continues its trip."""
    pattern: Annotated[str, AfterValidator(_expression)] | None = Field(
        default=None,
        json_schema_extra={"allowed": "a regular expression with a group `time` or `number`, or null"},
    )
    """How the names of your camera's files are read, where the usual ones don't fit: named groups `camera`, `time` (12
    or 14 digits, with anything between them) and `number`."""
    same_plate_s: Seconds = 120.0
    """The same plate, out of sight for this long, is another sighting."""


class StorageSettings(Section):
    """Where results go."""

    dsn: str | None = None
    """Postgres connection string; null = a server of our own inside the work dir."""
    outbox_mb: Count = 512
    """Rows wait for a database that is away in a file of the work dir; past this size the writer waits."""
    database_patience_s: Seconds = 600.0
    """At the end of a run, so long is tried to bring waiting rows into a database that is away."""
    disk_patience_s: Seconds = 60.0
    """A disk that stays full or closed to us for this long ends the run, which can be resumed."""
    evidence_quality: int = Field(default=92, ge=1, le=100)
    """JPEG quality of evidence pictures."""
    evidence_frame_px: int = Field(default=800, ge=160, le=10_000)
    """Frames that prove a sighting are shrunk to this width."""
    evidence_mb: Count | None = 4096
    """All evidence pictures of a work dir take no more than this; null = no limit. When it is nearly used up, sightings
    without a plate get none any more, then no sighting does."""

    @property
    def evidence_bytes(self) -> int | None:
        return None if self.evidence_mb is None else self.evidence_mb * 2**20
