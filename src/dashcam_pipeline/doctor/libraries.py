"""What is installed: OpenCV, PyAV, the inference engines and text readers, and what each extra lacks."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

from dashcam_pipeline import one_cv2
from dashcam_pipeline.config import ModelSettings
from dashcam_pipeline.doctor.finding import Finding, bad, ok, warn

PROJECT = "dashcam-pipeline"
CUDA_PROVIDER = "CUDAExecutionProvider"


def opencv() -> Finding:
    """One wheel, and it works."""
    wheels = one_cv2.installed()
    value = ", ".join(f"{name} {version}" for name, version in wheels.items()) or "not installed"
    why = one_cv2.trouble()
    if why:
        return bad("opencv", f"{value}: {why}", f"run `{one_cv2.REPAIR_COMMAND}`")
    if len(wheels) > 1:
        cure = f"they write the same `cv2`; to keep one, run `{one_cv2.REPAIR_COMMAND}`"
        return warn("opencv", value, cure)
    return ok("opencv", value)


def video() -> Finding:
    """PyAV and the FFmpeg inside it."""
    av, problem = _imported("av")
    if av is None:
        return bad("video", problem, "run `pip install --force-reinstall av`")
    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return ok(
        "video",
        f"PyAV {av.__version__} with FFmpeg {getattr(av, 'ffmpeg_version_info', '?')}, libavcodec {codec}",
    )


def engines(models: ModelSettings, device: str, gpus: tuple[str, ...]) -> list[Finding]:
    """Every engine and reader: here or not, and whether the settings ask for it."""
    wants_gpu = device.startswith("cuda")
    return [
        _gpu(gpus, wants_gpu),
        _openvino(needed=not wants_gpu and models.engine in ("auto", "openvino")),
        _onnxruntime(models.engine == "onnxruntime" or wants_gpu, bool(gpus), wants_gpu),
        _rapidocr(needed=models.plate_reader == "rapidocr"),
        _extra("ultralytics", ("ultralytics", "torch"), needed=models.engine == "ultralytics"),
        _extra("paddle", ("paddleocr", "paddlepaddle"), needed=models.plate_reader == "paddleocr"),
    ]


def _gpu(gpus: tuple[str, ...], wanted: bool) -> Finding:
    if gpus:
        return ok("gpu", "; ".join(gpus))
    if wanted:
        return bad("gpu", "no NVIDIA driver answers", "install the driver, or set run.device to cpu")
    return ok("gpu", "none: the CPU runs the models")


def _openvino(needed: bool) -> Finding:
    openvino, problem = _imported("openvino")
    if openvino is None:
        level = bad if needed else warn
        return level("openvino", problem, "run `pip install openvino`, or set models.engine")
    devices = ", ".join(openvino.Core().available_devices)
    return ok("openvino", f"{_version('openvino')} on {devices}")


def _onnxruntime(needed: bool, has_gpu: bool, wants_gpu: bool) -> Finding:
    name = "onnxruntime"
    if _version("onnxruntime") and _version("onnxruntime-gpu"):
        cure = "run `pip uninstall -y onnxruntime onnxruntime-gpu`, then install one of the two again"
        return warn(name, "onnxruntime and onnxruntime-gpu write the same module", cure)
    runtime, problem = _imported("onnxruntime")
    extra = "gpu" if has_gpu or wants_gpu else "onnx"
    cure = f"run `pip install '{PROJECT}[{extra}]'`"
    if runtime is None:
        if needed:
            return bad(name, problem, cure)
        return (
            warn(name, "not installed, so the GPU stays idle", cure)
            if has_gpu
            else ok(name, "not installed", cure)
        )
    providers = runtime.get_available_providers()
    value = f"{runtime.__version__} with {', '.join(p.removesuffix('ExecutionProvider') for p in providers)}"
    if (has_gpu or wants_gpu) and CUDA_PROVIDER not in providers:
        return (bad if wants_gpu else warn)(
            name, f"{value}, not CUDA", f"run `pip uninstall -y onnxruntime`; {cure}"
        )
    return ok(name, value)


def _rapidocr(needed: bool) -> Finding:
    version = _version("rapidocr")
    if version is None:
        return (bad if needed else warn)("rapidocr", "not installed", "run `pip install rapidocr`")
    return ok("rapidocr", version)


def _extra(extra: str, distributions: tuple[str, ...], needed: bool) -> Finding:
    """An optional part of the install, which may be there in full, in part or not at all."""
    found = {name: version for name in distributions if (version := _version(name))}
    missing = [name for name in distributions if name not in found]
    value = ", ".join(f"{name} {version}" for name, version in found.items())
    cure = f"run `pip install '{PROJECT}[{extra}]'`, then `{one_cv2.REPAIR_COMMAND}`"
    if not missing:
        return ok(extra, value)
    if needed:
        return bad(extra, f"{', '.join(missing)} not installed", cure)
    if found:
        return warn(extra, f"{value}, but not {', '.join(missing)}", cure)
    return ok(extra, "not installed (optional)", cure)


def _imported(module: str) -> tuple[Any, str]:
    """The module, or None and why it can't be imported."""
    try:
        return importlib.import_module(module), ""
    except ModuleNotFoundError:
        return None, "not installed"
    except Exception as error:  # a broken binary wheel may raise anything
        return None, f"can't be imported: {error}"


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
