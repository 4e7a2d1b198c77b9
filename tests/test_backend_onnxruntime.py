"""onnxruntime: what is asked of it and compared with what it gave, without and with the library."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dashcam_pipeline.errors import EXIT_ENVIRONMENT, EngineUnavailable, WeightsCorrupt
from dashcam_pipeline.vision.models.onnx_runtime import CPU, CUDA, TENSORRT
from dashcam_pipeline.vision.models.plate_reader import open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions, open_runtime
from vision_data import PICODET, READER, model, photo

ALL = (TENSORRT, CUDA, CPU)


class SessionOptions:
    """Records what is set."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value


class Recorded(ModuleType):
    """Stands for onnxruntime: built with some providers, of which a session gets some, and with something to say."""

    def __init__(self, built: Sequence[str], got: Sequence[str], says: str = "") -> None:
        super().__init__("onnxruntime")
        self.SessionOptions = SessionOptions
        self.calls: list[str] = []
        self.sessions: list[dict[str, Any]] = []
        self._built, self._got, self._says = list(built), list(got), says
        self.shape: list[int | str] = [1, 3, 32, 32]

    def get_available_providers(self) -> list[str]:
        return self._built

    def set_default_logger_severity(self, level: int) -> None:
        self.calls.append(f"severity {level}")

    def preload_dlls(self) -> None:
        self.calls.append("preload")
        print(self._says)

    def InferenceSession(self, path: str, **asked: Any) -> Any:  # noqa: N802
        self.sessions.append({"path": path, **asked})
        return SimpleNamespace(
            get_providers=lambda: self._got,
            get_inputs=lambda: [SimpleNamespace(name="x", shape=self.shape)],
            get_outputs=lambda: [SimpleNamespace(name="y")],
            run=lambda _, feeds: [np.asarray(feeds["x"], np.float16)],
        )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "m.onnx").write_bytes(b"")
    return tmp_path / "m.onnx"


def recorded(
    monkeypatch: pytest.MonkeyPatch, built: Sequence[str], got: Sequence[str], says: str = ""
) -> Recorded:
    module = Recorded(built, got, says)
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    return module


CUDA_1 = (
    CUDA,
    {
        "device_id": 1,
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0",
    },
)


@pytest.mark.parametrize(
    ("options", "providers", "name"),
    [
        (RuntimeOptions(engine="onnxruntime"), [CPU], "onnxruntime:CPU"),
        (RuntimeOptions(device="cuda:1"), [CUDA_1, CPU], "onnxruntime:CUDA"),
        (
            RuntimeOptions(device="cuda:1", tensorrt=True),
            [(TENSORRT, {"device_id": 1, "trt_fp16_enable": False}), CUDA_1, CPU],
            "onnxruntime:Tensorrt",
        ),
        (
            RuntimeOptions(device="cuda:1", tensorrt=True, precision="f16", cache_dir=Path("/cache")),
            [
                (
                    TENSORRT,
                    {
                        "device_id": 1,
                        "trt_fp16_enable": True,
                        "trt_engine_cache_enable": True,
                        "trt_engine_cache_path": "/cache",
                    },
                ),
                CUDA_1,
                CPU,
            ],
            "onnxruntime:Tensorrt",
        ),
    ],
)
def test_the_session_is_asked_for_exactly_the_device_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, file: Path, options: RuntimeOptions, providers: list[Any], name: str
) -> None:
    got = [provider if isinstance(provider, str) else provider[0] for provider in providers]
    module = recorded(monkeypatch, ALL, got)
    runtime = open_runtime(file, options)
    (session,) = module.sessions
    assert session["path"] == str(file) and session["providers"] == providers
    assert runtime.name == name
    assert ("preload" in module.calls) == options.on_cuda


