"""What is boxed on the picture of the whole frame, and in which colours: the vehicle and its plate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.storage.results.explaining import Explained

VEHICLE_COLOUR, PLATE_COLOUR = "#ff3b30", "#ffd60a"
PLATE_MARGIN = 0.004  # of the width of the frame: the line hides nothing of the plate


@dataclass(frozen=True, slots=True)
class FrameBox:
    """A box inside the frame, in pixels of the video."""

    left: float
    top: float
    right: float
    bottom: float
    colour: str

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def frame_boxes(seen: Explained) -> tuple[FrameBox, ...]:
    """Those that are known, the vehicle's first; none where the size of the video isn't known."""
    if not seen.frame_width or not seen.frame_height:
        return ()
    margin = PLATE_MARGIN * seen.frame_width
    wanted = ((seen.car_bbox, VEHICLE_COLOUR, 0.0), (seen.plate_bbox, PLATE_COLOUR, margin))
    return tuple(
        _inside(box, colour, around, seen.frame_width, seen.frame_height)
        for box, colour, around in wanted
        if box is not None
    )


def _inside(box: Sequence[float], colour: str, margin: float, width: int, height: int) -> FrameBox:
    left, top = max(0.0, box[0] - margin), max(0.0, box[1] - margin)
    right, bottom = min(width - 1.0, box[2] + margin), min(height - 1.0, box[3] + margin)
    return FrameBox(left, top, max(left + 1, right), max(top + 1, bottom), colour)
