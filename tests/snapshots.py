"""Snapshots of a run, made by hand, for tests of what is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dashcam_pipeline.engine.board import BoardSnapshot, SourceProgress, WorkerStatus
from dashcam_pipeline.engine.frames import FrameUse
from dashcam_pipeline.engine.monitor import RunSnapshot
from dashcam_pipeline.engine.pressure import PressureLoad
from dashcam_pipeline.engine.snapshot import CategoryLoad, QueueSnapshot
from dashcam_pipeline.stages.pipeline import stages

CATEGORIES = [stage.category for stage in stages()]


def load(name: str, **changed: Any) -> CategoryLoad:
    category = next(one for one in CATEGORIES if one.name == name)
    empty = CategoryLoad(
        name=name,
        worker_class=category.worker_class,
        waiting=0,
        in_flight=0,
        done=0,
        failed=0,
        busy_s=0.0,
    )
    return replace(empty, **changed)


def queue_snapshot(clock_s: float = 0.0, busy_s: dict[str, float] | None = None, **changed: Any) -> Any:
    busy = busy_s or {}
    empty = QueueSnapshot(
        clock_s=clock_s,
        categories=tuple(load(one.name, busy_s=busy.get(one.name, 0.0)) for one in CATEGORIES),
        frames=FrameUse(0, 0, 0, 0),
        pressure=PressureLoad(closed=(), waits={}, wait_s={}, waiting_readers=0),
        tallies={},
        totals={},
        sources_done=0,
        dead_letters=0,
        unfinished=0,
    )
    return replace(empty, **changed)


def worker(worker_id: str, category: str | None, beat_s: float = 100.0) -> WorkerStatus:
    return WorkerStatus(
        worker_id=worker_id,
        pid=4711,
        worker_class="gpu",
        category=category,
        tasks_done=3,
        rss_bytes=123_000_000,
        last_heartbeat=beat_s,
    )


def source(name: str, position_s: float = 30.0, duration_s: float | None = 60.0) -> SourceProgress:
    return SourceProgress(
        source_id=name, name=name, position_s=position_s, duration_s=duration_s, frames_in=300
    )


def busy_run(**changed: Any) -> RunSnapshot:
    """A run in full swing."""
    board = BoardSnapshot(
        clock_s=107.0,
        workers={one.worker_id: one for one in (worker("gpu-0", "OCR", 106.8), worker("cpu-0", None))},
        sources={f"clip{n}.mp4": source(f"clip{n}.mp4") for n in range(9)},
        services={"database": "ok, 12 sightings written"},
        highlights=tuple(f"AB{n}2CDE  0.97  car  at 1.{n} s" for n in range(8)),
    )
    queue = queue_snapshot(
        frames=FrameUse(42, 250_000_000, 3_000_000, 400_000_000),
        pressure=PressureLoad(closed=("gpu",), waits={"gpu": 7}, wait_s={"gpu": 12.5}, waiting_readers=2),
        dead_letters=3,
        sources_done=2,
    )
    snapshot = RunSnapshot(
        elapsed_s=83.4,
        phase="running",
        deadline_s=None,
        queue=queue,
        board=board,
        tasks_per_s={"OCR": 7.25},
        frames_per_s=21.4,
        realtime=2.1,
        progress=0.42,
        eta_s=115.0,
        sources=11,
        binding="PLATE_DETECT",
        rss_bytes=1_900_000_000,
        peak_rss_bytes=2_100_000_000,
        done_of={f"clip{n}.mp4": n / 10 for n in range(9)},
    )
    return replace(snapshot, **changed)
