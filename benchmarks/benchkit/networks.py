"""The networks that a run with given settings loads, with a real input each, and what one inference costs at best.

The project's own functions load them and are asked for a picture, while what they hand to OpenVINO is written down:
so input sizes, layers and precision are those of a run, whatever the settings make of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import openvino
from numpy.typing import NDArray

from benchkit.ideal import Cost
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.vision.detector import open_plate_detector, open_vehicle_detector
from dashcam_pipeline.vision.openvino_runtime import OpenVinoRuntime
from dashcam_pipeline.vision.plate_reader import open_plate_reader
from dashcam_pipeline.vision.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image
from dashcam_pipeline.weights import Role, resolve

VEHICLE, PLATE, PLATE_IN_FULL, TEXT = "vehicle", "plate", "plate_in_full", "text"
PLATE_SHAPE = (40, 120)  # rows and columns of a usual plate picture
WARM_UP = 8
FEWEST = 50  # inferences of a measurement; a run that made fewer is scaled down


@dataclass(frozen=True, slots=True)
class Network:
    """What a run hands to OpenVINO, and an input for it."""

    model: Any  # openvino.Model
    precision: str
    batch: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.batch.shape)


@dataclass(slots=True)
class _Heard:
    """What was written down."""

    models: list[tuple[Any, Mapping[str, Any]]] = field(default_factory=list)
    batches: list[NDArray[Any]] = field(default_factory=list)

    def network(self, name: str) -> Network:
        if not self.models or not self.batches:
            raise BenchTrouble(
                f"the {name} model is not run by OpenVINO: the ideal is measured for models.engine openvino only"
            )
        model, config = self.models[-1]
        return Network(model, str(config["INFERENCE_PRECISION_HINT"]), self.batches[-1])


def networks_of(settings: Settings, frame: Image) -> dict[str, Network]:
    """Load every model of a run.

    Args:
        settings: of the run.
        frame: one of the video's; vehicles and plates are cut out of its middle.

    Returns:
        networks by the names under which timings count inferences.

    Raises:
        BenchTrouble: a model is missing, or OpenVINO does not run it.
    """
    found = {}
    for name, ask in _questions(settings, frame).items():
        with _listening() as heard:
            try:
                ask()
            except DashcamError as error:
                raise BenchTrouble(str(error)) from error
        found[name] = heard.network(name)
    return found


def best_cost(network: Network, count: int, cores: int) -> Cost:
    """The cost of one inference with all cores busy, in the runtime's throughput mode.

    Args:
        network: the model and its input.
        count: so many are made, or a few dozen where that is less.
        cores: threads for OpenVINO.
    """
    compiled = openvino.Core().compile_model(
        network.model,
        "CPU",
        {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": network.precision,
            "INFERENCE_NUM_THREADS": cores,
        },
    )
    queue = openvino.AsyncInferQueue(compiled)
    _infer(queue, network.batch, WARM_UP)
    times = max(count, FEWEST)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    _infer(queue, network.batch, times)
    return Cost((time.perf_counter() - wall_s) / times, (time.process_time() - cpu_s) / times)


def _infer(queue: Any, batch: NDArray[Any], times: int) -> None:
    for _ in range(times):
        queue.start_async([batch], share_inputs=True)
    queue.wait_all()


def _questions(settings: Settings, frame: Image) -> dict[str, Callable[[], object]]:
    """For each model, what loads it and gives it a picture, as the stages do."""
    models, detection = settings.models, settings.detection
    options = RuntimeOptions(engine=models.engine, precision=models.precision)
    height, width = frame.shape[:2]
    vehicle = np.ascontiguousarray(frame[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4])
    top, left = height // 2, width // 2
    plate = np.ascontiguousarray(frame[top : top + PLATE_SHAPE[0], left : left + PLATE_SHAPE[1]])

    def plates(input_px: int | None) -> object:
        model = resolve(models.plate_detector, Role.PLATE_DETECTOR)
        return open_plate_detector(model, options, detection.plate_min_score, input_px).detect([vehicle])

    def vehicles() -> object:
        model = resolve(models.vehicle_detector, Role.VEHICLE_DETECTOR)
        fitted = models.vehicle_input == "fitted"
        return open_vehicle_detector(model, options, detection.vehicle_min_score, fitted=fitted).detect(
            [frame]
        )

    def texts() -> object:
        own = models.plate_reader == "fast-plate-ocr"
        model = resolve(models.reader_model, Role.PLATE_READER) if own else None
        return open_plate_reader(models.plate_reader, model, options).read([plate])

    asked: dict[str, Callable[[], object]] = {
        VEHICLE: vehicles,
        PLATE: lambda: plates(models.plate_input_px),
        TEXT: texts,
    }
    if models.plate_input_px is not None:
        asked[PLATE_IN_FULL] = lambda: plates(None)
    return asked


@contextmanager
def _listening() -> Iterator[_Heard]:
    """Writes down which networks are compiled, how, and what they are given."""
    heard = _Heard()
    compile_model, infer = openvino.Core.compile_model, OpenVinoRuntime.infer

    def compiling(core: Any, model: Any, device: str, config: Mapping[str, Any]) -> Any:
        heard.models.append((model.clone(), config))
        return compile_model(core, model, device, config)

    def inferring(runtime: OpenVinoRuntime, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        heard.batches.append(batch.copy())
        return infer(runtime, batch)

    with (
        patch.object(openvino.Core, "compile_model", compiling),
        patch.object(OpenVinoRuntime, "infer", inferring),
    ):
        yield heard
