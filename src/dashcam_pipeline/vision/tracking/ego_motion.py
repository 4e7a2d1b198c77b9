"""How far the whole picture has moved since the frame before: the camera turned, or was shaken."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.vision.types import Image

WIDTH_PX, HEIGHT_PX = 128, 72
BLUR_PX = 1.0
MOST_SHARE = 0.45
"""Shifts by a larger share of the picture can't be told from shifts the other way."""

LEAST_GAIN = 0.005
"""A shift by which the two pictures don't correlate better by this much is none: the camera stands."""


class Shift(NamedTuple):
    """By how much what stands still has moved, in pixels of the frame."""

    dx: float
    dy: float


NO_SHIFT = Shift(0.0, 0.0)


class EgoMotion:
    """Estimates the shift between successive frames, by phase correlation of small grey pictures.

    Kuglin and Hines, "The phase correlation image alignment method" (1975), as OpenCV has it. Picklable, 10 kB; half a
    millisecond a frame, whatever its size.
    """

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None

    def step(self, image: Image) -> Shift:
        """Take the next frame; `NO_SHIFT` for the first."""
        if image.size == 0:
            return NO_SHIFT
        height, width = image.shape[:2]
        last, self._last = self._last, _small(image)
        if last is None:
            return NO_SHIFT
        before, now = last.astype(np.float32), self._last.astype(np.float32)
        window = cv2.createHanningWindow((WIDTH_PX, HEIGHT_PX), cv2.CV_32F)
        (dx, dy), _ = cv2.phaseCorrelate(
            before.copy(), now.copy(), window
        )  # which darkens their rims in place
        if abs(dx) > MOST_SHARE * WIDTH_PX or abs(dy) > MOST_SHARE * HEIGHT_PX:
            return NO_SHIFT
        if _correlation(before, now, round(dx), round(dy)) < _correlation(before, now, 0, 0) + LEAST_GAIN:
            return NO_SHIFT
        return Shift(dx * width / WIDTH_PX, dy * height / HEIGHT_PX)


def _small(image: Image) -> NDArray[np.uint8]:
    """Some of the pixels, grey and smoothed."""
    height, width = image.shape[:2]
    rows = (np.arange(HEIGHT_PX) * 2 + 1) * height // (2 * HEIGHT_PX)
    columns = (np.arange(WIDTH_PX) * 2 + 1) * width // (2 * WIDTH_PX)
    grey = cv2.cvtColor(image[rows[:, None], columns], cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), BLUR_PX), dtype=np.uint8)


def _correlation(before: NDArray[np.float32], now: NDArray[np.float32], dx: int, dy: int) -> float:
    """Pearson's, of what both show if everything moved by (dx, dy)."""
    one = before[max(0, -dy) : HEIGHT_PX - max(0, dy), max(0, -dx) : WIDTH_PX - max(0, dx)]
    other = now[max(0, dy) : HEIGHT_PX - max(0, -dy), max(0, dx) : WIDTH_PX - max(0, -dx)]
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / size if size > 0.0 else 0.0
