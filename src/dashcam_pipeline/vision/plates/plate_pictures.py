"""What readers are given of a plate: its picture, upright, and where it may have two lines also those side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.config import DetectionSettings
from dashcam_pipeline.vision.plates.crops import plate_picture
from dashcam_pipeline.vision.plates.plate_quality import PlateQuality, judge
from dashcam_pipeline.vision.plates.straighten import slant, straightened
from dashcam_pipeline.vision.plates.two_lines import may_have_two_lines, side_by_side
from dashcam_pipeline.vision.types import Box, Image, PlateRead


@dataclass(frozen=True, slots=True)
class PlatePictures:
    """A plate, ready to be read."""

    pictures: tuple[Image, ...]  # one, or two to read both ways; `most_certain` says which read counts
    quality: PlateQuality  # of the plate as it was found


def plate_pictures(picture: Image, plate: Box, settings: DetectionSettings) -> PlatePictures:
    """Cut a plate out for the readers.

    Args:
        picture: the vehicle's picture, or a frame.
        plate: the plate's box in it, pixels.
        settings: margin, and whether slanted plates are straightened.
    """
    crop = plate.crop(picture)
    found = slant(crop)
    quality = judge(picture, plate, found)
    if settings.straighten and not found.upright:
        cut_out = straightened(picture, plate, settings.plate_margin, found)
        bare = straightened(picture, plate, 0.0, found)
    else:
        cut_out, bare = plate_picture(picture, plate, settings), crop
    height, width = bare.shape[:2]
    if may_have_two_lines(Box(0, 0, width, height)):
        return PlatePictures((cut_out, side_by_side(bare)), quality)
    return PlatePictures((cut_out,), quality)


def most_certain(reads: Sequence[PlateRead]) -> PlateRead:
    """Of one reader's reads of a plate's pictures, the one that counts.

    On plates with one line that is the first; those side by side are garbage to a reader, and it is less sure of them.
    """
    return max(reads, key=lambda read: read.confidence)
