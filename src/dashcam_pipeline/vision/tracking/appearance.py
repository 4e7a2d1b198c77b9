"""What a vehicle looks like, in 48 numbers: enough to tell that another one came in its place."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.vision.types import Box, Image

Signature: TypeAlias = NDArray[np.float32]
"""Mean colours of the parts of a vehicle's box: shape (CELLS, CELLS, 3), CIELAB as OpenCV scales it (0..255)."""

CELLS = 4
SAMPLES = 4
"""So many pixels a cell are looked at, each way."""

RIM_SHARE = 0.1
"""Share of the box that is left out on every side: the road, mostly."""

LEAST_PX = 2
LIGHTNESS_WEIGHT = 0.5
"""Shadows and exposure change lightness, and hardly the colour."""

NEWEST_SHARE = 0.4
"""What the newest view counts in the mean of all."""


def signature_of(image: Image, box: Box) -> Signature | None:
    """What is in `box` (pixels of `image`); None where that is hardly a pixel."""
    height, width = image.shape[:2]
    inner = box.grown(-RIM_SHARE, width, height)
    if inner.width < LEAST_PX or inner.height < LEAST_PX:
        return None
    places = (np.arange(CELLS * SAMPLES) + 0.5) / (CELLS * SAMPLES)
    rows = (inner.y1 + places * inner.height).astype(np.intp)
    columns = (inner.x1 + places * inner.width).astype(np.intp)
    lab = cv2.cvtColor(image[rows[:, None], columns], cv2.COLOR_BGR2LAB).astype(np.float32)
    return np.asarray(lab.reshape(CELLS, SAMPLES, CELLS, SAMPLES, 3).mean(axis=(1, 3)), dtype=np.float32)


def difference(first: Signature, second: Signature) -> float:
    """How different two vehicles look: about 4 from view to view of one, mostly above 15 of two.

    The mean over the cells of the distance in colour (a, b) and, at half weight, of that in lightness, of which half
    of what all cells have in common is taken out.
    """
    lightness = first[..., 0] - second[..., 0]
    lightness = lightness - lightness.mean() / 2
    colour = np.hypot(first[..., 1] - second[..., 1], first[..., 2] - second[..., 2])
    return float(LIGHTNESS_WEIGHT * np.abs(lightness).mean() + colour.mean())


def blended(known: Signature | None, newest: Signature | None) -> Signature | None:
    """The mean of all views of a vehicle, in which older ones count less and less."""
    if known is None or newest is None:
        return newest if known is None else known
    return np.asarray(known + NEWEST_SHARE * (newest - known), dtype=np.float32)
