"""Which CUDA devices this host offers to models."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess

ASK_S = 10.0


def cuda_devices() -> tuple[str, ...]:
    """The names (`cuda:0`, …) of the CUDA devices that can be used; none without a runtime that drives them.

    A device counts when the NVIDIA driver lists it and onnxruntime was built for CUDA. Models that only torch
    runs are asked for by name: `run.device: cuda:0`.
    """
    count = _driver_count()
    if not count or not _onnxruntime_has_cuda():
        return ()
    return tuple(f"cuda:{index}" for index in range(count))


def devices_for(setting: str) -> tuple[str, ...]:
    """The devices that `run.device` means, one a GPU worker at least: `auto`, `cpu`, `cuda`, `cuda:0,1`."""
    if setting == "auto":
        return cuda_devices() or ("cpu",)
    kind, _, indices = setting.partition(":")
    if kind == "cpu":
        return ("cpu",)
    return tuple(f"cuda:{index}" for index in (indices or "0").split(","))


def _driver_count() -> int:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=ASK_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def _onnxruntime_has_cuda() -> bool:
    if importlib.util.find_spec("onnxruntime") is None:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()
