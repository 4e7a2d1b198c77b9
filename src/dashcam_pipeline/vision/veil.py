"""A picture in which one vehicle can be recognised, and nothing around it: no other plate, no face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dashcam_pipeline.vision.blur import COLOUR_STEP, blur_inside
from dashcam_pipeline.vision.plates.plate_gates import TOP_WITHOUT_PLATE
from dashcam_pipeline.vision.types import Box, Image

OWN_GROWN = 0.03
"""Share of its size by which the vehicle's box is grown on every side: boxes cut corners."""

PLATE_GROWN = 0.15
"""The same for its plate, where it stays readable before another vehicle."""

FRAME_CELLS = 32
"""Mean colours kept along the longer side of a whole frame: the plate of a car that fills half of it has four of
them, a face across the street less than one. What the street was like can still be seen."""

VEHICLE_CELLS = 8
"""The same of a picture that a vehicle fills: a plate is a quarter of its width, so two of them."""

COVERED = 0.5
"""A vehicle behind whose box has more than this share of the own one's is seen around it, not before it."""


@dataclass(frozen=True, slots=True)
class InSight:
    """What is in a picture, in its pixels."""

    own: Box | None  # the vehicle that may be seen; None: nothing may
    plate: Box | None = None  # of that vehicle, where it was found
    others: tuple[Box, ...] = ()  # other vehicles whose boxes overlap its own

    def placed(self, dx: float, dy: float, scale: float) -> InSight:
        """The same in another picture: first moved, then scaled."""

        def place(box: Box) -> Box:
            x1, y1, x2, y2 = box.shifted(dx, dy)
            return Box(x1 * scale, y1 * scale, x2 * scale, y2 * scale)

        return InSight(
            None if self.own is None else place(self.own),
            None if self.plate is None else place(self.plate),
            tuple(place(other) for other in self.others),
        )


def veiled(image: Image, seen: InSight, cells: int, *, hide_plate: bool = False) -> Image:
    """A copy of a picture in which only the vehicle `seen.own` can be recognised.

    All around its box is left as a few mean colours; so are other vehicles that stand before it, except where its own
    plate is.

    Args:
        image: BGR, uint8, shape (height, width, 3).
        seen: what is in it.
        cells: mean colours that are left along the longer side, FRAME_CELLS or VEHICLE_CELLS.
        hide_plate: its own plate can't be read either; where none was found, all of it that may have one is blurred.
    """
    veil = _mosaic(image, cells)
    if seen.own is None:
        return veil
    height, width = image.shape[:2]
    own = seen.own.grown(OWN_GROWN, width, height)
    own.crop(veil)[:] = own.crop(image)
    blur_inside(veil, [_common(other, own) for other in _before(seen.own, seen.others)], grow=0.0)
    if hide_plate:
        blur_inside(veil, [seen.plate or _where_plates_are(own)])
    elif seen.plate is not None:
        plate = seen.plate.grown(PLATE_GROWN, width, height)
        plate.crop(veil)[:] = plate.crop(image)
    return veil


def _mosaic(image: Image, cells: int) -> Image:
    """The mean colours of large cells, rounded, and run into each other so that no edge stands out."""
    height, width = image.shape[:2]
    cell_px = max(height, width) / cells
    columns, rows = max(1, round(width / cell_px)), max(1, round(height / cell_px))
    means = cv2.resize(image, (min(columns, width), min(rows, height)), interpolation=cv2.INTER_AREA)
    rounded = np.minimum((means.astype(np.uint16) + COLOUR_STEP // 2) // COLOUR_STEP * COLOUR_STEP, 255)
    smooth = cv2.resize(rounded.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth, dtype=np.uint8)


def _before(own: Box, others: Sequence[Box]) -> list[Box]:
    """The other vehicles that can be recognised inside of the own one's box: all but those behind that it hides.

    On a road, what is nearer ends lower in the picture.
    """
    return [
        other
        for other in others
        if other.overlaps(own) and (other.y2 > own.y2 or _common(other, own).area <= COVERED * own.area)
    ]


def _common(one: Box, other: Box) -> Box:
    return Box(max(one.x1, other.x1), max(one.y1, other.y1), min(one.x2, other.x2), min(one.y2, other.y2))


def _where_plates_are(vehicle: Box) -> Box:
    return vehicle._replace(y1=vehicle.y1 + TOP_WITHOUT_PLATE * vehicle.height)
