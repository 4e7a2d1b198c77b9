"""Turning a slanted plate upright before it is read: its slant out of its own edges, then one affine warp."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.vision.types import Box, Image

UPRIGHT_DEG = 6.0
"""Plates whose text is slanted by no more than this are left as they are. Readers cope with it, and a warp can only
cost sharpness; on warped photos of known plates reads get better from here on, and on upright ones no worse."""

SHEAR_BEYOND_DEG = 12.0
"""A plate that is seen from the side keeps its strokes upright, one in a tilted picture turns as a whole: its shear
lies between these two, or not farther than this beyond. Without that, 7 and Z would pass for slanted strokes."""

MAX_SLANT_DEG = 33.0
STEP_DEG = 3.0
WORK_WIDTH_PX, WORK_HEIGHT_PX = 96, 72  # the plate is shrunk or grown until it just fits in
MOST_EDGES = 400
FEWEST_EDGES = 40
ACROSS = 1.5
"""An edge whose gradient is this many times larger in the other direction is none of the lines looked for."""

FLATTEST, TALLEST = 0.16, 0.75
"""Height over width of upright plates, from long ones with one line to those with two."""


@dataclass(frozen=True, slots=True)
class Slant:
    """How a plate stands in its picture. Both angles are 0 for an upright one."""

    rotation_deg: float  # of the line of text; positive = it falls to the right
    shear_deg: (
        float  # of the strokes, from the picture's vertical; positive = their lower ends lie further right
    )

    @property
    def upright(self) -> bool:
        """Whether it reads as well without being straightened."""
        return abs(self.rotation_deg) <= UPRIGHT_DEG


UPRIGHT = Slant(0.0, 0.0)


def slant(crop: Image) -> Slant:
    """The slant of the plate that fills a picture.

    Edges along a line add up in a projection along that line: of all directions, the one whose profile of signed
    edges has the most energy is that of the text's upper and lower ends and of the plate's rim (projection profiles:
    Postl, "Detection of linear oblique structures and skew scan in digitized documents", ICPR 1986). With the
    rotation taken out, strokes and sides give the shear likewise.

    Args:
        crop: the plate as it was found, without a margin.

    Returns:
        `UPRIGHT` where the picture has too few edges. Only where the text is slanted is the shear measured too.
    """
    height, width = crop.shape[:2]
    if height < 4 or width < 4:
        return UPRIGHT
    scale = min(WORK_WIDTH_PX / width, WORK_HEIGHT_PX / height)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), size, interpolation=way)
    across = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 1, 0), dtype=np.float32)
    down = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 0, 1), dtype=np.float32)
    level = _strongest(down, across)
    if level is None:
        return UPRIGHT
    rotation = _direction(level.x, level.y, level.weights, -MAX_SLANT_DEG, MAX_SLANT_DEG)
    upright = _strongest(across, down) if abs(rotation) > UPRIGHT_DEG else None
    if upright is None:
        return Slant(rotation, 0.0)
    turned_back = upright.y - upright.x * np.float32(math.tan(math.radians(rotation)))
    least, most = min(0.0, -rotation) - SHEAR_BEYOND_DEG, max(0.0, -rotation) + SHEAR_BEYOND_DEG
    return Slant(rotation, _direction(turned_back, upright.x, upright.weights, least, most))


def straightened(picture: Image, plate: Box, margin: float, found: Slant) -> Image:
    """Cut a slanted plate out of a picture so that its text runs level and its strokes stand upright.

    Args:
        picture: what the plate was found in.
        plate: its box there, pixels: what surrounds the slanted plate.
        margin: share of the plate's width that is kept on both sides; above and below, twice that share of its
            height.
        found: the plate's slant.

    Returns:
        a picture of the size that the plate has by itself; what lies outside `picture` repeats its edge.
    """
    rotation, shear = math.radians(found.rotation_deg), math.radians(found.shear_deg)
    text = np.array([math.cos(rotation), math.sin(rotation)])  # one pixel along the line
    stroke = np.array([math.tan(shear), 1.0])  # one line further down
    width, height = _own_size(plate, text, stroke)
    width, height = width * (1 + 2 * margin), height * (1 + 4 * margin)
    columns, rows = max(8, round(width)), max(8, round(height))
    centre = np.array([plate.x1 + plate.x2 - 1, plate.y1 + plate.y2 - 1]) / 2
    right, down = text * width / columns, stroke * height / rows
    corner = centre - right * (columns - 1) / 2 - down * (rows - 1) / 2
    upright = cv2.warpAffine(
        picture,
        np.stack([right, down, corner], axis=1),
        (columns, rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(upright, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class _Edges:
    x: NDArray[np.float32]  # pixels
    y: NDArray[np.float32]
    weights: NDArray[np.float32]  # signed


def _strongest(edges: NDArray[np.float32], others: NDArray[np.float32]) -> _Edges | None:
    """The strongest edges that lie about in their direction; None where there are too few."""
    strength = np.abs(edges)
    strength[np.abs(others) > ACROSS * strength] = 0.0
    flat = strength.ravel()
    count = min(MOST_EDGES, flat.size // 6)
    if count < FEWEST_EDGES:
        return None
    places = np.argpartition(flat, -count)[-count:]
    places = places[flat[places] > 0.0]
    if len(places) < FEWEST_EDGES:
        return None
    y, x = np.divmod(places, edges.shape[1])
    return _Edges(x.astype(np.float32), y.astype(np.float32), edges.ravel()[places])


def _direction(
    along: NDArray[np.float32],
    beside: NDArray[np.float32],
    weights: NDArray[np.float32],
    least_deg: float,
    most_deg: float,
) -> float:
    """The angle, in degrees, of lines beside = along × tan(angle) + constant that gather the most energy."""
    angles = np.arange(least_deg, most_deg + STEP_DEG / 2, STEP_DEG)
    energy = _energy(along, beside, weights, np.tan(np.radians(angles)).astype(np.float32))
    best = int(energy.argmax())
    if best in (0, len(angles) - 1):
        return float(angles[best])
    left, peak, right = (float(value) for value in energy[best - 1 : best + 2])
    bend = left - 2 * peak + right  # the peak of the parabola through the three
    return float(angles[best] + (STEP_DEG * (left - right) / (2 * bend) if bend < 0 else 0.0))


def _energy(
    along: NDArray[np.float32],
    beside: NDArray[np.float32],
    weights: NDArray[np.float32],
    tangents: NDArray[np.float32],
) -> NDArray[np.float64]:
    """The energy of the profile of signed edges for every direction; an edge is shared by the two nearest bins."""
    places = beside - np.outer(tangents, along)
    places -= places.min()
    lower = places.astype(np.int64)
    share = places - lower
    bins = int(lower.max()) + 2
    slots = (lower + bins * np.arange(len(tangents))[:, None]).ravel()
    total = bins * len(tangents)
    profile = np.bincount(slots, (weights * (1 - share)).ravel(), total)
    profile += np.bincount(slots + 1, (weights * share).ravel(), total)
    return np.asarray(np.square(profile.reshape(len(tangents), bins)).sum(axis=1))


def _own_size(plate: Box, text: NDArray[np.float64], stroke: NDArray[np.float64]) -> tuple[float, float]:
    """Width and height, pixels, of the parallelogram that fits into the box."""
    sides = np.abs(np.stack([text, stroke], axis=1))
    if abs(np.linalg.det(sides)) > 0.1:
        width, height = (float(side) for side in np.linalg.solve(sides, [plate.width, plate.height]))
        if width > 0 and FLATTEST * width <= height <= TALLEST * width:
            return width, height
    width = plate.width / float(text[0] + FLATTEST * abs(stroke[0]))
    return width, max(FLATTEST * width, plate.height - width * abs(float(text[1])))
