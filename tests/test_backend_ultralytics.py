"""The ultralytics library as vehicle detector. Most of it needs the extra `ultralytics`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dashcam_pipeline.errors import (
    ConfigError,
    DashcamError,
    EngineUnavailable,
    WeightsCorrupt,
    WeightsMissing,
)
from dashcam_pipeline.vision.models import ultralytics_detector
from dashcam_pipeline.vision.models.detector import open_plate_detector, open_vehicle_detector
from dashcam_pipeline.vision.models.heads import COCO_VEHICLES
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.models.ultralytics_detector import (
    UltralyticsDetector,
    is_for_ultralytics,
)
from dashcam_pipeline.vision.types import Image
from vision_data import PLATE_DETECTOR, model, photo

EXPORT = "yolov8n_int8_openvino/yolov8n.xml"
PICTURE: Image = np.zeros((100, 200, 3), np.uint8)


class Tensor:
    """As much of the library's boxes as the detector reads: rows of x1, y1, x2, y2, score, class."""

    def __init__(self, rows: list[tuple[float, ...]]) -> None:
        table = np.array(rows, np.float32).reshape(-1, 6)
        self.xyxy, self.conf, self.cls = table[:, :4], table[:, 4], table[:, 5]

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Tensor:
        return self


class Library:
    """Stands for torch and ultralytics, records how it is called, and finds given rows in every picture."""

    def __init__(self, names: Mapping[int, str], rows: list[tuple[float, ...]], cuda: int = 0) -> None:
        self.names, self.rows = names, rows
        self.loaded: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.cuda = SimpleNamespace(device_count=lambda: cuda)
        self.__version__ = "2.0"

    def set_num_threads(self, threads: int) -> None:
        self.threads = threads

    def YOLO(self, path: str, task: str) -> Library:  # noqa: N802
        self.loaded.append(path)
        return self

    def predict(self, image: Image, **asked: object) -> list[SimpleNamespace]:
        self.asked.append(asked)
        if self.error:
            raise self.error
        return [SimpleNamespace(boxes=Tensor(self.rows))]


def with_library(monkeypatch: pytest.MonkeyPatch, library: Library) -> Library:
    monkeypatch.setattr(ultralytics_detector, "_libraries", lambda: (library, library))
    return library


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "own.pt").write_bytes(b"")
    return tmp_path / "own.pt"


COCO = {0: "person", **COCO_VEHICLES}


