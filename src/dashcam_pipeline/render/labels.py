"""Texts as small pictures, and where they stand so that none leaves the picture or hides another."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from dashcam_pipeline.render.canvas import Label
from dashcam_pipeline.render.colours import Colour, ColourSpace, text_on
from dashcam_pipeline.vision.types import Box

LABELS_KEPT = 512
TEXT_SHARE = 1 / 40
"""Height of the text, of the frame's height."""

LEAST_TEXT_PX = 12


def text_px(frame_height: int) -> int:
    """Height of the text in a frame."""
    return max(LEAST_TEXT_PX, round(frame_height * TEXT_SHARE))


@lru_cache(LABELS_KEPT)
def label(text: str, size_px: int, ground: Colour, space: ColourSpace, widest: int) -> Label:
    """A text on a ground of one colour.

    Args:
        text: one line; a character that Pillow's own font does not have becomes an empty box.
        size_px: height of its letters.
        ground: the text is black or white on it, whichever is easier to read.
        space: of the video.
        widest: no label is wider than so many pixels: a longer text is cut and ends in an ellipsis.
    """
    font = _font(size_px)
    margin = max(2, size_px // 4)
    text = _fitting(text, font, widest - 2 * margin)
    ascent, descent = font.getmetrics()
    width = _even(min(int(font.getlength(text)) + 1 + 2 * margin, max(2, widest)))
    height = _even(ascent + descent + margin)
    picture = Picture.new("RGB", (width, height), tuple(ground))
    ImageDraw.Draw(picture).text((margin, margin // 2), text, fill=tuple(text_on(ground)), font=font)
    luma, blue, red = space.planes(np.asarray(picture, np.uint8))
    return Label(luma, blue[::2, ::2], red[::2, ::2])


def place(
    box: Box, size: Label, frame_width: int, frame_height: int, taken: Iterable[Box]
) -> tuple[int, int]:
    """Where the label of a box stands: above it, below it, or inside, the first that hides no other label.

    Returns:
        the left and top pixel, both even; the label lies inside of the picture.
    """
    last_x, last_y = max(0, frame_width - size.width), max(0, frame_height - size.height)
    x = min(max(0, round(box.x1)), last_x) // 2 * 2
    above, below = round(box.y1) - size.height, round(box.y2)
    inside = min(max(0, round(box.y1)), last_y)
    taken = tuple(taken)
    for y in (above, below, inside):
        if 0 <= y <= last_y and not any(_at(x, y, size).overlaps(other) for other in taken):
            return x, y // 2 * 2
    return x, (above if 0 <= above <= last_y else inside) // 2 * 2


def area(label: Label, x: int, y: int) -> Box:
    """What a label covers."""
    return _at(x, y, label)


def _at(x: int, y: int, size: Label) -> Box:
    return Box(x, y, x + size.width, y + size.height)


@lru_cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


def _fitting(text: str, font: ImageFont.FreeTypeFont, widest: int) -> str:
    if font.getlength(text) <= widest:
        return text
    while text and font.getlength(text + "…") > widest:
        text = text[:-1]
    return text + "…"


def _even(size: int) -> int:
    return size + size % 2
