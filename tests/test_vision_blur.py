"""What is blurred can't be recognised, what is beside it stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from dashcam_pipeline.vision.blur import COLOUR_STEP, blur_inside, blurred
from dashcam_pipeline.vision.types import Box, Image


def stripes(height: int = 120, width: int = 200, every_px: int = 4) -> Image:
    """As full of edges as a picture can be."""
    column = np.where(np.arange(width) // every_px % 2, 255, 0).astype(np.uint8)
    return np.repeat(np.tile(column, (height, 1))[:, :, None], 3, axis=2)


def test_blurred_box_has_no_edge_left() -> None:
    image = stripes()
    inside = blurred(image, [Box(50, 40, 130, 70)])[40:70, 50:130]
    assert image[40:70, 50:130].std() > 100
    assert inside.std() < COLOUR_STEP


def test_pixels_beside_the_grown_box_stay() -> None:
    image = stripes()
    changed = np.any(blurred(image, [Box(50, 40, 130, 70)], grow=0.1) != image, axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (rows[0], rows[-1] + 1) == (37, 73)
    assert (columns[0], columns[-1] + 1) == (42, 138)


def test_picture_that_was_given_stays() -> None:
    image = stripes()
    before = image.copy()
    blurred(image, [Box(0, 0, 200, 120)])
    assert np.array_equal(image, before)


def test_two_pictures_with_the_same_means_are_the_same_blurred() -> None:
    """No detail comes through: plates that differ in it alone can't be told apart."""
    box = [Box(48, 36, 144, 84)]
    one = blurred(stripes(), box, grow=0.0)[36:84, 48:144]
    other = blurred(stripes()[:, ::-1], box, grow=0.0)[36:84, 48:144]
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "box",
    [
        Box(-50, -50, -10, -10),
        Box(500, 500, 600, 600),
        Box(-10, -10, 5, 5),
        Box(195, 115, 300, 300),
        Box(10, 10, 10, 10),
        Box(20, 20, 21, 21),
    ],
    ids=["outside", "far outside", "corner", "other corner", "empty", "one pixel"],
)
def test_boxes_at_and_beyond_the_border_are_taken(box: Box) -> None:
    assert blurred(stripes(), [box]).shape == (120, 200, 3)


def test_plane_of_one_colour_is_taken() -> None:
    plane = np.ascontiguousarray(stripes()[:, :, 0])
    blur_inside(plane, [Box(50, 40, 130, 70)])
    assert plane[40:70, 50:130].std() < COLOUR_STEP
