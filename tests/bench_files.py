"""Small records of runs that nobody has made, for the tests of the benches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchkit.commands import Took
from benchkit.contenders import OwnRun, PeerRun
from benchkit.parts import Share, stages_of
from benchkit.report import Measured
from benchkit.timings import read_timings
from benchkit.videos import BenchVideo
from dashcam_pipeline.bench.ideal import ideal_of
from dashcam_pipeline.bench.part import Part

TIMINGS: dict[str, Any] = {
    "version": 1,
    "host": {"cpu": "a CPU", "cores": 2},
    "settings": {},
    "wall_s": 6.0,
    "first_frame_s": 1.5,
    "working_s": 4.0,
    "videos": 1,
    "frames": 1000,
    "frames_looked_at": 334,
    "video_s": 33.3,
    "stages": {
        "READ": {"tasks": 1, "batches": 1, "worker_s": 3.0},
        "VEHICLE_DETECT": {"tasks": 334, "batches": 50, "worker_s": 1.67},
        "OCR": {"tasks": 0, "batches": 0, "worker_s": 0.0},
        "FINAL_WRITE": {"tasks": 12, "batches": 4, "worker_s": 0.06},
    },
    "inferences": {"vehicle": 334, "plate": 40, "text": 0},
    "cpu_s": {"supervisor": 0.8, "gpu-0": 3.0},
    "queue": {"peak_backlog": 20},
    "peak_memory_mb": 700.0,
    "peak_frame_store_mb": 60.0,
}
"""What `dashcam run --timings` writes."""


def timings_file(folder: Path, **changed: Any) -> Path:
    path = folder / "timings.json"
    path.write_text(json.dumps(TIMINGS | changed))
    return path


def own_run(
    folder: Path, wall_s: float = 6.0, rows: tuple[dict[str, Any], ...] = (), **changed: Any
) -> OwnRun:
    return OwnRun(Took(wall_s, 10.0, ""), read_timings(timings_file(folder, **changed)), rows)


def peer_run(wall_s: float = 60.0, loop_s: float = 50.0) -> PeerRun:
    return PeerRun(Took(wall_s, 110.0, ""), 1000, loop_s, ())


def measured(folder: Path, video: BenchVideo, own: list[OwnRun], peer: list[PeerRun]) -> Measured:
    """Runs, and an ideal of one second for decoding and 1.32 for inference on 2 cores."""
    decoded = Part("decode only, 2 threads", 1000, 1.0, 1.8)
    inferred = {"vehicle": Part("inference vehicle", 100, 0.3, 0.58), "plate": Part("p", 100, 0.8, 1.6)}
    timings = own[0].timings
    return Measured(
        video=video,
        own=tuple(own),
        peer=tuple(peer),
        cores=2,
        decoding=(decoded,),
        ideal=ideal_of(decoded, inferred, timings.inferences, 2),
        parts=(Share(name="store write", times=334, each_s=0.001, cpu_each_s=0.0005), *stages_of(timings)),
    )
