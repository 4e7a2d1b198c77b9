"""VEHICLE_DETECT, PLATE_DETECT, OCR, SUMMARY and FINAL_WRITE: what they hand on, with toys for models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from dashcam_pipeline.config import ModelSettings, Settings
from dashcam_pipeline.engine.task import Outcome, Task, pack
from dashcam_pipeline.stages import ocr, plate_detect, vehicle_detect
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.records import (
    LookDone,
    PlateToRead,
    SampledFrame,
    SearchedFrame,
    VehiclePicture,
    VideoRead,
)
from dashcam_pipeline.storage.rows import VideoRow, VideoStatus
from dashcam_pipeline.vision.plates.not_a_plate import NotAPlate
from dashcam_pipeline.vision.plates.plate_gates import Surroundings
from dashcam_pipeline.vision.types import Box, Detection, Image, PlateRead
from dashcam_pipeline.vision.vote.voting import LookResult
from stage_bench import VIDEO, Bench, frame_task, picture, stored, task, view

CAR = Detection(Box(20, 20, 120, 100), "car", 0.9)


@dataclass
class Finds:
    """A detector that always finds the same, and counts what it was shown."""

    found: list[Detection]
    shown: list[tuple[int, ...]] = field(default_factory=list)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        self.shown += [image.shape for image in images]
        return [list(self.found) for _ in images]


@dataclass
class Reads:
    """A reader that always reads the same, and keeps what it was shown."""

    shown: list[Image] = field(default_factory=list)

    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        self.shown += images
        return [PlateRead("AB12CDE", (0.9,) * 7) for _ in images]


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StageContext, "weights", lambda self, name, role: Path(name))


def test_a_searched_frame_keeps_its_place_and_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vehicle_detect, "open_vehicle_detector", lambda *arguments, **named: Finds([CAR]))
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


PLATE = Detection(Box(40, 50, 90, 66), "plate", 0.8)  # in the picture of the vehicle


def view_task(frame_idx: int, *, in_full: bool = False) -> Task:
    record = view(frame_idx, in_full=in_full)
    name = record.picture.frame_id
    return task("PLATE_DETECT", record.search.name, record, key="k", payload_ref=name, dependencies=(name,))


def bring_view(bench: Bench, frame_idx: int, *, in_full: bool = False) -> None:
    made = view_task(frame_idx, in_full=in_full)
    bench.bring_in({made.dependencies[0]: picture(frame_idx, 80 + frame_idx)}, made)


@pytest.mark.parametrize(
    ("found", "follows"),
    [
        ([PLATE], PlateToRead),
        ([], LookDone),
        ([replace(PLATE, box=Box(40, 50, 50, 54))], LookDone),  # too small to be read
    ],
)
@pytest.mark.parametrize("in_full", [False, True])
def test_a_view_is_searched_and_what_follows_keeps_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: list[Detection], follows: type, in_full: bool
) -> None:
    detector = Finds(found)
    monkeypatch.setattr(plate_detect, "open_plate_detector", lambda *arguments: detector)
    bench = Bench(tmp_path)
    bring_view(bench, 7, in_full=in_full)
    outcome = bench.work("PLATE_DETECT", bench.build("PLATE_DETECT"))
    assert outcome is not None
    (after,) = outcome.push
    record = after.load()
    assert type(record) is follows
    assert (after.key, record.picture, len(detector.shown)) == ("k", stored(7), 1)
    assert (after.payload_ref, after.dependencies) == (
        stored(7).frame_id if follows is PlateToRead else None,
        (stored(7).frame_id,),
    )
    assert bench.store.leftovers() == [stored(7).frame_id]
    result = record.result
    assert (result.frame_idx, result.searched, result.in_full, result.failed) == (7, True, in_full, False)
    if found:
        assert result.plate_box == found[0].box.shifted(record.picture.left, record.picture.top)
    else:
        assert result.plate_box is None


@pytest.mark.parametrize(
    ("around", "reason"),
    [
        (Surroundings(overlay=(PLATE.box.shifted(stored(7).left, stored(7).top),)), NotAPlate.OVERLAY),
        (Surroundings(masks=(Box(0, 0, 160, 120),)), NotAPlate.MASKED),
        (Surroundings(others=(Box(stored(7).left + 30, 20, stored(7).left + 100, 100),)), None),
    ],
)
def test_what_is_not_the_vehicle_s_plate_is_not_read_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: Surroundings, reason: NotAPlate | None
) -> None:
    monkeypatch.setattr(plate_detect, "open_plate_detector", lambda *arguments: Finds([PLATE]))
    bench = Bench(tmp_path)
    made = view_task(7)
    made = replace(made, payload=pack(replace(made.load(), around=around)))
    bench.bring_in({made.dependencies[0]: picture(7, 87)}, made)
    outcome = bench.work("PLATE_DETECT", bench.build("PLATE_DETECT"))
    assert outcome is not None
    record = outcome.push[0].load()
    assert type(record) is (PlateToRead if reason is None else LookDone)
    assert (record.result.not_a_plate, record.result.plate_box is None) == (reason, reason is not None)


def test_searches_of_both_kinds_in_one_batch_keep_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes to the model at its own input size; the one that few ask for is loaded when it is asked for."""
    detectors: dict[int | None, ByHeight] = {}

    def open_detector(path: Path, options: object, min_score: float, input_px: int | None) -> ByHeight:
        assert input_px not in detectors
        detectors[input_px] = ByHeight(shift=0 if input_px else 1)
        return detectors[input_px]

    monkeypatch.setattr(plate_detect, "open_plate_detector", open_detector)
    bench = Bench(tmp_path)
    stage = bench.build("PLATE_DETECT")
    bring_view(bench, 0)
    bench.work("PLATE_DETECT", stage)
    shrunk = bench.job.settings.models.plate_input_px
    assert list(detectors) == [shrunk]
    for frame_idx in range(1, 8):
        bring_view(bench, frame_idx, in_full=frame_idx % 3 == 0)
    outcome = bench.work("PLATE_DETECT", stage)
    assert outcome is not None
    assert list(detectors) == [shrunk, None]
    for frame_idx, after in enumerate(outcome.push, start=1):
        result = after.load().result
        in_full = frame_idx % 3 == 0
        assert (result.frame_idx, result.in_full) == (frame_idx, in_full)
        wanted = Box(40 + in_full, 50, 90, 62 + frame_idx)
        assert result.plate_box == wanted.shifted(stored(0).left, stored(0).top)


