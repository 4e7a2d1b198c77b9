"""What `dashcam bench` says of a host: what binds it, and which settings follow from the figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from dashcam_pipeline.bench.advice import (
    MODELS,
    OTHERS,
    READERS,
    WRITER,
    Crew,
    Findings,
    StoreCost,
    Suggestion,
    advise,
    as_yaml,
    binding,
)
from dashcam_pipeline.bench.ideal import ideal_of
from dashcam_pipeline.bench.idle import Look, idle_share
from dashcam_pipeline.bench.part import Part
from dashcam_pipeline.bench.short_run import StageRow
from dashcam_pipeline.config import Settings

WORKERS_OF = {
    "READ": READERS,
    "VEHICLE_DETECT": MODELS,
    "PLATE_DETECT": MODELS,
    "TRACK": OTHERS,
    "FINAL_WRITE": WRITER,
}


def stages(**worker_s: float) -> tuple[StageRow, ...]:
    return tuple(StageRow(name, 10, 10, worker_s.get(name, 0.0)) for name in WORKERS_OF)


QUIET = Findings(
    cores=4,
    crew=Crew(readers=2, models=4, others=1),
    stages=stages(READ=2.0, VEHICLE_DETECT=4.0, TRACK=1.0),
    workers_of=WORKERS_OF,
    working_s=10.0,
    steady_s=10.0,
    readers_waited_s=0.0,
    idle=0.1,
    realtime=5.0,
    inference_s=4.0,
    inference_bf16_s=None,
    looks_per_s=10.0,
)
"""A host on which nothing binds, nothing is idle and nothing is worth a change."""

MODELS_BIND = replace(QUIET, stages=stages(READ=2.0, VEHICLE_DETECT=10.0, PLATE_DETECT=26.0))


@pytest.mark.parametrize(
    ("found", "stage", "workers", "share", "busy"),
    [
        (QUIET, None, READERS, 1.0, 0.2),
        (MODELS_BIND, "PLATE_DETECT", MODELS, 26 / 36, 0.9),
        (replace(QUIET, stages=stages(TRACK=9.0, VEHICLE_DETECT=20.0)), "TRACK", OTHERS, 1.0, 0.9),
        (replace(QUIET, stages=stages(READ=9.0, TRACK=1.0)), "READ", READERS, 1.0, 0.9),
        # A reader that waits for room is not what the others wait for.
        (replace(QUIET, stages=stages(READ=9.0, TRACK=8.0), readers_waited_s=8.5), "TRACK", OTHERS, 1.0, 0.8),
        # The time until the first frame is looked at is not the model workers'.
        (
            replace(QUIET, stages=stages(VEHICLE_DETECT=16.0), steady_s=5.0),
            "VEHICLE_DETECT",
            MODELS,
            1.0,
            0.8,
        ),
    ],
)
def test_the_busiest_class_of_workers_binds(
    found: Findings, stage: str | None, workers: str, share: float, busy: float
) -> None:
    bound = binding(found)
    assert (bound.stage, bound.workers) == (stage, workers)
    assert (bound.share, bound.busy) == (pytest.approx(share), pytest.approx(busy))


def test_what_binds_is_one_sentence() -> None:
    assert binding(MODELS_BIND).sentence.startswith("PLATE_DETECT binds: 72% of the model workers' time")
    assert binding(QUIET).sentence.startswith("No stage binds: even the busiest, the readers, ")


@pytest.mark.parametrize(
    ("found", "suggested"),
    [
        (QUIET, {}),
        (replace(QUIET, inference_bf16_s=2.0), {"models.precision": "auto"}),
        (replace(QUIET, inference_bf16_s=2.0, too_short=True), {}),
        (replace(QUIET, inference_bf16_s=3.9), {}),  # too little to be worth other scores
        (replace(MODELS_BIND, crew=Crew(2, 3, 1), idle=0.5), {"run.gpu_workers": 4}),
        (replace(MODELS_BIND, idle=0.5), {}),  # a model worker a core is enough
        (replace(MODELS_BIND, crew=Crew(2, 3, 1), idle=0.05), {}),  # no core is idle
        (replace(QUIET, stages=stages(READ=9.0), idle=0.7), {"run.readers": 4}),
        (replace(QUIET, stages=stages(TRACK=9.0), idle=0.5), {"run.cpu_workers": 3}),
        (
            replace(QUIET, stores=(StoreCost("raw", 0.03), StoreCost("jpeg", 0.01))),
            {"frame_store.format": "jpeg"},
        ),
        (replace(QUIET, stores=(StoreCost("raw", 0.012), StoreCost("jpeg", 0.010))), {}),
        (
            replace(QUIET, stores=(StoreCost("jpeg", 0.03), StoreCost("raw", 0.01))),
            {"frame_store.format": "raw"},
        ),
        (replace(MODELS_BIND, realtime=0.5), {"sampling.frames_per_s": 5.0}),
        (replace(MODELS_BIND, realtime=0.1), {"sampling.frames_per_s": 4.0}),
        (replace(MODELS_BIND, realtime=0.5, looks_per_s=None), {}),  # looked at by stride
        (replace(MODELS_BIND, realtime=0.5, looks_per_s=3.0), {}),  # few enough already
    ],
)
def test_only_what_follows_from_the_figures_is_suggested(
    found: Findings, suggested: dict[str, object]
) -> None:
    assert {one.key: one.value for one in advise(found)} == suggested


def test_suggestions_are_lines_that_the_config_takes() -> None:
    found = replace(
        QUIET,
        stages=stages(READ=9.0),
        idle=0.7,
        inference_bf16_s=2.0,
        stores=(StoreCost("raw", 0.03), StoreCost("jpeg", 0.01)),
    )
    settings = Settings.model_validate(yaml.safe_load(as_yaml(advise(found))))
    assert settings.models.precision == "auto"
    assert settings.run.readers == 4
    assert settings.frame_store.format == "jpeg"


def test_settings_of_one_section_stand_below_it_once() -> None:
    lines = as_yaml([Suggestion("run.readers", 2, "a"), Suggestion("run.cpu_workers", 3, "b")])
    assert lines.splitlines() == ["run:", "  # a", "  readers: 2", "  # b", "  cpu_workers: 3"]


LOOKS = [Look(0.0, 0.0, 0.0), Look(1.0, 2.0, 2.0), Look(2.0, 2.5, 4.0), Look(3.0, 2.5, 6.0)]
"""Two cores: idle for a second, half busy, then busy."""


@pytest.mark.parametrize(
    ("from_s", "to_s", "share"),
    [
        (0.0, 3.0, 2.5 / 6),
        (1.0, 2.0, 0.25),
        (1.2, 1.9, 0.25),
        (2.0, 9.0, 0.0),
        (-1.0, 1.0, 1.0),
        (3.0, 3.0, 0.0),
    ],
)
def test_idle_share_is_of_the_looks_around_a_span(from_s: float, to_s: float, share: float) -> None:
    assert idle_share(LOOKS, from_s, to_s) == pytest.approx(share)


def test_ideal_is_decoding_and_then_exactly_these_inferences() -> None:
    decoded = Part("decode", n=100, wall_s=1.0, cpu_s=1.8)
    inferred = {
        "vehicle": Part("v", n=50, wall_s=0.5, cpu_s=0.9),
        "text": Part("t", n=10, wall_s=0.1, cpu_s=0.2),
    }
    ideal = ideal_of(decoded, inferred, {"vehicle": 200, "text": 0, "unmeasured": 7}, cores=2)
    assert ideal.inference_s == {"vehicle": pytest.approx(2.0), "text": 0.0}
    assert ideal.total_s == pytest.approx(3.0)
    assert ideal.cpu_bound_s == pytest.approx((1.8 + 200 * 0.018) / 2)
