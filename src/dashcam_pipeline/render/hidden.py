"""Where a video is blurred: boxes found now and then, carried through the frames in between and around them.

A detector misses a plate in a frame, and finds it in the next. So boxes that follow each other are joined into chains;
between two boxes of a chain the plate is taken to have moved evenly, and it stays hidden for a while before the first
and after the last.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from dashcam_pipeline.render.vehicles import InSight, Vehicle, between
from dashcam_pipeline.vision.types import Box

HELD_S = 0.4
"""What was found stays hidden so long before it was found first, and after it was found last."""

JOINED_S = 1.0
"""Two boxes that are further apart in time are not joined."""

JOINED_SHIFT = 1.5
"""Nor two whose centres are further apart than this times the larger one's width, for each 0.1 s between them (as
far as 3 such steps)."""

UNSURE_SHIFT = 0.3
"""Finds whose centres are further apart than this times the width are far apart."""

STEP_S = 0.1
MOST_STEPS = 3.0
MOST_GROWTH = 1.8
"""Nor two of which one is more than so many times as wide as the other."""


@dataclass(frozen=True, slots=True)
class Found:
    """A box found at a second of the video."""

    ts_s: float
    box: Box


@dataclass(slots=True)
class _Chain:
    found: list[Found] = field(default_factory=list)

    @property
    def last(self) -> Found:
        return self.found[-1]

    def boxes_at(self, ts_s: float) -> Iterable[Box]:
        """The boxes to hide at a time: between two finds one on the way, and these two where they are far apart: it may
        not have moved evenly, or they are not the same plate. Before and after all of them two, as it may have
        stood still or gone on as it went."""
        after = bisect_left(self.found, ts_s, key=lambda one: one.ts_s)
        if 0 < after < len(self.found):
            one, other = self.found[after - 1], self.found[after]
            middle = _on_the_way(one, other, ts_s)
            far = _distance(one.box, other.box) > UNSURE_SHIFT * max(one.box.width, other.box.width)
            return (one.box, middle, other.box) if far else (middle,)
        nearest, *others = self.found[:2] if after == 0 else self.found[:-3:-1]
        return (nearest.box, *(_on_the_way(nearest, other, ts_s) for other in others))


class Hidden:
    """The boxes to be blurred at any time, asked for times that only grow.

    Args:
        found: by the detectors.
        vehicles: whose plates are hidden too where the results know them, all the way that the vehicle was in sight.
    """

    def __init__(self, found: Sequence[Found], vehicles: Sequence[Vehicle] = ()) -> None:
        chains = chained(found)
        self._to_come = sorted(chains, key=lambda chain: chain.found[0].ts_s, reverse=True)
        self._here: list[_Chain] = []
        self._in_sight = InSight(vehicles)

    def at(self, ts_s: float) -> list[Box]:
        """In pixels of the upright frame."""
        while self._to_come and self._to_come[-1].found[0].ts_s - HELD_S <= ts_s:
            self._here.append(self._to_come.pop())
        self._here = [chain for chain in self._here if chain.last.ts_s + HELD_S >= ts_s]
        boxes = [box for chain in self._here for box in chain.boxes_at(ts_s) if box.area > 0]
        known = (vehicle.plate_at(ts_s, math.inf) for vehicle in self._in_sight.at(ts_s))
        return boxes + [box for box in known if box is not None]


def without(found: Sequence[Found], kept: Callable[[float], Sequence[Box]]) -> list[Found]:
    """The boxes that lie on none of those that are to stay visible at their time."""
    return [one for one in found if not any(one.box.has_centre_in(box) for box in kept(one.ts_s))]


def chained(found: Sequence[Found]) -> list[_Chain]:
    """Boxes that follow each other, joined; each belongs to one chain."""
    open_chains: list[_Chain] = []
    closed: list[_Chain] = []
    for one in sorted(found, key=lambda one: one.ts_s):
        closed += [chain for chain in open_chains if one.ts_s - chain.last.ts_s > JOINED_S]
        open_chains = [chain for chain in open_chains if one.ts_s - chain.last.ts_s <= JOINED_S]
        fitting = [chain for chain in open_chains if chain.last.ts_s < one.ts_s and _follows(chain.last, one)]
        if fitting:
            min(fitting, key=lambda chain: _distance(chain.last.box, one.box)).found.append(one)
        else:
            open_chains.append(_Chain([one]))
    return closed + open_chains


def _on_the_way(one: Found, other: Found, ts_s: float) -> Box:
    """Where it is when it moves evenly through both boxes."""
    return between(one.box, other.box, (ts_s - one.ts_s) / (other.ts_s - one.ts_s))


def _follows(one: Found, other: Found) -> bool:
    widest = max(one.box.width, other.box.width, 1.0)
    if widest > MOST_GROWTH * max(1.0, min(one.box.width, other.box.width)):
        return False
    steps = min(MOST_STEPS, max(1.0, (other.ts_s - one.ts_s) / STEP_S))
    return _distance(one.box, other.box) <= JOINED_SHIFT * widest * steps


def _distance(one: Box, other: Box) -> float:
    return math.hypot(one.x1 + one.x2 - other.x1 - other.x2, one.y1 + one.y2 - other.y1 - other.y2) / 2