def test_without_a_shrunk_size_there_is_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int | None] = []

    def open_detector(path: Path, options: object, min_score: float, input_px: int | None) -> Finds:
        opened.append(input_px)
        return Finds([PLATE])

    monkeypatch.setattr(plate_detect, "open_plate_detector", open_detector)
    bench = Bench(tmp_path, Settings(models=ModelSettings(plate_input_px=None)))
    for frame_idx in range(4):
        bring_view(bench, frame_idx, in_full=frame_idx % 2 == 0)
    outcome = bench.work("PLATE_DETECT", bench.build("PLATE_DETECT"))
    assert outcome is not None
    assert len(outcome.push) == 4
    assert opened == [None]


@dataclass
class ByHeight:
    """A detector whose finds tell which picture it was shown."""

    shift: int

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [
            [Detection(Box(40 + self.shift, 50, 90, 62 + image.shape[0] - 80), "plate", 0.8)]
            for image in images
        ]


def test_a_plate_is_read_out_of_the_picture_of_its_vehicle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reads()
    monkeypatch.setattr(ocr, "open_plate_reader", lambda *arguments: reader)
    bench = Bench(tmp_path)
    found = LookResult(
        track_id=1,
        frame_idx=7,
        ts_s=0.7,
        vehicle_box=CAR.box,
        searched=True,
        in_full=True,
        plate_box=Box(50, 62, 100, 78),
    )
    waits = frame_task("OCR", 0, PlateToRead(found, VehiclePicture("p.png", 10, 12)))
    bench.bring_in(
        {"p.png": picture(4)}, replace(waits, payload_ref="p.png", dependencies=("p.png",), key="k")
    )
    outcome = bench.work("OCR", bench.build("OCR"))
    assert outcome is not None
    (after,) = outcome.push
    record = after.load()
    assert [read.text for read in record.result.reads] == ["AB12CDE"] * 2  # by each reader
    assert (record.result.plate_box, after.key) == (found.plate_box, "k")
    assert record.result.in_full
    shown, again = reader.shown
    assert np.array_equal(shown, again)
    margin = bench.job.settings.detection.plate_margin
    expected = Box(40 - 50 * margin, 50 - 32 * margin, 90 + 50 * margin, 66 + 32 * margin).crop(picture(4))
    assert np.array_equal(shown, expected)
    assert (after.dependencies, bench.store.leftovers()) == (("p.png",), ["p.png"])


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
