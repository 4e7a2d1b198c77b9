"""All that `dashcam bench` measures, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.batch.crew import plan_crew
from dashcam_pipeline.bench import models, parts
from dashcam_pipeline.bench.advice import MODELS, OTHERS, READERS, WRITER, Crew, Findings, StoreCost
from dashcam_pipeline.bench.ideal import Ideal, ideal_of
from dashcam_pipeline.bench.part import Part
from dashcam_pipeline.bench.short_run import ShortRun, beginning, of_bench, playground, short_run
from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.task import WorkerClass
from dashcam_pipeline.errors import BadInput, DiskUnavailable, VideoUnreadable
from dashcam_pipeline.host import Host, describe_host, usable_cores
from dashcam_pipeline.sources.probe import VideoInfo, probe
from dashcam_pipeline.stages.pipeline import stages
from dashcam_pipeline.storage.work_dir import check_folder
from dashcam_pipeline.vision.models.devices import devices_for
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.weights import needed, resolve

MB = 10**6
PART_S = 0.4  # how long each small part is measured
MODEL_S = 0.7  # and each model
OTHER_FORMATS = ("raw", "jpeg")  # png takes longer than both everywhere
STEPS = 10  # besides the models

WORKERS = {
    WorkerClass.SOURCE: READERS,
    WorkerClass.GPU: MODELS,
    WorkerClass.CPU: OTHERS,
    WorkerClass.WRITER: WRITER,
}

Say = Callable[[str, float], None]
"""Gets what is measured now, and the share that is done, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one video on this host."""

    host: Host
    settings: Settings
    video: VideoInfo
    parts: tuple[Part, ...]
    inferred: Mapping[str, Part]  # throughput mode, by model
    inferred_bf16: Mapping[str, Part]  # empty where `bf16_is_a_choice` says no
    stores: tuple[StoreCost, ...]  # what is set first
    run: ShortRun
    ideal: Ideal

    @property
    def share_of_ideal(self) -> float:
        """What the run reached of it while it worked, 0..1."""
        return self.ideal.total_s / self.run.working_s


def check(video: Path, settings: Settings) -> VideoInfo:
    """See that the models are there and the video can be read.

    Raises:
        WeightsMissing, WeightsCorrupt: a model is not there, or not what it should be.
        BadInput: there is no such video, or it can't be read.
    """
    if video.is_dir():
        raise BadInput(f"{video}: is a folder; name one video in it")
    if not video.is_file():
        raise BadInput(f"{video}: there is no such file")
    for model in needed(settings.models):
        resolve(model.name, model.role)
    try:
        return probe(video)
    except VideoUnreadable as error:
        raise BadInput(str(error)) from None


def measure_all(info: VideoInfo, settings: Settings, seconds: float, say: Say) -> Measured:
    """Measure the parts, then make one real run over the first `seconds` of the video.

    Raises:
        BadInput: these seconds can't be copied out of the video.
        DiskUnavailable: the disk of the temporary folder has no room for a run.
        RunFailed: the run came to no end, or looked at nothing.
    """
    steps = _Steps(say, settings)
    with _in_words_of_bench(), playground(settings) as (folder, own):
        check_room(folder, own)
        steps.next(f"the first {seconds:g} s of the video")
        clip = _clip(info, folder, seconds)
        decodes = _decodes(clip, steps)
        small = _small_parts(clip, own, folder, steps)
        stores = _stores(clip, own, folder, steps)
        inferred, faster, letterboxes = _models(info, clip, own, steps)
        steps.next("one real run, with all processes")
        run = short_run(clip, own, folder)
        return Measured(
            host=describe_host(),
            settings=settings,
            video=info,
            parts=(*decodes, *letterboxes, *stores[0], *small),
            inferred=inferred,
            inferred_bf16=faster,
            stores=stores[1],
            run=run,
            ideal=ideal_of(decodes[-1], inferred, run.inferences, usable_cores()),
        )


def check_room(folder: Path, settings: Settings) -> None:
    """See that there is room for the run, before anything is measured. Raises DiskUnavailable."""
    store = settings.frame_store
    check_folder(folder, store.min_free_mb * MB)
    check_folder(store.dir or folder, (store.min_free_mb + store.quota_mb) * MB)


@contextmanager
def _in_words_of_bench() -> Iterator[None]:
    try:
        yield
    except DiskUnavailable as error:
        raise DiskUnavailable(of_bench(str(error))) from error


def findings_of(measured: Measured) -> Findings:
    """What advice is made of."""
    settings, run = measured.settings, measured.run
    crew = plan_crew(settings.run, devices_for(settings.run.device), measured.host.cores)

    def inference_s(by_model: Mapping[str, Part]) -> float:
        return sum(by_model[name].each_s * run.inferences[name] for name in by_model)

    return Findings(
        cores=measured.host.cores,
        too_short=run.too_short,
        crew=Crew(crew.readers, len(crew.model_devices), crew.cpu_workers),
        stages=run.stages,
        workers_of={
            stage.category.name: _workers(stage.category.worker_class, crew.cpu_workers) for stage in stages()
        },
        working_s=run.working_s,
        steady_s=run.steady_s,
        readers_waited_s=run.readers_waited_s,
        idle=run.idle,
        realtime=run.video_s / run.steady_s,
        inference_s=inference_s(measured.inferred),
        inference_bf16_s=inference_s(measured.inferred_bf16) or None,
        stores=measured.stores,
        looks_per_s=None if settings.sampling.stride else settings.sampling.frames_per_s,
    )


def _workers(worker_class: WorkerClass, cpu_workers: int) -> str:
    """Who works on a class of stages; without CPU workers, the model workers do their work too."""
    if worker_class is WorkerClass.CPU and not cpu_workers:
        worker_class = WorkerClass.GPU
    return WORKERS[worker_class]


class _Steps:
    def __init__(self, say: Say, settings: Settings) -> None:
        self._say = say
        self._done = 0
        inferences = len(models.names(settings)) * (2 if bf16_is_a_choice(settings) else 1)
        self._expected = STEPS + inferences

    def next(self, what: str) -> None:
        self._say(what, min(1.0, self._done / self._expected))
        self._done += 1


def _clip(info: VideoInfo, folder: Path, seconds: float) -> Path:
    """The beginning of the video; a short one as it is."""
    if info.duration_s is not None and info.duration_s <= seconds:
        return info.path.resolve()
    try:
        return beginning(info.path, folder / "bench-clip.mkv", seconds)
    except VideoUnreadable as error:
        raise BadInput(str(error)) from None


def _decodes(clip: Path, steps: _Steps) -> list[Part]:
    """With one thread, and last with all cores."""
    found = []
    for threads in dict.fromkeys((1, usable_cores())):
        steps.next(f"decode, {threads} thread{'s' if threads > 1 else ''}")
        found.append(parts.decode(clip, threads))
    return found


def _small_parts(clip: Path, settings: Settings, folder: Path, steps: _Steps) -> list[Part]:
    found = []
    frames = parts.some_frames(clip, settings)
    steps.next("pictures")
    found.append(parts.picture_jpeg(settings, frames, PART_S))
    steps.next("the queue")
    found.append(parts.queue_calls(folder, for_s=PART_S))
    steps.next("the outbox")
    found.append(parts.outbox_write(folder, PART_S))
    return found


def _stores(
    clip: Path, settings: Settings, folder: Path, steps: _Steps
) -> tuple[tuple[Part, ...], tuple[StoreCost, ...]]:
    """The frame store as it is set, and what other formats would cost."""
    frames = parts.some_frames(clip, settings)
    where = (settings.frame_store.dir or folder) / "bench-frames"
    where.mkdir(parents=True)
    costs: list[StoreCost] = []
    shown: tuple[Part, ...] = ()
    for kind in dict.fromkeys((settings.frame_store.format, *OTHER_FORMATS)):
        steps.next(f"the frame store, {kind}")
        as_kind = settings.frame_store.model_copy(update={"format": kind})
        write, read, cut = parts.store(
            where, settings.model_copy(update={"frame_store": as_kind}), frames, PART_S
        )
        costs.append(StoreCost(kind, write.each_s + read.each_s))
        shown = shown or (write, read, cut)
    return shown, tuple(costs)


def _models(
    info: VideoInfo, clip: Path, settings: Settings, steps: _Steps
) -> tuple[dict[str, Part], dict[str, Part], list[Part]]:
    """Each model in throughput mode, as set and in bf16 where that is a choice; and making its input of a frame."""
    steps.next("loading the models")
    device = devices_for(settings.run.device)[0]
    loaded = models.bare_models(settings, info.width, info.height, device=device)
    try_bf16 = bf16_is_a_choice(settings)
    inferred, faster, letterboxes = {}, {}, []
    frames = parts.some_frames(clip, settings)
    for name, model in loaded.items():
        steps.next(f"inference, {name}")
        inferred[name] = models.inference(model, MODEL_S)
        if try_bf16:
            steps.next(f"inference, {name} in bf16")
            faster[name] = models.inference(model, MODEL_S, precision="bf16")
        if name == models.VEHICLE:
            letterboxes.append(parts.letterbox(model, frames, PART_S))
    return inferred, faster, letterboxes


def bf16_is_a_choice(settings: Settings) -> bool:
    """Whether f32 is set where `models.precision: auto` would be bf16."""
    if settings.models.precision != "f32":
        return False
    device = devices_for(settings.run.device)[0]
    return RuntimeOptions(settings.models.engine, device, precision="auto").chosen_precision == "bf16"
