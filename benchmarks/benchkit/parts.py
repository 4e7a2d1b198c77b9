"""The parts of the work, each alone, and the stages as the run itself timed them."""

from __future__ import annotations

from pathlib import Path

from benchkit.report import Part
from benchkit.timings import Timings
from dashcam_pipeline.config import Settings


def parts_of(video: Path, settings: Settings, timings: Timings) -> tuple[Part, ...]:
    """Every part, with how often a run over the video does it."""
    return stages_of(timings)


def stages_of(timings: Timings) -> tuple[Part, ...]:
    """What each stage took of its workers' time, waiting included, the longest first."""
    stages = sorted(timings.stages.items(), key=lambda item: -item[1].worker_s)
    return tuple(
        Part(name=f"stage {name}", times=stage.tasks, each_s=stage.worker_s / stage.tasks)
        for name, stage in stages
        if stage.tasks
    )