def test_only_vehicles_are_asked_for_so_that_no_rider_hides_a_motorcycle(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    library = with_library(monkeypatch, Library(COCO, [(10, 20, 110, 90, 0.8, 3)]))
    (found,) = open_vehicle_detector(weights, RuntimeOptions(threads=2), 0.3).detect([PICTURE])[0]
    assert (found.label, found.box) == ("motorcycle", (10, 20, 110, 90))
    assert set(library.asked[-1]["classes"]) == set(COCO_VEHICLES)
    assert library.asked[-1]["conf"] == 0.3 and library.asked[-1]["device"] == "cpu"
    assert library.threads == 2


def test_one_object_under_two_classes_is_one_vehicle(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    rows = [(10, 20, 110, 90, 0.5, 2), (12, 20, 111, 90, 0.6, 7), (130, 20, 190, 90, 0.9, 2)]
    with_library(monkeypatch, Library(COCO, rows))
    found = open_vehicle_detector(weights, RuntimeOptions(), 0.3).detect([PICTURE])[0]
    assert [(d.label, round(d.score, 1)) for d in found] == [("car", 0.9), ("truck", 0.6)]


def test_a_plate_model_may_name_its_class_as_it_likes(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    with_library(monkeypatch, Library({0: "License_Plate"}, [(10, 20, 60, 40, 0.8, 0)]))
    (found,) = open_plate_detector(weights, RuntimeOptions(), 0.3).detect([PICTURE])[0]
    assert found.label == "plate"


def test_a_model_without_vehicles_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    with_library(monkeypatch, Library({0: "cat", 1: "dog"}, []))
    with pytest.raises(ConfigError, match=r"models\.vehicle_detector.*own\.pt.*cat, dog"):
        open_vehicle_detector(weights, RuntimeOptions(), 0.3)


@pytest.mark.parametrize(
    ("device", "cuda_devices", "suffix", "words"),
    [
        ("cuda:0", 0, ".pt", r"sees 0 CUDA devices.*cuda:0"),
        ("cuda:2", 2, ".pt", r"sees 2 CUDA devices.*cuda:2"),
        ("cpu", 0, ".engine", r"run\.device to cuda"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch, weights: Path, device: str, cuda_devices: int, suffix: str, words: str
) -> None:
    with_library(monkeypatch, Library(COCO, [], cuda_devices))
    file = weights.rename(weights.with_suffix(suffix))
    with pytest.raises(EngineUnavailable, match=words):
        open_vehicle_detector(file, RuntimeOptions(device=device), 0.3)


def test_a_cuda_device_is_handed_to_the_library(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    library = with_library(monkeypatch, Library(COCO, [], cuda=2))
    options = RuntimeOptions(device="cuda:1", precision="f16")
    detector = open_vehicle_detector(weights.rename(weights.with_suffix(".engine")), options, 0.3)
    assert detector.name == "ultralytics:CUDA"
    assert library.asked[-1]["device"] == "cuda:1" and library.asked[-1]["half"] is True


def test_what_would_fail_every_frame_is_said_at_loading(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    library = with_library(monkeypatch, Library(COCO, []))
    library.error = RuntimeError("operator torchvision::nms does not exist\nand more")
    with pytest.raises(EngineUnavailable, match="torch and torchvision") as caught:
        open_vehicle_detector(weights, RuntimeOptions(), 0.3)
    assert "\n" not in str(caught.value)


def test_the_librarys_own_exports_are_told_from_other_openvino_models(tmp_path: Path) -> None:
    other, export = tmp_path / "other" / "m.xml", tmp_path / "export" / "m.xml"
    for file in (other, export):
        file.parent.mkdir()
        file.write_bytes(b"")
    (export.parent / "metadata.yaml").write_text("names: {0: car}", encoding="utf-8")
    assert not is_for_ultralytics(other)
    assert is_for_ultralytics(export) and is_for_ultralytics(export.parent)


@pytest.mark.parametrize(("name", "error"), [("own.onnx", EngineUnavailable), ("gone.pt", WeightsMissing)])
def test_what_the_engine_cannot_run_is_named(tmp_path: Path, name: str, error: type[DashcamError]) -> None:
    (tmp_path / "own.onnx").write_bytes(b"")
    with pytest.raises(error, match=name):
        open_vehicle_detector(tmp_path / name, RuntimeOptions(engine="ultralytics"), 0.3)


def test_beside_this_engine_plates_are_found_as_ever() -> None:
    options = RuntimeOptions(engine="ultralytics")
    assert open_plate_detector(model(PLATE_DETECTOR), options, 0.45).name == "openvino:CPU"


# --- with the library itself -----------------------------------------------------------------------


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library; with it a torchvision that works, which it can't do without."""
    reason = "needs the extra ultralytics"
    for variable in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_VERBOSE"):
        monkeypatch.delenv(variable, raising=False)  # whatever the detector sets is undone
    torchvision = pytest.importorskip("torchvision", reason=reason, exc_type=(ImportError, RuntimeError))
    assert torchvision.__version__
    return ultralytics_detector, pytest.importorskip("ultralytics", reason=reason)


def test_real_export_finds_the_car(library: Any, capfd: pytest.CaptureFixture[str]) -> None:
    detector = open_vehicle_detector(model(EXPORT), RuntimeOptions(), 0.35)
    image = photo("eu/eu1.jpg")
    first, nothing, again = detector.detect([image, PICTURE[:0], image])
    car = max(first, key=lambda detection: detection.box.area)
    assert car.label == "car" and np.allclose(car.box, (200, 170, 805, 590), atol=20)
    assert nothing == [] and again == first
    assert capfd.readouterr() == ("", "")  # a library's log would tear the HUD


@pytest.mark.parametrize("architecture", ["yolov8n.yaml", "yolo26n.yaml"])
def test_pt_files_are_run(library: Any, tmp_path: Path, architecture: str) -> None:
    """Random weights: this shows that such a file is loaded and run, not what it finds."""
    import torch

    torch.manual_seed(0)
    made = library[1].YOLO(architecture)
    made.model.names = dict.fromkeys(range(80), "bus")
    made.save(str(tmp_path / "random.pt"))
    detector = UltralyticsDetector(tmp_path / "random.pt", RuntimeOptions(), 0.0)
    image = photo("eu/eu1.jpg")
    found, again = detector.detect([image, image])
    assert found and again == found and {d.label for d in found} == {"bus"}
    height, width = image.shape[:2]
    assert all(0 <= d.box.x1 <= d.box.x2 <= width and 0 <= d.box.y1 <= d.box.y2 <= height for d in found)


def test_a_damaged_pt_file_is_named(library: Any, tmp_path: Path) -> None:
    (tmp_path / "damaged.pt").write_bytes(b"not a model")
    with pytest.raises(WeightsCorrupt, match=r"damaged\.pt"):
        open_vehicle_detector(tmp_path / "damaged.pt", RuntimeOptions(), 0.3)
