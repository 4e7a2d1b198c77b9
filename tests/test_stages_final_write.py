"""FINAL_WRITE: rows are safe in the outbox when their task is done, whatever the database does."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from dashcam_pipeline.engine.board import SourceProgress
from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder, SavedCheckpoint
from dashcam_pipeline.engine.task import Checkpoint, LeaseLost
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.stages import final_write
from dashcam_pipeline.stages.context import CHECKPOINTS
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.outbox import Outbox
from stage_bench import VIDEO, Bench, task
from storage_rows import sighting, video
from writing_bench import NOBODY, push_rows, waiting_rows, writing


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.job = replace(bench.job, database_url=NOBODY)
    return bench


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
