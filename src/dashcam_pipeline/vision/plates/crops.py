"""From a frame to the picture that is searched for a plate, and from there to the picture that is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.config import DetectionSettings
from dashcam_pipeline.vision.plates.plate_gates import NOTHING_AROUND, Judgement, Surroundings, judge_plates
from dashcam_pipeline.vision.types import Box, Detection, Image


@dataclass(frozen=True, slots=True)
class SearchPicture:
    """The part of a frame around a vehicle."""

    image: Image  # a view into the frame
    vehicle: Box  # in pixels of `image`
    left: int  # where `image` begins in the frame, pixels
    top: int


def search_picture(frame: Image, vehicle: Box, settings: DetectionSettings) -> SearchPicture:
    """Cut out a vehicle, with the configured margin, for the plate detector; never less than one pixel."""
    height, width = frame.shape[:2]
    around = vehicle.grown(settings.vehicle_margin, width, height)
    left, top = min(round(around.x1), width - 1), min(round(around.y1), height - 1)
    inside = Box(left, top, max(around.x2, left + 1), max(around.y2, top + 1))
    return SearchPicture(inside.crop(frame), vehicle.shifted(-left, -top), left, top)


def judge_in_frame(
    picture: SearchPicture, found: Sequence[Detection], around: Surroundings = NOTHING_AROUND
) -> Judgement:
    """The vehicle's own plate out of what the plate detector found in its picture, in pixels of the frame."""
    left, top = picture.left, picture.top
    in_frame = [replace(plate, box=plate.box.shifted(left, top)) for plate in found]
    return judge_plates(in_frame, picture.vehicle.shifted(left, top), around)


def plate_picture(frame: Image, plate: Box, settings: DetectionSettings) -> Image:
    """Cut out a plate, with the configured margin, for the reader.

    Above and below the margin is twice as large a share: plates are flat, and boxes of slanted ones cut
    off corners of characters.
    """
    share = settings.plate_margin
    dx, dy = plate.width * share, plate.height * 2 * share
    return Box(plate.x1 - dx, plate.y1 - dy, plate.x2 + dx, plate.y2 + dy).crop(frame)
