"""From what was measured to what binds, and to the settings that follow from it. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dashcam_pipeline.bench.short_run import StageRow

BUSY_SHARE = 0.7  # a class of workers below this has time to spare
IDLE_CORES = 0.25  # share of the cores' time that must be left before more processes can use it
WORTH_BF16 = 1.1  # inferences must become this much faster
WORTH_FORMAT = 1.5  # and storing a frame this much
READERS, MODELS, OTHERS, WRITER = "readers", "model workers", "CPU workers", "writer"
FEWEST_LOOKS = (
    4.0  # frames a second; with fewer, vehicles that pass quickly are lost from sight between two of them
)


@dataclass(frozen=True, slots=True)
class Crew:
    """How many workers there were of each class."""

    readers: int
    models: int
    others: int

    def of(self, workers: str) -> int:
        return {READERS: self.readers, MODELS: self.models, OTHERS: self.others}.get(workers, 1)


@dataclass(frozen=True, slots=True)
class StoreCost:
    """Seconds to write a frame and to read it again."""

    format: str
    there_and_back_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What advice is made of."""

    cores: int
    too_short: bool = False  # the run: nothing follows from it
    videos_at_once: int = 1  # of the run that was measured
    crew: Crew
    stages: tuple[StageRow, ...]
    workers_of: Mapping[str, str]  # stage -> READERS, MODELS …
    working_s: float  # from the first frame read to the last row
    steady_s: float  # from the first frame looked at to the last row
    readers_waited_s: float
    idle: float  # share of the cores' time that nobody used from the first frame looked at to the last row
    realtime: float  # seconds of video a second
    inference_s: float  # all inferences of the run, in throughput mode, as set
    inference_bf16_s: float | None  # likewise in bf16; None where `auto` would not be bf16, or f32 is not set
    stores: tuple[StoreCost, ...] = ()  # what is set first, then others
    looks_per_s: float | None = None  # None: by stride


@dataclass(frozen=True, slots=True)
class Binding:
    """The stage that sets the pace."""

    stage: str | None  # None: no class of workers was busy most of the time
    workers: str  # the busiest class
    share: float  # of that class's busy time, that the stage took
    busy: float  # share of the time in which that class was busy

    @property
    def sentence(self) -> str:
        """For people."""
        busy = f"were busy for {self.busy:.0%} of the time"
        if self.stage is None:
            return f"No stage binds: even the busiest, the {self.workers}, {busy}"
        return f"{self.stage} binds: {self.share:.0%} of the {self.workers}' time, which {busy}"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A setting to try."""

    key: str  # section.key
    value: str | int | float
    why: str  # with the figure that it follows from


def binding(found: Findings) -> Binding:
    """The class of workers that was busiest for its number, and in it the stage that took most."""
    uses: dict[str, dict[str, float]] = {}
    for stage in found.stages:
        workers = found.workers_of[stage.name]
        waited_s = found.readers_waited_s if workers == READERS else 0.0
        uses.setdefault(workers, {})[stage.name] = max(0.0, stage.worker_s - waited_s)

    def busy(workers: str) -> float:
        if workers == READERS:  # one a video, and they begin before the others are ready
            most_s = min(found.crew.readers, found.videos_at_once) * found.working_s
        else:
            most_s = found.crew.of(workers) * found.steady_s
        return min(1.0, sum(uses[workers].values()) / most_s)

    busiest = max(uses, key=busy)
    of_stage = uses[busiest]
    name = max(of_stage, key=lambda stage: of_stage[stage])
    share = of_stage[name] / max(sum(of_stage.values()), 1e-9)
    return Binding(name if busy(busiest) >= BUSY_SHARE else None, busiest, share, busy(busiest))


def advise(found: Findings) -> list[Suggestion]:
    """The settings that the measurement speaks for; none is a fine answer."""
    if found.too_short:
        return []
    bound = binding(found)
    return [*_precision(found), *_workers(found, bound), *_store(found), *_looks(found, bound)]


def _precision(found: Findings) -> list[Suggestion]:
    if not found.inference_bf16_s:
        return []
    gain = found.inference_s / found.inference_bf16_s
    if gain < WORTH_BF16:
        return []
    why = (
        f"bf16, which makes the inferences of this run {gain:.1f} times as fast; scores then differ a little from "
        "f32's"
    )
    return [Suggestion("models.precision", "auto", why)]


def _workers(found: Findings, bound: Binding) -> list[Suggestion]:
    """More of the class that binds, while cores are idle."""
    idle = found.idle
    if bound.stage is None or idle < IDLE_CORES:
        return []
    spare = math.floor(idle * found.cores)
    left = f"{idle:.0%} of the cores' time was left"
    if bound.workers == READERS:
        wanted = min(found.cores, found.crew.readers + max(1, spare))
        if found.crew.readers >= wanted:
            return []
        why = f"reading binds and {left}; this helps as soon as several videos are read"
        return [Suggestion("run.readers", wanted, why)]
    if bound.workers == MODELS and found.crew.models < found.cores:
        wanted = min(found.cores, found.crew.models + max(1, spare))
        return [Suggestion("run.gpu_workers", wanted, f"the model workers bind and {left}")]
    if bound.workers == OTHERS and found.crew.others < found.cores:
        wanted = min(found.cores, found.crew.others + max(1, spare))
        return [Suggestion("run.cpu_workers", wanted, f"{bound.stage} binds and {left}")]
    return []


def _store(found: Findings) -> list[Suggestion]:
    """Another format, where the disk is so slow that it pays."""
    if not found.stores:
        return []
    now, *others = found.stores
    best = min(others, key=lambda cost: cost.there_and_back_s, default=now)
    if now.there_and_back_s < best.there_and_back_s * WORTH_FORMAT:
        return []
    loss = "; it loses a little of the picture" if best.format == "jpeg" else ""
    figures = f"{best.there_and_back_s * 1e3:.1f} ms instead of {now.there_and_back_s * 1e3:.1f}"
    return [Suggestion("frame_store.format", best.format, f"a frame is written and read in {figures}{loss}")]


def _looks(found: Findings, bound: Binding) -> list[Suggestion]:
    """Fewer looks, where the host can't keep up with a camera."""
    if found.realtime >= 1.0 or found.looks_per_s is None or bound.workers not in (MODELS, OTHERS):
        return []
    wanted = max(FEWEST_LOOKS, round(found.looks_per_s * found.realtime, 1))
    if wanted >= found.looks_per_s:
        return []
    why = (
        f"an hour of video takes {1 / found.realtime:.1f} hours; with fewer looks, vehicles that pass quickly get "
        "fewer chances to be read"
    )
    return [Suggestion("sampling.frames_per_s", wanted, why)]


def as_yaml(suggestions: list[Suggestion]) -> str:
    """Lines for a config file, with the reasons as comments."""
    lines: list[str] = []
    for section in dict.fromkeys(one.key.partition(".")[0] for one in suggestions):
        lines.append(f"{section}:")
        for one in suggestions:
            if one.key.partition(".")[0] == section:
                lines += [f"  # {one.why}", f"  {one.key.partition('.')[2]}: {one.value}"]
    return "\n".join(lines)
