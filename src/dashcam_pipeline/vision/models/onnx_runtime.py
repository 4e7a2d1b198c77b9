"""Models by onnxruntime: CUDA and TensorRT on NVIDIA, or the CPU."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.errors import EngineUnavailable, WeightsCorrupt
from dashcam_pipeline.vision.models.batches import fits_batch
from dashcam_pipeline.vision.models.onnx_batching import batched_model
from dashcam_pipeline.vision.models.runtime import RuntimeOptions

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"

GPU_INSTALL = "pip install 'dashcam-pipeline[gpu]'"
TENSORRT_CURE = "install TensorRT's libraries where the loader finds them, or set models.tensorrt to false"
FATAL = 4
"""onnxruntime's log severity above its errors."""
CPU_INSTALL = "pip install 'dashcam-pipeline[onnx]'"
CUDA_OPTIONS = {
    # Grow the arena by what is asked for, not by powers of two: several sessions share one GPU.
    "arena_extend_strategy": "kSameAsRequested",
    # The default tries all algorithms and takes the fastest, which may be another one in the next run …
    "cudnn_conv_algo_search": "HEURISTIC",
    # … and rounds what goes into products to 10 bits.
    "use_tf32": "0",
}
"""https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html"""

DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}

log = logging.getLogger(__name__)


