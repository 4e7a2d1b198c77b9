"""Plates with two lines of text: their lines side by side, as one line, for readers that know only that."""

from __future__ import annotations

import cv2
import numpy as np

from dashcam_pipeline.vision.types import Box, Image

TALL = 1.6
"""Plates whose width is less than this many times their height may have two lines."""

GAP_FROM, GAP_TO = 0.35, 0.65  # shares of the height between which the gap between the lines is
LEAST_HEIGHT_PX = 12


def may_have_two_lines(plate: Box) -> bool:
    """Whether a plate is so tall that it is worth being read both ways.

    The more certain of the two reads is the one to keep: on plates with one line that is the first.
    """
    return plate.height >= LEAST_HEIGHT_PX and plate.width < TALL * plate.height


def side_by_side(crop: Image) -> Image:
    """The lower half of a plate moved to the right of its upper half.

    It is cut in the row, about the middle, that has the fewest strokes.

    Args:
        crop: a plate without a margin, at least `LEAST_HEIGHT_PX` high.

    Returns:
        a picture twice as wide and about half as high.
    """
    strokes = np.abs(cv2.Sobel(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.CV_32F, 1, 0)).sum(axis=1)
    height, width = crop.shape[:2]
    first, last = round(GAP_FROM * height), round(GAP_TO * height)
    gap = first + int(strokes[first : last + 1].argmin())
    upper, lower = crop[:gap], crop[gap:]
    size = (width, max(len(upper), len(lower)))
    return np.asarray(np.hstack([cv2.resize(half, size) for half in (upper, lower)]), dtype=np.uint8)
