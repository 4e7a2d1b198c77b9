"""A frame that can be drawn on, in the planes in which videos are stored.

Nothing is converted to RGB and back: pixels that nobody draws on come through as they were decoded, and on a small
host there is time left for the encoder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from dashcam_pipeline.render.colours import Colour, ColourSpace, Plane
from dashcam_pipeline.sources.picture import Orientation
from dashcam_pipeline.vision.blur import blur_inside
from dashcam_pipeline.vision.types import Box, Image

FORMAT = "yuv420p"
"""What every player can show: 8 bits, chroma at half the size."""

CHROMA_STEP = 4
"""Mean chroma in what is blurred is rounded to multiples of it: there are no letters in chroma."""

_SAME_LAYOUT = (FORMAT, "yuvj420p")
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


@dataclass(frozen=True, slots=True)
class Label:
    """A small picture to be put on a canvas; width and height are even."""

    luma: Plane
    chroma_blue: Plane  # half as wide and high
    chroma_red: Plane

    @property
    def width(self) -> int:
        return int(self.luma.shape[1])

    @property
    def height(self) -> int:
        return int(self.luma.shape[0])


class Canvas:
    """An upright frame of even width and height; coordinates are pixels of the upright frame."""

    def __init__(self, frame: av.VideoFrame, space: ColourSpace) -> None:
        self.frame = frame
        self.space = space
        self._luma, self._blue, self._red = (_view(frame, number) for number in range(3))

    @property
    def width(self) -> int:
        return int(self._luma.shape[1])

    @property
    def height(self) -> int:
        return int(self._luma.shape[0])

    def fill(self, x1: int, y1: int, x2: int, y2: int, colour: Colour) -> None:
        """A rectangle of one colour; its edges are moved to even pixels, what is outside is cut."""
        x1, y1 = max(0, x1) // 2, max(0, y1) // 2
        x2, y2 = max(x1, (min(x2, self.width) + 1) // 2), max(y1, (min(y2, self.height) + 1) // 2)
        luma, blue, red = self.space.pixel(colour)
        self._luma[2 * y1 : 2 * y2, 2 * x1 : 2 * x2] = luma
        self._blue[y1:y2, x1:x2] = blue
        self._red[y1:y2, x1:x2] = red

    def outline(self, box: Box, thickness: int, colour: Colour) -> None:
        """The border of a box, drawn outwards from it; at the edge of the picture, just inside of that."""
        x1, x2 = (min(max(round(x), thickness), self.width - thickness) for x in (box.x1, box.x2))
        y1, y2 = (min(max(round(y), thickness), self.height - thickness) for y in (box.y1, box.y2))
        self.fill(x1 - thickness, y1 - thickness, x2 + thickness, y1, colour)
        self.fill(x1 - thickness, y2, x2 + thickness, y2 + thickness, colour)
        self.fill(x1 - thickness, y1, x1, y2, colour)
        self.fill(x2, y1, x2 + thickness, y2, colour)

    def paste(self, label: Label, x: int, y: int) -> None:
        """Put a label with its top left corner at an even pixel; it has to lie inside of the picture."""
        x, y = x // 2, y // 2
        rows, columns = label.chroma_blue.shape
        self._luma[2 * y : 2 * (y + rows), 2 * x : 2 * (x + columns)] = label.luma
        self._blue[y : y + rows, x : x + columns] = label.chroma_blue
        self._red[y : y + rows, x : x + columns] = label.chroma_red

    def blur(self, boxes: Iterable[Box]) -> None:
        """Make what is in the boxes unrecognisable, see `vision.blur`."""
        for box in boxes:
            half = Box(*(edge / 2 for edge in box))
            blur_inside(self._luma, (box,))
            blur_inside(self._blue, (half,), step=CHROMA_STEP)
            blur_inside(self._red, (half,), step=CHROMA_STEP)

    def image(self) -> Image:
        """As it looks now."""
        image: Image = self.frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
        return image


class CanvasMaker:
    """Makes canvases of one size of the frames of a video: 8 bits, upright, even in width and height."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._stored: tuple[int, int] | None = (
            None  # of the first frame: a later one of another size is scaled
        )

    def canvas(self, decoded: av.VideoFrame, orientation: Orientation) -> Canvas:
        """A copy of a decoded frame.

        Raises:
            av.error.FFmpegError, ValueError, MemoryError: the frame can't be converted.
        """
        width, height = self._stored = self._stored or (decoded.width, decoded.height)
        if decoded.format.name not in _SAME_LAYOUT or (decoded.width, decoded.height) != self._stored:
            source = self._reformatter.reformat(
                decoded, width, height, FORMAT, dst_color_range=decoded.color_range or None, threads=1
            )
        else:
            source = decoded
        upright_width, upright_height = orientation.size(width, height)
        target = av.VideoFrame(_even(upright_width), _even(upright_height), FORMAT)
        target.color_range = decoded.color_range or (_FULL_RANGE if decoded.format.name == "yuvj420p" else 0)
        target.colorspace = decoded.colorspace
        for number in range(3):
            _copy(orientation.apply(_view(source, number)), _view(target, number))
        return Canvas(
            target, ColourSpace.named(int(target.colorspace), int(target.color_range) == _FULL_RANGE)
        )


def timed(frame: av.VideoFrame, pts: int, time_base: Fraction) -> av.VideoFrame:
    """The frame with its time."""
    frame.pts, frame.time_base = pts, time_base
    return frame


def _view(frame: av.VideoFrame, number: int) -> Plane:
    """One plane of a frame without FFmpeg's padding; not copied."""
    plane = frame.planes[number]
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _copy(source: Plane, target: Plane) -> None:
    """Copy a plane; a target that is a pixel larger repeats the last row or column."""
    height, width = source.shape
    target[:height, :width] = source
    target[height:, :width] = source[-1:, :]
    target[:, width:] = target[:, width - 1 : width]


def _even(size: int) -> int:
    return size + size % 2
