"""A camera's track on its video's time, and where it was at a moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.sources.positions.earth import heading_between, point_ahead, point_between

KMH_PER_MPS = 3.6
HOLD_S = 1.0
"""A fix is good for so long before the first, behind the last, and beside a gap: cameras have one a second."""


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the camera was at one moment."""

    t_s: float  # seconds of video, as pts_s; below 0 before it began
    latitude: float  # degrees, WGS84, north is positive
    longitude: float  # degrees, WGS84, east is positive
    speed_kmh: float | None = None
    heading_deg: float | None = None  # 0 = north, 90 = east; None where the camera stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """How many fixes are not in a track, and why."""

    void: int = 0  # the receiver had no position
    repeated: int = 0  # a second fix of the same moment
    backwards: int = 0  # its time goes back
    jumps: int = 0  # it could not be reached at journey.max_speed_kmh
    thinned: int = 0  # more than two a second

    @property
    def wrong(self) -> int:
        """All that were no good."""
        return self.void + self.repeated + self.backwards + self.jumps


@dataclass(frozen=True, slots=True)
class PositionTrack:
    """Cleaned fixes of one video."""

    fixes: tuple[Fix, ...]  # t_s grows strictly
    source: str  # gpx, nmea, srt, subtitles, gpmf, camm, blackvue or exiftool
    max_gap_s: float  # between fixes further apart there is no position
    dropped: Dropped = Dropped()

    def at(self, pts_s: float) -> Fix | None:
        """Where the camera was, by a straight line between two fixes; None in a gap and past the ends.

        Args:
            pts_s: seconds of video.
        """
        index = bisect_left(self.fixes, pts_s, key=lambda fix: fix.t_s)
        before = self.fixes[index - 1] if index > 0 else None
        after = self.fixes[index] if index < len(self.fixes) else None
        if before is not None and after is not None and after.t_s - before.t_s <= self.max_gap_s:
            return between(before, after, pts_s)
        near = [fix for fix in (before, after) if fix is not None and abs(fix.t_s - pts_s) <= HOLD_S]
        nearest = min(near, key=lambda fix: abs(fix.t_s - pts_s), default=None)
        return None if nearest is None else driven_on(nearest, pts_s)


def driven_on(fix: Fix, t_s: float) -> Fix:
    """Where a camera is a moment before or after a fix, straight on at its speed, as far as that is known."""
    if fix.speed_kmh is None or fix.heading_deg is None:
        return replace(fix, t_s=t_s)
    metres = fix.speed_kmh / KMH_PER_MPS * (t_s - fix.t_s)
    latitude, longitude = point_ahead(fix.latitude, fix.longitude, fix.heading_deg, metres)
    return replace(fix, t_s=t_s, latitude=latitude, longitude=longitude)


def between(before: Fix, after: Fix, t_s: float) -> Fix:
    """The point of a straight line, speed and heading likewise; where only one fix has one, it is that one's."""
    share = (t_s - before.t_s) / (after.t_s - before.t_s)
    latitude, longitude = point_between(
        before.latitude, before.longitude, after.latitude, after.longitude, share
    )
    speeds = _known(before.speed_kmh, after.speed_kmh)
    headings = _known(before.heading_deg, after.heading_deg)
    return Fix(
        t_s=t_s,
        latitude=latitude,
        longitude=longitude,
        speed_kmh=speeds[0] + (speeds[-1] - speeds[0]) * share if speeds else None,
        heading_deg=heading_between(headings[0], headings[-1], share) if headings else None,
    )


def _known(*values: float | None) -> Sequence[float]:
    return [value for value in values if value is not None]
