"""A disk that refuses is waited for, with signs of life, and then ends the run in order."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.config import Settings, StorageSettings
from dashcam_pipeline.engine.task import DeadLetter, LeaseLost
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.stages import waiting
from dashcam_pipeline.stages.records import (
    RowToWrite,
    SampledFrame,
    VehiclePicture,
)
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.writing.patience import MAY_PASS, patiently
from engine_toys import Clock
from stage_bench import Bench, look, passed, picture, task
from storage_rows import sighting
from writing_bench import NOBODY, REASON, push_rows, waiting_rows, writing


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.job = replace(bench.job, database_url=NOBODY)
    return bench


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
    small = replace(passed(look(search=False)), pictures=(VehiclePicture("f.jpg", 0, 0),))
    letter = DeadLetter(task("OCR", "7", SampledFrame(7, 0.7)), REASON)
    tasks = {
        "FINAL_WRITE": [task(stage, str(number), RowToWrite(sighting(number))) for number in range(64)],
        "DEAD_LETTER": [task(stage, "7", letter, payload_ref="f.jpg", dependencies=("f.jpg",))],
        "PLATE_SMOOTH": [task(stage, "p", small, key="1", dependencies=("f.jpg",))],
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
