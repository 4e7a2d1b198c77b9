"""The known plates of a drive, frame by frame, and what is like them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchkit.trouble import BenchTrouble
from dashcam_pipeline.vision.types import Box
from score import Shown, Truth, plain

SAME_PLATE_IOU = 0.15
"""A found box that overlaps the true one so much shows that plate: detectors and labels differ in their margins."""

LOOKS_THE_SAME = str.maketrans("OQI", "001")
"""What many countries print alike, so that a label tells only what its writer took it for."""


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A plate that a drive shows."""

    text: str  # letters and digits
    first: int  # frames, both ends included
    last: int
    scored: bool  # False: a doubtful reading, which nobody has to find
    boxes: dict[int, Box]  # by frame, where it is in the picture as a whole; pixels

    @property
    def shown(self) -> Shown:
        return Shown(self.text, self.first, self.last)


def read_plates(path: Path) -> tuple[TruePlate, ...]:
    """The truth that lies beside a drive.

    Raises:
        BenchTrouble: it can't be read.
    """
    try:
        sightings = json.loads(path.read_text(encoding="utf-8"))["sightings"]
        return tuple(
            TruePlate(
                plain(one["plate"]),
                int(one["first"]),
                int(one["last"]),
                bool(one.get("scored", True)),
                {int(frame): Box(x, y, x + w, y + h) for frame, (x, y, w, h) in one["boxes"].items()},
            )
            for one in sightings
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchTrouble(
            f"{path} is no list of a drive's plates ({error!r}): it has to lie beside the video, see score.py"
        ) from error


def truth_of(plates: Sequence[TruePlate]) -> Truth:
    """The same for scoring."""
    return Truth(
        tuple(plate.shown for plate in plates if plate.scored),
        tuple(plate.shown for plate in plates if not plate.scored),
    )


def plate_under(plates: Sequence[TruePlate], frame_idx: int, box: Box) -> TruePlate | None:
    """The known plate that a box in a frame shows: the one that it overlaps most."""
    overlaps = [(iou(box, plate.boxes[frame_idx]), plate) for plate in plates if frame_idx in plate.boxes]
    best, plate = max(overlaps, key=lambda one: one[0], default=(0.0, None))
    return plate if best >= SAME_PLATE_IOU else None


def iou(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.area + other.area - shared) if shared else 0.0


def holds(vehicle: Box, plate: Box) -> bool:
    """Whether the middle of a plate lies inside a vehicle's box."""
    x, y = (plate.x1 + plate.x2) / 2, (plate.y1 + plate.y2) / 2
    return vehicle.x1 <= x <= vehicle.x2 and vehicle.y1 <= y <= vehicle.y2


def alike(one: str, other: str) -> bool:
    """Whether two different texts differ in nothing but O/0 and I/1."""
    return one != other and one.translate(LOOKS_THE_SAME) == other.translate(LOOKS_THE_SAME)
