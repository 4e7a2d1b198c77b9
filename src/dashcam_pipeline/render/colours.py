"""The colours of boxes, and what they are in the planes of a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.uint8]
"""One component of a picture: uint8, shape (height, width)."""


class Colour(NamedTuple):
    """Red, green and blue, 0..255."""

    red: int
    green: int
    blue: int


BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)

PALETTE = (
    Colour(230, 159, 0),
    Colour(86, 180, 233),
    Colour(0, 158, 115),
    Colour(240, 228, 66),
    Colour(0, 114, 178),
    Colour(213, 94, 0),
    Colour(204, 121, 167),
)
"""Told apart by people of all kinds of colour vision (Okabe and Ito, Color Universal Design, 2008; without black)."""


def of_track(track_id: int) -> Colour:
    """The same for all frames of a vehicle; neighbours differ."""
    return PALETTE[track_id % len(PALETTE)]


def text_on(ground: Colour) -> Colour:
    """Black or white, whichever has the higher contrast (WCAG 2.2, relative luminance)."""
    light = _luminance(ground)
    return BLACK if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else WHITE


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        (share / 12.92) if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """How red, green and blue are stored as luma and two chroma planes (ITU-T H.273)."""

    kr: float = 0.299
    kb: float = 0.114
    full_range: bool = False

    @staticmethod
    def named(matrix: int, full_range: bool) -> ColourSpace:
        """By the code of H.273; a video that names none is read as BT.601, as FFmpeg does."""
        if matrix == 1:
            return ColourSpace(0.2126, 0.0722, full_range)
        if matrix in (9, 10):
            return ColourSpace(0.2627, 0.0593, full_range)
        return ColourSpace(full_range=full_range)

    def planes(self, rgb: NDArray[np.uint8]) -> tuple[Plane, Plane, Plane]:
        """Luma and both chromas, each of the full size, of pixels of shape (height, width, 3)."""
        red, green, blue = np.moveaxis(rgb.astype(np.float32), -1, 0)
        luma = self.kr * red + (1 - self.kr - self.kb) * green + self.kb * blue
        chroma_blue = (blue - luma) / (2 * (1 - self.kb))
        chroma_red = (red - luma) / (2 * (1 - self.kr))
        if self.full_range:
            return _bytes(luma), _bytes(chroma_blue + 128), _bytes(chroma_red + 128)
        return (
            _bytes(luma * 219 / 255 + 16),
            _bytes(chroma_blue * 224 / 255 + 128),
            _bytes(chroma_red * 224 / 255 + 128),
        )

    def pixel(self, colour: Colour) -> tuple[int, int, int]:
        """One colour in the three planes."""
        y, u, v = self.planes(np.array([[colour]], np.uint8))
        return int(y[0, 0]), int(u[0, 0]), int(v[0, 0])


def _bytes(values: NDArray[np.float32]) -> Plane:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
