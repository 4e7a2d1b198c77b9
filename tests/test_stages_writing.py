"""FINAL_WRITE and DEAD_LETTER: what they keep, when they wait, and what ends the waiting."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psycopg
import pytest

from dashcam_pipeline.config import Settings, StorageSettings
from dashcam_pipeline.engine.board import SourceProgress
from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder, SavedCheckpoint
from dashcam_pipeline.engine.task import Checkpoint, DeadLetter, LeaseLost, Task, pack
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.stages import final_write, waiting
from dashcam_pipeline.stages.context import CHECKPOINTS
from dashcam_pipeline.stages.dead_letter import KeepDeadLetter
from dashcam_pipeline.stages.final_write import FinalWrite
from dashcam_pipeline.stages.records import (
    EndOfVideo,
    LookDone,
    PlateToRead,
    RowToWrite,
    SampledFrame,
    SearchedFrame,
    VehiclePicture,
)
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.connection import connect
from dashcam_pipeline.storage.delivery import Delivery
from dashcam_pipeline.storage.outbox import Outbox
from dashcam_pipeline.storage.patience import MAY_PASS, patiently
from dashcam_pipeline.storage.reading import count_dead_letters, list_dead_letters
from dashcam_pipeline.storage.row_json import OutboxRow
from dashcam_pipeline.storage.rows import DeadLetterRow, SightingRow, VideoRow, VideoStatus
from dashcam_pipeline.storage.writer import ResultWriter
from dashcam_pipeline.vision.types import Box, Image
from dashcam_pipeline.vision.voting import LookResult
from engine_toys import Clock
from stage_bench import VIDEO, Bench, look, passed, picture, task
from storage_rows import DEAD_LETTER, sighting, video

NOBODY = "postgresql://127.0.0.1:1/x"
REASON = "Traceback (most recent call last):\n  File 'ocr.py', line 1\nValueError: no such colour\n"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.job = replace(bench.job, database_url=NOBODY)
    return bench


def waiting_rows(bench: Bench) -> list[OutboxRow]:
    with Outbox(bench.job.work_dir / "outbox.sqlite3") as outbox:
        return [entry.row for entry in outbox.peek(1000)]


@contextmanager
def writing(bench: Bench) -> Iterator[FinalWrite]:
    """FINAL_WRITE of a worker that leaves at the end."""
    stage = bench.build("FINAL_WRITE")
    assert isinstance(stage, FinalWrite)
    try:
        yield stage
    finally:
        stage.close()


def push_rows(bench: Bench, *rows: SightingRow | VideoRow) -> None:
    bench.open_video()
    bench.push(*(task("FINAL_WRITE", str(number), RowToWrite(row)) for number, row in enumerate(rows)))


# --- FINAL_WRITE -----------------------------------------------------------------------------------------


def test_tasks_are_done_while_the_database_is_away_and_the_rows_wait(bench: Bench) -> None:
    rows = [sighting(1), sighting(2), video(VideoStatus.RUNNING)]
    push_rows(bench, *rows)
    with writing(bench) as stage:
        bench.work("FINAL_WRITE", stage)
    assert bench.queue.backlog("FINAL_WRITE") == 0
    assert waiting_rows(bench) == rows
    assert bench.board.snapshot().highlights == ("LS15EBC  0.91  car  at 0.4 s",) * 2


def test_rows_come_to_the_database_by_themselves(bench: Bench, dsn: str) -> None:
    bench.job = replace(bench.job, database_url=dsn)
    shown, told = threading.Event(), bench.board.service

    def service(name: str, state: str) -> None:
        told(name, state)
        if state == "ok, 2 rows written":
            shown.set()

    bench.board.service = service  # type: ignore[method-assign]
    push_rows(bench, sighting(1), video(VideoStatus.DONE))
    with writing(bench) as stage:
        bench.work("FINAL_WRITE", stage)
        assert shown.wait(60)
    assert bench.board.snapshot().services["database"] == "ok, 2 rows written"
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT video_filename FROM vehicles").fetchall() == [("drive.mp4",)]


def test_row_that_is_written_again_after_a_failure_is_harmless(bench: Bench, dsn: str) -> None:
    push_rows(bench, sighting(1))
    with writing(bench) as stage:
        batch = bench.lease("FINAL_WRITE")
        assert batch
        stage.process(batch)
        stage.process(batch)
    path = bench.job.work_dir / "outbox.sqlite3"
    assert Delivery(path, dsn).deliver_all(10.0) == 0
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM vehicles").fetchone() == (1,)


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        (VideoStatus.RUNNING, True),
        (VideoStatus.STOPPED, True),
        (VideoStatus.DONE, False),
        (VideoStatus.PARTIAL, False),
        (VideoStatus.FAILED, False),
    ],
)
def test_checkpoint_is_kept_until_the_video_is_over(bench: Bench, status: VideoStatus, kept: bool) -> None:
    folder = CheckpointFolder(bench.job.work_dir / CHECKPOINTS, bench.job.run_id)
    for source_id in (VIDEO, "another"):
        checkpoint = Checkpoint(source_id=source_id, epoch=1, states=(), tallies={})
        folder.save(SavedCheckpoint(stamp="s", checkpoint=checkpoint, frames={}))
    push_rows(bench, video(status, video_id=VIDEO))
    with writing(bench) as stage:
        bench.work("FINAL_WRITE", stage)
    assert folder.source_ids() == (["another", VIDEO] if kept else ["another"])


def test_checkpoint_that_cannot_be_removed_costs_no_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: CheckpointFolder, source_id: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(CheckpointFolder, "remove", closed)
    done = video(VideoStatus.DONE)
    push_rows(bench, done)
    with writing(bench) as stage:
        bench.work("FINAL_WRITE", stage)
    assert waiting_rows(bench) == [done]


def test_outbox_damaged_in_mid_run_ends_the_run_and_its_checkpoints(bench: Bench) -> None:
    folder = CheckpointFolder(bench.job.work_dir / CHECKPOINTS, bench.job.run_id)
    checkpoint = Checkpoint(source_id=VIDEO, epoch=1, states=(), tallies={})
    folder.save(SavedCheckpoint(stamp="s", checkpoint=checkpoint, frames={}))
    (bench.job.work_dir / "outbox.sqlite3").write_bytes(b"junk" * 1000)
    with pytest.raises(DiskUnavailable, match=r"outbox\.damaged-1\.sqlite3.*run the same command again"):
        bench.build("FINAL_WRITE")
    assert folder.source_ids() == []


def test_checkpoints_of_a_video_that_wait_are_written_as_one_the_latest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[SavedCheckpoint] = []
    monkeypatch.setattr(CheckpointFolder, "save", lambda folder, one: saved.append(one))
    stage = bench.build("CHECKPOINT")
    bench.open_video()
    for epoch in range(1, 6):
        checkpoint = Checkpoint(source_id=VIDEO, epoch=epoch, states=(), tallies={})
        bench.push(task("CHECKPOINT", str(epoch), checkpoint, key=VIDEO, epoch=epoch))
    while bench.work("CHECKPOINT", stage):
        pass
    assert [one.checkpoint.epoch for one in saved] == [5]


def full_outbox(bench: Bench, monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    """An outbox that is as large as said, one look after the other."""
    monkeypatch.setattr(Outbox, "size_bytes", property(lambda self: sizes.pop(0)))
    monkeypatch.setattr(final_write, "ALIVE_EVERY_S", 0.001)


def test_outbox_past_its_limit_makes_the_stage_wait_with_signs_of_life(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs: list[tuple[str, ...]] = []
    alive = bench.queue.alive
    monkeypatch.setattr(
        bench.queue, "alive", lambda owner, ids: (signs.append(tuple(ids)), alive(owner, ids))
    )
    big = bench.job.settings.storage.outbox_mb * 10**6
    push_rows(bench, sighting(1))
    with writing(bench) as stage:
        full_outbox(bench, monkeypatch, [big + 1, big + 1, big + 1, big])
        bench.work("FINAL_WRITE", stage)
        monkeypatch.undo()
    assert signs == [(f"{VIDEO}:FINAL_WRITE:0",)] * 3
    assert waiting_rows(bench) == [sighting(1)]
    assert bench.board.snapshot().services["outbox"] == "ok"


def test_end_of_the_run_ends_the_waiting_for_the_outbox(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_rows(bench, sighting(1))
    with writing(bench) as stage:
        full_outbox(bench, monkeypatch, [10**12] * 5)
        bench.tools.shared.terminate.set()
        with pytest.raises(LeaseLost, match="the run ends"):
            bench.work("FINAL_WRITE", stage)
        monkeypatch.undo()
    assert waiting_rows(bench) == []


def test_task_taken_away_ends_the_waiting_for_the_outbox(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_rows(bench, sighting(1))
    with writing(bench) as stage:
        full_outbox(bench, monkeypatch, [10**12] * 5)
        batch = bench.lease("FINAL_WRITE")
        assert batch
        bench.queue.requeue_owner("w", "it was silent")
        with pytest.raises(LeaseLost):
            stage.process(batch)
        monkeypatch.undo()


def test_videos_leave_the_board_when_they_are_over(bench: Bench) -> None:
    rows = [video(VideoStatus.DONE, video_id="over"), video(VideoStatus.RUNNING, video_id="under way")]
    push_rows(bench, *rows)
    for row in rows:
        bench.board.source(
            SourceProgress(source_id=row.video_id, name="v.mp4", position_s=1.0, duration_s=2.0, frames_in=3)
        )
    with writing(bench) as stage:
        bench.work("FINAL_WRITE", stage)
    assert list(bench.board.snapshot().sources) == ["under way"]


# --- DEAD_LETTER -----------------------------------------------------------------------------------------

RESULT = LookResult(track_id=1, frame_idx=30, ts_s=1.2, vehicle_box=Box(0, 0, 9, 9), searched=True)


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
        ("PLATE_DETECT", look(12), (12, 1.2)),
        ("OCR", PlateToRead(RESULT, VehiclePicture("x", 0, 0)), (30, 1.2)),
        ("PLATE_SMOOTH", LookDone(RESULT, None), (30, 1.2)),
        ("PLATE_SMOOTH", passed(3), (0, 0.0)),
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


# --- a disk that refuses ---------------------------------------------------------------------------------


class Refusing:
    """A write that the disk refuses some times."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left = times
        self.error = error

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise self.error
        return "written"


