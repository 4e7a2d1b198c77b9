"""Detectors that the ultralytics library runs: `.pt`, `.engine` and its OpenVINO folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dashcam_pipeline.errors import EngineUnavailable, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.vision.heads import COCO_VEHICLES, SAME_OBJECT_IOU
from dashcam_pipeline.vision.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Box, Detection, Image

INSTALL = "pip install 'dashcam-pipeline[ultralytics]'"
OPENVINO_FOLDER_SUFFIX = "_openvino_model"
"""The library tells an OpenVINO export by this part of the folder's name."""

VEHICLE_NAMES = frozenset(COCO_VEHICLES.values())


class UltralyticsDetector:
    """A model that ultralytics loads, on exactly the device that was asked for."""

    def __init__(
        self, model: Path, options: RuntimeOptions, min_score: float, one_class: str | None = None
    ) -> None:
        """Load `model`.

        Args:
            model: a `.pt` or `.engine` file or an OpenVINO folder.
            options: device and threads; the engine is the library's choice by the kind of file.
            min_score: weaker detections are dropped.
            one_class: label for all that is found; None = the model's own names, of which only vehicles count.

        Raises:
            WeightsMissing: no such file or folder.
            WeightsCorrupt: the library can't load it.
            EngineUnavailable: the library is missing, or there is no such CUDA device.
        """
        if not model.exists():
            raise WeightsMissing(
                f"model {model} is not there: give the path of a .pt or .engine file or a folder"
            )
        # The library would otherwise look for updates and install packages by itself.
        os.environ.setdefault("YOLO_OFFLINE", "true")
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        os.environ.setdefault("YOLO_VERBOSE", "false")
        try:
            import torch
            import ultralytics
        except ImportError as error:
            raise EngineUnavailable(f"engine ultralytics is not installed: {INSTALL}") from error
        if options.on_cuda and torch.cuda.device_count() <= options.device_index:
            raise EngineUnavailable(
                f"torch sees {torch.cuda.device_count()} CUDA devices, so {options.device} can't be had: "
                "check the driver and that torch has CUDA, or set run.device to cpu"
            )
        if model.suffix == ".engine" and not options.on_cuda:
            raise EngineUnavailable(f"{model.name} is a TensorRT engine: set run.device to cuda:N")
        torch.set_num_threads(options.threads)
        self._alias, path = _with_known_name(model)
        try:
            self._model: Any = ultralytics.YOLO(str(path), task="detect")
        except Exception as error:  # the library raises whatever its loaders raise
            raise WeightsCorrupt(f"ultralytics can't load {model}: {error}") from error
        self._device = options.device if options.on_cuda else "cpu"
        self._half = options.precision == "f16"
        self._min_score = min_score
        self._one_class = one_class
        self.name = f"ultralytics:{'CUDA' if options.on_cuda else 'CPU'}"

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """See `Detector.detect`. One call of the library a picture, so that results don't hang on the batch."""
        return [self._detect_one(image) if image.size else [] for image in images]

    def _detect_one(self, image: Image) -> list[Detection]:
        result = self._model.predict(
            image,
            conf=self._min_score,
            iou=SAME_OBJECT_IOU,
            agnostic_nms=True,
            device=self._device,
            half=self._half,
            verbose=False,
            save=False,
        )[0]
        boxes = result.boxes.cpu().numpy()
        found = []
        for corners, score, number in zip(boxes.xyxy, boxes.conf, boxes.cls, strict=True):
            label = self._one_class or str(result.names[int(number)])
            if self._one_class or label in VEHICLE_NAMES:
                found.append(Detection(Box(*map(float, corners)), label, float(score)))
        return sorted(found, key=lambda detection: (-detection.score, detection.box))


def _with_known_name(model: Path) -> tuple[tempfile.TemporaryDirectory[str] | None, Path]:
    """The model's path, for an OpenVINO folder under a name by which the library knows its kind.

    The temporary folder that holds the link lives as long as the returned object.
    """
    if not model.is_dir() or OPENVINO_FOLDER_SUFFIX in model.name:
        return None, model
    folder = tempfile.TemporaryDirectory(prefix="dashcam-")
    link = Path(folder.name) / f"{model.name}{OPENVINO_FOLDER_SUFFIX}"
    link.symlink_to(model.resolve(), target_is_directory=True)
    return folder, link
