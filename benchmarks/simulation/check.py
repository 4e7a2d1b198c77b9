"""The simulation beside real runs on this host."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from dashcam_pipeline.config import RunSettings, Settings
from dashcam_pipeline.engine.task import WorkerClass
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.stages.pipeline import stages
from simulation.host import simulate
from simulation.params import Params
from simulation.scenario import CLASS_NAMES, Measured, Scenario

PROCESSES = {
    WorkerClass.SOURCE: "reader",
    WorkerClass.GPU: "gpu-",
    WorkerClass.CPU: "cpu-",
    WorkerClass.WRITER: "writer",
}
"""How the names of the processes of a class begin."""


class StageTime(BaseModel):
    """Of a timings file."""

    tasks: int
    batches: int
    worker_s: float


class RealRun(BaseModel):
    """What is needed of the file that `dashcam run --timings` writes."""

    model_config = ConfigDict(extra="ignore")

    working_s: float
    frames: int
    frames_looked_at: int
    videos: int
    video_s: float
    settings: Mapping[str, object]
    cpu_s: Mapping[str, float]
    stages: Mapping[str, StageTime]


@dataclass(frozen=True, slots=True)
class ClassCpu:
    """CPU seconds of one class of workers."""

    name: str
    real_s: float
    simulated_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One run and its simulation."""

    model_workers: int
    real_frames_s: float
    simulated_frames_s: float
    real_cpu_s: float  # from the first process started to the last one ended
    simulated_cpu_s: float  # of the work alone
    cpu_s: tuple[ClassCpu, ...]  # of the same, by class
    worst_stage: str  # whose number of tasks is furthest off …
    worst_share: float  # … by this share of the real number

    @property
    def off(self) -> float:
        """By which share the simulation is too fast, negative: too slow."""
        return self.simulated_frames_s / self.real_frames_s - 1


def real_run(video: Path, model_workers: int) -> RealRun:
    """Run the command on a video in a fresh work dir. Raises SystemExit when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        timings = Path(folder) / "timings.json"
        command = [sys.executable, "-m", "dashcam_pipeline", "run", str(video), "--no-hud"]
        command += ["--work-dir", f"{folder}/work", "--timings", str(timings)]
        command += ["--gpu-workers", str(model_workers)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"`{' '.join(command)}` ended with {ended.returncode}: {ended.stderr[-500:]}")
        return RealRun.model_validate_json(timings.read_text(encoding="utf-8"))


def compare(params: Params, real: RealRun, cores: int | None = None) -> Compared:
    """Simulate the same video with the same crew; `cores`: by default as many as this process may use."""
    cores = cores or usable_cores()
    workers = int(str(real.settings.get("run.gpu_workers") or cores))
    video = params.video.model_copy(
        update={
            "seconds": real.video_s / real.videos,
            "frames": real.frames // real.videos,
            "frames_looked_at": real.frames_looked_at // real.videos,
            "vehicles": max(
                1, round(params.video.vehicles * real.video_s / params.video.seconds / real.videos)
            ),
        }
    )
    settings = Settings(run=RunSettings(gpu_workers=workers))
    scenario = Scenario(cores=cores, settings=settings, videos=real.videos)
    simulated = simulate(params.model_copy(update={"video": video}), scenario)
    off = {
        name: abs(simulated.stage_tasks[name] / stage.tasks - 1)
        for name, stage in real.stages.items()
        if stage.tasks and simulated.stage_tasks.get(name) and name != "READ"
    }
    worst = max(off, key=lambda name: off[name])
    return Compared(
        model_workers=workers,
        real_frames_s=real.frames / real.working_s,
        simulated_frames_s=simulated.frames_s,
        real_cpu_s=sum(real.cpu_s.values()),
        simulated_cpu_s=simulated.core_use * simulated.wall_s * cores,
        cpu_s=tuple(_by_class(real, simulated)),
        worst_stage=worst,
        worst_share=off[worst],
    )


def _by_class(real: RealRun, simulated: Measured) -> Iterator[ClassCpu]:
    """What the processes of each class took, and what their stages did. Other load on the host matters to neither."""
    categories = [stage.category for stage in stages()]
    for worker_class, prefix in PROCESSES.items():
        spent_s = sum(seconds for name, seconds in real.cpu_s.items() if name.startswith(prefix))
        mine = [one.name for one in categories if one.worker_class is worker_class]
        yield ClassCpu(
            CLASS_NAMES[worker_class], spent_s, sum(simulated.stage_s.get(name, 0.0) for name in mine)
        )


def table(compared: Sequence[Compared]) -> str:
    """Markdown."""
    lines = (
        f"| {one.model_workers} | {one.real_frames_s:.0f} | {one.simulated_frames_s:.0f} | {one.off:+.0%} | "
        f"{one.real_cpu_s:.1f} | {one.simulated_cpu_s:.1f} | "
        f"{one.worst_stage} {one.worst_share:.0%} |"
        for one in compared
    )
    head = (
        "| model workers | real frames/s | simulated | off by | real CPU s | simulated | tasks off by, at most |",
        "|--:|--:|--:|--:|--:|--:|---|",
    )
    classes = (
        f"- {one.model_workers} model workers: "
        + "; ".join(f"{cpu.name} {cpu.real_s:.1f} and {cpu.simulated_s:.1f}" for cpu in one.cpu_s)
        for one in compared
    )
    note = (
        "CPU seconds by class, real and simulated. Real ones are those of the whole process; start, end, heartbeats "
        "and the calls to the Manager are in no simulated one:"
    )
    return "\n".join((*head, *lines, "", note, "", *classes))
