"""The one way to run a model file, whatever engine and device are behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dashcam_pipeline.errors import EngineUnavailable, WeightsMissing
from dashcam_pipeline.host import has_bf16

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dashcam_pipeline.vision.models.input_size import InputSize

Precision = Literal["auto", "f32", "bf16", "f16"]

OPENVINO_SUFFIXES = (".xml", ".onnx")
ONNX_SUFFIXES = (".onnx",)


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """What runs a model, where, and with how many threads."""

    engine: Literal["auto", "openvino", "onnxruntime", "ultralytics"] = "auto"
    """`auto` = OpenVINO on the CPU, onnxruntime on a CUDA device; `ultralytics` = likewise, but for vehicles."""
    device: str = "cpu"
    """`cpu`, `cuda` or `cuda:N`."""
    threads: int = 1
    """CPU threads of one inference."""
    precision: Precision = "f32"
    """`auto` = bf16 on a CPU that multiplies in it, else f32."""
    tensorrt: bool = False
    """On a CUDA device, ask onnxruntime for TensorRT."""
    batch: int = 1
    """Pictures of one inference, where onnxruntime runs the model; OpenVINO takes one at a time."""
    cache_dir: Path | None = None
    """Where an engine may keep its compiled form of a model, for this process alone; None = nowhere."""
    compiled_dir: Path | None = None
    """Where OpenVINO keeps compiled models, for all processes of this user; None = nowhere."""

    @property
    def on_cuda(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def device_index(self) -> int:
        """The number of the CUDA device, 0 where none is named."""
        _, _, index = self.device.partition(":")
        return int(index or 0)

    @property
    def chosen_precision(self) -> Precision:
        """The arithmetic that is really asked for."""
        if self.precision != "auto":
            return self.precision
        return "bf16" if self.chosen_engine == "openvino" and not self.on_cuda and has_bf16() else "f32"

    @property
    def chosen_engine(self) -> str:
        """What runs a model file that isn't the ultralytics library's own."""
        if self.engine in ("openvino", "onnxruntime"):
            return self.engine
        return "onnxruntime" if self.on_cuda else "openvino"

    @property
    def chosen_batch(self) -> int:
        """Pictures of one inference of that engine."""
        return self.batch if self.chosen_engine == "onnxruntime" else 1


class Runtime(Protocol):
    """A loaded model that turns input arrays into output arrays.

    The batch size is fixed when the model is loaded, so that the result for a picture never
    depends on what else was waiting.
    """

    name: str
    """Engine and device that really run it, such as `openvino:CPU` or `onnxruntime:CUDA`."""
    input_shapes: tuple[tuple[int, ...], ...]
    """Shape of every input, batch first."""
    output_names: tuple[str, ...]

    def infer(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the model once.

        Args:
            batch: the first input, of exactly the shape `input_shapes[0]` and the model's dtype.

        Returns:
            one float32 array an output, in the model's order; they are the caller's own.
        """
        ...


def open_runtime(
    model: Path,
    options: RuntimeOptions,
    input_shape: Sequence[int] | None = None,
    fit: Callable[[InputSize], InputSize] | None = None,
) -> Runtime:
    """Load a model file into the engine that the options choose.

    Args:
        model: an OpenVINO `.xml` or an `.onnx` file.
        options: engine, device and threads.
        input_shape: shape to fix the first input to, batch first; None = the model's own, with a
            batch of one where it leaves that open. `options.batch` goes before the batch of either.
        fit: for models that take pictures (1, 3, h, w): the wanted size, from the model's own. A wish: an engine
            or a model that can't be resized keeps its own, see `Runtime.input_shapes`.

    Raises:
        WeightsMissing: the file is not there.
        EngineUnavailable: the engine or device can't be had, or can't read this kind of file.
    """
    if not model.is_file():
        raise WeightsMissing(f"model file {model} is not there: fetch it with `dashcam weights fetch`")
    engine = options.chosen_engine
    if engine == "openvino":
        _require_suffix(model, engine, OPENVINO_SUFFIXES)
        from dashcam_pipeline.vision.models.openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime(model, options, input_shape, fit)
    _require_suffix(model, engine, ONNX_SUFFIXES)
    from dashcam_pipeline.vision.models.onnx_runtime import OnnxRuntime

    return OnnxRuntime(model, options, input_shape)


def _require_suffix(model: Path, engine: str, suffixes: tuple[str, ...]) -> None:
    if model.suffix not in suffixes:
        raise EngineUnavailable(
            f"engine {engine} can't read {model.name}: it takes {' or '.join(suffixes)} files; "
            "choose another model or set models.engine"
        )