def test_threads_are_counted_and_do_not_spin(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    module = recorded(monkeypatch, ALL, [CPU])
    open_runtime(file, RuntimeOptions(engine="onnxruntime", threads=3))
    asked = module.sessions[0]["sess_options"]
    assert (asked.intra_op_num_threads, asked.inter_op_num_threads) == (3, 1)
    assert asked.entries["session.intra_op.allow_spinning"] == "0"


@pytest.mark.parametrize(
    ("options", "built", "got", "words"),
    [
        (RuntimeOptions(device="cuda:0"), [CPU], [], r"no CUDAExecutionProvider.*\(it has CPUEx.*\[gpu\]"),
        (RuntimeOptions(device="cuda:0"), ALL, [CPU], r"by CUDAEx.*on cuda:0 but took CPUEx.*run\.device"),
        (RuntimeOptions(device="cuda:0", tensorrt=True), ALL, [CPU], r"by TensorrtEx.*took CPUEx.*driver"),
        (
            RuntimeOptions(device="cuda:0", tensorrt=True),
            ALL,
            [CUDA, CPU],
            r"by TensorrtEx.*took CUDAEx.*models\.tensorrt",
        ),
        (RuntimeOptions(device="cuda:0", precision="f16"), ALL, [CUDA, CPU], r"f16.*models\.tensorrt"),
        (RuntimeOptions(engine="onnxruntime", precision="bf16"), ALL, [CPU], r"bf16.*use f32"),
    ],
)
def test_another_device_than_asked_for_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
    options: RuntimeOptions,
    built: Sequence[str],
    got: Sequence[str],
    words: str,
) -> None:
    recorded(monkeypatch, built, got)
    with pytest.raises(EngineUnavailable, match=words) as caught:
        open_runtime(file, options)
    assert "\n" not in str(caught.value) and caught.value.exit_code == EXIT_ENVIRONMENT


def test_what_the_library_prints_becomes_part_of_the_error(
    monkeypatch: pytest.MonkeyPatch, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded(monkeypatch, ALL, [CPU], says="Failed to load libcublas.so.13\nand more")
    with pytest.raises(
        EngineUnavailable, match=r"took CPUExecutionProvider \(Failed to load libcublas\.so\.13\): "
    ):
        open_runtime(file, RuntimeOptions(device="cuda:0"))
    assert capfd.readouterr() == ("", "")


def test_open_sides_get_the_asked_shape_and_outputs_are_float32(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    recorded(monkeypatch, ALL, [CPU]).shape = ["batch", 64, 128, 3]
    runtime = open_runtime(file, RuntimeOptions(engine="onnxruntime"), (1, 64, 128, 3))
    assert runtime.input_shapes == ((1, 64, 128, 3),)
    assert runtime.infer(np.zeros((1, 64, 128, 3), np.uint8))[0].dtype == np.float32


def test_a_fixed_side_is_not_reshaped(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    recorded(monkeypatch, ALL, [CPU])
    with pytest.raises(EngineUnavailable, match="openvino"):
        open_runtime(file, RuntimeOptions(engine="onnxruntime"), (1, 3, 64, 64))


# --- with the library itself -----------------------------------------------------------------------


@pytest.fixture
def library() -> Any:
    return pytest.importorskip("onnxruntime", reason="needs the extra onnx or gpu")


def test_plates_read_the_same_as_by_openvino(library: Any) -> None:
    image = photo("br/AYO9034.jpg")
    label = model("../photos/br/AYO9034.txt").read_text(encoding="utf-8").split("\t")
    x, y, w, h = (int(value) for value in label[1:5])
    reads = [
        open_plate_reader("fast-plate-ocr", model(READER), RuntimeOptions(engine=engine)).read(
            [image[y - 4 : y + h + 4, x - 5 : x + w + 5]]
        )[0]
        for engine in ("openvino", "onnxruntime")
    ]
    assert reads[0].text == reads[1].text == "AYO9034"
    np.testing.assert_allclose(reads[0].char_confidences, reads[1].char_confidences, atol=1e-3)


def test_a_gpu_that_is_not_here_is_one_clear_line(library: Any, capfd: pytest.CaptureFixture[str]) -> None:
    from dashcam_pipeline.vision.models.devices import cuda_devices

    if cuda_devices():
        pytest.skip("this host has a GPU")
    with pytest.raises(
        EngineUnavailable, match=r"CUDAExecutionProvider.*cuda:0|cuda:0.*CUDAExecutionProvider"
    ):
        open_runtime(model(PICODET), RuntimeOptions(device="cuda:0"))
    assert capfd.readouterr() == ("", "")


def test_a_damaged_file_is_named(library: Any, tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsCorrupt, match=r"damaged\.onnx"):
        open_runtime(tmp_path / "damaged.onnx", RuntimeOptions(engine="onnxruntime"))
