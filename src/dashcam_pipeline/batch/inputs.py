"""The videos that a run is given, told apart by their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.discover import Discovery
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.rows import VideoRow, VideoStatus


@dataclass(frozen=True, slots=True)
class Inputs:
    """The videos of a run, and the files that are none of them."""

    jobs: tuple[VideoJob, ...]
    skipped: tuple[VideoRow, ...]  # with the reason; of no run yet


def identify(found: Discovery, on_file: Callable[[int, Path], None] = lambda number, path: None) -> Inputs:
    """Name every video by its content. A copy of another one is skipped; a file that can't be read stays in,
    so that it is reported like other broken videos."""
    jobs: dict[str, VideoJob] = {}
    skipped = [skipped_row(entry.path, entry.reason) for entry in found.skipped]
    for number, named in enumerate(found.videos, 1):
        # Links in the folders' names end here, the file's own name stays.
        path = named.parent.resolve() / named.name
        on_file(number, path)
        job = job_for(path)
        if job.video_id in jobs:
            same = f"the same content as {jobs[job.video_id].path}"
            skipped.append(skipped_row(path, same, job.video_id))
        else:
            jobs[job.video_id] = job
    return Inputs(tuple(jobs.values()), tuple(skipped))


def job_for(path: Path) -> VideoJob:
    """The file as a video to read, by its content; one that can't be read goes by its path."""
    try:
        identity = video_id(path)
    except VideoUnreadable:
        identity = path_id(path)
    return VideoJob(identity, path, path.stat().st_size if path.exists() else 0)


def path_id(path: Path) -> str:
    """An id for a file whose content can't be read."""
    return hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]


def skipped_row(path: Path, reason: str, identity: str | None = None) -> VideoRow:
    """The row of a file that is not read."""
    return VideoRow(
        run_id="",
        video_id=identity or path_id(path),
        path=str(path),
        filename=shown(Path(path.name)),
        status=VideoStatus.SKIPPED,
        reason=reason,
    )
