"""The batch job: videos in, a table of sightings out. Everything `dashcam run` does, without its printing."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from dashcam_pipeline import __version__
from dashcam_pipeline.config import QueueSettings, Settings
from dashcam_pipeline.crew import plan_crew, worker_specs
from dashcam_pipeline.engine.monitor import JobSize, RunSnapshot
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.supervisor import RunEnd, RunPlan, RunResult, Supervisor
from dashcam_pipeline.engine.task import Task, pack
from dashcam_pipeline.errors import DashcamError, VideoUnreadable
from dashcam_pipeline.sources.discover import Discovery
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.sources.probe import video_id
from dashcam_pipeline.stages.context import Job
from dashcam_pipeline.stages.pipeline import CHECKPOINT, DEAD_LETTER, BuildStages, table_for
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.connection import connect
from dashcam_pipeline.storage.database import Database
from dashcam_pipeline.storage.reading import count_stored, list_videos
from dashcam_pipeline.storage.rows import RunRow, RunStatus, VideoRow, VideoStatus
from dashcam_pipeline.storage.work_dir import WorkDir, check_folder
from dashcam_pipeline.storage.writer import GIVE_UP_AFTER_S, ResultWriter
from dashcam_pipeline.vision.devices import devices_for
from dashcam_pipeline.weights import fingerprint, needed, resolve

MB = 10**6
TEND_EVERY_S = 5.0  # how often our own database server is looked after
LAST_WORDS_S = 5.0  # how long a run that fails tries to say so in the database
GPU_TASKS_A_WORKER = 12  # more in waiting makes no worker busier, and a killed run reads it all again
RESULT_SECTIONS = {"sampling", "models", "detection", "tracking", "looks", "vote"}
"""The settings that can change a row."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The videos of a run, told apart by content."""

    jobs: tuple[VideoJob, ...]
    skipped: tuple[VideoRow, ...]  # with the reason; of no run yet


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    run: RunRow
    result: RunResult


def identify(found: Discovery, on_file: Callable[[int, Path], None] = lambda number, path: None) -> Inputs:
    """Name every video by its content. A copy of another one is skipped; a file that can't be read stays in,
    so that it is reported like other broken videos."""
    jobs: dict[str, VideoJob] = {}
    skipped = [_skipped(entry.path, entry.reason) for entry in found.skipped]
    for number, named in enumerate(found.videos, 1):
        path = (
            named.parent.resolve() / named.name
        )  # links in the folders' names end here, the file's own name stays
        on_file(number, path)
        try:
            identity = video_id(path)
        except VideoUnreadable:
            identity = path_id(path)
        if identity in jobs:
            skipped.append(_skipped(path, f"the same content as {jobs[identity].path}", identity))
            continue
        size = path.stat().st_size if path.exists() else 0
        jobs[identity] = VideoJob(identity, path, size)
    return Inputs(tuple(jobs.values()), tuple(skipped))


def path_id(path: Path) -> str:
    """An id for a file whose content can't be read."""
    return hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]


