"""TRACK, PLATE_DETECT, OCR, SUMMARY and FINAL_WRITE: what they hand on, with toys for models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.engine.task import Outcome, Task
from dashcam_pipeline.stages import ocr, plate_detect, vehicle_detect
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.records import (
    EndOfVideo,
    LookDone,
    PlateToRead,
    SampledFrame,
    SearchedFrame,
    VehicleLook,
    VehiclePassed,
    VehiclePicture,
    VideoRead,
)
from dashcam_pipeline.storage.rows import VideoRow, VideoStatus
from dashcam_pipeline.vision.types import Box, Detection, Image, PlateRead
from dashcam_pipeline.vision.voting import LookResult
from stage_bench import VIDEO, Bench, look, picture, task

CAR = Detection(Box(20, 20, 120, 100), "car", 0.9)


@dataclass
class Finds:
    """A detector that always finds the same, and counts what it was shown."""

    found: list[Detection]
    shown: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        self.shown += [image.shape for image in images]
        return [list(self.found) for _ in images]


class Reads:
    """A reader that always reads the same."""

    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        return [PlateRead("AB12CDE", (0.9,) * 7) for _ in images]


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StageContext, "weights", lambda self, name, role: Path(name))


def frame_task(category: str, order: int, record: object, **more: Any) -> Task:
    frame = f"{order}.npy"
    return task(
        category, str(order), record, key=VIDEO, order=order, payload_ref=frame, dependencies=(frame,), **more
    )


def test_a_searched_frame_keeps_its_place_and_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vehicle_detect, "open_vehicle_detector", lambda *arguments: Finds([CAR]))
    bench = Bench(tmp_path)
    for order in range(3):
        made = frame_task("VEHICLE_DETECT", order, SampledFrame(order * 3, order / 10))
        bench.bring_in({f"{order}.npy": picture(order)}, made)
    bench.work("VEHICLE_DETECT", bench.build("VEHICLE_DETECT"))
    batch = bench.lease("TRACK")
    assert batch is not None
    assert [one.load() for one in batch.tasks] == [
        SearchedFrame(order * 3, order / 10, (CAR,)) for order in range(3)
    ]
    assert [(one.order, one.payload_ref) for one in batch.tasks] == [(n, f"{n}.npy") for n in range(3)]


class TestTrack:
    def passing(self, bench: Bench, frames: int, batch: int, lost: tuple[int, ...] = ()) -> list[Task]:
        """A car stands in every frame, then the video ends; all that TRACK pushes."""
        track = bench.build("TRACK")
        for order in range(frames):
            if order in lost:
                bench.open_video()
                gone = task("VEHICLE_DETECT", str(order), SampledFrame(order, order / 10), order=order)
                bench.push(replace(gone, key=VIDEO))
                bench.lease("VEHICLE_DETECT")
                bench.queue.fail("w", gone.task_id, "broken")
            else:
                found = frame_task("TRACK", order, SearchedFrame(order, order / 10, (CAR,)))
                bench.bring_in({f"{order}.npy": picture(1)}, found)
        bench.push(task("TRACK", "end", EndOfVideo(), key=VIDEO, order=frames))
        pushed: list[Task] = []
        while outcome := bench.work("TRACK", track, batch):
            pushed += outcome.push
        assert bench.queue.backlog("TRACK") == 0
        return pushed

    @pytest.mark.parametrize("batch", [1, 3, 16])
    def test_the_result_is_the_same_however_the_frames_are_cut_into_batches(
        self, tmp_path: Path, batch: int
    ) -> None:
        together, apart = (Bench(_folder(tmp_path, name)) for name in ("together", "apart"))
        expected = self.passing(together, 12, 99)
        assert self.passing(apart, 12, batch) == expected
        assert apart.queue.tallies(VIDEO) == {"frames_done": 12}

    def test_a_vehicle_passes_with_as_many_looks_as_were_sent_out(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path)
        records = [one.load() for one in self.passing(bench, 12, 5)]
        looks = [one.look for one in records if isinstance(one, VehicleLook)]
        (passed,) = [one.passing for one in records if isinstance(one, VehiclePassed)]
        assert passed.looks == len(looks) > 0
        assert (passed.vehicle_class, passed.last_frame) == ("car", 11)

    def test_a_look_rests_on_its_frame_and_other_frames_are_let_go(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path)
        pushed = self.passing(bench, 6, 16)
        rested_on = {frame for one in pushed for frame in one.dependencies}
        assert set(bench.store.leftovers()) == rested_on != set()
        keys = {one.key for one in pushed}
        assert keys == {f"{VIDEO}/{pushed[0].load().look.track_id}"}

    @pytest.mark.parametrize("lost", [(0,), (4,), (3, 4), (11,)])
    def test_a_frame_whose_search_was_given_up_is_passed_over(
        self, tmp_path: Path, lost: tuple[int, ...]
    ) -> None:
        bench = Bench(tmp_path, max_attempts=1)
        records = [one.load() for one in self.passing(bench, 12, 4, lost)]
        assert len([one for one in records if isinstance(one, VehiclePassed)]) == 1
        seen = {one.look.frame_idx for one in records if isinstance(one, VehicleLook)}
        assert seen.isdisjoint(lost)
        assert bench.queue.tallies(VIDEO)["frames_done"] == 12


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


PLATE = Detection(Box(40, 50, 90, 66), "plate", 0.8)  # in the picture of the vehicle


@pytest.mark.parametrize(
    ("search", "found", "follows"),
    [
        (True, [PLATE], PlateToRead),
        (True, [], LookDone),
        (True, [replace(PLATE, box=Box(40, 50, 50, 54))], LookDone),  # too small to be read
        (False, [PLATE], LookDone),
    ],
)
def test_a_look_becomes_a_picture_and_a_plate_where_one_was_searched_and_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: bool, found: list[Detection], follows: type
) -> None:
    detector = Finds(found)
    monkeypatch.setattr(plate_detect, "open_plate_detector", lambda *arguments: detector)
    bench = Bench(tmp_path)
    looked = frame_task("PLATE_DETECT", 0, look(7, search=search))
    bench.bring_in({"0.npy": picture(3)}, looked)
    outcome = bench.work("PLATE_DETECT", bench.build("PLATE_DETECT"))
    assert outcome is not None
    (after,) = outcome.push
    record = after.load()
    assert type(record) is follows
    assert len(detector.shown) == int(search)
    assert record.picture.frame_id in bench.store.leftovers()
    assert ("0.npy" in bench.store.leftovers()) == (follows is PlateToRead)
    result = record.result
    assert (result.frame_idx, result.searched, result.failed) == (7, search, False)
    if search and found:
        box = found[0].box.shifted(record.picture.left, record.picture.top)
        assert result.plate_box == box


def test_pictures_and_plates_of_a_mixed_batch_belong_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plate_detect, "open_plate_detector", lambda *arguments: Finds([PLATE]))
    bench = Bench(tmp_path)
    for order in range(6):
        made = frame_task("PLATE_DETECT", order, look(order, search=order % 2 == 0))
        bench.bring_in({f"{order}.npy": picture(order)}, made)
    outcome = bench.work("PLATE_DETECT", bench.build("PLATE_DETECT"))
    assert outcome is not None
    for order, after in enumerate(outcome.push):
        record = after.load()
        assert record.result.frame_idx == order
        assert isinstance(record, PlateToRead) == (order % 2 == 0)


def test_a_plate_is_read_and_its_frame_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "open_plate_reader", lambda *arguments: Reads())
    bench = Bench(tmp_path)
    found = LookResult(
        track_id=1,
        frame_idx=7,
        ts_s=0.7,
        vehicle_box=CAR.box,
        searched=True,
        plate_box=Box(40, 50, 90, 66),
    )
    waits = frame_task("OCR", 0, PlateToRead(found, VehiclePicture("p.npy", 0, 0)))
    waits = replace(waits, dependencies=("0.npy", "p.npy"), key="k")
    bench.bring_in({"0.npy": picture(3), "p.npy": picture(4)}, waits)
    outcome = bench.work("OCR", bench.build("OCR"))
    assert outcome is not None
    (after,) = outcome.push
    record = after.load()
    assert (record.result.read.text, record.result.plate_box, after.key) == (
        "AB12CDE",
        found.plate_box,
        "k",
    )
    assert record.result.sharpness > 0
    assert bench.store.leftovers() == ["p.npy"]


VIDEO_ROW = VideoRow(
    run_id="run", video_id=VIDEO, path="/v.mp4", filename="v.mp4", status=VideoStatus.DONE, frames_sampled=9
)


@pytest.mark.parametrize(
    ("counts", "status", "reason"),
    [
        ({}, VideoStatus.DONE, None),
        ({"dead_letters": 2}, VideoStatus.PARTIAL, "2 tasks failed and were given up"),
    ],
)
def test_the_row_of_a_video_has_its_counts(
    tmp_path: Path, counts: dict[str, int], status: VideoStatus, reason: str | None
) -> None:
    bench = Bench(tmp_path)
    bench.open_video()
    tallies = {"vehicles": 5, "plates": 2, "reason:too_small": 3, "frames_done": 9, **counts}
    bench.queue.progress("reader", "reading", Outcome(tallies=tallies))
    bench.push(task("SUMMARY", "summary", VideoRead(VIDEO_ROW)))
    bench.work("SUMMARY", bench.build("SUMMARY"))
    (record,) = bench.drain("FINAL_WRITE")
    row = record.row
    assert (row.vehicles, row.plates, row.reasons) == (5, 2, {"too_small": 3})
    assert (row.status, row.reason, row.dead_letters) == (status, reason, counts.get("dead_letters", 0))
    assert row.frames_sampled == 9
