"""How many processes of which class a host gets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dashcam_pipeline.batch.crew import (
    MOST_CPU_MODEL_WORKERS,
    MOST_HELPERS,
    MOST_READERS,
    plan_crew,
    worker_specs,
)
from dashcam_pipeline.config import RunSettings
from dashcam_pipeline.engine.task import WorkerClass
from dashcam_pipeline.engine.worker import Processor, Tools
from dashcam_pipeline.stages.pipeline import stages

CATEGORIES = [stage.category for stage in stages()]


def build(tools: Tools, categories: tuple[str, ...]) -> Mapping[str, Processor]:
    return {}


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 6, 8, 12, 16, 48, 64, 96])
def test_on_the_cpu_models_use_the_cores_and_never_more(cores: int) -> None:
    crew = plan_crew(RunSettings(), ["cpu"], cores)
    workers = len(crew.model_devices)
    assert set(crew.model_devices) == {"cpu"}
    assert workers <= MOST_CPU_MODEL_WORKERS
    assert workers * crew.model_threads <= cores < workers * (crew.model_threads + 1)
    assert crew.cpu_workers >= 1
    assert 1 <= crew.readers <= MOST_READERS


@pytest.mark.parametrize("cores", [1, 2, 4, 16, 64])
@pytest.mark.parametrize("asked", [1, 2, 4])
def test_as_many_model_workers_as_were_asked_for_share_the_cores(cores: int, asked: int) -> None:
    crew = plan_crew(RunSettings(gpu_workers=asked), ["cpu"], cores)
    assert len(crew.model_devices) == asked
    assert crew.model_threads == max(1, cores // asked)


@pytest.mark.parametrize(
    ("asked", "devices", "expected"),
    [
        (None, ["cuda:0"], ("cuda:0",)),
        (None, ["cuda:0", "cuda:1"], ("cuda:0", "cuda:1")),
        (4, ["cuda:0", "cuda:1"], ("cuda:0", "cuda:1", "cuda:0", "cuda:1")),
        (3, ["cuda:0", "cuda:1"], ("cuda:0", "cuda:1", "cuda:0")),
        (1, ["cuda:0", "cuda:1"], ("cuda:0",)),
    ],
)
def test_model_workers_are_spread_over_the_gpus(
    asked: int | None, devices: list[str], expected: tuple[str, ...]
) -> None:
    assert plan_crew(RunSettings(gpu_workers=asked), devices, 16).model_devices == expected


def test_what_the_user_asks_for_is_what_they_get() -> None:
    crew = plan_crew(RunSettings(gpu_workers=3, cpu_workers=5, readers=7), ["cpu"], 2)
    assert (len(crew.model_devices), crew.cpu_workers, crew.readers) == (3, 5, 7)


GPU_AND_CPU = {WorkerClass.GPU, WorkerClass.CPU}


@pytest.mark.parametrize("devices", [["cpu"], ["cuda:0"], ["cuda:0", "cuda:1"]])
@pytest.mark.parametrize("cores", [1, 2, 4, 16, 64])
@pytest.mark.parametrize("hybrid", [False, True])
def test_every_category_has_a_worker_and_the_classes_stay_apart_where_rows_could_differ(
    cores: int, devices: list[str], hybrid: bool
) -> None:
    crew = plan_crew(RunSettings(hybrid=hybrid), devices, cores)
    specs = worker_specs(crew, CATEGORIES, build)
    classes = {category.name: category.worker_class for category in CATEGORIES}
    for spec in specs:
        mine = {classes[name] for name in spec.categories}
        both = devices == ["cpu"] and crew.model_threads == 1 and hybrid
        expected = GPU_AND_CPU if both and mine & GPU_AND_CPU else {WorkerClass(spec.worker_class)}
        assert mine == expected
        helps = hybrid and devices != ["cpu"] and spec.worker_class == WorkerClass.CPU
        assert {classes[name] for name in spec.helps} == ({WorkerClass.GPU} if helps else set())
        assert not helps or (spec.helped_workers, spec.device) == (len(devices), "cpu")
    assert {name for spec in specs for name in spec.categories} == set(classes)
    assert len({spec.worker_id for spec in specs}) == len(specs)


@pytest.mark.parametrize(
    ("settings", "devices", "cores", "expected"),
    [
        (RunSettings(), ["cpu"], 2, 1),
        (RunSettings(hybrid=True), ["cpu"], 2, 0),
        (RunSettings(hybrid=True), ["cpu"], 8, 0),
        (
            RunSettings(hybrid=True),
            ["cpu"],
            64,
            16,
        ),  # two threads a model worker: one would stand by while it tracks
        (RunSettings(hybrid=True, gpu_workers=1), ["cpu"], 2, 1),
        (RunSettings(hybrid=True, cpu_workers=1), ["cpu"], 2, 1),  # as asked for
        (RunSettings(), ["cuda:0"], 16, 4),
        (RunSettings(hybrid=True), ["cuda:0"], 16, 7),  # all cores that neither read nor feed the GPU
        (RunSettings(hybrid=True), ["cuda:0", "cuda:1"], 64, MOST_HELPERS),
        (RunSettings(hybrid=True), ["cuda:0"], 1, 1),
        (RunSettings(hybrid=True, cpu_workers=3), ["cuda:0"], 16, 3),
    ],
)
def test_cpu_workers_are_those_that_the_host_has_a_use_for(
    settings: RunSettings, devices: list[str], cores: int, expected: int
) -> None:
    assert plan_crew(settings, devices, cores).cpu_workers == expected


@pytest.mark.parametrize(
    ("readers", "threads"), [(1, {"reader": 1}), (4, {"reader": 4}), (6, {"reader-0": 3, "reader-1": 3})]
)
def test_videos_are_read_by_a_few_threads_a_process_and_one_process_writes(
    readers: int, threads: dict[str, int]
) -> None:
    specs = worker_specs(plan_crew(RunSettings(readers=readers), ["cpu"], 4), CATEGORIES, build)
    loops = {kind: {s.worker_id: s.loops for s in specs if s.worker_class == kind} for kind in WorkerClass}
    assert loops[WorkerClass.SOURCE] == threads
    assert list(loops[WorkerClass.WRITER].values()) == [1]
    assert {*loops[WorkerClass.GPU].values(), *loops[WorkerClass.CPU].values()} == {1}


def test_every_worker_has_the_limits_after_which_it_is_replaced() -> None:
    settings = RunSettings(worker_max_tasks=7, worker_max_rss_mb=300)
    specs = worker_specs(plan_crew(settings, ["cpu"], 4), CATEGORIES, build)
    assert {(spec.max_tasks, spec.max_rss_bytes) for spec in specs} == {(7, 300 * 10**6)}
    endless = worker_specs(plan_crew(RunSettings(worker_max_tasks=None), ["cpu"], 4), CATEGORIES, build)
    assert {spec.max_tasks for spec in endless} == {None}
