"""READ: a video file becomes stored frames, each with a task to search it for vehicles.

The only stage that waits for room. How far it is, is kept beside the queue with every chunk of frames, so a reader
that dies is followed by one that goes on behind the last frame brought in. Every few seconds of video it marks a cut,
where a later run can go on (see engine/epochs.py).
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import psutil

from dashcam_pipeline.engine.board import SourceProgress
from dashcam_pipeline.engine.task import Batch, Checkpoint, KeyState, Outcome, Task, pack
from dashcam_pipeline.errors import DiskUnavailable, VideoUnreadable
from dashcam_pipeline.sources.base import Frame, Verdict
from dashcam_pipeline.sources.bookmark import Bookmark
from dashcam_pipeline.sources.journey import Journey, journey_of
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.sources.probe import VideoInfo
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.frames import store_frame
from dashcam_pipeline.stages.journeys import Journeys, with_journey
from dashcam_pipeline.stages.pipeline import READ
from dashcam_pipeline.stages.records import EndOfVideo, RowToWrite, SampledFrame, VideoJob, VideoRead
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.rows import VideoRow, VideoStatus

CHUNK = 4  # frames brought in at once; bounds what a reader holds in memory
ADMIT_WAIT_S = 0.5  # a reader that waits for room looks up this often, to hear a stop
SHORT_ID = 16  # characters of the video id in the names of frames

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Position:
    """How far the reading is; kept beside the queue."""

    bookmark: Bookmark | None = None  # behind the last frame brought in
    frames_in: int = 0
    read_s: float = 0.0  # second of that frame
    cut_s: float = 0.0  # second of the last cut
    began_s: float = 0.0  # where the run that reads now began
    announced_by: str | None = None  # the run that has said in the video's row that it is being read


def read_so_far_s(checkpoint: Checkpoint) -> float:
    """The second of the video behind which a checkpoint goes on."""
    state = next((kept.state for kept in checkpoint.states if kept.category == READ), None)
    return float(state.load().read_s) if state is not None else 0.0


class _Stopped(Exception):
    """The user stopped the run."""


class Read:
    """The processor of READ. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._tools = context.tools
        self._shared = context.tools.shared
        self._journeys = Journeys(context.job.work_dir)

    def process(self, batch: Batch, /) -> Outcome:
        task = batch.tasks[0]
        job: VideoJob = task.load()
        position: _Position = batch.state.load() if batch.state else _Position()
        row = self._row(job)
        if task.tombstone_of is not None:
            reason = "the reader process died again and again on this file"
            status = VideoStatus.PARTIAL if position.frames_in else VideoStatus.FAILED
            return self._end(task, position, replace(row, status=status, reason=reason))
        try:
            with VideoFile(job.path, threads=1, device=self._context.settings.run.decoder) as video:
                return self._read(task, job, video, position)
        except VideoUnreadable as error:
            status = VideoStatus.PARTIAL if position.frames_in else VideoStatus.FAILED
            return self._end(task, position, replace(row, status=status, reason=error.reason))

    def _read(self, task: Task, job: VideoJob, video: VideoFile, position: _Position) -> Outcome:
        """Bring in all wanted frames, then close the video."""
        info = video.info
        row = replace(
            self._row(job),
            duration_s=info.duration_s,
            width=info.width,
            height=info.height,
            fps=info.fps,
            codec=info.codec,
        )
        journey = self._journey(task, job, info)
        row = with_journey(row, journey)
        if position.announced_by != (run := _supervisor()):
            position = replace(position, announced_by=run, began_s=position.read_s)
            self._bring_in(task, job, (), position, (self._write(task, row, "running"),))
        sampling = self._context.settings.sampling
        sampler = Sampler(sampling.frames_per_s, sampling.stride)
        status, reason = VideoStatus.DONE, None
        try:
            frames = video.frames(
                sampler, after=position.bookmark, on_skipped=lambda: self._while_skipping(task)
            )
            for chunk in _chunks(frames):
                self._wait_for_room(task, chunk)
                position = self._bring_in(task, job, chunk, replace(position, bookmark=video.bookmark()))
                self._show(job, row, position)
            if video.verdict is Verdict.PARTIAL:
                status, reason = VideoStatus.PARTIAL, video.problem
            self._show(job, row, position, over=True)
        except _Stopped:
            position = self._bring_in(task, job, (), position, cut=True)  # a later run goes on right here
            status = VideoStatus.STOPPED
            of = f" of {row.duration_s:.1f} s" if row.duration_s else ""
            reason = f"stopped by the user after {position.read_s:.1f} s{of}"
        if video.frames_reread:
            log.info(
                "%s: %d frames were decoded once more to go on in the middle", row.path, video.frames_reread
            )
        row = replace(
            row,
            status=status,
            reason=reason,
            frames_decoded=video.frames_decoded,
            decode_errors=video.decode_errors,
        )
        return self._end(task, position, row)

    def _journey(self, task: Task, job: VideoJob, info: VideoInfo) -> Journey:
        """When and where it was recorded, left for the stages that make rows."""
        settings = self._context.settings
        journey = journey_of(
            job.path,
            settings.journey,
            container_time=info.created_at,
            duration_s=info.duration_s,
            name_pattern=re.compile(settings.trips.pattern) if settings.trips.pattern else None,
        )
        when_disk_allows(self._context, (task.task_id,), lambda: self._journeys.put(job.video_id, journey))
        return journey

    def _while_skipping(self, task: Task) -> None:
        """Decoding up to the place where an earlier try was: a sign of life, and an ear for the user."""
        if self._shared.stop.is_set():
            raise _Stopped
        self._shared.queue.alive(self._tools.worker_id, (task.task_id,))

    def _wait_for_room(self, task: Task, chunk: list[Frame]) -> None:
        """Ask until the frames may come in. Raises _Stopped, or DiskUnavailable when the disk stays full."""
        nbytes = sum(self._tools.store.weight(frame.image) for frame in chunk)
        full_for_s = 0.0
        while not self._shared.stop.is_set():
            admission = self._shared.queue.admit(task.task_id, len(chunk), nbytes, ADMIT_WAIT_S)
            if admission.admitted:
                return
            full_for_s = full_for_s + ADMIT_WAIT_S if admission.waits_for == "disk" else 0.0
            if full_for_s > self._context.settings.storage.disk_patience_s:
                raise DiskUnavailable(
                    f"the disk of {self._tools.store.folder} has less than frame_store.min_free_mb left: free some "
                    "space there, and the same command continues the run"
                )
        raise _Stopped

    def _bring_in(
        self,
        task: Task,
        job: VideoJob,
        chunk: list[Frame] | tuple[()],
        position: _Position,
        more: tuple[Task, ...] = (),
        cut: bool = False,
    ) -> _Position:
        """Store the frames and push their tasks, in one step with the reader's own position."""
        store, stored, pushed = self._tools.store, {}, list(more)
        for offset, frame in enumerate(chunk):
            # The worker's name: what a dead reader had under way is refused, and its frames are deleted by their names.
            name = f"{job.video_id[:SHORT_ID]}-{frame.index:07d}-{self._tools.worker_id}"
            frame_id = store.frame_id(name)
            stored[frame_id] = store_frame(self._context, (task.task_id,), frame_id, frame.image)
            order = position.frames_in + offset
            pushed.append(
                self._context.route.task(
                    SampledFrame(frame.index, frame.pts_s),
                    task,
                    str(order),
                    key=task.source_id,
                    order=order,
                    payload_ref=frame_id,
                    frames=(frame_id,),
                )
            )
        if chunk:
            frames_in = position.frames_in + len(chunk)
            position = replace(position, frames_in=frames_in, read_s=chunk[-1].pts_s)
        if cut or position.read_s - position.cut_s >= self._context.settings.run.checkpoint_s:
            cut, position = True, replace(position, cut_s=position.read_s)
        self._shared.queue.progress(
            self._tools.worker_id,
            task.task_id,
            Outcome(push=tuple(pushed), new_frames=stored, state=KeyState(pack(position)), cut=cut),
        )
        return position

    def _end(self, task: Task, position: _Position, row: VideoRow) -> Outcome:
        """Close the video: the tracker learns that nothing more comes, the summary waits until all is done."""
        route = self._context.route
        row = replace(row, frames_sampled=position.frames_in)
        end = route.task(EndOfVideo(), task, "end", key=task.source_id, order=position.frames_in)
        return Outcome(push=(end,), closer=route.task(VideoRead(row), task, "summary"))

    def _write(self, task: Task, row: VideoRow, name: str) -> Task:
        return self._context.route.task(RowToWrite(row), task, name)

    def _show(self, job: VideoJob, row: VideoRow, position: _Position, over: bool = False) -> None:
        self._shared.board.source(
            SourceProgress(
                source_id=job.video_id,
                name=shown(Path(job.path.name)),
                position_s=position.read_s,
                began_s=position.began_s,
                duration_s=row.duration_s,
                frames_in=position.frames_in,
                over=over,
            )
        )

    def _row(self, job: VideoJob) -> VideoRow:
        return VideoRow(
            run_id=self._context.job.run_id,
            video_id=job.video_id,
            path=str(job.path),
            filename=shown(Path(job.path.name)),
            status=VideoStatus.RUNNING,
            size_bytes=job.size_bytes,
        )


def _chunks(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    while chunk := list(islice(frames, CHUNK)):
        yield chunk


def _supervisor() -> str:
    """Tells this run from earlier ones, also in a container, where every run's process has the same id."""
    parent = psutil.Process(os.getppid())
    return f"{parent.pid} {parent.create_time()}"
