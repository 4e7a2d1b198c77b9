"""Numbers and times as the report says them."""

from __future__ import annotations

from datetime import datetime

TIME_SOURCES = {
    "gps": "its GPS",
    "sidecar": "a file beside it",
    "name": "its name",
    "container": "its creation time",
    "file": "the time of the file",
}
"""What tells the wall time of a video, as `videos.time_source` has it."""
DOUBTFUL_SOURCES = frozenset({"container", "file"})
"""Cameras with a wrong clock, and copies of a file, make these wrong without a sign of it."""

MINUTE_S, HOUR_S = 60, 3600
LOCAL_CHARS = 19  # of a time without its offset


def clock(seconds: float) -> str:
    """A place in a video: 0:07, 12:30, 1:02:03."""
    whole = round(seconds)
    hours, rest = divmod(whole, HOUR_S)
    minutes, left = divmod(rest, MINUTE_S)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def length(seconds: float) -> str:
    """How long something is: 4.7 s, 1 min 13 s, 2 h 5 min."""
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, HOUR_S)
    minutes, left = divmod(rest, MINUTE_S)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def moment(when: datetime | None) -> str | None:
    """A wall time with its offset: 2026-05-01 14:03:05 +02:00."""
    if when is None:
        return None
    text = when.isoformat(sep=" ", timespec="seconds")
    return f"{text[:LOCAL_CHARS]} {text[LOCAL_CHARS:]}"


def moment_with_source(when: datetime | None, source: str | None) -> str | None:
    """The same, and what it rests on where that is often wrong."""
    said = moment(when)
    if said is None or source is None or source not in DOUBTFUL_SOURCES:
        return said
    return f"{said} (by {TIME_SOURCES[source]})"


def moment_with_any_source(when: datetime | None, source: str | None) -> str | None:
    """The same, and what it rests on whatever that is, for what must stand alone."""
    said = moment(when)
    return said if said is None or source is None else f"{said} (by {TIME_SOURCES.get(source, source)})"


def counted(count: int, one: str, many: str | None = None) -> str:
    """1 video, 2 videos, 5,000 vehicles."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def degrees(latitude: float, longitude: float) -> str:
    """A position: 51.50740 N, 0.12780 W."""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.5f} {north}, {abs(longitude):.5f} {east}"
