"""Which of the plates found around a vehicle is its own, and why the others are not.

The plate detector finds what looks like a plate: also on the vehicle beside, in a bus's line number over its
windscreen, on a grille, in the camera's own text. All boxes here are in pixels of the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashcam_pipeline.vision.plates.not_a_plate import NotAPlate
from dashcam_pipeline.vision.types import Box, Detection

TOP_WITHOUT_PLATE = 0.2
"""Share of a vehicle's height, from the top, where no plate is: there are line numbers, roof signs, sun visors."""

CUT_TOP_WITHOUT_PLATE = 0.1
"""The same where the frame's upper edge cuts the vehicle off, so that its top is not seen."""

CUT_SHARE = 0.02
"""So near to the frame's upper edge, as a share of its own height, a vehicle is taken to be cut off by it."""

LEAST_ASPECT, MOST_ASPECT = 0.7, 7.0
"""Width over height of plates: two lines seen at an angle, and a single long one in a box that is too flat."""

LEAST_WIDTH = 0.03
"""Share of a vehicle's width that its plate has at least: a long lorry seen from the side at an angle."""

MOST_WIDTH = 0.8
"""Share that it has at most, in a view so near that the vehicle is cut off on both sides. What is wider is the box of a
plate's surroundings, not of a vehicle."""

MOST_WIDTH_OF_TALL = 0.9
"""The same for boxes that are higher than wide: motorcycles, and cars that the frame's edge cuts off."""

CLEARLY = 0.15
"""A plate is another vehicle's when it lies so much nearer to the other's middle, as a share of the widths."""

HELD = 0.8
"""A vehicle that another one's box holds has this share of its own box in it …"""

SMALLER_AREA, SMALLER_WIDTH = 0.5, 0.8
"""… and is smaller by these factors: else it is a second box of the same vehicle, or of a lorry's cab."""


COVERED = 0.5
"""Share of a plate's box that has to lie on overlay for it to be overlay."""

SAMPLES_X, SAMPLES_Y = 16, 8
"""Points of a box across and down that are asked whether they lie on overlay."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else was in the frame around a view of a vehicle."""

    others: tuple[Box, ...] = ()  # other vehicles whose boxes touch this one's
    overlay: tuple[Box, ...] = ()  # what the camera has written there
    masks: tuple[Box, ...] = ()  # `detection.masks`


@dataclass(frozen=True, slots=True)
class Rejected:
    """What looked like a plate."""

    found: Detection
    reason: NotAPlate


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a search."""

    plate: Detection | None  # the vehicle's own
    rejected: tuple[Rejected, ...]  # the strongest first; plates that lost against `plate` are not among them

    @property
    def reason(self) -> NotAPlate | None:
        """Why there is no plate, where something looked like one."""
        return self.rejected[0].reason if self.plate is None and self.rejected else None


NOTHING_AROUND = Surroundings()


def judge_plates(
    found: Sequence[Detection], vehicle: Box, around: Surroundings = NOTHING_AROUND
) -> Judgement:
    """The plate of a vehicle, out of those found in its picture.

    Args:
        found: what looks like a plate, in pixels of the frame.
        vehicle: the vehicle's box.
        around: what else was there.

    Returns:
        of the plates that can be the vehicle's, the one with the most score times width, less towards the vehicle's
        sides: a vehicle hidden behind this one shows a smaller plate, and one beside it another's edge.
    """
    own, rejected = [], []
    for plate in found:
        reason = objection(plate.box, vehicle, around)
        if reason is None:
            own.append(plate)
        else:
            rejected.append(Rejected(plate, reason))
    return Judgement(
        max(own, key=lambda plate: (_worth(plate, vehicle), plate.box), default=None),
        tuple(sorted(rejected, key=lambda one: (-one.found.score, one.found.box))),
    )


def objection(plate: Box, vehicle: Box, around: Surroundings) -> NotAPlate | None:
    """Why a box is not the vehicle's plate; None when it may be."""
    if not plate.has_centre_in(vehicle):
        return NotAPlate.OUTSIDE
    if any(plate.has_centre_in(mask) for mask in around.masks):
        return NotAPlate.MASKED
    if is_covered(plate, around.overlay):
        return NotAPlate.OVERLAY
    if _down(plate, vehicle) < _top_without_plate(vehicle):
        return NotAPlate.TOO_HIGH
    if not _fits(plate, vehicle):
        return NotAPlate.GEOMETRY
    if any(_is_rather_of(plate, other, vehicle) for other in around.others):
        return NotAPlate.OTHER_VEHICLE
    return None


