"""What `dashcam run --timings FILE` says about a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchkit.trouble import BenchTrouble

VERSION = 1


@dataclass(frozen=True, slots=True)
class StageTiming:
    """What one stage did."""

    tasks: int
    batches: int
    worker_s: float  # summed over its workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """One run. Seconds are of the wall clock unless called CPU time."""

    host: Mapping[str, Any]
    settings: Mapping[str, Any]  # those that were changed
    wall_s: float  # command start to end
    first_frame_s: float  # command start to the first frame looked at
    working_s: float  # first frame read to the last row handed to the writer
    videos: int
    frames: int  # decoded
    frames_looked_at: int
    video_s: float
    stages: Mapping[str, StageTiming]
    inferences: Mapping[str, int]  # vehicle, plate, text
    cpu_s: Mapping[str, float]  # CPU time by process or class of processes
    peak_backlog: int  # tasks waiting
    peak_memory_mb: float
    peak_frame_store_mb: float


def read_timings(path: Path) -> Timings:
    """Read the file.

    Raises:
        BenchTrouble: it is not there, or not of this version and form.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["version"] != VERSION:
            raise BenchTrouble(
                f"{path} has version {found['version']}, this bench reads {VERSION}: update it"
            )
        if found["working_s"] is None or found["first_frame_s"] is None or not found["frames"]:
            raise BenchTrouble(f"the run of {path} has read no frame: name a video that can be read")
        return Timings(
            stages={
                name: StageTiming(int(one["tasks"]), int(one["batches"]), float(one["worker_s"]))
                for name, one in found["stages"].items()
            },
            peak_backlog=int(found["queue"]["peak_backlog"]),
            **{name: found[name] for name in PLAIN},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchTrouble(f"{path} is not what `dashcam run --timings` writes: {error!r}") from error


PLAIN = tuple(name for name in Timings.__dataclass_fields__ if name not in ("stages", "peak_backlog"))
"""Keys whose values are taken as they are."""
