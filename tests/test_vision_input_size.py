"""Models at other input sizes than the one that they were exported for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dashcam_pipeline.config import Settings
from dashcam_pipeline.vision.models.detector import Detector, open_plate_detector, open_vehicle_detector
from dashcam_pipeline.vision.models.input_size import InputSize, _Translation, resize_input, size_for, square
from dashcam_pipeline.vision.models.runtime import RuntimeOptions, open_runtime
from dashcam_pipeline.vision.plates.crops import search_picture
from dashcam_pipeline.vision.types import Box, Detection, Image
from sources_clips import real_clip
from vision_data import PICODET, PLATE_DETECTOR, SSD, model, photo

OWN = InputSize(320, 320)


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ((1280, 720), (320, 192)),  # 180, up to the next multiple of 32
        ((1920, 1080), (320, 192)),
        ((640, 480), (320, 256)),
        ((960, 540), (320, 192)),
        ((848, 480), (320, 192)),
        ((500, 500), (320, 320)),
        ((501, 500), (320, 320)),
        ((720, 1280), (192, 320)),
        ((3840, 100), (320, 32)),
        ((1, 4000), (32, 320)),
        ((1, 1), (320, 320)),
        ((320, 192), (320, 192)),
        ((320, 193), (320, 224)),
    ],
)
def test_the_input_is_as_wide_as_the_models_own_and_has_the_shape_of_the_pictures(
    picture: tuple[int, int], size: tuple[int, int]
) -> None:
    assert size_for(OWN, *picture) == InputSize(*size)


@pytest.mark.parametrize("own", [InputSize(416, 416), InputSize(512, 288)])
@pytest.mark.parametrize("picture", [(1280, 720), (480, 640), (100, 3000), (300, 300)])
def test_no_side_is_longer_than_the_models_own(own: InputSize, picture: tuple[int, int]) -> None:
    size = size_for(own, *picture)
    assert 0 < size.width <= own.width
    assert 0 < size.height <= own.height


@pytest.mark.parametrize(
    ("side", "size"), [(192, 192), (190, 192), (193, 224), (64, 64), (416, 416), (2048, 416), (1, 32)]
)
def test_a_square_is_rounded_up_and_no_larger_than_the_models_own(side: int, size: int) -> None:
    assert square(InputSize(416, 416), side) == InputSize(size, size)


def test_cells_and_their_centres() -> None:
    size = InputSize(64, 32)
    assert size.cells(16) == (2, 4)
    assert (size.count(8), size.count(64)) == (32, 1)  # a cell that hangs over the edge counts
    centres = size.centres((16, 32))
    assert centres.shape == (2, 10)
    assert centres[:, :8].T.tolist() == [[x + 0.5, y + 0.5] for y in range(2) for x in range(4)]
    assert centres[:, 8:].T.tolist() == [[0.5, 0.5], [1.5, 0.5]]


TO = _Translation(InputSize(320, 320), InputSize(320, 192))


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        (ints(1, 96, 40, 40), (1, 96, 24, 40)),
        (ints(1, 96, 5, 5), (1, 96, 3, 5)),
        (ints(1, 1600, 80), (1, 960, 80)),  # cells of stride 8
        (ints(1, 2125, 80), (1, 1275, 80)),  # of all four levels
        (ints(1, 80, -1), None),
        (ints(0, 0, 1, 1), None),
        (ints(40, 40), None),  # two numbers are no feature map
        (ints(1, 96, 41, 40), None),
        (np.array([1600.0, 400.0]), None),
        (np.array([[1, 1600]]), None),
    ],
    ids=str,
)
def test_shapes_of_feature_maps_are_translated_and_nothing_else(
    shape: NDArray[np.int64], wanted: tuple[int, ...] | None
) -> None:
    new = TO.of(shape)
    assert (None if new is None else tuple(new)) == wanted
    if new is not None:
        assert new.dtype == shape.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_grids_of_a_yolo_head_are_made_anew(dtype: type) -> None:
    own, size = InputSize(416, 416), InputSize(192, 192)
    translation = _Translation(own, size)
    strides = (8, 16, 32)
    centres = translation.of(own.centres(strides)[None].astype(dtype))
    assert centres is not None
    assert centres.dtype == dtype
    assert np.array_equal(centres, size.centres(strides)[None].astype(dtype))
    steps = np.concatenate([np.full(own.count(stride), stride, dtype) for stride in strides])[None]
    grid = translation.of(steps)
    assert grid is not None
    assert grid.shape == (1, 576 + 144 + 36)
    assert [np.count_nonzero(grid == stride) for stride in strides] == [576, 144, 36]
    assert translation.of(np.zeros((64, 3549), dtype)) is None  # a weight that is as wide by chance


def test_the_same_size_changes_nothing() -> None:
    translation = _Translation(OWN, OWN)
    for shape in (ints(1, 96, 40, 40), ints(1, 2125, 80)):
        assert np.array_equal(translation.of(shape), shape)  # type: ignore[arg-type]


def close(box: Box, other: Box, pixels: float) -> bool:
    return bool(np.abs(np.array(box) - np.array(other)).max() <= pixels)


@cache
def plate_detector(input_px: int | None) -> Detector:
    return open_plate_detector(model(PLATE_DETECTOR), RuntimeOptions(), 0.45, input_px)


PHOTO = "eu/eu1.jpg"


@pytest.mark.parametrize("side", [192, 256, 320])
def test_a_shrunk_plate_detector_finds_the_same_plate(side: int) -> None:
    image = photo(PHOTO)
    (full,), (shrunk,) = (plate_detector(px).detect([image])[0][:1] for px in (None, side))
    assert close(full.box, shrunk.box, 0.02 * image.shape[1])
    assert shrunk.score > 0.5


def test_a_shrunk_plate_detector_finds_nothing_on_an_empty_picture() -> None:
    flat = np.full((300, 400, 3), 128, np.uint8)
    assert plate_detector(192).detect([flat, np.zeros((0, 0, 3), np.uint8)]) == [[], []]


@pytest.mark.parametrize("name", [PLATE_DETECTOR, PICODET])
def test_at_its_own_size_a_model_gives_the_very_same_numbers(name: str) -> None:
    path = model(name)
    own = open_runtime(path, RuntimeOptions())
    fitted = open_runtime(path, RuntimeOptions(), fit=lambda size: size)
    assert fitted.input_shapes == own.input_shapes
    noise = np.random.default_rng(5).random(own.input_shapes[0], np.float32)
    for left, right in zip(own.infer(noise), fitted.infer(noise), strict=True):
        assert np.array_equal(left, right)


@pytest.mark.parametrize("name", [PLATE_DETECTOR, PICODET])
def test_there_and_back_again_gives_the_very_same_numbers(name: str) -> None:
    """What is changed for another size are only constants that depend on it, and all of them can be made anew."""
    import openvino

    core = openvino.Core()
    path = model(name)
    own, changed = core.read_model(path), core.read_model(path)
    shape = [side.get_length() if side.is_static else 1 for side in own.inputs[0].partial_shape]
    for network in (own, changed):
        network.reshape({0: shape})
    resize_input(changed, InputSize(192, 192))
    assert tuple(changed.inputs[0].shape) == (1, 3, 192, 192)
    resize_input(changed, InputSize(shape[3], shape[2]))
    noise = np.random.default_rng(6).random(shape, np.float32)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = [core.compile_model(network, "CPU", exact) for network in (own, changed)]
    first, second = (list(one(noise).values()) for one in compiled)
    assert len(first) == len(second) > 0
    for left, right in zip(first, second, strict=True):
        assert np.array_equal(left, right)


def frame_of(*parts: str, second: float) -> Image:
    """A frame of a clip of the test data."""
    with av.open(str(real_clip(*parts))) as container:
        for frame in container.decode(video=0):
            if (frame.time or 0.0) >= second:
                return frame.to_ndarray(format="bgr24")
    pytest.fail(f"{parts} has no second {second}")


@cache
def vehicle_detector(path: Path, *, fitted: bool) -> Detector:
    return open_vehicle_detector(path, RuntimeOptions(), 0.35, fitted=fitted)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.area + other.area - shared)


def sure(found: list[Detection]) -> list[Detection]:
    return [one for one in found if one.score > 0.6]


CLIPS = [("uk_mercedes_LS15EBC_720p.mp4", 1.0), ("uk_motorway_720p_30s.mp4", 1.0)]


@pytest.mark.parametrize(("clip", "second"), CLIPS)
def test_a_fitted_vehicle_detector_finds_the_same_vehicles_in_a_wide_frame(clip: str, second: float) -> None:
    frame = frame_of("videos", clip, second=second)
    own, fitted = (
        vehicle_detector(model(PICODET), fitted=fitted).detect([frame])[0] for fitted in (False, True)
    )
    assert sure(own)
    for one in sure(own):
        assert max((overlap(one.box, other.box) for other in fitted), default=0.0) > 0.6, one
    for one in sure(fitted):
        assert max((overlap(one.box, other.box) for other in own), default=0.0) > 0.6, one


def test_frames_of_several_shapes_are_searched_in_one_batch() -> None:
    """A portrait video beside a wide one, and what each shows does not depend on the other."""
    frame = frame_of("videos", CLIPS[0][0], second=1.0)
    portrait = np.ascontiguousarray(frame[:, 300:705])
    detector = vehicle_detector(model(PICODET), fitted=True)
    together = detector.detect([frame, portrait, np.zeros((0, 0, 3), np.uint8), frame])
    fresh = open_vehicle_detector(model(PICODET), RuntimeOptions(), 0.35, fitted=True)
    alone = [fresh.detect([one])[0] for one in (portrait, frame)][::-1]
    assert together == [alone[0], alone[1], [], alone[0]]
    for found in together:
        for one in found:
            assert one.box.x1 >= 0 and one.box.y1 >= 0
    assert all(one.box.x2 <= 405 and one.box.y2 <= 720 for one in together[1])


@pytest.mark.parametrize(("size", "fits"), [(InputSize(512, 512), True), (InputSize(512, 288), False)])
def test_a_model_whose_boxes_were_laid_out_for_one_size_keeps_it(size: InputSize, fits: bool) -> None:
    runtime = open_runtime(model(SSD), RuntimeOptions(), fit=lambda own: size)
    own = open_runtime(model(SSD), RuntimeOptions())
    assert runtime.input_shapes == own.input_shapes
    pixels = np.random.default_rng(7).integers(0, 255, own.input_shapes[0]).astype(np.float32)
    for left, right in zip(runtime.infer(pixels), own.infer(pixels), strict=True):
        assert np.array_equal(left, right)


def test_an_ssd_detector_that_should_be_fitted_finds_what_it_always_found() -> None:
    image = photo(PHOTO)
    own, fitted = (vehicle_detector(model(SSD), fitted=fitted).detect([image])[0] for fitted in (False, True))
    assert own == fitted != []


def test_a_shrunk_search_of_a_vehicle_in_a_real_frame_finds_its_plate() -> None:
    """The whole way: the vehicle in the frame, its picture, the plate at both sizes."""
    frame = frame_of("videos", CLIPS[0][0], second=1.0)
    vehicles = vehicle_detector(model(PICODET), fitted=True).detect([frame])[0]
    widest = max(vehicles, key=lambda one: one.box.width)
    cut = search_picture(frame, widest.box, Settings().detection)
    (full,), (shrunk,) = (plate_detector(px).detect([cut.image])[0][:1] for px in (None, 192))
    assert close(full.box, shrunk.box, 8.0)
