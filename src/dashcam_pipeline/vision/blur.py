"""Making parts of a picture unrecognisable, so that nothing can bring them back: plates and faces of others.

A Gaussian blur can be undone in part. Here a box keeps no more than the rounded mean colours of a few cells, each
wider than any character, which are then run into each other so that no edge stands out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dashcam_pipeline.vision.types import Box, Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROWN = 0.25
"""Share of its size by which a box is grown on every side before it is blurred: detectors cut corners."""

LEAST_GROWN_PX = 2.0
"""And no less than this, for boxes so small that a share of them is no pixel."""

CELLS_LONG, CELLS_SHORT = 3, 2
"""Cells along the longer and the shorter side of a box: a plate's characters, and a face's features, are narrower."""

COLOUR_STEP = 16
"""Mean colours are rounded to multiples of it, of 255: what is left of fine differences would add up over frames."""


def blurred(image: Image, boxes: Iterable[Box], grow: float = GROWN) -> Image:
    """A copy of a picture in which the boxes can't be recognised, nor restored.

    Args:
        image: BGR, uint8, shape (height, width, 3); a grey one of shape (height, width) will do as well.
        boxes: in pixels of the picture; parts outside of it don't matter.
        grow: share of its size by which each box is grown on every side first.

    Example:
        cv2.imwrite("street.jpg", blurred(frame, [plate.box for plate in plates]))
    """
    changed = image.copy()
    blur_inside(changed, boxes, grow)
    return changed


def blur_inside(
    pixels: NDArray[np.uint8], boxes: Iterable[Box], grow: float = GROWN, step: int = COLOUR_STEP
) -> None:
    """What `blurred` does, on the pixels themselves; a plane of one colour, shape (height, width), will do as well.

    Args:
        step: what mean colours are rounded to; a chroma plane wants less than `COLOUR_STEP`, or grey becomes tinted.
    """
    for box in boxes:
        _smear(grown(box, pixels.shape[1], pixels.shape[0], grow).crop(pixels), step)


def grown(box: Box, width: int, height: int, grow: float = GROWN) -> Box:
    """What is really blurred of a picture of width × height pixels: whole pixels, none where the box lies outside."""
    dx = max(LEAST_GROWN_PX, box.width * grow)
    dy = max(LEAST_GROWN_PX, box.height * grow)
    x1, y1 = max(0, math.floor(box.x1 - dx)), max(0, math.floor(box.y1 - dy))
    x2, y2 = min(width, math.ceil(box.x2 + dx)), min(height, math.ceil(box.y2 + dy))
    return Box(x1, y1, max(x1, x2), max(y1, y2))


def _smear(part: NDArray[np.uint8], step: int) -> None:
    """Leave only the rounded mean colours of a few cells, run into each other."""
    if not part.size:
        return
    height, width = part.shape[:2]
    wide = width >= height
    columns = min(width, CELLS_LONG if wide else CELLS_SHORT)
    rows = min(height, CELLS_SHORT if wide else CELLS_LONG)
    cells = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint16)
    rounded = np.minimum((cells + step // 2) // step * step, 255).astype(np.uint8)
    part[:] = cv2.resize(rounded, (width, height), interpolation=cv2.INTER_LINEAR).reshape(part.shape)
