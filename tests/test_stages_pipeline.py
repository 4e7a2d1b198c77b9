"""The table of stages: what follows what holds together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.engine.task import Task, WorkerClass
from dashcam_pipeline.stages import records
from dashcam_pipeline.stages.pipeline import BuildStages, Router, Stage, stages
from stage_bench import VIDEO, Bench, look, passed, view

TABLE = stages()
PARENT = Task(task_id="parent", category="READ", source_id=VIDEO, epoch=7)
NAMES = [stage.category.name for stage in TABLE]


def row(name: str) -> Stage:
    return TABLE[NAMES.index(name)]


def test_the_stages_are_those_of_the_design_in_their_order() -> None:
    assert NAMES == [
        "READ",
        "VEHICLE_DETECT",
        "TRACK",
        "PLATE_DETECT",
        "OCR",
        "PLATE_SMOOTH",
        "SUMMARY",
        "FINAL_WRITE",
        "CHECKPOINT",
        "DEAD_LETTER",
    ]


def test_every_record_that_a_stage_gives_is_taken_by_exactly_one() -> None:
    for giver in TABLE:
        for record in giver.gives:
            takers = [stage.category.name for stage in TABLE if record in stage.takes]
            assert len(takers) == 1, f"{giver.category.name} gives {record.__name__}, taken by {takers}"


def test_ranks_ascend_and_only_rounds_of_searches_are_asked_for_upstream() -> None:
    ranks = [stage.category.rank for stage in TABLE]
    assert ranks == sorted(set(ranks))
    upstream = {
        (giver.category.name, taker.category.name)
        for giver in TABLE
        for taker in TABLE
        if set(giver.gives) & set(taker.takes) and taker.category.rank <= giver.category.rank
    }
    assert upstream == {("PLATE_SMOOTH", "PLATE_DETECT")}


def test_only_the_first_stage_is_slowed_down_and_one_process_writes() -> None:
    classes = {stage.category.name: stage.category.worker_class for stage in TABLE}
    assert [name for name, kind in classes.items() if kind is WorkerClass.SOURCE] == ["READ"]
    assert [name for name, kind in classes.items() if kind is WorkerClass.WRITER] == [
        "FINAL_WRITE",
        "CHECKPOINT",
        "DEAD_LETTER",
    ]


def test_frames_are_tracked_in_order_and_vehicles_are_gathered_by_key() -> None:
    assert row("TRACK").category.ordered
    assert row("PLATE_SMOOTH").category.keyed


def test_every_stage_that_remembers_meets_the_end_of_an_epoch_at_a_definite_point() -> None:
    """An ordered one between two tasks, or aligned between two batches. PLATE_SMOOTH never does: all that it remembers
    of a vehicle begins and ends in the epoch in which the vehicle passed, see `test_stages_whole.py`."""
    for stage in TABLE:
        category = stage.category
        if category.keyed and category.worker_class is WorkerClass.CPU and category.name != "PLATE_SMOOTH":
            assert category.ordered or category.aligned, category.name


def test_whoever_is_told_of_a_task_that_was_given_up_is_a_stage_that_comes_later_or_reads() -> None:
    heirs = {stage.category.name: stage.category.on_dead for stage in TABLE if stage.category.on_dead}
    assert set(heirs.values()) <= set(NAMES)
    for name, heir in heirs.items():
        assert heir == name or row(str(heir)).category.rank > row(name).category.rank


def test_a_search_or_a_frame_that_is_given_up_is_always_told_to_whoever_waits_for_it() -> None:
    """TRACK waits for every frame, PLATE_SMOOTH for every search of a round."""
    for giver in TABLE:
        waits = [stage for stage in TABLE if stage.category.name in ("TRACK", "PLATE_SMOOTH")]
        for waiting in waits:
            feeds = {records.SearchedFrame, records.LookDone} & set(giver.gives) & set(waiting.takes)
            if feeds:
                assert giver.category.on_dead == waiting.category.name


@pytest.mark.parametrize("stage", TABLE, ids=NAMES)
def test_the_router_refuses_what_the_row_of_a_stage_does_not_give(stage: Stage) -> None:
    router = Router(stage, TABLE)
    samples: dict[type, Any] = {
        records.VideoJob: records.VideoJob("id", Path("x"), 1),
        records.SampledFrame: records.SampledFrame(1, 0.1),
        records.SearchedFrame: records.SearchedFrame(1, 0.1, ()),
        records.EndOfVideo: records.EndOfVideo(),
        records.VehiclePassed: passed(look()),
        records.ViewToSearch: view(),
    }
    for kind, record in samples.items():
        if kind in stage.gives:
            made = router.task(record, PARENT, "name", key="k", order=3, frames=("f",))
            (taker,) = (other.category.name for other in TABLE if kind in other.takes)
            assert made.epoch == PARENT.epoch
            assert (made.category, made.task_id) == (taker, f"{VIDEO}:{taker}:name")
            assert (made.key, made.order, made.dependencies) == ("k", 3, ("f",))
            assert made.load() == record
        else:
            with pytest.raises(TypeError, match=kind.__name__):
                router.task(record, PARENT, "name")


def test_the_batches_are_those_of_the_settings() -> None:
    sizes = {stage.category.name: stage.category.batch for stage in stages(3, 5, 7)}
    assert (sizes["VEHICLE_DETECT"], sizes["PLATE_DETECT"], sizes["OCR"]) == (3, 5, 7)


def test_a_worker_builds_only_the_stages_of_its_class(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    built = BuildStages(bench.job)(bench.tools, ("TRACK", "SUMMARY"))
    assert sorted(built) == ["SUMMARY", "TRACK"]


def test_a_user_without_a_home_runs_models_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is started for a number that no user has."""
    context = Bench(tmp_path).context("OCR")
    assert context.runtime_options().compiled_dir is not None

    def refuse(*_: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_cache_path", refuse)
    assert context.runtime_options().compiled_dir is None
