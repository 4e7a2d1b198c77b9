"""Settings of what becomes of it: trips, and where results go."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from dashcam_pipeline.config.base import Count, Seconds, Section


def _expression(text: str) -> str:
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    if not groups.keys() & {"time", "number"}:
        raise ValueError("a regular expression without a group named time or number: (?P<time>...)")
    return text


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
