"""DEAD_LETTER: what was given up is kept with its frame, as far as there is anything to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dashcam_pipeline.engine.task import DeadLetter, Task, pack
from dashcam_pipeline.stages.dead_letter import KeepDeadLetter
from dashcam_pipeline.stages.records import (
    EndOfVideo,
    LookDone,
    PlateToRead,
    RowToWrite,
    SampledFrame,
    SearchedFrame,
    VehiclePicture,
)
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.results.reading import count_dead_letters, list_dead_letters
from dashcam_pipeline.storage.rows import DeadLetterRow, VideoStatus
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.writer import ResultWriter
from dashcam_pipeline.vision.types import Image
from stage_bench import VIDEO, Bench, look, passed, picture, task, view
from storage_rows import DEAD_LETTER, sighting, video
from writing_bench import NOBODY, REASON, RESULT, waiting_rows


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.job = replace(bench.job, database_url=NOBODY)
    return bench


def carry(bench: Bench, dead: Task, reason: str = REASON, **frames: Image) -> None:
    """A task that was given up comes to DEAD_LETTER, with its frame."""
    dependencies = tuple(frames)
    carrier = replace(
        dead,
        task_id=f"{dead.task_id}:DEAD_LETTER",
        category="DEAD_LETTER",
        payload=pack(DeadLetter(dead, reason)),
        payload_ref=next(iter(frames), None),
        dependencies=dependencies,
    )
    bench.bring_in(frames, carrier)


def bury(bench: Bench) -> DeadLetterRow:
    """What DEAD_LETTER makes of it."""
    stage = bench.build("DEAD_LETTER")
    assert isinstance(stage, KeepDeadLetter)
    bench.work("DEAD_LETTER", stage)
    stage.close()
    (row,) = waiting_rows(bench)
    assert isinstance(row, DeadLetterRow)
    return row


def test_frame_of_a_dead_letter_is_kept_as_it_was(bench: Bench) -> None:
    pixels = picture(seed=4)
    dead = task("OCR", "1-30", PlateToRead(RESULT, VehiclePicture("x", 0, 0)), attempts=3)
    carry(bench, dead, **{"f.npy": pixels})
    row = bury(bench)
    path = f"dead_letters/run/{VIDEO[:16]}-0000030-OCR.png"
    assert replace(row, failed_at=DEAD_LETTER.failed_at) == replace(
        DEAD_LETTER,
        run_id="run",
        video_id=VIDEO,
        task_id=f"{VIDEO}:OCR:1-30",
        traceback=REASON,
        frame_picture=path,
    )
    found = cv2.imread(str(bench.job.work_dir / path))
    assert found is not None
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize(
    ("category", "record", "moment"),
    [
        ("VEHICLE_DETECT", SampledFrame(7, 0.7), (7, 0.7)),
        ("TRACK", SearchedFrame(7, 0.7, ()), (7, 0.7)),
        ("TRACK", EndOfVideo(), (None, None)),
        ("PLATE_DETECT", view(12), (12, 1.2)),
        ("OCR", PlateToRead(RESULT, VehiclePicture("x", 0, 0)), (30, 1.2)),
        ("PLATE_SMOOTH", LookDone(RESULT, VehiclePicture("x", 0, 0)), (30, 1.2)),
        ("PLATE_SMOOTH", passed(look(3)), (0, 0.0)),
        ("FINAL_WRITE", RowToWrite(sighting(1)), (30, 1.2)),
        ("FINAL_WRITE", RowToWrite(video(VideoStatus.DONE)), (None, None)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_dead_letter_says_where_in_the_video_it_was(
    bench: Bench, category: str, record: object, moment: tuple[int | None, float | None]
) -> None:
    carry(bench, task(category, "x", record))
    row = bury(bench)
    assert (row.frame_idx, row.ts_s) == moment
    assert row.frame_picture is None


def unlink(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


def junk(path: Path) -> None:
    path.write_bytes(b"no picture" * 100)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("f.npy", unlink),
        ("f.npy", empty),
        ("f.npy", cut),
        ("f.npy", junk),
        ("f.jpg", unlink),
        ("f.jpg", empty),
        ("f.jpg", junk),
    ],
)
def test_unreadable_frame_leaves_a_row_without_a_picture(
    bench: Bench, name: str, harm: Callable[[Path], None]
) -> None:
    carry(bench, task("VEHICLE_DETECT", "7", SampledFrame(7, 0.7)), **{name: picture()})
    harm(bench.store.folder / name)
    row = bury(bench)
    assert (row.frame_idx, row.frame_picture) == (7, None)


def test_record_that_cannot_be_unpacked_is_kept_too(bench: Bench) -> None:
    dead = replace(task("VEHICLE_DETECT", "7", SampledFrame(7, 0.7)), payload=b"\x80no pickle")
    carry(bench, dead, reason="")
    row = bury(bench)
    assert (row.frame_idx, row.error) == (None, "no reason is known")


def test_dead_letters_can_be_listed_and_cleared(bench: Bench, dsn: str) -> None:
    carry(bench, task("VEHICLE_DETECT", "7", SampledFrame(7, 0.7)))
    row = bury(bench)
    assert Delivery(bench.job.work_dir / "outbox.sqlite3", dsn).deliver_all(10.0) == 0
    other = replace(row, video_id="other", task_id="other:OCR:1", frame_picture="dead_letters/p.png")
    with ResultWriter(dsn) as writer, connect(dsn) as connection:
        writer.write(dead_letters=[other])
        assert list_dead_letters(connection, "run") == [other, row]
        assert count_dead_letters(connection, "run") == 2
        assert list_dead_letters(connection, "another run") == []
        assert writer.clear_dead_letters("run", ["other"]) == ["dead_letters/p.png"]
        assert list_dead_letters(connection, "run") == [row]