class BatchRun:
    """One run from preparation to its last row. Call `check_host` before any video is opened, then `run`."""

    def __init__(self, settings: Settings, work_dir: Path, dsn: str | None) -> None:
        self._settings = settings
        self._dsn = dsn
        self.work_dir = WorkDir(work_dir)
        self.run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
        self._models: tuple[str, ...] = ()

    @property
    def frames_root(self) -> Path:
        """The folder of all runs' frames."""
        return self._settings.frame_store.dir or self.work_dir.path / "frame_store"

    def check_host(self) -> None:
        """See that models and disk are there. Raises DashcamError with what is missing and what to do."""
        wanted = needed(self._settings.models)
        for model in wanted:
            resolve(model.name, model.role)
        self._models = tuple(model.name for model in wanted)
        store = self._settings.frame_store
        self.work_dir.check(store.min_free_mb * MB)
        check_folder(self.frames_root, (store.min_free_mb + store.quota_mb) * MB)

    def run(
        self, inputs: Inputs, database: Database, show: Callable[[RunSnapshot], None], log_level: int
    ) -> Report:
        """Work off the inputs. Raises DashcamError when the run can't go on; its row says so then."""
        run = self._run_row()
        with ResultWriter(database.url) as writer:
            if database.embedded:  # it lies in the work dir, which this run alone holds
                writer.end_dead_runs("the process of this run died")
            writer.start_run(run)
            writer.write(videos=[*self._queued(inputs), *self._skipped_rows(inputs)])
        try:
            result = Supervisor(self._plan(inputs, database, log_level), _tending(database, show)).run()
        except BaseException as error:
            reason = str(error) if isinstance(error, DashcamError) else repr(error)
            with suppress(DashcamError, psycopg.Error):  # the database may be the very reason
                self._finish(database, _finished(run, RunStatus.FAILED, reason), LAST_WORDS_S)
            raise
        status = None if result.end is RunEnd.FINISHED else RunStatus.STOPPED
        return Report(self._finish(database, _finished(run, status)), result)

    def _finish(self, database: Database, run: RunRow, give_up_after_s: float = GIVE_UP_AFTER_S) -> RunRow:
        """Write how the run ended, and that videos which were not finished were stopped."""
        with connect(database.url) as connection:
            videos = list_videos(connection, run.run_id)
            unfinished = [v for v in videos if v.status in (VideoStatus.QUEUED, VideoStatus.RUNNING)]
            stored = {v.video_id: count_stored(connection, run.run_id, v.video_id) for v in unfinished}
        if run.status is RunStatus.RUNNING:  # it came to its own end
            harmed = any(video.status in (VideoStatus.FAILED, VideoStatus.PARTIAL) for video in videos)
            run = replace(run, status=RunStatus.PARTIAL if harmed or unfinished else RunStatus.DONE)
        rows = [
            VideoRow(
                run_id=run.run_id,
                video_id=video.video_id,
                path=video.path,
                filename=video.filename,
                status=VideoStatus.STOPPED,
                reason="the run ended before this video was read to its end",
                duration_s=video.duration_s,
                vehicles=stored[video.video_id].vehicles,
                plates=stored[video.video_id].plates,
            )
            for video in unfinished
        ]
        with ResultWriter(database.url, give_up_after_s=give_up_after_s) as writer:
            writer.write(videos=rows)
            writer.finish_run(run)
        return run

    def _run_row(self) -> RunRow:
        shown = self._settings.model_dump(mode="json")
        shown["storage"]["dsn"] = None  # it may hold a password
        relevant = {name: shown[name] for name in sorted(RESULT_SECTIONS)}
        return RunRow(
            run_id=self.run_id,
            started_at=datetime.now(UTC),
            status=RunStatus.RUNNING,
            version=__version__,
            config=shown,
            config_fingerprint=hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16],
            model_fingerprint=fingerprint(self._models),
            work_dir=str(self.work_dir.path),
        )

    def _plan(self, inputs: Inputs, database: Database, log_level: int) -> RunPlan:
        settings = self._settings
        job = Job(
            settings=settings,
            run_id=self.run_id,
            work_dir=self.work_dir.path,
            database_url=database.url,
        )
        categories = tuple(stage.category for stage in table_for(job))
        crew = plan_crew(settings.run, devices_for(settings.run.device), usable_cores())
        return RunPlan(
            run_id=self.run_id,
            categories=categories,
            rules=_rules(settings, len(crew.model_devices)),
            workers=worker_specs(crew, categories, BuildStages(job)),
            tasks=tuple(_read_task(video) for video in inputs.jobs),
            job=JobSize(source_bytes={video.video_id: video.size_bytes for video in inputs.jobs}),
            frames_root=self.frames_root,
            frame_format=settings.frame_store.format,
            drain_deadline_s=settings.run.drain_deadline_s,
            log_level=log_level,
        )

    def _queued(self, inputs: Inputs) -> list[VideoRow]:
        return [self._video_row(video, VideoStatus.QUEUED) for video in inputs.jobs]

    def _skipped_rows(self, inputs: Inputs) -> list[VideoRow]:
        return [replace(row, run_id=self.run_id) for row in inputs.skipped]

    def _video_row(self, video: VideoJob, status: VideoStatus) -> VideoRow:
        return VideoRow(
            run_id=self.run_id,
            video_id=video.video_id,
            path=str(video.path),
            filename=shown(Path(video.path.name)),
            status=status,
            size_bytes=video.size_bytes,
        )


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tending(database: Database, show: Callable[[RunSnapshot], None]) -> Callable[[RunSnapshot], None]:
    """Show a snapshot, and see now and then that our own server is still there."""
    look_again_s = TEND_EVERY_S

    def tend(snapshot: RunSnapshot) -> None:
        nonlocal look_again_s
        show(snapshot)
        if snapshot.elapsed_s >= look_again_s:
            look_again_s = snapshot.elapsed_s + TEND_EVERY_S
            try:
                database.ensure_running()
            except DashcamError as error:
                log.warning("%s", error)

    return tend


def _skipped(path: Path, reason: str, identity: str | None = None) -> VideoRow:
    return VideoRow(
        run_id="",
        video_id=identity or path_id(path),
        path=str(path),
        filename=shown(Path(path.name)),
        status=VideoStatus.SKIPPED,
        reason=reason,
    )


def _read_task(video: VideoJob) -> Task:
    return Task(
        task_id=f"{video.video_id}:READ:file",
        category="READ",
        source_id=video.video_id,
        key=video.video_id,
        payload=pack(video),
    )


def _rules(settings: Settings, model_workers: int) -> QueueRules:
    queue: QueueSettings = settings.queue
    quota = settings.frame_store.quota_mb * MB
    gpu_soft = queue.gpu_soft or GPU_TASKS_A_WORKER * max(2, model_workers)
    return QueueRules(
        gpu=_limits(gpu_soft),
        cpu=_limits(queue.cpu_soft or 3 * gpu_soft),
        writer=_limits(queue.writer_soft),
        store=Limits(quota * 6 // 10, quota * 8 // 10, quota),
        min_free_bytes=settings.frame_store.min_free_mb * MB,
        max_attempts=queue.max_attempts,
        lease_s=queue.lease_s,
        stuck_s=queue.stuck_s,
        checkpoints_to=CHECKPOINT,
        dead_letters_to=DEAD_LETTER,
    )


def _limits(soft: int) -> Limits:
    """Closed at `soft`, open again at half of it; a reader's chunk of frames may reach past, but not far."""
    return Limits(max(1, soft // 2), soft, 4 * soft)


def _finished(run: RunRow, status: RunStatus | None, error: str | None = None) -> RunRow:
    return replace(run, status=status or run.status, error=error, finished_at=datetime.now(UTC))
