"""Bare inference: each model of the settings with the input that a run gives it, in the runtime's throughput mode."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.bench.part import Clock, Part
from dashcam_pipeline.config import Settings
from dashcam_pipeline.vision.models.detector import head_for
from dashcam_pipeline.vision.models.heads import COCO_VEHICLES, Head
from dashcam_pipeline.vision.models.input_size import InputSize, resize_input, size_for, square
from dashcam_pipeline.vision.models.openvino_runtime import openvino_core
from dashcam_pipeline.vision.models.plate_reader import read_plate_config
from dashcam_pipeline.vision.models.runtime import Precision, Runtime, RuntimeOptions, open_runtime
from dashcam_pipeline.vision.models.ultralytics_detector import is_for_ultralytics
from dashcam_pipeline.weights import Role, resolve

VEHICLE, PLATE, PLATE_IN_FULL, TEXT = "vehicle", "plate", "plate_in_full", "text"
"""The models as `dashcam run --timings` names their inferences."""

Fit = Callable[[InputSize], InputSize]


@dataclass(frozen=True, slots=True)
class BareModel:
    """A loaded model with the input shape that a run gives it."""

    name: str  # VEHICLE, PLATE …
    file: Path
    options: RuntimeOptions
    runtime: Runtime  # one stream, as a worker has it
    head: Head | None  # of a detector

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its input, batch first."""
        return self.runtime.input_shapes[0]


def names(settings: Settings) -> tuple[str, ...]:
    """Which models have a bare form under these settings.

    Those that bring their own library (ultralytics, rapidocr, paddleocr) have none.
    """
    chosen, found = settings.models, []
    if not (chosen.engine == "ultralytics" or is_for_ultralytics(_vehicle_file(settings))):
        found.append(VEHICLE)
    if not is_for_ultralytics(_plate_file(settings)):
        found += [PLATE] if chosen.plate_input_px is None else [PLATE, PLATE_IN_FULL]
    if chosen.plate_reader == "fast-plate-ocr":
        found.append(TEXT)
    return tuple(found)


def bare_models(
    settings: Settings, width: int, height: int, threads: int = 1, device: str = "cpu"
) -> dict[str, BareModel]:
    """The models that the settings ask for, as a worker loads them for frames of this size.

    Raises:
        WeightsMissing, WeightsCorrupt, EngineUnavailable: see `open_runtime`.
    """
    chosen = settings.models
    options = RuntimeOptions(engine=chosen.engine, device=device, threads=threads, precision=chosen.precision)

    def vehicle() -> BareModel:
        fitted = chosen.vehicle_input == "fitted" and options.chosen_engine == "openvino"
        fit = (lambda own: size_for(own, width, height)) if fitted else None
        return _detector(VEHICLE, _vehicle_file(settings), options, fit)

    def plate() -> BareModel:
        side = chosen.plate_input_px
        fit = None if side is None else (lambda own: square(own, side))
        return _detector(PLATE, _plate_file(settings), options, fit)

    def text() -> BareModel:
        file = resolve(chosen.reader_model, Role.PLATE_READER)
        config = read_plate_config(file)
        runtime = open_runtime(file, options, (1, config.height, config.width, config.channels))
        return BareModel(TEXT, file, options, runtime, None)

    loaders = {
        VEHICLE: vehicle,
        PLATE: plate,
        PLATE_IN_FULL: lambda: _detector(PLATE_IN_FULL, _plate_file(settings), options, None),
        TEXT: text,
    }
    return {name: loaders[name]() for name in names(settings)}


def _detector(name: str, file: Path, options: RuntimeOptions, fit: Fit | None) -> BareModel:
    runtime = open_runtime(file, options, fit=fit)
    coco = COCO_VEHICLES if name == VEHICLE else None
    one_class = VEHICLE if name == VEHICLE else PLATE
    return BareModel(name, file, options, runtime, head_for(runtime, file, one_class, coco))


def _vehicle_file(settings: Settings) -> Path:
    return resolve(settings.models.vehicle_detector, Role.VEHICLE_DETECTOR)


def _plate_file(settings: Settings) -> Path:
    return resolve(settings.models.plate_detector, Role.PLATE_DETECTOR)


def inference(
    model: BareModel, for_s: float = 1.0, precision: Precision | None = None, cores: int | None = None
) -> Part:
    """Inferences in throughput mode: as many at a time as the runtime finds best, alone on all cores.

    OpenVINO runs them through its AsyncInferQueue (PERFORMANCE_HINT THROUGHPUT). Other engines have no such mode and
    run one after another. The input is noise: a model's time does not depend on what it sees.

    Args:
        model: from `bare_models`.
        for_s: how long.
        precision: instead of the model's own.
        cores: for the runtime; None = all that this process may use.
    """
    options = model.options if precision is None else replace(model.options, precision=precision)
    if options.chosen_engine == "openvino":
        return _openvino(model, options, for_s, cores)
    batch = _noise(model.shape, np.float32 if model.head is not None else np.uint8)
    model.runtime.infer(batch)
    clock, n = Clock(), 0
    while clock.wall_s < for_s or not n:
        model.runtime.infer(batch)
        n += model.shape[0]
    return clock.part(f"inference {model.name}", n)


def _openvino(model: BareModel, options: RuntimeOptions, for_s: float, cores: int | None) -> Part:
    import openvino

    core = openvino_core()
    network = core.read_model(model.file)
    network.reshape({0: _own_shape(network, model.shape)})
    if model.head is not None:
        resize_input(network, InputSize(width=model.shape[3], height=model.shape[2]))
    hints: dict[str, object] = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": options.chosen_precision,
    }
    if cores is not None:
        hints["INFERENCE_NUM_THREADS"] = cores
    compiled = core.compile_model(network, "CPU", hints)
    batch = _noise(model.shape, compiled.inputs[0].element_type.to_dtype())
    queue = openvino.AsyncInferQueue(compiled)  # as many requests as the runtime finds best
    for _ in range(len(queue) * 2):
        queue.start_async([batch], share_inputs=True)
    queue.wait_all()
    clock, n, until = Clock(), 0, time.perf_counter() + for_s
    while time.perf_counter() < until or not n:
        queue.start_async([batch], share_inputs=True)
        n += model.shape[0]
    queue.wait_all()
    return clock.part(f"inference {model.name}", n)


def _own_shape(network: Any, shape: tuple[int, ...]) -> list[int]:
    """The shape that the file has, with open sides as the loaded model has them."""
    sides = network.inputs[0].partial_shape
    return [side.get_length() if side.is_static else own for side, own in zip(sides, shape, strict=True)]


def _noise(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
