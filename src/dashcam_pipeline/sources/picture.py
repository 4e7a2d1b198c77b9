"""A decoded frame made into an upright BGR picture: colour conversion and the rotation of the metadata."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import VideoReformatter

from dashcam_pipeline.vision.types import Image

_MATRIX = struct.Struct("=9i")  # 3 × 3, rows (a, b, u), (c, d, v), (x, y, w); a to d are 16.16 fixed point


@dataclass(frozen=True, slots=True)
class Orientation:
    """How the stored picture is turned to stand upright: first mirrored, then turned."""

    turns: int = 0  # quarter turns counter-clockwise, 0..3
    mirrored: bool = False  # left and right exchanged before turning
    odd_angle: bool = False  # the metadata asks for another angle; it is not applied

    @property
    def degrees_clockwise(self) -> int:
        return (-self.turns % 4) * 90

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (height, width) if self.turns % 2 else (width, height)

    def apply(self, image: Image) -> Image:
        """The upright picture, possibly as a view."""
        return np.rot90(image[:, ::-1] if self.mirrored else image, self.turns)


UPRIGHT = Orientation()


def orientation_from_matrix(matrix: bytes) -> Orientation:
    """Read a display matrix (ISO 14496-12, 8.3.2): a point (p, q) is shown at (a·p + c·q, b·p + d·q), q down.

    Only multiples of 90° with or without a mirror are honoured. A singular matrix, as damaged headers
    have, means none.
    """
    if len(matrix) < _MATRIX.size:
        return UPRIGHT
    a, b, _u, c, d, *_rest = _MATRIX.unpack_from(matrix)
    if a * d - b * c == 0:
        return UPRIGHT
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b  # the mirror acts first, on p alone; what is left is a pure turn
    tolerance = max(abs(a), abs(b)) // 64  # about one degree
    if abs(b) <= tolerance:
        return Orientation(turns=0 if a > 0 else 2, mirrored=mirrored)
    if abs(a) <= tolerance:
        return Orientation(turns=3 if b > 0 else 1, mirrored=mirrored)
    return Orientation(odd_angle=True)


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that a decoded frame carries."""
    side_data = cast(Mapping[SideDataType, bytes], frame.side_data)  # PyAV's stub has only one of its keys
    matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    return UPRIGHT if matrix is None else orientation_from_matrix(bytes(matrix))


class PictureConverter:
    """Converts frames of one stream; keeps the scaler between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._orientation = UPRIGHT

    def orientation(self, frame: av.VideoFrame) -> Orientation:
        """The orientation of a frame; its matrix is only looked at when the angle isn't the last one's.

        Asking a frame for its matrix ties it into a reference cycle, and a few hundred frames would wait for
        the garbage collector.
        """
        if frame.rotation != self._rotation:
            self._rotation = frame.rotation
            self._orientation = orientation_of(frame)
        return self._orientation

    def image(self, frame: av.VideoFrame) -> Image:
        """The frame as an upright picture, contiguous in memory.

        Colour matrix and range are those that the frame names; a frame that names none is read as BT.601 in
        limited range, as FFmpeg and OpenCV do. High bit depths are reduced to 8 bits.
        """
        # threads=1: left alone, the scaler would start a thread a core.
        converted = self._reformatter.reformat(frame, format="bgr24", threads=1)
        image: Image = converted.to_ndarray().astype(np.uint8, copy=False)  # bgr24 is uint8 already
        return np.ascontiguousarray(self.orientation(frame).apply(image))  # FFmpeg pads lines
