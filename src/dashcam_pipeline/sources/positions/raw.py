"""A track as its file has it: fixes before cleaning, on whatever clock they come with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import isfinite
from statistics import median

NULL_ISLAND_DEG = 1e-5
"""So near to 0/0, a metre, no camera was: it is what receivers without a position say."""
KMH_PER_KNOT = 1.852
KMH_PER_MPH = 1.609344


class Axis(StrEnum):
    """What the times of fixes are."""

    VIDEO = "video"  # seconds of the video
    UTC = "utc"  # seconds since 1970, UTC
    DAY = "day"  # seconds of a day, UTC, growing past midnight: the date is not known


@dataclass(frozen=True, slots=True)
class RawFix:
    """One fix; the receiver said that it is good."""

    t_s: float  # on the track's axis
    latitude: float
    longitude: float
    speed_kmh: float | None = None
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTrack:
    """What one file or stream says; nothing is in order yet."""

    source: str
    axis: Axis
    fixes: tuple[RawFix, ...]
    void: int = 0  # entries without a position
    first_s: float | None = None  # on the axis: the first and the last entry, with or without a position
    last_s: float | None = None
    begins_at: datetime | None = None  # aware: the satellites' time of the video's start
    local_begin: datetime | None = (
        None  # the camera's time of the video's start; naive, or aware if it names its zone
    )
    notes: tuple[str, ...] = ()


def is_somewhere(latitude: float | None, longitude: float | None) -> bool:
    """Whether two numbers are a position at all."""
    if latitude is None or longitude is None or not (isfinite(latitude) and isfinite(longitude)):
        return False
    if abs(latitude) > 90.0 or abs(longitude) > 180.0:
        return False
    return abs(latitude) > NULL_ISLAND_DEG or abs(longitude) > NULL_ISLAND_DEG


def begin_of(epochs_s: Sequence[float], times_s: Sequence[float]) -> datetime | None:
    """When the video began, by moments of which both times are known; a few wrong ones do not count.

    Args:
        epochs_s: seconds since 1970, UTC.
        times_s: seconds of video.
    """
    begins = [epoch_s - t_s for epoch_s, t_s in zip(epochs_s, times_s, strict=True)]
    return moment(median(begins)) if begins else None


def moment(epoch_s: float) -> datetime | None:
    """Aware, UTC; None where it is no time."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch_s)
    except (OverflowError, ValueError):
        return None
