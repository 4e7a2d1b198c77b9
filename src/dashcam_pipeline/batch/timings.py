"""`dashcam run --timings FILE`: where the time of a run went, as one JSON object, described in docs/timings.md."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from dashcam_pipeline.batch import fingerprints
from dashcam_pipeline.batch.run import Report
from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.snapshot import CategoryLoad, QueueSnapshot
from dashcam_pipeline.engine.task import WorkerClass
from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.host import Host, describe_host
from dashcam_pipeline.stages.counts import (
    INFERENCES_PLATE,
    INFERENCES_PLATE_IN_FULL,
    INFERENCES_TEXT,
    INFERENCES_VEHICLE,
)
from dashcam_pipeline.storage.results.reading import VideoSummary
from dashcam_pipeline.user_paths import check_spares_videos

VERSION = 1
SUPERVISOR = "supervisor"
DIGITS = 3
FIRST_LOOK = "VEHICLE_DETECT"
"""The stage of which the first result ends the start of a run."""
MB = 10**6


@dataclass(frozen=True, slots=True)
class StageTime:
    """What a stage did."""

    tasks: int
    batches: int
    worker_s: float  # all its workers together


@dataclass(frozen=True, slots=True)
class Inferences:
    """How many pictures each model was given."""

    vehicle: int
    plate: int  # at `models.plate_input_px`
    plate_in_full: int  # searched again at the model's own size
    text: int


@dataclass(frozen=True, slots=True)
class QueueTime:
    """How full the queue was, and what that cost."""

    peak_backlog: int  # most tasks that waited at any look, four looks a second
    readers_waited_s: float  # for room, all readers together; part of READ's worker time


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """The fields of the file, in its order."""

    version: int = VERSION
    host: Host
    settings: Mapping[str, object]
    wall_s: float
    first_read_s: float | None  # command start to the first word of a reader
    first_frame_s: float | None  # command start to the first frame looked at
    working_s: float | None  # first word of a reader to the last row handed to the writer
    videos: int
    frames: int
    frames_looked_at: int
    video_s: float
    stages: Mapping[str, StageTime] = field(default_factory=dict)
    inferences: Inferences
    cpu_s: Mapping[str, float]
    queue: QueueTime
    peak_memory_mb: float
    peak_frame_store_mb: float


def check_path(path: Path, option: str = "--timings") -> None:
    """See before the work that the file which an option names can be written after it. Raises BadInput."""
    if path.is_dir():
        raise BadInput(f"{option} {path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise BadInput(f"{option} {path}: there is no folder {path.parent}")
    check_spares_videos(path, option)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadInput(f"{option} {path}: can't be written to")


def write(path: Path, timings: Timings) -> None:
    """Write the file. Raises DiskUnavailable."""
    try:
        path.write_text(json.dumps(asdict(timings), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise DiskUnavailable(f"--timings {path} can't be written ({error.strerror})") from error


def timings_of(settings: Settings, report: Report, videos: list[VideoSummary]) -> Timings:
    """What a run came to, until now.

    Args:
        settings: of the run.
        report: its end.
        videos: all rows of the run; those that this call has read are counted.
    """
    last, began_s = report.result.last, command_began_s()
    queue = last.queue
    read = {video.video_id for video in report.prepared.plan.read}
    mine = [video for video in videos if video.video_id in read]
    return Timings(
        host=describe_host(),
        settings=changed_settings(settings),
        wall_s=round(time.monotonic() - began_s, DIGITS),
        first_read_s=_since(_first_read_s(queue), began_s),
        first_frame_s=_since(queue.category(FIRST_LOOK).pace.first_s, began_s),
        working_s=_working_s(queue),
        videos=len(mine),
        frames=sum(video.frames_decoded for video in mine),
        frames_looked_at=queue.category(FIRST_LOOK).done,
        video_s=round(sum(video.duration_s or 0.0 for video in mine), DIGITS),
        stages={load.name: _stage(load) for load in queue.categories},
        inferences=_inferences(report),
        cpu_s=_cpu_s(report.result.cpu_s),
        queue=QueueTime(last.peak_backlog, round(sum(queue.pressure.wait_s.values()), DIGITS)),
        peak_memory_mb=round(last.peak_rss_bytes / MB, 1),
        peak_frame_store_mb=round(queue.frames.peak_bytes / MB, 1),
    )


def nothing_read(settings: Settings) -> Timings:
    """Of a call for which everything had been read already."""
    return Timings(
        host=describe_host(),
        settings=changed_settings(settings),
        wall_s=round(time.monotonic() - command_began_s(), DIGITS),
        first_read_s=None,
        first_frame_s=None,
        working_s=None,
        videos=0,
        frames=0,
        frames_looked_at=0,
        video_s=0.0,
        inferences=Inferences(0, 0, 0, 0),
        cpu_s=_cpu_s({}),
        queue=QueueTime(0, 0.0),
        peak_memory_mb=round(psutil.Process().memory_info().rss / MB, 1),
        peak_frame_store_mb=0.0,
    )


def changed_settings(settings: Settings) -> dict[str, object]:
    """The settings that are not the defaults, by `section.key`; never what may hold a password."""
    now, usual = fingerprints.recorded(settings), fingerprints.recorded(Settings())
    return {
        f"{section}.{key}": value
        for section, content in now.items()
        if isinstance(content, dict) and isinstance(before := usual[section], dict)
        for key, value in content.items()
        if value != before[key]
    }


def command_began_s() -> float:
    """When this process was started, on the clock of `time.monotonic`."""
    if sys.platform == "linux":
        # Field 22 of proc(5)'s stat counts ticks since boot; behind the name, which may hold blanks, it is the 20th.
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        since_boot_s = int(fields.split()[19]) / os.sysconf("SC_CLK_TCK")
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot_s
    else:
        age_s = time.time() - psutil.Process().create_time()
    return time.monotonic() - age_s


def _stage(load: CategoryLoad) -> StageTime:
    return StageTime(load.done, load.pace.batches, round(load.busy_s, DIGITS))


def _inferences(report: Report) -> Inferences:
    """Of this run alone: what it has gone on from had counts of its own."""
    before = [saved.checkpoint.tallies for saved in report.prepared.checkpoints]
    totals = report.result.last.queue.totals

    def count(name: str) -> int:
        return totals.get(name, 0) - sum(tallies.get(name, 0) for tallies in before)

    return Inferences(
        vehicle=count(INFERENCES_VEHICLE),
        plate=count(INFERENCES_PLATE),
        plate_in_full=count(INFERENCES_PLATE_IN_FULL),
        text=count(INFERENCES_TEXT),
    )


def _working_s(queue: QueueSnapshot) -> float | None:
    """From the first thing that a reader brought in to the last row that was handed to the writer."""
    first_s = _first_read_s(queue)
    makers = [load.pace for load in queue.categories if load.worker_class is not WorkerClass.WRITER]
    lasts = [pace.last_s for pace in makers if pace.last_s is not None]
    return round(max(lasts) - first_s, DIGITS) if lasts and first_s is not None else None


def _first_read_s(queue: QueueSnapshot) -> float | None:
    sources = [load.pace for load in queue.categories if load.worker_class is WorkerClass.SOURCE]
    return min((pace.first_s for pace in sources if pace.first_s is not None), default=None)


def _since(moment_s: float | None, began_s: float) -> float | None:
    return None if moment_s is None else round(moment_s - began_s, DIGITS)


def _cpu_s(of_others: Mapping[str, float]) -> dict[str, float]:
    """By process; the supervisor is the command itself."""
    own = time.process_time()
    return {name: round(seconds, DIGITS) for name, seconds in {SUPERVISOR: own, **of_others}.items()}
