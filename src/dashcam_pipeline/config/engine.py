"""Settings of the scheduler: processes, sampling, waiting frames, the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from dashcam_pipeline.config.base import NO_LIMIT, Count, Processes, Seconds, Section


class RunSettings(Section):
    """Processes, devices and how a run ends."""

    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d+(,\d+)*)?)$",
        examples=["auto", "cpu", "cuda:0", "cuda:0,1"],
    )
    """Where models run; `auto` = CUDA devices when onnxruntime sees any, else the CPU."""
    decoder: str = Field(default="cpu", pattern=r"^(cpu|cuda(:\d+)?)$", examples=["cpu", "cuda:0"])
    """What decodes video; `cuda` = NVDEC. Where that can't be had, the CPU does it, with a warning."""
    gpu_workers: Processes | None = None
    """Processes that run models; null = one a GPU, or on the CPU as many as the cores are worth."""
    cpu_workers: Processes | None = None
    """Processes that track, vote and write pictures; null = by the number of cores and `hybrid`."""
    hybrid: bool = False
    """One process may do both kinds of work: on a host with GPUs, CPU workers run models too while the GPUs are
    behind, and rows may differ in their last digits from run to run; without a GPU, model workers track and vote."""
    readers: Processes | None = None
    """Videos decoded at the same time; null = by the number of cores."""
    drain_deadline_s: Seconds = 30.0
    """After the first Ctrl+C, what is under way may take this long to finish."""
    checkpoint_s: float = Field(default=2.0, gt=0.0, le=NO_LIMIT)
    """Seconds of video between two checkpoints; a run that was killed reads about this much again."""
    worker_max_tasks: Count | None = 100_000
    """A worker process is replaced by a fresh one after this many tasks; null = never."""
    worker_max_rss_mb: Count = 4096
    """A worker process that holds more memory than this is replaced once its work in hand is done."""


class SamplingSettings(Section):
    """Which frames are looked at. Every frame is decoded; the others cost nothing more."""

    frames_per_s: float = Field(default=10.0, gt=0.0, le=NO_LIMIT)
    """Frames looked at in a second of video, chosen by their timestamps."""
    stride: Count | None = None
    """Look at every N-th frame instead, whatever the frame rate."""


class FrameStoreSettings(Section):
    """Where frames wait for their turn."""

    dir: Path | None = None
    """Folder for waiting frames; null = `frame_store` in the work dir."""
    format: Literal["raw", "jpeg", "png"] = "raw"
    """What a waiting frame is stored as; `raw` costs disk, the others time."""
    quota_mb: Count = 1024
    """Readers wait while the frames of this run take more than this; files of released frames, up to 128 MiB, are kept
    beside it."""
    min_free_mb: Count = 512
    """Readers wait while the disk has less than this left."""


class QueueSettings(Section):
    """Limits of the task queue, in tasks."""

    gpu_soft: Count | None = None
    """Readers wait once this many tasks wait for the GPU class, until half are left; null = 12 a model worker."""
    cpu_soft: Count | None = None
    """Likewise for the CPU class; null = three times gpu_soft."""
    writer_soft: Count = 2048
    """Likewise for rows and checkpoints that wait for the writer."""
    max_attempts: Count = 3
    """A task that fails this often becomes a dead letter; the run goes on."""
    lease_s: float = Field(default=15.0, ge=3.0, le=NO_LIMIT)
    """A worker that shows no sign of life for this long is killed, and its tasks go to others."""
    stuck_s: float = Field(default=120.0, ge=5.0, le=NO_LIMIT)
    """So is one whose task shows no progress for this long, although the process is alive."""
