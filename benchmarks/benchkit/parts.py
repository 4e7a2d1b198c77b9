"""The parts of the work, each alone, and the stages as the run itself timed them; with how often a run does each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchkit.timings import Timings
from dashcam_pipeline.bench import parts
from dashcam_pipeline.bench.models import VEHICLE, BareModel
from dashcam_pipeline.bench.part import Part
from dashcam_pipeline.config import Settings

CALLS_A_BATCH = 2  # lease and complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A piece of the work of a run."""

    name: str
    times: int  # in one run over the video
    each_s: float
    cpu_each_s: float | None = None  # where it was measured


def parts_of(
    video: Path,
    settings: Settings,
    timings: Timings,
    models: Mapping[str, BareModel],
    inferred: Mapping[str, Part],
) -> tuple[Share, ...]:
    """Measure every part that a run over the video is made of.

    Args:
        models: of the run.
        inferred: what each costs, by the names under which the run counts inferences.
    """
    with tempfile.TemporaryDirectory(prefix="dashcam-bench-") as folder:
        measured = [
            *_inferences(timings, inferred),
            *_alone(video, Path(folder), settings, timings, models),
        ]
    return (*measured, *stages_of(timings))


def stages_of(timings: Timings) -> tuple[Share, ...]:
    """What each stage took of its workers' time, waiting included, the longest first."""
    stages = sorted(timings.stages.items(), key=lambda item: -item[1].worker_s)
    return tuple(
        Share(name=f"stage {name}", times=stage.tasks, each_s=stage.worker_s / stage.tasks)
        for name, stage in stages
        if stage.tasks
    )


def _inferences(timings: Timings, inferred: Mapping[str, Part]) -> Iterator[Share]:
    for name, part in inferred.items():
        yield _share(part, timings.inferences[name])


def _alone(
    video: Path, folder: Path, settings: Settings, timings: Timings, models: Mapping[str, BareModel]
) -> Iterator[Share]:
    """Each part, as often as the run's counts say."""
    frames, looked_at = parts.some_frames(video, settings), timings.frames_looked_at
    if VEHICLE in models and models[VEHICLE].head is not None:
        yield _share(parts.letterbox(models[VEHICLE], frames), looked_at)
    write, read, _ = parts.store(folder, settings, frames)
    yield _share(write, looked_at)
    yield _share(read, looked_at)
    batches = sum(stage.batches for stage in timings.stages.values())
    yield _share(parts.queue_calls(folder), CALLS_A_BATCH * batches)
    if (rows := timings.stages.get("FINAL_WRITE")) is not None:
        yield _share(parts.outbox_write(folder), rows.tasks)


def _share(part: Part, times: int) -> Share:
    return Share(name=part.name, times=times, each_s=part.each_s, cpu_each_s=part.cpu_each_s)
