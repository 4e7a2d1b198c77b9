"""Finding vehicles in frames, and plates in pictures of vehicles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.vision.models.batches import chunks, of_picture, stacked
from dashcam_pipeline.vision.models.heads import (
    COCO_VEHICLES,
    EndToEndHead,
    Head,
    Labels,
    PicoDetHead,
    SsdHead,
)
from dashcam_pipeline.vision.models.input_size import InputSize, square
from dashcam_pipeline.vision.models.runtime import Runtime, RuntimeOptions, open_runtime
from dashcam_pipeline.vision.models.ultralytics_detector import UltralyticsDetector, is_for_ultralytics
from dashcam_pipeline.vision.types import Detection, Image

PLATE = "plate"

PICODET_OUTPUTS = 8
"""Scores and boxes of four strides."""


class Detector(Protocol):
    """Finds objects in pictures."""

    name: str
    """Engine and device that really run it, such as `openvino:CPU`."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """The objects of every picture, strongest first, with boxes in that picture's pixels.

        A picture without any pixels has no objects. The result for one picture does not depend on the others.
        """
        ...


def open_vehicle_detector(
    model: Path, options: RuntimeOptions, min_score: float, fitted: bool = False
) -> Detector:
    """Load a vehicle detector.

    Args:
        model: `.xml` or `.onnx` with a head that `heads.py` knows; `.pt`, `.engine` or the `.xml` of an
            OpenVINO export of its own for the ultralytics library.
        options: engine, device and threads.
        min_score: weaker detections are dropped.
        fitted: give the model's input the shape of the pictures, where model and engine allow for it.

    Raises:
        WeightsMissing, WeightsCorrupt, EngineUnavailable: see `runtime.open_runtime`.
    """
    if options.engine == "ultralytics" or is_for_ultralytics(model):
        return UltralyticsDetector(model, options, min_score)

    def load(fit: Callable[[InputSize], InputSize] | None) -> Detector:
        return _open(model, options, min_score, one_class="vehicle", coco=COCO_VEHICLES, fit=fit)

    if not fitted or options.chosen_engine != "openvino":
        return load(None)
    from dashcam_pipeline.vision.models.fitted import FittedDetector

    return FittedDetector(load)


def open_plate_detector(
    model: Path, options: RuntimeOptions, min_score: float, input_px: int | None = None
) -> Detector:
    """Load a plate detector; arguments and errors as for `open_vehicle_detector`.

    Args:
        input_px: side of the square to which pictures are shrunk, where model and engine allow for it; None = the
            model's own.
    """
    if is_for_ultralytics(model):
        return UltralyticsDetector(model, options, min_score, one_class=PLATE)
    fit = None if input_px is None else lambda own: square(own, input_px)
    return _open(model, options, min_score, one_class=PLATE, coco=None, fit=fit)


class RuntimeDetector:
    """A detector made of a loaded model and the head that fits its outputs."""

    def __init__(self, runtime: Runtime, head: Head, min_score: float) -> None:
        self.name = runtime.name
        self._runtime = runtime
        self._head = head
        self._min_score = min_score
        self._batch = runtime.input_shapes[0][0]

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """See `Detector.detect`. One inference a batch of the runtime."""
        found: list[list[Detection]] = [[] for _ in images]
        seen = [place for place, image in enumerate(images) if image.size]
        for places in chunks(seen, self._batch):
            prepared = [self._head.prepare(images[place]) for place in places]
            outputs = self._runtime.infer(stacked([one.batch for one in prepared], self._batch))
            for slot, (place, one) in enumerate(zip(places, prepared, strict=True)):
                own = of_picture(outputs, slot, self._batch)
                found[place] = self._head.decode(own, one.placement, self._min_score)
        return found


def _open(
    model: Path,
    options: RuntimeOptions,
    min_score: float,
    one_class: str,
    coco: Labels | None,
    fit: Callable[[InputSize], InputSize] | None,
) -> Detector:
    runtime = open_runtime(model, options, fit=fit)
    return RuntimeDetector(runtime, head_for(runtime, model, one_class, coco), min_score)


def head_for(runtime: Runtime, model: Path, one_class: str, coco: Labels | None) -> Head:
    """The head for a model, told apart by the number and names of its outputs."""
    height, width = runtime.input_shapes[0][2:]
    outputs = len(runtime.output_names)
    if outputs == 1 and "detection_out" in runtime.output_names[0]:
        return SsdHead(width, height, {0: one_class, 1: one_class})
    if outputs == PICODET_OUTPUTS and coco is not None:
        return PicoDetHead(width, height, coco)
    if outputs == 1:
        return EndToEndHead(width, height, coco or {0: one_class})
    raise EngineUnavailable(
        f"{model.name} has {outputs} outputs ({', '.join(runtime.output_names)}), and none of the known detection "
        "heads: SSD (1 output), PP-PicoDet (8 outputs), YOLO with suppression inside (1 output)"
    )
