"""A detector whose input has the shape of the pictures: what is loaded for which pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from dashcam_pipeline.vision.models.fitted import SIZES_KEPT, USUAL_SHAPE, FittedDetector, Shape
from dashcam_pipeline.vision.models.input_size import InputSize, size_for
from dashcam_pipeline.vision.types import Box, Detection, Image

HD, PORTRAIT, OLD = Shape(1280, 720), Shape(720, 1280), Shape(640, 480)
OWN = InputSize(320, 320)


class Loaded:
    """A detector of one size; what it finds names that size and the picture."""

    name = "toy:CPU"

    def __init__(self, size: InputSize, calls: list[int]) -> None:
        self._size = size
        self._calls = calls

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        self._calls.append(len(images))
        return [[found(self._size, int(image[0, 0, 0]))] for image in images]


def found(size: InputSize, number: int) -> Detection:
    return Detection(Box(number, 0, size.width, size.height), "car", 0.9)


def found_in(shape: Shape, number: int) -> Detection:
    """What the model for pictures of this shape finds."""
    return found(size_for(OWN, *shape), number)


class Loader:
    """Loads toys, and keeps what was asked of it."""

    def __init__(self) -> None:
        self.loaded: list[InputSize] = []
        self.calls: list[int] = []

    def __call__(self, fit: Callable[[InputSize], InputSize]) -> Loaded:
        self.loaded.append(fit(OWN))
        return Loaded(self.loaded[-1], self.calls)


def sizes(*shapes: Shape) -> list[InputSize]:
    return [size_for(OWN, *shape) for shape in shapes]


def image(shape: Shape, number: int = 0) -> Image:
    return np.full((shape.height, shape.width, 3), number, np.uint8)


def test_the_usual_shape_is_ready_before_the_first_picture() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    assert loader.loaded == sizes(USUAL_SHAPE)
    assert detector.name == "toy:CPU"
    assert detector.detect([]) == []
    assert loader.calls == []


def test_pictures_go_to_the_model_of_their_shape_and_results_keep_their_places() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    shapes = [OLD, HD, PORTRAIT, OLD, HD, HD, OLD]
    seen = detector.detect([image(shape, number) for number, shape in enumerate(shapes)])
    assert seen == [[found_in(shape, number)] for number, shape in enumerate(shapes)]
    assert sorted(loader.calls) == [1, 3, 3]  # one call a shape
    assert detector.detect([image(OLD, 9)]) == [[found_in(OLD, 9)]]
    assert set(loader.loaded) == set(sizes(HD, OLD, PORTRAIT))
    assert len(loader.loaded) == 3


@pytest.mark.parametrize("shape", [Shape(0, 0), Shape(0, 720), Shape(1280, 0)])
def test_pictures_without_a_pixel_show_nothing_and_load_nothing(shape: Shape) -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    seen = detector.detect([image(HD, 1), np.zeros((shape.height, shape.width, 3), np.uint8), image(HD, 2)])
    assert seen == [[found_in(HD, 1)], [], [found_in(HD, 2)]]
    assert loader.loaded == sizes(HD)


def test_pictures_that_ask_for_the_same_size_share_a_model() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    same = [Shape(1920, 1080), Shape(640, 360), Shape(848, 480), Shape(854, 480), Shape(16, 9)]
    for number, shape in enumerate(same):
        assert detector.detect([image(shape, number)]) == [[found_in(HD, number)]]
    assert loader.loaded == sizes(HD)
    detector.detect([image(PORTRAIT), image(Shape(1080, 1920))])
    assert loader.loaded == sizes(HD, PORTRAIT)


ODD = [Shape(320, 32 * rows) for rows in range(1, SIZES_KEPT + 4) if 32 * rows != 192]


def test_only_the_models_used_last_are_kept() -> None:
    loader = Loader()
    detector = FittedDetector(loader)
    for shape in ODD[: SIZES_KEPT - 1]:
        assert detector.detect([image(shape, 3)]) == [[found_in(shape, 3)]]
        detector.detect([image(HD)])  # used again and again, so it stays
    detector.detect([image(ODD[SIZES_KEPT])])  # one too many: the first of the odd ones makes room
    assert len(loader.loaded) == SIZES_KEPT + 1
    detector.detect([image(HD), image(ODD[1])])
    assert len(loader.loaded) == SIZES_KEPT + 1
    detector.detect([image(ODD[0])])
    assert loader.loaded[-1:] == sizes(ODD[0])


def test_more_sizes_at_once_than_models_are_kept_are_all_answered() -> None:
    detector = FittedDetector(Loader())
    seen = detector.detect([image(shape, number) for number, shape in enumerate(ODD)])
    assert seen == [[found_in(shape, number)] for number, shape in enumerate(ODD)]


def test_a_loader_that_does_not_ask_for_the_size_is_refused() -> None:
    with pytest.raises(TypeError, match="size"):
        FittedDetector(lambda fit: Loaded(OWN, []))
