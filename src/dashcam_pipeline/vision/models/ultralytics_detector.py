"""Detectors that the ultralytics library runs: `.pt`, `.engine` and its OpenVINO exports."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dashcam_pipeline.errors import ConfigError, EngineUnavailable, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.vision.models.heads import COCO_VEHICLES, SAME_OBJECT_IOU
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Box, Detection, Image

INSTALL = "pip install 'dashcam-pipeline[ultralytics]'"
SUFFIXES = (".pt", ".engine")
EXPORT_METADATA = "metadata.yaml"
"""Lies beside the `.xml` of the library's OpenVINO exports, and of no other OpenVINO model."""
EXPORT_FOLDER_SUFFIX = "_openvino_model"
"""The library tells an OpenVINO export by this part of the folder's name."""

VEHICLE_NAMES = frozenset({*COCO_VEHICLES.values(), "vehicle"})
TRIAL_PICTURE: Image = np.full((64, 64, 3), 114, dtype=np.uint8)


def is_for_ultralytics(model: Path) -> bool:
    """Whether only this library can run the model."""
    is_export = model.suffix == ".xml" and model.with_name(EXPORT_METADATA).is_file()
    return model.suffix in SUFFIXES or model.is_dir() or is_export


class UltralyticsDetector:
    """A model that ultralytics loads, on exactly the device that was asked for.

    An OpenVINO export takes as many threads as the library gives it, whatever the options say.
    """

    def __init__(
        self, model: Path, options: RuntimeOptions, min_score: float, one_class: str | None = None
    ) -> None:
        """Load `model` and try it on a grey picture.

        Args:
            model: a `.pt` or `.engine` file, or an OpenVINO export: its folder or the `.xml` inside.
            options: device and threads; the engine is the library's choice by the kind of file.
            min_score: weaker detections are dropped.
            one_class: label for all that is found; None = the model's own names, of which only vehicles count.

        Raises:
            WeightsMissing: no such file or folder.
            WeightsCorrupt: the library can't load it.
            EngineUnavailable: the library is missing or can't run the model, or there is no such CUDA device.
            ConfigError: the model knows no vehicles.
        """
        _require_kind(model)
        torch, ultralytics = _libraries()
        if options.on_cuda and torch.cuda.device_count() <= options.device_index:
            raise EngineUnavailable(
                f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices, so {options.device} "
                "can't be had: check the driver and that torch has CUDA, or set run.device to cpu"
            )
        if model.suffix == ".engine" and not options.on_cuda:
            raise EngineUnavailable(f"{model.name} is a TensorRT engine: set run.device to cuda:N")
        torch.set_num_threads(options.threads)
        self._alias, path = _with_known_name(model.parent if model.suffix == ".xml" else model)
        self._min_score = min_score
        self._one_class = one_class
        self._device = options.device if options.on_cuda else "cpu"
        self._precision = {"half": True} if options.chosen_precision == "f16" else {}
        self.name = f"ultralytics:{'CUDA' if options.on_cuda else 'CPU'}"
        try:
            self._model: Any = ultralytics.YOLO(str(path), task="detect")
            names: Mapping[int, str] = self._model.names
        except Exception as error:  # the library raises whatever its loaders raise
            raise WeightsCorrupt(f"ultralytics can't load {model}: {_first_line(error)}") from error
        self._labels = {number: one_class or name for number, name in names.items()}
        if one_class is None:
            self._labels = {number: name for number, name in names.items() if name in VEHICLE_NAMES}
        if not self._labels:
            raise ConfigError(
                f"models.vehicle_detector: {model} knows no {', '.join(sorted(VEHICLE_NAMES))}, but "
                f"{', '.join(list(names.values())[:5])}, …: name another model"
            )
        self._try_out(model)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """See `Detector.detect`. One call of the library a picture, so that results don't hang on the batch."""
        return [self._detect_one(image) if image.size else [] for image in images]

    def _try_out(self, model: Path) -> None:
        """Find out now what would fail every frame: much of the library is imported at its first picture."""
        try:
            self._detect_one(TRIAL_PICTURE)
        except Exception as error:  # and it raises whatever the engines below it raise
            cure = ""
            if "torchvision" in str(error):
                cure = ": torch and torchvision don't fit each other; install both anew, from the same index"
            raise EngineUnavailable(
                f"ultralytics can't run {model} on {self._device}: {_first_line(error)}{cure}"
            ) from error

    def _detect_one(self, image: Image) -> list[Detection]:
        result = self._model.predict(
            image,
            conf=self._min_score,
            iou=SAME_OBJECT_IOU,
            classes=list(self._labels),  # else a rider would suppress the motorcycle
            agnostic_nms=True,
            device=self._device,
            verbose=False,
            save=False,
            **self._precision,
        )[0]
        boxes = result.boxes.cpu().numpy()
        return _one_an_object(
            [
                Detection(Box(*map(float, corners)), self._labels[int(number)], float(score))
                for corners, score, number in zip(boxes.xyxy, boxes.conf, boxes.cls, strict=True)
            ]
        )


def _libraries() -> tuple[Any, Any]:
    """torch and ultralytics; the latter would look for updates and install packages by itself."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    try:
        import torch
        import ultralytics
    except ImportError as error:
        raise EngineUnavailable(f"engine ultralytics is not installed: {INSTALL}") from error
    logging.getLogger("ultralytics").setLevel(logging.ERROR)  # the terminal is the HUD's
    return torch, ultralytics


def _require_kind(model: Path) -> None:
    if not model.exists():
        raise WeightsMissing(f"model {model} is not there: give the path of a .pt, .engine or .xml file")
    if not is_for_ultralytics(model):
        raise EngineUnavailable(
            f"engine ultralytics can't run {model.name}: it takes .pt and .engine files, and the .xml of its own "
            f"OpenVINO exports, with {EXPORT_METADATA} beside it; name another model or set models.engine"
        )


def _one_an_object(found: list[Detection]) -> list[Detection]:
    """Strongest first, without a second class of the same object: models without suppression give both."""
    found.sort(key=lambda detection: (-detection.score, detection.box))
    rectangles = [(d.box.x1, d.box.y1, d.box.width, d.box.height) for d in found]
    kept = cv2.dnn.NMSBoxes(rectangles, [d.score for d in found], 0.0, SAME_OBJECT_IOU) if found else ()
    return [found[int(index)] for index in np.asarray(kept).reshape(-1)]


def _with_known_name(model: Path) -> tuple[tempfile.TemporaryDirectory[str] | None, Path]:
    """The model's path, for an OpenVINO folder under a name by which the library knows its kind.

    The temporary folder that holds the link lives as long as the returned object.
    """
    if not model.is_dir() or EXPORT_FOLDER_SUFFIX in model.name:
        return None, model
    folder = tempfile.TemporaryDirectory(prefix="dashcam-")
    link = Path(folder.name) / f"{model.name}{EXPORT_FOLDER_SUFFIX}"
    link.symlink_to(model.resolve(), target_is_directory=True)
    return folder, link


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
