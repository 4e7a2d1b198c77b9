"""What the machine has: cores, memory, GPUs, disk, shared memory, open files."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from dashcam_pipeline.doctor.finding import Finding, bad, ok, warn

NEEDED_PYTHON = (3, 11)
ENOUGH_MEMORY_MB = 3_000  # what all processes of a run take together
ENOUGH_OPEN_FILES = 1_024
ENOUGH_SHARED_MEMORY_MB = 64  # a container's default
GPU_ANSWER_S = 10
_MB = 1 << 20
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def python() -> Finding:
    version = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info < NEEDED_PYTHON:
        return bad("python", version, "use Python 3.11 or newer")
    return ok("python", version)


def cores() -> Finding:
    usable = len(os.sched_getaffinity(0))
    return ok("cores", f"{usable} usable of {os.cpu_count()}")


def memory(total_mb: int | None = None, available_mb: int | None = None) -> Finding:
    """`total_mb` and `available_mb` default to this machine's (or its container's)."""
    total = _total_memory_mb() if total_mb is None else total_mb
    available = psutil.virtual_memory().available // _MB if available_mb is None else available_mb
    value = f"{min(available, total):,} MB free of {total:,} MB"
    if min(available, total) < ENOUGH_MEMORY_MB:
        return warn(
            "memory", value, f"a run may take {ENOUGH_MEMORY_MB:,} MB: lower --gpu-workers and --readers"
        )
    return ok("memory", value)


def gpus() -> tuple[str, ...]:
    """Name and memory of every NVIDIA GPU that the driver shows; empty without a driver."""
    query = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=GPU_ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip())


def disk(work_dir: Path, needed_mb: int, free_mb: int | None = None) -> Finding:
    """Room and permission to write in the work dir; `free_mb` defaults to what its disk has."""
    folder = _existing(work_dir)
    if not os.access(folder, os.W_OK | os.X_OK):
        return bad("disk", f"{folder} can't be written to", "give another folder with --work-dir")
    free = shutil.disk_usage(folder).free // _MB if free_mb is None else free_mb
    value = f"{free:,} MB free for {work_dir}"
    if free < needed_mb:
        cure = "free some, give another folder with --work-dir, or lower frame_store.min_free_mb"
        return bad("disk", f"{value}, a run needs {needed_mb:,} MB", cure)
    return ok("disk", value)


def shared_memory(folder: Path = Path("/dev/shm"), total_mb: int | None = None) -> Finding:
    """Frames lie in files, not here; but libraries that use several processes want some."""
    if not folder.is_dir():
        return warn("shared memory", f"no {folder}", "mount a tmpfs there")
    total = shutil.disk_usage(folder).total // _MB if total_mb is None else total_mb
    if total < ENOUGH_SHARED_MEMORY_MB:
        return warn("shared memory", f"{total:,} MB in {folder}", "in a container, raise --shm-size")
    return ok("shared memory", f"{total:,} MB in {folder} (frames don't use it)")


def open_files(limit: int | None = None) -> Finding:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if 0 <= soft < ENOUGH_OPEN_FILES:
        return warn("open files", f"at most {soft}", f"run `ulimit -n {ENOUGH_OPEN_FILES}` first")
    return ok("open files", f"at most {soft:,}" if soft >= 0 else "no limit")


def _total_memory_mb() -> int:
    total = psutil.virtual_memory().total
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        total = min(total, int(_CGROUP_LIMIT.read_text()))
    return total // _MB


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
