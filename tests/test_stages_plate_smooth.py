"""PLATE_SMOOTH: the views of a vehicle are searched in rounds, and become one row, whatever became of the searches."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from dashcam_pipeline.config import LookSettings, Settings
from dashcam_pipeline.engine.task import Outcome
from dashcam_pipeline.storage.rows import NoPlateReason
from dashcam_pipeline.vision.tracking.watch import Look
from dashcam_pipeline.vision.vote.rounds import Search
from dashcam_pipeline.vision.vote.voting import LookResult
from smooth_bench import LARGE, Sees, answer, leaves, nothing, result, rounds, row_of, searches, smooth_of
from stage_bench import VIDEO, Bench, look


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
    assert [name for name, _ in files[0]] == ["1_plate.jpg", "1_strip.jpg", "1_vehicle.jpg"]
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
            lambda search: replace(result(search, "x", px=10), reads=()),
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
        ["1-0-in-full", "1-1-in-full", "1-2", "1-11"],
        [f"1-{frame_idx}-in-full" for frame_idx in (2, 3, 4, 5, 6, 7)],
    ]
    row = row_of(bench)
    assert (row.final_plate, row.reads) == ("AB12CDE", 8)


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
