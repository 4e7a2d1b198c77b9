"""How many processes of which class a host gets: workers × threads = cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.config import RunSettings
from dashcam_pipeline.engine.task import Category, WorkerClass
from dashcam_pipeline.engine.worker import Build, WorkerSpec

MB = 10**6
MOST_CPU_MODEL_WORKERS = 32  # each takes 150 MB for its models; past this, more threads a worker serve better
CORES_PER_CPU_WORKER = 4  # tracking and voting cost about a third of what the models cost on the CPU
CORES_PER_READER = 2
MOST_READERS = 32
VIDEOS_PER_READER = 4  # threads of one process; more would wait for each other in Python
MOST_HELPERS = 16  # each loads the models and asks the Manager twice in HELPER_WAIT_S


@dataclass(frozen=True, slots=True)
class Crew:
    """Numbers of a run."""

    model_devices: tuple[str, ...]  # one a GPU-class worker
    model_threads: int  # of each
    cpu_workers: int  # 0: the model workers do their work too
    readers: int
    max_tasks: int | None  # a process is replaced after so many tasks …
    max_rss_bytes: int  # … or when it holds more memory
    cpu_workers_help: bool = False  # they run models while the model workers are behind


def plan_crew(settings: RunSettings, devices: Sequence[str], cores: int) -> Crew:
    """Fill in what the settings leave open.

    In a hybrid run without a GPU every model worker does both kinds of work, as long as it has one thread: of
    more, all but one would stand by while it tracks. With GPUs, whose workers do only what others can't, there are
    CPU workers for all cores that are left, and they help.

    Args:
        settings: what the user asked for.
        devices: what models may run on, `cpu` or `cuda:N`.
        cores: that this run may use.
    """
    on_cpu = all(device == "cpu" for device in devices)
    usual = min(cores, MOST_CPU_MODEL_WORKERS) if on_cpu else len(devices)
    workers = settings.gpu_workers or usual
    threads = max(1, cores // workers)
    readers = settings.readers or max(1, min(MOST_READERS, cores // CORES_PER_READER))
    helps = settings.hybrid and not on_cpu
    cpu_workers = max(1, cores // CORES_PER_CPU_WORKER)
    if helps:
        cpu_workers = min(MOST_HELPERS, max(cpu_workers, cores - workers - readers))
    if settings.hybrid and on_cpu and threads == 1:
        cpu_workers = 0
    return Crew(
        model_devices=tuple(devices[index % len(devices)] for index in range(workers)),
        model_threads=threads,
        cpu_workers=cpu_workers if settings.cpu_workers is None else settings.cpu_workers,
        readers=readers,
        max_tasks=settings.worker_max_tasks,
        max_rss_bytes=settings.worker_max_rss_mb * MB,
        cpu_workers_help=helps,
    )


def worker_specs(crew: Crew, categories: Sequence[Category], build: Build) -> tuple[WorkerSpec, ...]:
    """The table of processes: readers with a thread a video, the model workers, the others."""

    def names(*worker_classes: WorkerClass) -> tuple[str, ...]:
        return tuple(category.name for category in categories if category.worker_class in worker_classes)

    def spec(worker_id: str, worker_class: WorkerClass, **more: object) -> WorkerSpec:
        given: dict[str, object] = {"categories": names(worker_class), **more}
        return WorkerSpec(
            worker_id=worker_id,
            worker_class=worker_class.value,
            build=build,
            max_tasks=crew.max_tasks,
            max_rss_bytes=crew.max_rss_bytes,
            **given,  # type: ignore[arg-type]
        )

    both = not crew.cpu_workers
    models = [
        spec(
            f"worker-{index}" if both else f"gpu-{index}",
            WorkerClass.GPU,
            categories=names(WorkerClass.GPU, WorkerClass.CPU) if both else names(WorkerClass.GPU),
            threads=crew.model_threads,
            device=device,
        )
        for index, device in enumerate(crew.model_devices)
    ]
    others = [
        spec(
            f"cpu-{index}",
            WorkerClass.CPU,
            helps=names(WorkerClass.GPU) if crew.cpu_workers_help else (),
            helped_workers=len(models),
        )
        for index in range(crew.cpu_workers)
    ]
    processes = -(-crew.readers // VIDEOS_PER_READER)
    readers = [
        spec(
            "reader" if processes == 1 else f"reader-{index}",
            WorkerClass.SOURCE,
            loops=crew.readers // processes + (index < crew.readers % processes),
        )
        for index in range(processes)
    ]
    return (
        *readers,
        *models,
        *others,
        spec("writer", WorkerClass.WRITER),
    )
