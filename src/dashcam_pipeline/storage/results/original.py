"""The video file that a sighting comes from: what identifies it, for who must show that nothing else was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A video file as it is stored, and the checksum of what lies there now where somebody has computed it."""

    video_id: str
    path: str | None  # where it was when it was analysed
    filename: str | None
    size_bytes: int | None
    duration_s: float | None
    sha256: str | None = None  # of the whole file, 64 hex digits
    sha256_at: datetime | None = None  # when it was computed
    sha256_missing: str | None = None  # why there is none though it was asked for
