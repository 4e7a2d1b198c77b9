"""What is simulated, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.task import WorkerClass
from dashcam_pipeline.stages.read import CHUNK

CLASS_NAMES = {
    WorkerClass.SOURCE: "readers",
    WorkerClass.GPU: "model workers",
    WorkerClass.CPU: "CPU workers",
    WorkerClass.WRITER: "writer",
}

TIME_TO_SPARE = 0.8  # what is used less doesn't bind


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A host and how a run is set up on it."""

    cores: int
    gpus: int = 0
    settings: Settings = field(default_factory=Settings)
    chunk: int = CHUNK  # frames that a reader brings in at once
    one_call: bool = (
        False  # a worker hands in a batch and claims the next with one call: not built, a what-if
    )
    videos: int | None = None  # None: always another one, measured in the steady state
    measured_frames: int = 4000  # of the steady state, looked at
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of a scenario. Uses are shares of the measured time, 0 to 1."""

    frames_s: float  # frames of the video a second, looked at or not
    wall_s: float  # measured time
    core_use: float
    manager_use: float
    gpu_use: float  # mean of all GPUs
    class_use: Mapping[WorkerClass, float]  # of the loops of a class, the share that worked
    workers: Mapping[WorkerClass, int]
    stage_s: Mapping[str, float]  # CPU or GPU seconds a category, without contention
    stage_tasks: Mapping[str, int]
    gate_waits: Mapping[str, int]  # how often a reader had to wait, and for which limit
    peak_gpu_tasks: int  # most tasks that waited for the GPU class
    unfinished: int

    @property
    def binding(self) -> str:
        """What is used most; the frame store where all else has time to spare and readers wait for room there."""
        uses = {"cores": self.core_use, "Manager": self.manager_use, "GPU": self.gpu_use}
        uses |= {CLASS_NAMES[worker_class]: use for worker_class, use in self.class_use.items()}
        busiest = max(uses, key=lambda name: uses[name])
        gate = max(self.gate_waits, key=lambda name: self.gate_waits[name], default=None)
        return "frame store" if gate == "store" and uses[busiest] < TIME_TO_SPARE else busiest