class OnnxRuntime:
    """One onnxruntime session on exactly the device that was asked for."""

    def __init__(self, model: Path, options: RuntimeOptions, input_shape: Sequence[int] | None) -> None:
        """Open `model`; see `runtime.open_runtime` for the arguments and errors.

        Raises:
            EngineUnavailable: also when the session fell back to the CPU although a GPU was asked for.
        """
        try:
            import onnxruntime
        except ImportError as error:
            install = GPU_INSTALL if options.on_cuda else CPU_INSTALL
            raise EngineUnavailable(f"engine onnxruntime is not installed: {install}") from error
        wanted = wanted_provider(options)
        if wanted not in onnxruntime.get_available_providers():
            raise EngineUnavailable(
                f"this onnxruntime has no {wanted}, which {options.device} needs "
                f"(it has {', '.join(onnxruntime.get_available_providers())}): {GPU_INSTALL}"
            )
        if options.chosen_precision != "f32" and not (
            wanted == TENSORRT and options.chosen_precision == "f16"
        ):
            raise EngineUnavailable(
                f"models.precision {options.chosen_precision} can't be had from onnxruntime on {options.device}: "
                "use f32 (f16 needs models.tensorrt)"
            )
        with _silent(onnxruntime) as said:
            if wanted != CPU and hasattr(onnxruntime, "preload_dlls"):
                onnxruntime.preload_dlls()  # finds the CUDA libraries that came as wheels
            session = None
            if options.batch > 1:
                session = _batched_session(onnxruntime, model, options, input_shape)
            batch = 1 if session is None else options.batch
            session = session or _session(onnxruntime, str(model), model, options)
        require_provider(wanted, session.get_providers(), model, options, said.getvalue())
        self.name = f"onnxruntime:{wanted.removesuffix('ExecutionProvider')}"
        first = session.get_inputs()[0]
        self.input_shapes: tuple[tuple[int, ...], ...] = (
            _fixed_shape(first.shape, input_shape, batch, model),
        )
        self.output_names = tuple(output.name for output in session.get_outputs())
        self._input_name = first.name
        self._session = session

    def infer(self, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the model once; see `Runtime.infer`."""
        return _run(self._session, self._input_name, batch)


def _run(session: Any, input_name: str, batch: NDArray[Any]) -> list[NDArray[np.float32]]:
    outputs = session.run(None, {input_name: batch})
    return [np.asarray(output, dtype=np.float32) for output in outputs]


def _session(onnxruntime: Any, source: str | bytes, model: Path, options: RuntimeOptions) -> Any:
    """A session of a file or of the bytes of one. Raises WeightsCorrupt."""
    try:
        return onnxruntime.InferenceSession(
            source, sess_options=_session_options(onnxruntime, options), providers=_providers(options)
        )
    except Exception as error:  # onnxruntime's own errors share no public root
        raise WeightsCorrupt(
            f"onnxruntime can't load {model}: {error}; check it with `dashcam weights verify`"
        ) from error


def _batched_session(
    onnxruntime: Any, model: Path, options: RuntimeOptions, input_shape: Sequence[int] | None
) -> Any:
    """A session that takes batches; None for a model that does not work with them, which is logged."""
    try:
        session = _session(onnxruntime, batched_model(model, options.batch), model, options)
        first = session.get_inputs()[0]
        shape = _fixed_shape(first.shape, input_shape, options.batch, model)
        outputs = _run(session, first.name, np.zeros(shape, DTYPES.get(first.type, np.float32)))
        if fits_batch(outputs, options.batch):
            return session
        reason = "its outputs can't be told apart by picture"
    except EngineUnavailable:
        raise
    except Exception as error:  # onnxruntime's and onnx's own errors share no public root
        reason = str(error).strip().splitlines()[-1]
    log.warning("%s takes one picture at a time, no batches: %s", model.name, reason)
    return None


def wanted_provider(options: RuntimeOptions) -> str:
    """The execution provider that the options ask for."""
    if not options.on_cuda:
        return CPU
    return TENSORRT if options.tensorrt else CUDA


def require_provider(
    wanted: str, got: Sequence[str], model: Path, options: RuntimeOptions, said: str = ""
) -> None:
    """Compare what was asked for with what a session got.

    Args:
        said: what onnxruntime printed meanwhile; its first line often names the library that it misses.

    Raises:
        EngineUnavailable: the session runs elsewhere; onnxruntime says so only in its log.
    """
    if wanted in got:
        return
    hint = next((f" ({line.strip().rstrip(':.')})" for line in said.splitlines() if line.strip()), "")
    cure = f"check the driver and the CUDA libraries ({GPU_INSTALL}), or set run.device to cpu"
    if wanted == TENSORRT and CUDA in got:
        cure = TENSORRT_CURE
    raise EngineUnavailable(
        f"onnxruntime was asked to run {model.name} by {wanted} on {options.device} but took "
        f"{', '.join(got)}{hint}: {cure}"
    )


@contextmanager
def _silent(onnxruntime: Any) -> Iterator[io.StringIO]:
    """Gives what onnxruntime prints, which would tear the HUD, and stops its native log."""
    onnxruntime.set_default_logger_severity(FATAL)
    with redirect_stdout(io.StringIO()) as said:
        yield said


def _session_options(onnxruntime: Any, options: RuntimeOptions) -> Any:
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.inter_op_num_threads = 1
    session_options.log_severity_level = 3  # errors only; a fall to the CPU is found by comparing
    # Waiting threads would spin on cores that other processes need.
    session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return session_options


def _providers(options: RuntimeOptions) -> list[Any]:
    cuda = (CUDA, {"device_id": options.device_index, **CUDA_OPTIONS})
    wanted = wanted_provider(options)
    if wanted == CPU:
        return [CPU]
    if wanted == CUDA:
        return [cuda, CPU]
    tensorrt: dict[str, Any] = {
        "device_id": options.device_index,
        "trt_fp16_enable": options.chosen_precision == "f16",
    }
    if options.cache_dir is not None:
        tensorrt |= {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(options.cache_dir)}
    return [(TENSORRT, tensorrt), cuda, CPU]


def _fixed_shape(
    own: Sequence[int | str | None], asked: Sequence[int] | None, batch: int, model: Path
) -> tuple[int, ...]:
    """The first input's shape: as asked where the model leaves it open, else its own."""
    shape = (batch, *(side if isinstance(side, int) else 1 for side in own[1:]))
    if asked is None:
        return shape
    for mine, wish in zip(own[1:], asked[1:], strict=True):
        if isinstance(mine, int) and mine != wish:
            raise EngineUnavailable(
                f"{model.name} takes inputs of shape {shape}, not {tuple(asked)}: onnxruntime can't reshape it; "
                "use engine openvino"
            )
    return (batch, *asked[1:])
