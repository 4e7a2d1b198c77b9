"""The records that vision functions take and give."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:  # rows name these records too, in processes that never see a picture
    import numpy as np
    from numpy.typing import NDArray

Image: TypeAlias = "NDArray[np.uint8]"
"""A picture: uint8, shape (height, width, 3), channels in BGR order, upright."""


class Box(NamedTuple):
    """A rectangle in pixels of the upright frame: left, top, right, bottom (right and bottom exclusive)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    def overlaps(self, other: Box) -> bool:
        """Whether the two have any area in common."""
        return self.x1 < other.x2 and other.x1 < self.x2 and self.y1 < other.y2 and other.y1 < self.y2

    def has_centre_in(self, other: Box) -> bool:
        """Whether its centre lies in `other`, or on its border."""
        x, y = (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2
        return other.x1 <= x <= other.x2 and other.y1 <= y <= other.y2

    def shifted(self, dx: float, dy: float) -> Box:
        """The same box in coordinates whose origin lies at (-dx, -dy)."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def grown(self, share: float, width: int, height: int) -> Box:
        """The box grown by `share` of its size on every side, cut at a picture of width × height pixels."""
        dx, dy = self.width * share, self.height * share
        return Box(
            max(0.0, self.x1 - dx),
            max(0.0, self.y1 - dy),
            min(float(width), self.x2 + dx),
            min(float(height), self.y2 + dy),
        )

    def crop(self, image: Image) -> Image:
        """The part of `image` inside the box (a view, possibly empty)."""
        height, width = image.shape[:2]
        x1, y1 = max(0, round(self.x1)), max(0, round(self.y1))
        x2, y2 = min(width, round(self.x2)), min(height, round(self.y2))
        return image[y1:y2, x1:x2]


@dataclass(frozen=True, slots=True)
class Detection:
    """One object found in a picture."""

    box: Box
    label: str  # "car", "truck", "bus", "motorcycle", "vehicle" where the model has one class, "plate"
    score: float  # 0..1


Shares: TypeAlias = tuple[tuple[str, float], ...]
"""Characters that may stand at one position, each with its probability 0..1, the most likely one first."""


@dataclass(frozen=True, slots=True)
class PlateRead:
    """What a reader made of one plate picture."""

    text: str  # upper case letters and digits; empty when nothing was read
    char_confidences: tuple[float, ...]  # 0..1, one a character of `text`
    region: str | None = None  # the reader's guess at the plate's country, if it has one
    region_confidence: float = 0.0  # 0..1
    reader: str = ""  # name of the model
    alternatives: tuple[Shares, ...] = ()  # one a character of `text`; empty: this reader tells none

    @property
    def confidence(self) -> float:
        """The mean of the characters' confidences, 0 for an empty text."""
        return sum(self.char_confidences) / len(self.char_confidences) if self.char_confidences else 0.0

    @property
    def weakest(self) -> float:
        """The confidence of its least certain character, 0 for an empty text."""
        return min(self.char_confidences, default=0.0)

    @property
    def shares(self) -> tuple[Shares, ...]:
        """What may stand at each position, as far as this reader tells."""
        if self.alternatives:
            return self.alternatives
        return tuple(((c, p),) for c, p in zip(self.text, self.char_confidences, strict=True))


class NoPlateReason(StrEnum):
    """Why a sighting has no plate. Every sighting without one has exactly one of these."""

    TOO_SMALL = "too_small"  # no view of the vehicle was wide enough for a plate search
    NO_PLATE_FOUND = "no_plate_found"  # searched, but no plate box
    NOT_ITS_PLATE = "not_its_plate"  # only the camera's overlay, lettering, or another vehicle's plate
    PLATE_TOO_SMALL = "plate_too_small"  # plate boxes, all narrower than can be read
    CUT_OFF = "cut_off"  # part of the plate was outside of the picture in every view that shows it
    UNREADABLE = "unreadable"  # plate pictures, but no text in any of them (blur, glare, dirt)
    TOO_FEW_READS = "too_few_reads"  # a text, but not seen often enough
    LOW_CONFIDENCE = "low_confidence"  # a text, but below the confidence that makes a claim
    READS_DISAGREE = "reads_disagree"  # the reads contradict each other
    ERROR = "error"  # a stage failed on this vehicle's pictures
