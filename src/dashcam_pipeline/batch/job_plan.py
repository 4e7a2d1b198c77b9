"""From settings and videos to what the supervisor runs: tasks, limits, processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dashcam_pipeline.batch.crew import plan_crew, worker_specs
from dashcam_pipeline.config import QueueSettings, Settings
from dashcam_pipeline.engine.checkpoint_files import SavedCheckpoint
from dashcam_pipeline.engine.monitor import JobSize
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.supervisor import RunPlan
from dashcam_pipeline.engine.task import Task, pack
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.stages.context import Job
from dashcam_pipeline.stages.pipeline import CHECKPOINT, DEAD_LETTER, READ, BuildStages, table_for
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.retention.plate_hash import key_id, key_in_use
from dashcam_pipeline.vision.models.devices import devices_for
from dashcam_pipeline.vision.models.runtime import RuntimeOptions

MB = 10**6
GPU_TASKS_A_WORKER = 12  # more in waiting makes no worker busier, and a killed run reads it all again


def run_plan(
    job: Job,
    videos: Sequence[VideoJob],
    checkpoints: Sequence[SavedCheckpoint],
    frames_root: Path,
    log_level: int,
) -> RunPlan:
    """The plan of a run that reads these videos; those that have a checkpoint go on behind it."""
    settings = job.settings
    categories = tuple(stage.category for stage in table_for(job))
    crew = plan_crew(settings.run, devices_for(settings.run.device), usable_cores())
    return RunPlan(
        run_id=job.run_id,
        categories=categories,
        rules=queue_rules(settings, len(crew.model_devices)),
        workers=worker_specs(crew, categories, BuildStages(job)),
        tasks=tuple(_read_task(video) for video in videos),
        checkpoints=tuple(checkpoints),
        job=JobSize(source_bytes={video.video_id: video.size_bytes for video in videos}),
        frames_root=frames_root,
        frame_format=settings.frame_store.format,
        drain_deadline_s=settings.run.drain_deadline_s,
        log_level=log_level,
    )


def settled(settings: Settings) -> Settings:
    """The settings of a run, with what follows from the host in the place of `auto`.

    A row must depend neither on which worker made it nor on the host on which a run is continued: what the models
    really do is a setting like any other, and stands in the run's row and its fingerprint.
    """
    devices = devices_for(settings.run.device)
    options = [
        RuntimeOptions(engine=settings.models.engine, device=device, precision=settings.models.precision)
        for device in devices
    ]
    chosen: dict[str, object] = {"precision": options[0].chosen_precision}
    if any(
        one.chosen_engine != "openvino" for one in options
    ):  # only OpenVINO gives models another input size
        chosen |= {"vehicle_input": "own", "plate_input_px": None}
    return settings.model_copy(update={"models": settings.models.model_copy(update=chosen)})


def with_plate_key(settings: Settings, work_dir: Path) -> Settings:
    """The settings of a run with the id of its key for plates: rows with other hashes are other rows.

    Raises:
        ConfigError: the key is not the one that the settings name, or too short.
        DiskUnavailable: it can't be read or made.
    """
    key = key_in_use(settings.privacy, work_dir)
    used = settings.privacy.model_copy(update={"plate_key_id": None if key is None else key_id(key)})
    return settings.model_copy(update={"privacy": used})


def _read_task(video: VideoJob) -> Task:
    return Task(
        task_id=f"{video.video_id}:{READ}:file",
        category=READ,
        source_id=video.video_id,
        key=video.video_id,
        payload=pack(video),
    )


def queue_rules(settings: Settings, model_workers: int) -> QueueRules:
    """The limits of a run: what the settings leave open goes by the number of model workers."""
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
