"""Boxes that are part of another box: the front of a car, the cab of a truck."""

from __future__ import annotations

from collections.abc import Sequence

from dashcam_pipeline.vision.geometry import intersection
from dashcam_pipeline.vision.types import Detection

INSIDE_SHARE = 0.9
"""A part lies inside of the whole with at least this share of its area …"""

LEAST_SHARE = 0.3
"""… and takes at least this share of the whole's: a car in front of a truck takes less."""


def parts(detections: Sequence[Detection]) -> list[bool]:
    """Of each vehicle found in a frame, whether its box is a part of a larger one that was found more surely."""
    return [any(_is_part(one, other) for other in detections if other is not one) for one in detections]


def _is_part(one: Detection, other: Detection) -> bool:
    return (
        one.score < other.score
        and one.box.area < other.box.area
        and one.box.area >= LEAST_SHARE * other.box.area
        and intersection(one.box, other.box) >= INSIDE_SHARE * one.box.area
    )
