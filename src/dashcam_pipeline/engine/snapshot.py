"""What the queue shows of itself at one moment, for the HUD, the plain lines and the end report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashcam_pipeline.engine.frames import FrameUse
from dashcam_pipeline.engine.pace import Pace
from dashcam_pipeline.engine.pressure import PressureLoad
from dashcam_pipeline.engine.task import WorkerClass


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLoad:
    """One category: what waits, what is under way, what was done since the start."""

    name: str
    worker_class: WorkerClass
    waiting: int
    in_flight: int
    done: int
    failed: int  # attempts that failed
    busy_s: float  # worker time spent, all workers together
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """The queue at one moment."""

    clock_s: float
    categories: tuple[CategoryLoad, ...]
    frames: FrameUse
    pressure: PressureLoad
    tallies: Mapping[str, Mapping[str, int]]  # source under way -> its counts
    totals: Mapping[str, int]  # the counts of all sources together
    sources_done: int
    dead_letters: int
    unfinished: int

    def category(self, name: str) -> CategoryLoad:
        """The load of one category."""
        return next(load for load in self.categories if load.name == name)
