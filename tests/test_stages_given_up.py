"""PLATE_SMOOTH when something fails: whatever became of the searches and pictures, the vehicle gets its row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.engine.task import Outcome, Task
from dashcam_pipeline.stages.plate_smooth import PlateSmooth
from dashcam_pipeline.stages.records import LookDone, PlateToRead, ViewToSearch
from dashcam_pipeline.storage.rows import NoPlateReason
from smooth_bench import answer, leaves, result, rounds, row_of, searches, smooth_of
from stage_bench import Bench, look, task


def given_up(bench: Bench, asked: Task, category: str) -> None:
    """A search comes no further than this stage."""
    record: ViewToSearch = asked.load()
    found = result(record.search)
    carried: dict[str, Any] = {
        "PLATE_DETECT": record,
        "OCR": PlateToRead(replace(found, reads=()), record.picture),
        "PLATE_SMOOTH": LookDone(found, record.picture),
    }
    if category == "PLATE_DETECT":
        bench.queue.fail("w", asked.task_id, "broken")
        return
    made = task(category, record.search.name, carried[category], key=asked.key)
    follower = replace(made, payload_ref=asked.payload_ref, dependencies=asked.dependencies)
    bench.queue.complete("w", (asked.task_id,), Outcome(push=(follower,)))
    batch = bench.lease(category)
    assert batch is not None
    bench.queue.fail("w", batch.task_ids[0], "broken")


@pytest.mark.parametrize("category", ["PLATE_DETECT", "OCR", "PLATE_SMOOTH"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_search_that_was_given_up_is_not_waited_for(tmp_path: Path, category: str, which: int) -> None:
    bench = Bench(tmp_path, max_attempts=1)
    smooth = smooth_of(bench)
    leaves(bench, *(look(frame_idx) for frame_idx in range(4)))
    bench.work("PLATE_SMOOTH", smooth)
    asked = searches(bench)
    given_up(bench, asked.pop(which), category)
    answer(bench, asked.pop(), result)
    later = rounds(bench, result)
    bench.drain("DEAD_LETTER")
    row = row_of(bench)
    if category == "PLATE_SMOOTH":  # the vote must come without it: the pictures may be what it failed on
        assert (later, row.reads, row.vehicle_picture) == ([], 2, None)
    else:
        assert (later, row.reads) == ([["1-2", "1-3"]], 3)
    assert row.final_plate == "AB12CDE"


def test_a_vehicle_whose_searches_are_all_given_up_gets_a_row_that_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_attempts=1)
    smooth = smooth_of(bench)
    leaves(bench, *(look(frame_idx) for frame_idx in range(9)))
    tried = 0
    while bench.work("PLATE_SMOOTH", smooth):
        for asked in searches(bench):
            tried += 1
            given_up(bench, asked, "PLATE_DETECT")
    bench.drain("DEAD_LETTER")
    row = row_of(bench)
    assert (row.no_plate_reason, row.reads) == (NoPlateReason.ERROR, 0)
    assert tried == bench.job.settings.looks.fruitless_searches


def break_pictures(bench: Bench) -> None:
    for name in bench.store.leftovers():
        (bench.store.folder / name).write_bytes(b"broken")


def work_and_fail(bench: Bench, smooth: PlateSmooth) -> None:
    """As a worker does it: what can't be done is reported."""
    while batch := bench.lease("PLATE_SMOOTH", 1):
        try:
            bench.queue.complete("w", batch.task_ids, smooth.process(batch))
        except Exception as error:
            bench.queue.fail("w", batch.task_ids[0], repr(error))


@pytest.mark.parametrize("answers", [0, 1, 2], ids=["when it passes", "in the round", "at the vote"])
def test_a_vehicle_whose_pictures_cannot_be_read_still_gets_its_row(tmp_path: Path, answers: int) -> None:
    """The last of its tasks fails again and again, whichever that is; the vehicle must not vanish."""
    bench = Bench(tmp_path, max_attempts=2)
    smooth = smooth_of(bench)
    leaves(bench, *(look(frame_idx, search=answers > 0) for frame_idx in range(max(1, answers))))
    if answers == 0:
        break_pictures(bench)
    work_and_fail(bench, smooth)
    break_pictures(bench)
    for asked in searches(bench):
        answer(bench, asked, result)
    work_and_fail(bench, smooth)
    bench.drain("DEAD_LETTER")
    row = row_of(bench)
    assert (row.reads, row.vehicle_picture, row.plate_picture) == (answers, None, None)
    assert len(bench.queue.dead_letters()) == 1


def test_a_vehicle_of_which_no_stage_can_read_the_pictures_gets_its_row(tmp_path: Path) -> None:
    """What comes of the searches that were given up fails too: it is word from a stage before, and has an heir."""
    bench = Bench(tmp_path, max_attempts=2)
    smooth = smooth_of(bench)
    leaves(bench, look(0), look(1))
    work_and_fail(bench, smooth)
    break_pictures(bench)
    while batch := bench.lease("PLATE_DETECT", 1):
        bench.queue.fail("w", batch.task_ids[0], "its picture can't be read")
    work_and_fail(bench, smooth)
    bench.drain("DEAD_LETTER")
    row = row_of(bench)
    assert (row.no_plate_reason, row.vehicle_picture) == (NoPlateReason.ERROR, None)


def test_a_vehicle_that_is_given_up_when_it_passes_has_an_error_for_a_reason(tmp_path: Path) -> None:
    """Its views were wide enough; they were not searched because a stage failed."""
    bench = Bench(tmp_path, max_attempts=1)
    leaves(bench, look(0), look(1))
    batch = bench.lease("PLATE_SMOOTH")
    assert batch is not None
    bench.queue.fail("w", batch.task_ids[0], "broken")
    assert rounds(bench, result) == []
    bench.drain("DEAD_LETTER")
    row = row_of(bench)
    assert (row.no_plate_reason, row.vehicle_picture) == (NoPlateReason.ERROR, None)
