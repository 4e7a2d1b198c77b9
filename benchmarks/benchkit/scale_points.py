"""The three series of the scaling table: more clips, longer clips, more cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Literal

from benchkit.commands import own_folder
from benchkit.contenders import OwnRun, run_own
from benchkit.cutting import make_clip
from benchkit.progress import Progress
from benchkit.trouble import BenchTrouble

Series = Literal["clips", "lengths", "cores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured size; medians of its runs."""

    series: Series
    size: float  # clips, seconds of a clip, or cores
    videos: int
    frames: int
    inferences: int
    wall_s: float  # whole command
    working_s: float  # first frame read to last row
    cpu_s: float
    first_frame_s: float
    peak_memory_mb: float
    peak_frame_store_mb: float

    @property
    def working_ms(self) -> float:
        """Of a frame."""
        return self.working_s / self.frames * 1e3

    @property
    def wall_ms(self) -> float:
        """Of a frame, start and end of the command included."""
        return self.wall_s / self.frames * 1e3

    @property
    def cpu_ms(self) -> float:
        """CPU time of a frame, start and end of the command included."""
        return self.cpu_s / self.frames * 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be measured."""

    source: Path
    clips: tuple[int, ...]
    clip_s: float
    lengths_s: tuple[float, ...]
    cores: tuple[int, ...]
    start_s: float = 0.0  # where in the source the clips begin
    repeat: int = 1

    @property
    def steps(self) -> int:
        return (len(self.clips) + len(self.lengths_s) + len(self.cores)) * self.repeat


Runner = Callable[..., OwnRun]


def further_ms(points: Sequence[Point]) -> list[float | None]:
    """What each frame costs that a point of a series has more than the one before it, of the whole command's time.

    Start and end of the command drop out of it, so it is what stays the same where time grows with the work alone.
    None for the first point, and where there are no more frames than before.
    """
    costs: list[float | None] = [None]
    for before, point in pairwise(points):
        more = point.frames - before.frames
        costs.append((point.wall_s - before.wall_s) / more * 1e3 if more > 0 else None)
    return costs


def measure(plan: Plan, progress: Progress, run: Runner = run_own) -> Iterator[Point]:
    """Run everything, a point at a time.

    Raises:
        BenchTrouble: the source can't be cut, a run failed, or there are not so many cores.
    """
    usable = sorted(os.sched_getaffinity(0))
    if plan.cores and max(plan.cores) > len(usable):
        raise BenchTrouble(f"this process may use {len(usable)} cores, not {max(plan.cores)}: name fewer")
    for count in plan.clips:
        yield _point("clips", count, plan, progress, run, count, plan.clip_s)
    for length_s in plan.lengths_s:
        yield _point("lengths", length_s, plan, progress, run, 1, length_s)
    for count in plan.cores:
        yield _point("cores", count, plan, progress, run, None, 0.0, usable[:count])


def _point(
    series: Series,
    size: float,
    plan: Plan,
    progress: Progress,
    run: Runner,
    clips: int | None,
    length_s: float,
    cores: Sequence[int] = (),
) -> Point:
    """One size, as often as asked. `clips` None: the source as it is."""
    runs = []
    for number in range(plan.repeat):
        with progress.step(f"{series}: {size:g}, run {number + 1} of {plan.repeat}"), own_folder() as folder:
            videos = [plan.source] if clips is None else _cut(plan, folder, clips, length_s)
            options = ("--gpu-workers", str(len(cores))) if cores else ()
            runs.append(run(videos, folder, options=options, cores=frozenset(cores) or None))
    return point_of(series, size, runs)


def point_of(series: Series, size: float, runs: Sequence[OwnRun]) -> Point:
    """The medians of runs of one size."""
    timings = [run.timings for run in runs]
    return Point(
        series=series,
        size=size,
        videos=timings[0].videos,
        frames=timings[0].frames,
        inferences=sum(timings[0].inferences.values()),
        wall_s=median(run.took.wall_s for run in runs),
        working_s=median(one.working_s for one in timings),
        cpu_s=median(run.took.cpu_s for run in runs),
        first_frame_s=median(one.first_frame_s for one in timings),
        peak_memory_mb=median(one.peak_memory_mb for one in timings),
        peak_frame_store_mb=median(one.peak_frame_store_mb for one in timings),
    )


def _cut(plan: Plan, folder: Path, clips: int, length_s: float) -> list[Path]:
    """Clips that show the same, in a folder of their own; each is a file of its own content."""
    target = folder / "clips"
    target.mkdir()
    for number in range(clips):
        name = f"clip-{number:04d}"
        make_clip(plan.source, target / f"{name}.mp4", start_s=plan.start_s, length_s=length_s, name=name)
    return [target]
