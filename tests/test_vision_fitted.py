"""A detector whose input has the shape of the pictures: what is loaded for which pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from dashcam_pipeline.vision.fitted import SHAPES_KEPT, USUAL_SHAPE, FittedDetector, Shape
from dashcam_pipeline.vision.types import Box, Detection, Image

HD, PORTRAIT, OLD = Shape(1280, 720), Shape(720, 1280), Shape(640, 480)


class Loaded:
    """A detector for one shape; what it finds names that shape and the picture."""

    name = "toy:CPU"

    def __init__(self, shape: Shape, calls: list[int]) -> None:
        self._shape = shape
        self._calls = calls

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        self._calls.append(len(images))
        return [[found_in(self._shape, int(image[0, 0, 0]))] for image in images]


def found_in(shape: Shape, number: int) -> Detection:
    return Detection(Box(number, 0, *shape), "car", 0.9)


class Loader:
    """Loads toys, and keeps what was asked of it."""

    def __init__(self) -> None:
        self.loaded: list[Shape] = []
        self.calls: list[int] = []

    def __call__(self, shape: Shape) -> Loaded:
        self.loaded.append(shape)
        return Loaded(shape, self.calls)


def image(shape: Shape, number: int = 0) -> Image:
    return np.full((shape.height, shape.width, 3), number, np.uint8)


def test_the_usual_shape_is_ready_before_the_first_picture() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    assert loader.loaded == [USUAL_SHAPE]
    assert detector.name == "toy:CPU"
    assert detector.detect([]) == []
    assert loader.calls == []


def test_pictures_go_to_the_model_of_their_shape_and_results_keep_their_places() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    shapes = [OLD, HD, PORTRAIT, OLD, HD, HD, OLD]
    found = detector.detect([image(shape, number) for number, shape in enumerate(shapes)])
    assert found == [[found_in(shape, number)] for number, shape in enumerate(shapes)]
    assert sorted(loader.calls) == [1, 3, 3]  # one call a shape
    assert detector.detect([image(OLD, 9)]) == [[found_in(OLD, 9)]]
    assert sorted(loader.loaded) == sorted({HD, OLD, PORTRAIT})


@pytest.mark.parametrize("shape", [Shape(0, 0), Shape(0, 720), Shape(1280, 0)])
def test_pictures_without_a_pixel_show_nothing_and_load_nothing(shape: Shape) -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    found = detector.detect([image(HD, 1), np.zeros((shape.height, shape.width, 3), np.uint8), image(HD, 2)])
    assert found == [[found_in(HD, 1)], [], [found_in(HD, 2)]]
    assert loader.loaded == [HD]


def test_pictures_of_the_same_proportions_share_a_model() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    same = [Shape(1920, 1080), Shape(640, 360), Shape(3840, 2160), Shape(320, 180), Shape(16, 9)]
    for number, shape in enumerate(same):
        assert detector.detect([image(shape, number)]) == [[found_in(HD, number)]]
    assert loader.loaded == [HD]
    detector.detect([image(PORTRAIT), image(Shape(1080, 1920))])
    assert loader.loaded == [HD, PORTRAIT]


def test_only_a_few_models_are_kept() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    odd = [Shape(100 + 10 * number, 100) for number in range(SHAPES_KEPT)]
    for shape in odd:
        assert detector.detect([image(shape, 3)]) == [[found_in(shape, 3)]]
    assert len(loader.loaded) == SHAPES_KEPT + 1
    for shape in odd:  # they are all still there; the usual one made room
        detector.detect([image(shape)])
    assert len(loader.loaded) == SHAPES_KEPT + 1
    assert detector.detect([image(HD, 5)]) == [[found_in(HD, 5)]]
    assert loader.loaded[-1] == HD


def test_more_shapes_at_once_than_models_are_kept_are_all_answered() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    odd = [Shape(100 + 10 * number, 100) for number in range(SHAPES_KEPT + 3)]
    found = detector.detect([image(shape, number) for number, shape in enumerate(odd)])
    assert found == [[found_in(shape, number)] for number, shape in enumerate(odd)]
