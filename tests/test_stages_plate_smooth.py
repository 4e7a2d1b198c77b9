"""PLATE_SMOOTH: the views of a vehicle are searched in rounds, and become one row, whatever became of the searches."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.config import LookSettings, Settings
from dashcam_pipeline.engine.task import Outcome, Task
from dashcam_pipeline.stages.plate_smooth import PlateSmooth
from dashcam_pipeline.stages.records import LookDone, PlateToRead, RowToWrite, ViewToSearch
from dashcam_pipeline.storage.rows import NoPlateReason, SightingRow
from dashcam_pipeline.vision.rounds import Search
from dashcam_pipeline.vision.types import Box, PlateRead
from dashcam_pipeline.vision.voting import LookResult
from dashcam_pipeline.vision.watch import Look
from stage_bench import VIDEO, Bench, look, passed, picture, task

KEY = f"{VIDEO}/1"
LARGE = Box(20, 20, 620, 500)
"""A vehicle of which a search in full shows more than a shrunk one."""

Sees = Callable[[Search], LookResult]


def result(search: Search, text: str | None = "AB12CDE", *, sure: float = 0.98, px: int = 60) -> LookResult:
    """A search that found a plate; a text of None: it found none."""
    return LookResult(
        track_id=search.look.track_id,
        frame_idx=search.look.frame_idx,
        ts_s=search.look.ts_s,
        vehicle_box=search.look.box,
        searched=True,
        in_full=search.in_full,
        plate_box=None if text is None else Box(50, 60, 50 + px, 80),
        plate_score=0.0 if text is None else 0.9,
        read=None if text is None else PlateRead(text, (sure,) * len(text)),
    )


def nothing(search: Search) -> LookResult:
    return result(search, None)


def leaves(bench: Bench, *looks: Look, track_id: int = 1) -> None:
    """A vehicle passes, with the pictures of its views in the store."""
    record = passed(*looks, track_id=track_id)
    names = tuple(one.frame_id for one in record.pictures)
    made = task("PLATE_SMOOTH", "passed", record, key=f"{VIDEO}/{track_id}", dependencies=names)
    made = replace(made, task_id=f"{made.task_id}-{track_id}")
    bench.bring_in({name: picture(place) for place, name in enumerate(names)}, made)


def smooth_of(bench: Bench) -> PlateSmooth:
    smooth = bench.build("PLATE_SMOOTH")
    assert isinstance(smooth, PlateSmooth)
    return smooth


def searches(bench: Bench) -> list[Task]:
    """All searches that wait, taken by a worker."""
    taken: list[Task] = []
    while batch := bench.lease("PLATE_DETECT"):
        taken += batch.tasks
    return taken


def answer(bench: Bench, asked: Task, sees: Sees) -> None:
    """What PLATE_DETECT and OCR hand on."""
    record: ViewToSearch = asked.load()
    done = LookDone(sees(record.search), record.picture)
    follower = replace(
        task("PLATE_SMOOTH", record.search.name, done, key=asked.key, epoch=asked.epoch),
        dependencies=asked.dependencies,
    )
    bench.queue.complete("w", (asked.task_id,), Outcome(push=(follower,)))


def rounds(bench: Bench, sees: Sees, shuffle: random.Random | None = None) -> list[list[str]]:
    """Work off everything; the searches of each round, by name. With `shuffle`, in another order and other batches."""
    smooth, asked = smooth_of(bench), []
    while True:
        while bench.work("PLATE_SMOOTH", smooth):
            pass
        taken = searches(bench)
        if not taken:
            return asked
        asked.append([one.load().search.name for one in taken])
        if shuffle is not None:
            shuffle.shuffle(taken)
        for one in taken:
            answer(bench, one, sees)
            if shuffle is not None and shuffle.random() < 0.5:
                bench.work("PLATE_SMOOTH", smooth)


def row_of(bench: Bench) -> SightingRow:
    """The one row that came of it. No picture is left in the store."""
    (record,) = bench.drain("FINAL_WRITE")
    assert isinstance(record, RowToWrite)
    assert isinstance(record.row, SightingRow)
    assert bench.store.leftovers() == []
    return record.row


def test_views_of_a_vehicle_become_one_row_with_its_proof(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    leaves(bench, *(look(frame_idx) for frame_idx in range(12)))
    asked = rounds(bench, result)
    assert asked == [["1-0", "1-1"], ["1-2", "1-3"]]  # the best views first, and no more once that is enough
    row = row_of(bench)
    assert (row.final_plate, row.no_plate_reason) == ("AB12CDE", None)
    assert (row.run_id, row.video_id, row.track_id, row.vehicle_class) == ("run", VIDEO, 1, "car")
    assert (row.first_frame, row.last_frame, row.first_s, row.last_s) == (0, 30, 0.0, 3.0)
    assert (row.reads, row.agreeing_reads, row.best_read) == (4, 4, "AB12CDE")
    assert row.frame_idx in range(4)
    assert (row.video_ts_frame, row.plate_bbox) == (row.frame_idx / 10, (50, 60, 110, 80))
    for path in (row.vehicle_picture, row.plate_picture):
        assert path is not None
        assert (tmp_path / path).stat().st_size > 0
    assert bench.queue.tallies(VIDEO) == {"vehicles": 1, "plates": 1}


def test_all_searches_of_a_vehicle_belong_to_the_epoch_in_which_it_passed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.open_video()
    for epoch in (0, 1):
        leaves(bench, look(epoch, track_id=epoch), track_id=epoch)
        bench.queue.progress("reader", "reading", Outcome(cut=True))
    smooth = smooth_of(bench)
    while bench.work("PLATE_SMOOTH", smooth):
        pass
    assert {one.load().search.look.track_id: one.epoch for one in searches(bench)} == {0: 0, 1: 1}


def test_nothing_is_said_and_no_picture_let_go_before_all_of_a_round_is_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    smooth = smooth_of(bench)
    leaves(bench, look(1), look(2))
    pictures = bench.store.leftovers()
    bench.work("PLATE_SMOOTH", smooth)
    first, second = searches(bench)
    answer(bench, second, result)
    while bench.work("PLATE_SMOOTH", smooth):
        assert bench.drain("FINAL_WRITE") == []
    assert searches(bench) == []
    assert bench.store.leftovers() == pictures
    answer(bench, first, result)
    assert rounds(bench, result) == []
    assert row_of(bench).final_plate == "AB12CDE"


READS = {0: ("AB12CDE", 0.9), 1: ("AB12CDE", 0.95), 2: ("AB12CDF", 0.6), 3: (None, 0.0), 4: ("AB12CDE", 0.7)}


def mixed(search: Search) -> LookResult:
    text, sure = READS.get(search.look.frame_idx, ("AB12CDF", 0.5))
    return result(search, text, sure=sure)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_in_which_results_come_in_makes_no_difference(tmp_path: Path, seed: int) -> None:
    """And neither does how they are cut into batches."""
    rows, files, asked = [], [], []
    for run, shuffle in enumerate((None, random.Random(seed))):
        folder = tmp_path / str(run)
        folder.mkdir()
        bench = Bench(folder, Settings(looks=LookSettings(first_searches=3, enough_reads=9)))
        leaves(bench, *(look(frame_idx) for frame_idx in range(8)))
        asked.append([sorted(names) for names in rounds(bench, mixed, shuffle)])
        rows.append(row_of(bench))
        pictures = sorted((folder / "evidence").rglob("*.jpg"))
        files.append([(path.name, path.read_bytes()) for path in pictures])
    assert rows[0] == rows[1]
    assert files[0] == files[1]
    assert len(files[0]) == 2
    assert asked[0] == asked[1] == [["1-0", "1-1", "1-2"], ["1-3", "1-4", "1-5"], ["1-6", "1-7"]]


def failed(search: Search) -> LookResult:
    return replace(nothing(search), failed=True)


@pytest.mark.parametrize(
    ("views", "sees", "asked", "reason"),
    [
        ([look(search=False)], nothing, [], NoPlateReason.TOO_SMALL),
        ([], nothing, [], NoPlateReason.ERROR),  # a stage failed on all of its frames
        ([look(0)], nothing, [["1-0"]], NoPlateReason.NO_PLATE_FOUND),
        ([look(0, box=LARGE)], nothing, [["1-0"], ["1-0-in-full"]], NoPlateReason.NO_PLATE_FOUND),
        (
            [look(0), look(1), look(2)],
            lambda search: replace(result(search, "x", px=10), read=None),
            [["1-0", "1-1"]],
            NoPlateReason.PLATE_TOO_SMALL,
        ),
        ([look(0)], lambda search: result(search, ""), [["1-0"]], NoPlateReason.UNREADABLE),
        ([look(0)], result, [["1-0"]], NoPlateReason.TOO_FEW_READS),
        ([look(0)], failed, [["1-0"]], NoPlateReason.ERROR),
    ],
)
def test_a_vehicle_without_a_plate_has_one_counted_reason_and_a_picture(
    tmp_path: Path, views: list[Look], sees: Sees, asked: list[list[str]], reason: NoPlateReason
) -> None:
    bench = Bench(tmp_path)
    leaves(bench, *views)
    assert rounds(bench, sees) == asked
    row = row_of(bench)
    assert (row.final_plate, row.no_plate_reason) == (None, reason)
    assert (row.vehicle_picture is not None) == bool(views)
    assert bench.queue.tallies(VIDEO) == {"vehicles": 1, f"reason:{reason}": 1}


def test_a_large_vehicle_is_searched_in_full_where_the_shrunk_search_found_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    leaves(bench, *(look(frame_idx, box=LARGE) for frame_idx in range(12)))
    asked = rounds(bench, lambda search: result(search) if search.in_full else nothing(search))
    assert asked == [
        ["1-0", "1-1"],
        ["1-0-in-full", "1-1-in-full"],
        [f"1-{frame_idx}-in-full" for frame_idx in (2, 3, 4, 5)],
    ]
    row = row_of(bench)
    assert (row.final_plate, row.reads) == ("AB12CDE", 6)


def given_up(bench: Bench, asked: Task, category: str) -> None:
    """A search comes no further than this stage."""
    record: ViewToSearch = asked.load()
    found = result(record.search)
    carried: dict[str, Any] = {
        "PLATE_DETECT": record,
        "OCR": PlateToRead(replace(found, read=None), record.picture),
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
    leaves(bench, *(look(frame_idx) for frame_idx in range(5)))
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


def test_vehicles_are_kept_apart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    texts = {1: "AAAA111", 2: "BBBB222"}
    for track_id in texts:
        views = [look(10 * track_id + place, track_id=track_id) for place in range(5)]
        leaves(bench, *views, track_id=track_id)
    rounds(bench, lambda search: result(search, texts[search.look.track_id]), random.Random(1))
    rows = {record.row.track_id: record.row for record in bench.drain("FINAL_WRITE")}
    assert {track: row.final_plate for track, row in rows.items()} == texts
    assert len({row.vehicle_picture for row in rows.values()}) == 2
    assert bench.store.leftovers() == []


def test_the_plate_in_the_evidence_is_cut_out_of_the_view_that_it_was_found_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    views = [look(frame_idx) for frame_idx in range(2)]
    leaves(bench, *views)
    rounds(bench, lambda search: result(search, sure=0.99 if search.look.frame_idx else 0.8))
    row = row_of(bench)
    assert row.frame_idx == 1
    assert row.plate_bbox == (50, 60, 110, 80)