def is_covered(box: Box, rectangles: Sequence[Box]) -> bool:
    """Whether most of a box lies on rectangles, which may overlap each other."""
    if not rectangles:
        return False
    x = box.x1 + box.width * (np.arange(SAMPLES_X) + 0.5) / SAMPLES_X
    y = (box.y1 + box.height * (np.arange(SAMPLES_Y) + 0.5) / SAMPLES_Y)[:, None]
    inside = [(x >= one.x1) & (x < one.x2) & (y >= one.y1) & (y < one.y2) for one in rectangles]
    return bool(np.logical_or.reduce(inside).mean() >= COVERED)


def _worth(plate: Detection, vehicle: Box) -> float:
    return plate.score * plate.box.width * (1.0 - _off_middle(plate.box, vehicle))


def _fits(plate: Box, vehicle: Box) -> bool:
    most = MOST_WIDTH_OF_TALL if vehicle.height > vehicle.width else MOST_WIDTH
    return (
        LEAST_ASPECT * plate.height <= plate.width <= MOST_ASPECT * plate.height
        and LEAST_WIDTH * vehicle.width <= plate.width <= most * vehicle.width
    )


def _is_rather_of(plate: Box, other: Box, vehicle: Box) -> bool:
    """Whether a plate belongs to another vehicle rather than to this one, as far as the boxes tell.

    A plate is near the middle of its vehicle. Where it is as near to the middle of both, it is that of the smaller
    one: the box of a bus holds the car in front of it, not the other way round.
    """
    if not plate.has_centre_in(other) or not _fits(plate, other):
        return False
    if _down(plate, other) < _top_without_plate(other):
        return False
    nearer = _off_middle(plate, vehicle) - _off_middle(plate, other)
    return nearer > CLEARLY or (nearer > -CLEARLY and other.area < vehicle.area and _holds(vehicle, other))


def _holds(outer: Box, inner: Box) -> bool:
    """Whether a vehicle's box holds most of another's that is clearly smaller, not one of itself or its cab."""
    width = min(outer.x2, inner.x2) - max(outer.x1, inner.x1)
    height = min(outer.y2, inner.y2) - max(outer.y1, inner.y1)
    held = max(0.0, width) * max(0.0, height) > HELD * inner.area
    return held and inner.area < SMALLER_AREA * outer.area and inner.width < SMALLER_WIDTH * outer.width


def _top_without_plate(vehicle: Box) -> float:
    is_cut = vehicle.y1 <= CUT_SHARE * vehicle.height
    return CUT_TOP_WITHOUT_PLATE if is_cut else TOP_WITHOUT_PLATE


def _off_middle(plate: Box, vehicle: Box) -> float:
    """0 where a plate is in the middle of the vehicle's width, 0.5 at its sides."""
    return abs((plate.x1 + plate.x2) / 2 - (vehicle.x1 + vehicle.x2) / 2) / max(vehicle.width, 1.0)


def _down(plate: Box, vehicle: Box) -> float:
    """How far down the vehicle a plate's middle is: 0 at its top, 1 at its bottom."""
    return ((plate.y1 + plate.y2) / 2 - vehicle.y1) / max(vehicle.height, 1.0)
