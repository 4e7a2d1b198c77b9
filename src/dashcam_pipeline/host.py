"""What machine and which libraries a figure was measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil

from dashcam_pipeline import __version__

LIBRARIES = ("openvino", "onnxruntime", "av", "opencv-python", "numpy")
CPU_INFO = Path("/proc/cpuinfo")
USEFUL_FLAGS = ("avx2", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "bf16")
"""What of the CPU decides how fast models run on it."""
MB = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Of this process: names, sizes, versions. Nothing that tells whose machine it is."""

    cpu: str
    cores: int  # that this process may use
    cores_of_host: int
    cpu_flags: tuple[str, ...]
    memory_mb: int
    load: (
        float  # processes that wanted a core in the last minute, when this was made; more than 0 = not alone
    )
    system: str
    python: str
    dashcam_pipeline: str
    libraries: dict[str, str]


def describe_host() -> Host:
    """The machine that this runs on, as it is now."""
    model, flags = _cpu()
    return Host(
        cpu=model,
        cores=usable_cores(),
        cores_of_host=os.cpu_count() or 1,
        cpu_flags=tuple(flag for flag in USEFUL_FLAGS if flag in flags),
        memory_mb=psutil.virtual_memory().total // MB,
        load=round(os.getloadavg()[0], 2),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        dashcam_pipeline=__version__,
        libraries={name: version for name in LIBRARIES if (version := _version(name))},
    )


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16() -> bool:
    """Whether the CPU itself multiplies in bf16; elsewhere it would only be imitated, slowly."""
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & _cpu()[1])


def _cpu() -> tuple[str, set[str]]:
    """Name and flags of the first core; a name without flags where the kernel does not tell."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine(), set()
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = said.get("flags") or said.get("Features") or ""
    return said.get("model name") or platform.processor() or platform.machine(), set(flags.split())


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
