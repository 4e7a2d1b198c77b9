"""PLATE_SMOOTH: one vehicle, one row, whatever order its looks come in and whatever became of them."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest

from dashcam_pipeline.engine.task import Task
from dashcam_pipeline.stages.records import LookDone, PlateToRead, RowToWrite, VehiclePicture
from dashcam_pipeline.storage.rows import NoPlateReason, SightingRow
from dashcam_pipeline.vision.types import Box, PlateRead
from dashcam_pipeline.vision.voting import LookResult
from stage_bench import VIDEO, Bench, look, passed, picture, task

KEY = f"{VIDEO}/1"
PLATE_BOX = Box(50, 60, 110, 80)


def result(frame_idx: int, text: str | None = "AB12CDE", *, sure: float = 0.98, px: int = 60) -> LookResult:
    """A search that found a plate; a text of None: it found none."""
    return LookResult(
        track_id=1,
        frame_idx=frame_idx,
        ts_s=frame_idx / 10,
        vehicle_box=Box(20, 20, 120 + frame_idx, 100),
        searched=True,
        plate_box=None if text is None else Box(50, 60, 50 + px, 80),
        plate_score=0.9,
        read=None if text is None else PlateRead(text, (sure,) * len(text)),
    )


def done(bench: Bench, frame_idx: int, what: LookResult, attempts: int = 0) -> Task:
    """A finished look with its picture in the store."""
    frame_id = f"look-{frame_idx}.npy"
    made = task(
        "PLATE_SMOOTH",
        f"1-{frame_idx}",
        LookDone(what, VehiclePicture(frame_id, 10, 12)),
        key=KEY,
        dependencies=(frame_id,),
    )
    bench.bring_in({frame_id: picture(frame_idx)}, made)
    return made


def leaving(bench: Bench, looks: int) -> None:
    bench.open_video()
    bench.push(task("PLATE_SMOOTH", "1-passed", passed(looks), key=KEY))


def row_of(bench: Bench) -> SightingRow:
    """Work off everything; the one row that comes of it. No picture is left in the store."""
    smooth = bench.build("PLATE_SMOOTH")
    while bench.work("PLATE_SMOOTH", smooth):
        pass
    (record,) = bench.drain("FINAL_WRITE")
    assert isinstance(record, RowToWrite)
    assert isinstance(record.row, SightingRow)
    assert bench.store.leftovers() == []
    return record.row


def test_looks_of_a_vehicle_become_one_row_with_its_proof(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for frame_idx in (3, 6, 9):
        done(bench, frame_idx, result(frame_idx))
    leaving(bench, 3)
    row = row_of(bench)
    assert (row.final_plate, row.no_plate_reason) == ("AB12CDE", None)
    assert (row.run_id, row.video_id, row.track_id, row.vehicle_class) == ("run", VIDEO, 1, "car")
    assert (row.first_frame, row.last_frame, row.first_s, row.last_s) == (0, 30, 0.0, 3.0)
    assert (row.reads, row.agreeing_reads, row.best_read) == (3, 3, "AB12CDE")
    assert row.frame_idx in (3, 6, 9)
    assert (row.video_ts_frame, row.plate_bbox) == (row.frame_idx / 10, tuple(PLATE_BOX))
    for path in (row.vehicle_picture, row.plate_picture):
        assert path is not None
        assert (tmp_path / path).stat().st_size > 0
    assert bench.queue.tallies(VIDEO) == {"vehicles": 1, "plates": 1}


def test_nothing_is_said_before_all_looks_are_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    smooth = bench.build("PLATE_SMOOTH")
    leaving(bench, 2)
    done(bench, 1, result(1))
    while bench.work("PLATE_SMOOTH", smooth):
        assert bench.drain("FINAL_WRITE") == []
    done(bench, 2, result(2))
    assert row_of(bench).final_plate == "AB12CDE"


LOOKS = [
    result(1, "AB12CDE", sure=0.9),
    result(2, "AB12CDE", sure=0.95, px=58),
    result(3, "AB12CDF", sure=0.6),
    result(4, None),
    result(5, "AB12CDE", sure=0.7),
]


@pytest.mark.parametrize("order", random.Random(3).sample(list(itertools.permutations(range(6))), 12))
def test_the_order_in_which_looks_come_in_makes_no_difference(tmp_path: Path, order: tuple[int, ...]) -> None:
    """And neither does how they are cut into batches."""
    rows, files = [], []
    for run, arrival in enumerate((tuple(range(6)), order)):
        folder = tmp_path / str(run)
        folder.mkdir()
        bench = Bench(folder)
        smooth = bench.build("PLATE_SMOOTH")
        for turn, place in enumerate(arrival):
            if place == 5:
                leaving(bench, len(LOOKS))
            else:
                done(bench, place, replace(LOOKS[place], frame_idx=place, ts_s=place / 10))
            if turn % (run + 1) == 0 and turn < 5:
                bench.work("PLATE_SMOOTH", smooth)
        rows.append(row_of(bench))
        pictures = sorted((folder / "evidence").rglob("*.jpg"))
        files.append([(path.name, path.read_bytes()) for path in pictures])
    assert rows[0] == rows[1]
    assert files[0] == files[1]
    assert len(files[0]) == 2


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ([result(1, None)], NoPlateReason.NO_PLATE_FOUND),
        ([replace(result(1, None), searched=False)], NoPlateReason.TOO_SMALL),
        ([replace(result(1, "x", px=10), read=None)], NoPlateReason.PLATE_TOO_SMALL),
        ([result(1, "")], NoPlateReason.UNREADABLE),
        ([result(1)], NoPlateReason.TOO_FEW_READS),
        ([replace(result(1, None), failed=True)], NoPlateReason.ERROR),
    ],
)
def test_a_vehicle_without_a_plate_has_one_counted_reason_and_a_picture(
    tmp_path: Path, looks: list[LookResult], reason: NoPlateReason
) -> None:
    bench = Bench(tmp_path)
    for frame_idx, one in enumerate(looks):
        done(bench, frame_idx, one)
    leaving(bench, len(looks))
    row = row_of(bench)
    assert (row.final_plate, row.no_plate_reason) == (None, reason)
    assert row.vehicle_picture is not None
    assert bench.queue.tallies(VIDEO) == {"vehicles": 1, f"reason:{reason}": 1}


def test_only_the_pictures_that_have_a_chance_are_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    smooth = bench.build("PLATE_SMOOTH")
    kept = bench.job.settings.looks.kept_pictures
    for frame_idx in range(20):
        done(bench, frame_idx, result(frame_idx))
        bench.work("PLATE_SMOOTH", smooth)
        assert len(bench.store.leftovers()) <= kept + 1
    leaving(bench, 20)
    assert row_of(bench).reads == 20


@pytest.mark.parametrize("given_up_in", ["PLATE_DETECT", "OCR", "PLATE_SMOOTH"])
def test_a_look_that_was_given_up_is_not_waited_for(tmp_path: Path, given_up_in: str) -> None:
    bench = Bench(tmp_path, max_attempts=1)
    lost = result(7)
    record = {
        "PLATE_DETECT": look(7),
        "OCR": PlateToRead(replace(lost, read=None), VehiclePicture("gone.npy", 0, 0)),
        "PLATE_SMOOTH": LookDone(lost, VehiclePicture("gone.npy", 0, 0)),
    }[given_up_in]
    bench.push(task(given_up_in, "1-7", record, key=KEY))
    batch = bench.lease(given_up_in)
    assert batch is not None
    bench.queue.fail("w", batch.task_ids[0], "broken")
    leaving(bench, 3)
    for frame_idx in (1, 2):
        done(bench, frame_idx, result(frame_idx))
    row = row_of(bench)
    assert row.final_plate == "AB12CDE"
    assert row.reads == (3 if given_up_in == "PLATE_SMOOTH" else 2)


@pytest.mark.parametrize("sorry", ["picture", "passing"])
def test_a_vehicle_whose_pictures_cannot_be_read_still_gets_its_row(tmp_path: Path, sorry: str) -> None:
    """The last of its tasks fails again and again, whichever that is; the vehicle must not vanish."""
    bench = Bench(tmp_path, max_attempts=2)
    smooth = bench.build("PLATE_SMOOTH")
    if sorry == "picture":
        leaving(bench, 2)
    for frame_idx in (1, 2):
        done(bench, frame_idx, result(frame_idx))
        (bench.store.folder / f"look-{frame_idx}.npy").write_bytes(b"broken")
    if sorry == "passing":
        leaving(bench, 2)
    while batch := bench.lease("PLATE_SMOOTH", 1):
        try:
            bench.queue.complete("w", batch.task_ids, smooth.process(batch))
        except Exception as error:
            bench.queue.fail("w", batch.task_ids[0], repr(error))
    (record,) = bench.drain("FINAL_WRITE")
    assert (record.row.final_plate, record.row.vehicle_picture) == ("AB12CDE", None)
    assert len(bench.queue.dead_letters()) == 1
    assert bench.store.leftovers() == []


def test_vehicles_are_kept_apart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    smooth = bench.build("PLATE_SMOOTH")
    for track_id, text in ((1, "AAAA111"), (2, "BBBB222")):
        for frame_idx in (1, 2, 3):
            one = LookDone(replace(result(frame_idx, text), track_id=track_id), None)
            bench.push(task("PLATE_SMOOTH", f"{track_id}-{frame_idx}", one, key=f"{VIDEO}/{track_id}"))
        bench.push(task("PLATE_SMOOTH", f"{track_id}-passed", passed(3, track_id), key=f"{VIDEO}/{track_id}"))
    while bench.work("PLATE_SMOOTH", smooth):
        pass
    rows = {record.row.track_id: record.row for record in bench.drain("FINAL_WRITE")}
    assert {track: row.final_plate for track, row in rows.items()} == {1: "AAAA111", 2: "BBBB222"}
    assert {row.vehicle_picture for row in rows.values()} == {None}
