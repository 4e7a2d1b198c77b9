"""The ideal of a run: the time that decoding and exactly its inferences would take, alone, on all cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.bench import models, parts
from dashcam_pipeline.bench.part import Part
from dashcam_pipeline.config import Settings
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.sources.probe import probe


@dataclass(frozen=True, slots=True)
class Ideal:
    """Seconds of the wall clock; decoding first, then the inferences of one model after the other's."""

    decode_s: float
    inference_s: Mapping[str, float]  # by model
    cpu_bound_s: float  # their CPU time with no core ever idle: what nothing can pass

    @property
    def total_s(self) -> float:
        """What a run is held against."""
        return self.decode_s + sum(self.inference_s.values())


def ideal_of(decoded: Part, inferred: Mapping[str, Part], inferences: Mapping[str, int], cores: int) -> Ideal:
    """Add up what a run did.

    Args:
        decoded: decoding of all its frames, with all cores.
        inferred: throughput-mode inference, by model.
        inferences: how many of each the run made; a model that was not measured counts nothing.
        cores: on which all of this was measured.
    """
    counted = {name: count for name, count in inferences.items() if name in inferred}
    cpu_s = decoded.cpu_s + sum(inferred[name].cpu_each_s * count for name, count in counted.items())
    return Ideal(
        decode_s=decoded.wall_s,
        inference_s={name: inferred[name].each_s * count for name, count in counted.items()},
        cpu_bound_s=cpu_s / cores,
    )


def ideal(video: Path, settings: Settings, inferences: Mapping[str, int], for_s: float = 1.0) -> Ideal:
    """Measure decoding of a whole video and the models, and add up.

    Args:
        inferences: as `dashcam run --timings` counts them.
        for_s: how long each model is measured.
    """
    cores, info = usable_cores(), probe(video)
    loaded = models.bare_models(settings, info.width, info.height)
    inferred = {
        name: models.inference(model, for_s) for name, model in loaded.items() if inferences.get(name)
    }
    return ideal_of(parts.decode(video, cores), inferred, inferences, cores)
