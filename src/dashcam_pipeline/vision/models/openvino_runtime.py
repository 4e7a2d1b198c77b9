"""Models on the CPU by OpenVINO."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.errors import EngineUnavailable, WeightsCorrupt
from dashcam_pipeline.vision.models.compiled_models import compiled_model
from dashcam_pipeline.vision.models.input_size import InputSize, resize_input
from dashcam_pipeline.vision.models.runtime import RuntimeOptions

CONVERTER = "openvino.tools.ovc"

log = logging.getLogger(__name__)


class OpenVinoRuntime:
    """One compiled model with one stream.

    Several processes share the host, so threads are counted and never pinned to cores, and the
    arithmetic is the one that was asked for: by itself OpenVINO would choose bf16 where the CPU has it.
    """

    def __init__(
        self,
        model: Path,
        options: RuntimeOptions,
        input_shape: Sequence[int] | None,
        fit: Callable[[InputSize], InputSize] | None = None,
    ) -> None:
        """Compile `model`; see `runtime.open_runtime` for the arguments and errors."""
        try:
            core = openvino_core()
        except ImportError as error:
            raise EngineUnavailable(
                "engine openvino is not installed: pip install 'dashcam-pipeline'"
            ) from error
        if options.on_cuda:
            raise EngineUnavailable(
                f"engine openvino can't use {options.device}: set run.device to cpu, or models.engine to onnxruntime"
            )
        try:
            network = core.read_model(model)
            network.reshape({0: _fixed_shape(network, input_shape)})
            if fit is not None:
                network = _fitted(core, model, network, fit)
            compiled = compiled_model(
                core,
                network,
                {
                    "INFERENCE_PRECISION_HINT": options.chosen_precision,
                    "INFERENCE_NUM_THREADS": options.threads,
                    "NUM_STREAMS": 1,
                    "ENABLE_CPU_PINNING": False,
                },
                options.compiled_dir,
            )
        except RuntimeError as error:
            raise WeightsCorrupt(
                f"OpenVINO can't load {model}: {_first_line(error)}; check it with `dashcam weights verify`"
            ) from error
        self.name = "openvino:CPU"
        self.input_shapes = tuple(tuple(int(side) for side in port.shape) for port in compiled.inputs)
        self.output_names = tuple(port.any_name if port.names else "" for port in compiled.outputs)
        self._request = compiled.create_infer_request()
        self._outputs = len(compiled.outputs)

    def infer(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the model once; see `Runtime.infer`."""
        self._request.infer([batch], share_inputs=True)
        return [
            np.array(self._request.get_output_tensor(index).data, dtype=np.float32)
            for index in range(self._outputs)
        ]


@cache
def openvino_core() -> Any:
    """OpenVINO's core, one a process and never let go.

    Its CPU plugin gives the thread that loads it a larger stack for signal handlers. When several cores go in another
    order than they came, that stack is freed while it is in use, and the next Ctrl+C is a segmentation fault (seen
    with 2025.4).

    Raises:
        ImportError: OpenVINO is not installed.
    """
    return _load_openvino().Core()


def _load_openvino() -> Any:
    """The library without its converter of models, whose import takes twice the time of all the rest."""
    if CONVERTER in sys.modules:
        import openvino

        return openvino
    sys.modules[CONVERTER] = None  # type: ignore[assignment]  # says that it can't be imported, which is allowed for
    try:
        import openvino
    finally:
        del sys.modules[CONVERTER]
    return openvino


def _fitted(core: Any, model: Path, network: Any, fit: Callable[[InputSize], InputSize]) -> Any:
    """The network with another input size, or as it was where it allows for none."""
    _, _, height, width = (int(side) for side in network.inputs[0].shape)
    size = fit(InputSize(width, height))
    try:
        resize_input(network, size)
    except RuntimeError as error:
        log.info("%s keeps its input size: %s", model.name, _first_line(error))
        network = core.read_model(model)  # a failed change leaves it half changed
        network.reshape({0: _fixed_shape(network, None)})
    return network


def _fixed_shape(network: Any, input_shape: Sequence[int] | None) -> Any:
    """The shape for the first input: as given, else the model's own with open sides set to 1."""
    if input_shape is not None:
        return list(input_shape)
    return [side.get_length() if side.is_static else 1 for side in network.inputs[0].partial_shape]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
