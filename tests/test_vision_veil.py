"""A veiled picture shows one vehicle: around it no edge is left, on it all of them."""

from __future__ import annotations

import numpy as np
import pytest

from dashcam_pipeline.vision.types import Box, Image
from dashcam_pipeline.vision.veil import FRAME_CELLS, VEHICLE_CELLS, InSight, veiled

OWN = Box(300, 150, 500, 300)
PLATE = Box(380, 250, 420, 262)


def noise(height: int = 450, width: int = 800) -> Image:
    """As full of detail as a picture can be."""
    return np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)


def detail(picture: Image) -> float:
    """The mean difference between neighbours, in levels of 255."""
    return float(np.abs(np.diff(picture.astype(np.int16), axis=1)).mean())


def around(image: Image, box: Box, margin: int = 12) -> list[Image]:
    """The four parts of a picture beside a box."""
    x1, y1, x2, y2 = (int(value) for value in box)
    parts = [image[: y1 - margin], image[y2 + margin :], image[:, : x1 - margin], image[:, x2 + margin :]]
    return [part for part in parts if part.size]


@pytest.mark.parametrize("cells", [FRAME_CELLS, VEHICLE_CELLS])
def test_around_the_vehicle_no_detail_is_left_and_on_it_all(cells: int) -> None:
    image = noise()
    result = veiled(image, InSight(OWN, PLATE), cells)
    assert np.array_equal(OWN.crop(result), OWN.crop(image))
    assert all(
        detail(part) < 2 < 40 < detail(whole)
        for part, whole in zip(around(result, OWN), around(image, OWN), strict=True)
    )


def test_what_stays_of_the_rest_is_a_few_mean_colours() -> None:
    """Two pictures with the same means are the same, so nothing finer can be brought back."""
    image = noise()
    shuffled = np.ascontiguousarray(image.reshape(18, 25, 32, 25, 3)[:, ::-1, :, ::-1].reshape(450, 800, 3))
    assert not np.array_equal(image, shuffled)
    seen = InSight(None)
    assert np.array_equal(veiled(image, seen, FRAME_CELLS), veiled(shuffled, seen, FRAME_CELLS))


def test_with_no_vehicle_to_be_seen_nothing_can_be() -> None:
    assert detail(veiled(noise(), InSight(None), FRAME_CELLS)) < 2


def test_its_own_plate_is_hidden_where_that_is_asked_for() -> None:
    image = noise()
    result = veiled(image, InSight(OWN, PLATE), FRAME_CELLS, hide_plate=True)
    assert detail(PLATE.crop(result)) < 2
    assert detail(Box(300, 150, 500, 240).crop(result)) > 40


def test_where_no_plate_was_found_all_that_may_have_one_is_hidden() -> None:
    result = veiled(noise(), InSight(OWN), FRAME_CELLS, hide_plate=True)
    assert detail(Box(300, 185, 500, 300).crop(result)) < 2


@pytest.mark.parametrize(
    ("other", "hidden"),
    [
        (Box(450, 200, 700, 380), True),  # before it, to the right
        (Box(450, 100, 700, 280), True),  # behind it, seen beside it
        (Box(250, 50, 600, 280), False),  # a bus behind it: what is seen there is the vehicle itself
        (Box(250, 50, 600, 400), True),  # a bus before it
    ],
)
def test_other_vehicles_before_it_are_hidden_but_not_its_plate(other: Box, hidden: bool) -> None:
    image = noise()
    result = veiled(image, InSight(OWN, PLATE, (other,)), FRAME_CELLS)
    assert (detail(Box(460, 210, 490, 240).crop(result)) < 2) == hidden
    assert np.array_equal(PLATE.crop(result), PLATE.crop(image))


def test_the_picture_that_was_given_stays() -> None:
    image = noise()
    before = image.copy()
    veiled(image, InSight(OWN, PLATE, (Box(400, 200, 600, 350),)), FRAME_CELLS, hide_plate=True)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (40, 50)])
def test_odd_pictures_are_taken(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    seen = InSight(Box(-5, -5, 1000, 20), Box(2, 2, 4, 3), (Box(0, 0, 1000, 1000),))
    for hide_plate in (False, True):
        assert veiled(image, seen, VEHICLE_CELLS, hide_plate=hide_plate).shape == image.shape


def test_boxes_are_placed_in_shrunk_and_in_cut_out_pictures() -> None:
    seen = InSight(OWN, None, (PLATE,))
    assert seen.placed(-300, -150, 1.0).own == Box(0, 0, 200, 150)
    assert seen.placed(0, 0, 0.5) == InSight(Box(150, 75, 250, 150), None, (Box(190, 125, 210, 131),))
