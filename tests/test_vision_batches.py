"""Batches: a picture's result is the same alone, among others, and among black ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.vision.models.batches import chunks, fits_batch, of_picture, stacked
from dashcam_pipeline.vision.models.detector import (
    Detector,
    RuntimeDetector,
    open_plate_detector,
    open_vehicle_detector,
)
from dashcam_pipeline.vision.models.heads import EndToEndHead
from dashcam_pipeline.vision.models.onnx_batching import batched_model
from dashcam_pipeline.vision.models.plate_reader import open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions, open_runtime
from dashcam_pipeline.vision.types import Image
from vision_data import PICODET, PLATE_DETECTOR, READER, model, photo

EMPTY = np.zeros((0, 0, 3), np.uint8)


class ToyRuntime:
    """Stands for a GPU: finds, in every picture, one box as wide as its first pixel says; wants fixed batches."""

    name = "toy"
    output_names = ("rows",)

    def __init__(self, batch: int) -> None:
        self.input_shapes = ((batch, 3, 64, 64),)
        self.shapes: list[tuple[int, ...]] = []

    def infer(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        self.shapes.append(batch.shape)
        rows = [[place, 0, 0, one[0, 0, 0] * 64, 32, 0, 0.9] for place, one in enumerate(batch) if one.any()]
        return [np.array(rows[::-1], np.float32).reshape(-1, 7)]  # in no order of pictures


def grey(level: int) -> Image:
    return np.full((64, 64, 3), level, np.uint8)


@pytest.mark.parametrize("batch", [1, 2, 4, 16])
@pytest.mark.parametrize("pictures", [0, 1, 3, 4, 5, 9])
def test_every_picture_gets_its_own_result_whatever_the_batch(batch: int, pictures: int) -> None:
    runtime = ToyRuntime(batch)
    images = [grey(50 + 20 * number) for number in range(pictures)]
    found = RuntimeDetector(runtime, EndToEndHead(64, 64, {0: "plate"}), 0.5).detect([EMPTY, *images])
    assert found[0] == []
    widths = [round(one[0].box.width * 255 / 64) for one in found[1:]]
    assert widths == [int(image[0, 0, 0]) for image in images]
    assert set(runtime.shapes) <= {(batch, 3, 64, 64)}  # one shape, to which an engine tunes itself once
    assert len(runtime.shapes) == -(-pictures // batch)


@pytest.mark.parametrize(
    ("places", "batch", "expected"),
    [
        ([], 4, []),
        ([0], 4, [[0]]),
        ([0, 2, 5], 2, [[0, 2], [5]]),
        ([1, 2], 2, [[1, 2]]),
        ([7, 8], 1, [[7], [8]]),
    ],
)
def test_places_come_in_runs_of_a_batch(places: list[int], batch: int, expected: list[list[int]]) -> None:
    assert [list(run) for run in chunks(places, batch)] == expected


def test_what_is_missing_in_a_batch_is_black() -> None:
    one = np.full((1, 3, 2, 2), 7, np.uint8)
    whole = stacked([one], 3)
    assert whole.shape == (3, 3, 2, 2) and whole.dtype == np.uint8
    assert (whole[0] == 7).all() and not whole[1:].any()
    assert stacked([one], 1) is one  # nothing is copied where nothing needs to be


def test_rows_and_maps_are_taken_apart_by_picture() -> None:
    rows = np.array([[1, *[9] * 6], [0, *[5] * 6], [1, *[8] * 6]], np.float32)
    maps = np.arange(2 * 4 * 5, dtype=np.float32).reshape(2, 4, 5)
    own_rows, own_map = of_picture([rows, maps], 1, 2)
    assert own_rows[:, 1].tolist() == [9, 8]
    np.testing.assert_array_equal(own_map, maps[1:])


@pytest.mark.parametrize(
    ("shape", "fits"),
    [((4, 10, 37), True), ((0, 7), True), ((9, 7), True), ((1, 10, 37), False), ((), False)],
)
def test_outputs_that_are_not_one_a_picture_are_told(shape: tuple[int, ...], fits: bool) -> None:
    assert fits_batch([np.zeros(shape, np.float32)], 4) is fits


def test_openvino_takes_one_picture_at_a_time() -> None:
    options = RuntimeOptions(batch=8)
    assert open_runtime(model(READER), options).input_shapes[0][0] == options.chosen_batch == 1


def test_a_missing_onnx_is_named_with_both_cures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if not installed
    with pytest.raises(EngineUnavailable, match=r"onnx.*\[gpu\].*models\.gpu_batch"):
        batched_model(Path("m.onnx"), 8)


# --- with onnxruntime itself -----------------------------------------------------------------------


@pytest.fixture
def libraries() -> None:
    for name in ("onnxruntime", "onnx"):
        pytest.importorskip(name, reason="needs the extra onnx or gpu")


def vehicles(options: RuntimeOptions) -> Detector:
    return open_vehicle_detector(model(PICODET), options, 0.35)


def plates(options: RuntimeOptions) -> Detector:
    return open_plate_detector(model(PLATE_DETECTOR), options, 0.3)


def pictures() -> list[Image]:
    names = ("eu1", "eu10", "eu11", "eu2", "eu4")
    return [photo(f"eu/{name}.jpg") for name in names]


@pytest.mark.parametrize("open_detector", [vehicles, plates])
@pytest.mark.parametrize("batch", [2, 4, 8])
def test_real_detectors_find_the_same_in_batches_as_one_by_one(
    libraries: None, open_detector: Any, batch: int
) -> None:
    images = pictures()
    alone = open_detector(RuntimeOptions(engine="onnxruntime")).detect(images)
    detector = open_detector(RuntimeOptions(engine="onnxruntime", batch=batch))
    together = detector.detect(images)
    shuffled = detector.detect(images[::-1])[::-1]
    assert sum(map(len, alone)) >= len(images)
    for other in (together, shuffled):
        assert [[d.label for d in one] for one in other] == [[d.label for d in one] for one in alone]
        for one, own in zip(other, alone, strict=True):
            np.testing.assert_allclose([d.box for d in one], [d.box for d in own], atol=0.01)
            np.testing.assert_allclose([d.score for d in one], [d.score for d in own], atol=1e-4)


@pytest.mark.parametrize("batch", [2, 4])
def test_real_plates_are_read_the_same_in_batches(libraries: None, batch: int) -> None:
    crops = [image[200:300, 300:500] for image in pictures()]
    reads = [
        open_plate_reader(
            "fast-plate-ocr", model(READER), RuntimeOptions(engine="onnxruntime", batch=size)
        ).read([EMPTY, *crops])
        for size in (1, batch)
    ]
    assert [read.text for read in reads[0]] == [read.text for read in reads[1]]
    for alone, together in zip(*reads, strict=True):
        np.testing.assert_allclose(alone.char_confidences, together.char_confidences, atol=1e-4)


def _mixing_model(path: Path, outputs: Sequence[int | str]) -> Path:
    """A model that flattens its whole input, batch and all."""
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"], axis=0)],
        "mixing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def test_a_model_that_mixes_its_pictures_keeps_one_at_a_time(
    libraries: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _mixing_model(tmp_path / "mixing.onnx", [1, 48])
    runtime = open_runtime(path, RuntimeOptions(engine="onnxruntime", batch=4))
    assert runtime.input_shapes[0][0] == 1
    assert runtime.infer(np.ones((1, 3, 4, 4), np.float32))[0].shape == (1, 48)
    assert "mixing.onnx takes one picture at a time" in caplog.text