def disk_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", sorted(MAY_PASS))
def test_write_is_tried_until_the_disk_takes_it(number: int) -> None:
    clock, pauses = Clock(), []

    def pause(seconds: float, why: str) -> None:
        assert os.strerror(number) in why
        pauses.append(seconds)
        clock.turn(seconds)

    written = patiently(Refusing(9, disk_error(number)), patience_s=60.0, pause=pause, clock=clock)
    assert written == "written"
    assert pauses == sorted(pauses)
    assert len(pauses) == 9


def test_disk_that_stays_full_ends_the_run_with_a_way_to_go_on() -> None:
    clock = Clock()
    with pytest.raises(
        DiskUnavailable, match=r"No space left.*tried for 60 s.*same command continues the run"
    ):
        patiently(
            Refusing(10**9, disk_error(28)),
            patience_s=60.0,
            pause=lambda seconds, why: clock.turn(seconds),
            clock=clock,
        )
    assert clock.now_s == pytest.approx(160.0)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file"),
        NotADirectoryError(20, "Not a directory"),
        BrokenPipeError(32, "pipe"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_waiting_cannot_mend_is_said_at_once(error: OSError) -> None:
    def never(seconds: float, why: str) -> None:
        pytest.fail("it waits")

    with pytest.raises(type(error)):
        patiently(Refusing(1, error), patience_s=60.0, pause=never)


def test_stage_that_waits_for_the_disk_shows_it_and_signs_of_life(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_rows(bench, sighting(1))
    batch = bench.lease("FINAL_WRITE")
    assert batch
    shown: list[str] = []
    alive: list[object] = []
    monkeypatch.setattr(bench.board, "service", lambda name, state: shown.append(f"{name} {state}"))
    monkeypatch.setattr(bench.queue, "alive", lambda owner, ids: alive.append((owner, ids)))
    monkeypatch.setattr(waiting, "ALIVE_EVERY_S", 0.06)
    written = when_disk_allows(
        bench.context("FINAL_WRITE"), batch.task_ids, Refusing(2, DiskUnavailable("the disk is full"))
    )
    assert written == "written"
    assert shown == ["disk waiting: the disk is full"] * 2 + ["disk ok"]
    assert alive == [("w", batch.task_ids)] * 6  # 0.1 s in 2 parts and 0.2 s in 4


def test_end_of_the_run_ends_the_waiting_for_the_disk(bench: Bench) -> None:
    bench.tools.shared.terminate.set()
    with pytest.raises(LeaseLost, match="the run ends"):
        when_disk_allows(bench.context("FINAL_WRITE"), ("a",), Refusing(10**9, disk_error(28)))


def test_worker_that_starts_waits_for_the_disk_with_no_task_in_hand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "ALIVE_EVERY_S", 0.06)
    assert when_disk_allows(bench.context("FINAL_WRITE"), (), Refusing(2, disk_error(28))) == "written"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("stage", ["FINAL_WRITE", "DEAD_LETTER", "PLATE_SMOOTH"])
def test_real_full_disk_that_gets_room_again_costs_nothing(
    tmp_path: Path, small_disk: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    bench.job = replace(bench.job, work_dir=small_disk, database_url=NOBODY)
    processor: Any = bench.build(stage)
    frames = {"f.jpg": picture(height=300, width=300)}
    seen = LookDone(RESULT, VehiclePicture("f.jpg", 0, 0))
    letter = DeadLetter(task("OCR", "7", SampledFrame(7, 0.7)), REASON)
    tasks = {
        "FINAL_WRITE": [task(stage, str(number), RowToWrite(sighting(number))) for number in range(64)],
        "DEAD_LETTER": [task(stage, "7", letter, payload_ref="f.jpg", dependencies=("f.jpg",))],
        "PLATE_SMOOTH": [
            task(stage, "p", passed(1), key="1"),
            task(stage, "l", seen, key="1", dependencies=("f.jpg",)),
        ],
    }[stage]
    bench.bring_in(frames, *tasks)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    shown: list[str] = []

    def service(name: str, state: str) -> None:
        shown.append(f"{name} {state}")
        if name == "disk" and len([line for line in shown if line.startswith("disk")]) == 2:
            ballast.unlink()

    monkeypatch.setattr(bench.board, "service", service)
    assert bench.work(stage, processor) is not None
    disk = [line for line in shown if line.startswith("disk")]
    assert len(disk) == 3
    assert "full" in disk[0] or "No space left" in disk[0]
    assert disk[-1] == "disk ok"
    if stage != "PLATE_SMOOTH":
        processor.close()
        assert len(waiting_rows(bench)) == len(tasks)
    if stage != "FINAL_WRITE":
        assert len([path for path in small_disk.rglob("*") if path.suffix in (".jpg", ".png")]) == 1
    assert not [path for path in small_disk.rglob(".*")]


def test_disk_that_stays_full_ends_the_run(tmp_path: Path, small_disk: Path) -> None:
    bench = Bench(tmp_path, Settings(storage=StorageSettings(disk_patience_s=0.3)))
    bench.job = replace(bench.job, work_dir=small_disk, database_url=NOBODY)
    with writing(bench) as stage:
        (small_disk / "ballast").write_bytes(b"x" * (900 << 10))
        push_rows(bench, *(sighting(number, best_read="x" * 2000) for number in range(64)))
        batch = bench.lease("FINAL_WRITE")
        assert batch
        with pytest.raises(DiskUnavailable, match="same command continues the run"):
            stage.process(batch)
        (small_disk / "ballast").unlink()
        bench.queue.give_back("w", batch.task_ids)
        bench.work("FINAL_WRITE", stage)
    assert len(waiting_rows(bench)) == 64
