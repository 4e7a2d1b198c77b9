"""Where each vehicle of a video, and its plate, is at any time: between the frames that were looked at, too."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.storage.results.paths import SightingPath
from dashcam_pipeline.vision.types import Box

MAX_GAP_S = 1.0
"""A vehicle that was not seen for longer is not drawn in between: who knows where it was."""

AT_ENDS_S = 0.06
"""A vehicle is drawn this long before its first and after its last box: frames between two that are looked at."""

PLATE_NEAR_S = 0.5
"""The plate is drawn this long before and after the views in which it was found."""


@dataclass(frozen=True, slots=True)
class _At:
    """A box at a time."""

    ts_s: float
    box: Box


class Vehicle:
    """One row of `vehicles` as it is drawn."""

    def __init__(self, sighting: SightingPath) -> None:
        self.sighting = sighting
        self._path = _path_of(sighting)
        self._times = [at.ts_s for at in self._path]
        self._plates = _plates_of(sighting)
        self._plate_times = [at.ts_s for at in self._plates]
        # Paths of vehicles that were in sight for minutes are thinned out, evenly.
        usual = self.duration_s / max(1, len(self._path) - 1) if len(sighting.path) > 2 else 0.0
        self._max_gap_s = max(MAX_GAP_S, 2 * usual) if sighting.path else float("inf")

    @property
    def track_id(self) -> int:
        return self.sighting.track_id

    @property
    def first_s(self) -> float:
        """From when on it may be drawn."""
        return self._times[0] - AT_ENDS_S if self._times else self.sighting.first_s

    @property
    def last_s(self) -> float:
        return self._times[-1] + AT_ENDS_S if self._times else self.sighting.first_s

    @property
    def duration_s(self) -> float:
        return self._times[-1] - self._times[0] if self._times else 0.0

    def box_at(self, ts_s: float) -> Box | None:
        """Where it is; None when it is not in sight."""
        if not self._path or not self.first_s <= ts_s <= self.last_s:
            return None
        after = bisect_left(self._times, ts_s)
        if after in (0, len(self._path)):
            return self._path[min(after, len(self._path) - 1)].box
        before, behind = self._path[after - 1], self._path[after]
        if behind.ts_s - before.ts_s > self._max_gap_s:
            near = min(before, behind, key=lambda at: abs(at.ts_s - ts_s))
            return near.box if abs(near.ts_s - ts_s) <= AT_ENDS_S else None
        return between(before.box, behind.box, (ts_s - before.ts_s) / (behind.ts_s - before.ts_s))

    def plate_at(self, ts_s: float, near_s: float = PLATE_NEAR_S) -> Box | None:
        """Where its plate is; None when it is not in sight, or no view with the plate is near in time.

        The plate keeps its place and size in the vehicle's box, from one view to the next.
        """
        if not self._plates or (box := self.box_at(ts_s)) is None:
            return None
        after = bisect_right(self._plate_times, ts_s)
        around = self._plates[max(0, after - 1) : after + 1]
        if min(abs(at.ts_s - ts_s) for at in around) > near_s:
            return None
        before, behind = around[0], around[-1]
        share = (ts_s - before.ts_s) / (behind.ts_s - before.ts_s) if behind.ts_s > before.ts_s else 0.0
        inside = between(before.box, behind.box, min(1.0, max(0.0, share)))
        return Box(
            box.x1 + inside.x1 * box.width,
            box.y1 + inside.y1 * box.height,
            box.x1 + inside.x2 * box.width,
            box.y1 + inside.y2 * box.height,
        )


class InSight:
    """Which vehicles are in sight, for times that only grow."""

    def __init__(self, vehicles: Sequence[Vehicle]) -> None:
        self._to_come = sorted(vehicles, key=lambda vehicle: vehicle.first_s, reverse=True)
        self._here: list[Vehicle] = []

    def at(self, ts_s: float) -> list[Vehicle]:
        """The vehicles that may have a box at this time, by track."""
        while self._to_come and self._to_come[-1].first_s <= ts_s:
            self._here.append(self._to_come.pop())
        self._here = [vehicle for vehicle in self._here if vehicle.last_s >= ts_s]
        return sorted(self._here, key=lambda vehicle: vehicle.track_id)


def between(one: Box, other: Box, share: float) -> Box:
    """The box that is `share` of the way from one to another; below 0 and above 1, on the line beyond them."""
    return Box(*(a + (b - a) * share for a, b in zip(one, other, strict=True)))


def _path_of(sighting: SightingPath) -> list[_At]:
    """The boxes that are stored; of rows of older versions those of the first and the last frame and of all looks."""
    if sighting.path:
        return [_At(point.ts_s, Box(*point.box)) for point in sighting.path]
    found = {look.ts_s: Box(*look.car_bbox) for look in sighting.looks}
    for ts_s, box in ((sighting.first_s, sighting.first_bbox), (sighting.last_s, sighting.last_bbox)):
        if box is not None:
            found.setdefault(ts_s, Box(*box))
    return [_At(ts_s, box) for ts_s, box in sorted(found.items())]


def _plates_of(sighting: SightingPath) -> list[_At]:
    """Plate boxes in shares of the vehicle's box."""
    found = []
    for look in sighting.looks:
        box = Box(*look.car_bbox)
        if look.plate_bbox is None or box.width <= 0 or box.height <= 0:
            continue
        plate = Box(*look.plate_bbox).shifted(-box.x1, -box.y1)
        found.append(
            _At(
                look.ts_s,
                Box(plate.x1 / box.width, plate.y1 / box.height, plate.x2 / box.width, plate.y2 / box.height),
            )
        )
    return sorted(found, key=lambda at: at.ts_s)
