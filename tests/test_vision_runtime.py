"""Opening models: engines, devices, and clear words where one can't be had."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from dashcam_pipeline.errors import EngineUnavailable, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.vision.models import onnx_runtime
from dashcam_pipeline.vision.models.detector import open_plate_detector, open_vehicle_detector
from dashcam_pipeline.vision.models.runtime import RuntimeOptions, open_runtime
from vision_data import PICODET, PLATE_DETECTOR, READER, model, photo

HAS_ONNXRUNTIME = importlib.util.find_spec("onnxruntime") is not None


@pytest.mark.parametrize(
    ("options", "engine"),
    [
        (RuntimeOptions(), "openvino"),
        (RuntimeOptions(device="cuda:1"), "onnxruntime"),
        (RuntimeOptions(engine="onnxruntime"), "onnxruntime"),
        (RuntimeOptions(engine="ultralytics"), "openvino"),  # plates and text, which it has no models for
        (RuntimeOptions(engine="ultralytics", device="cuda:0"), "onnxruntime"),
    ],
)
def test_auto_takes_openvino_on_the_cpu_and_onnxruntime_on_a_gpu(
    options: RuntimeOptions, engine: str
) -> None:
    assert options.chosen_engine == engine


@pytest.mark.parametrize(("device", "index"), [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)])
def test_device_names_carry_their_number(device: str, index: int) -> None:
    assert RuntimeOptions(device=device).device_index == index


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"nowhere\.onnx"):
        open_runtime(tmp_path / "nowhere.onnx", RuntimeOptions())


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsCorrupt, match=r"damaged\.onnx"):
        open_runtime(tmp_path / "damaged.onnx", RuntimeOptions())


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("m.xml", RuntimeOptions(engine="onnxruntime"), "models.engine"),
        ("m.onnx", RuntimeOptions(engine="openvino", device="cuda:0"), "onnxruntime"),
    ],
)
def test_what_an_engine_cannot_do_is_said_with_the_cure(
    tmp_path: Path, name: str, options: RuntimeOptions, words: str
) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(EngineUnavailable, match=words):
        open_runtime(tmp_path / name, options)


@pytest.mark.parametrize(
    ("module", "file", "device", "extra"),
    [
        ("onnxruntime", "m.onnx", "cuda:0", r"\[gpu\]"),
        ("ultralytics", "m.pt", "cpu", r"\[ultralytics\]"),
    ],
)
def test_a_missing_engine_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, file: str, device: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if not installed
    (tmp_path / file).write_bytes(b"")
    with pytest.raises(EngineUnavailable, match=extra):
        open_vehicle_detector(tmp_path / file, RuntimeOptions(device=device), 0.3)


def test_a_silent_fall_to_the_cpu_is_an_error() -> None:
    options = RuntimeOptions(device="cuda:0")
    with pytest.raises(EngineUnavailable, match="CUDAExecutionProvider"):
        onnx_runtime.require_provider(onnx_runtime.CUDA, [onnx_runtime.CPU], Path("m.onnx"), options)
    onnx_runtime.require_provider(
        onnx_runtime.CUDA, [onnx_runtime.CUDA, onnx_runtime.CPU], Path("m.onnx"), options
    )


@pytest.mark.skipif(HAS_ONNXRUNTIME, reason="onnxruntime is installed")
def test_without_onnxruntime_its_extra_is_named() -> None:
    with pytest.raises(EngineUnavailable, match="onnx"):
        open_runtime(model(READER), RuntimeOptions(engine="onnxruntime"))


@pytest.mark.skipif(not HAS_ONNXRUNTIME, reason="needs the extra onnx or gpu")
@pytest.mark.parametrize("name", [PICODET, PLATE_DETECTOR])
def test_both_engines_find_the_same(name: str) -> None:
    opener = open_vehicle_detector if name == PICODET else open_plate_detector
    found = [
        opener(model(name), RuntimeOptions(engine=engine), 0.45).detect([photo("eu/eu1.jpg")])[0]
        for engine in ("openvino", "onnxruntime")
    ]
    assert [d.label for d in found[0]] == [d.label for d in found[1]]
    np.testing.assert_allclose([d.box for d in found[0]], [d.box for d in found[1]], atol=0.5)


def test_outputs_are_the_callers_own() -> None:
    runtime = open_runtime(model(READER), RuntimeOptions())
    first = runtime.infer(np.zeros(runtime.input_shapes[0], np.uint8))
    kept = first[0].copy()
    runtime.infer(np.full(runtime.input_shapes[0], 200, np.uint8))
    np.testing.assert_array_equal(first[0], kept)
