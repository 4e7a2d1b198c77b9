"""`dashcam run --timings`: where the time of a run went."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from dashcam_pipeline.batch.timings import changed_settings, command_began_s
from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.cpu_book import CpuBook
from dashcam_pipeline.engine.pace import Pace
from dashcam_pipeline.engine.task import Outcome
from dashcam_pipeline.errors import EXIT_BAD_INPUT
from engine_toys import World, task
from run_command import clip, dashcam

KEYS = [
    "version",
    "host",
    "settings",
    "wall_s",
    "first_read_s",
    "first_frame_s",
    "working_s",
    "videos",
    "frames",
    "frames_looked_at",
    "video_s",
    "stages",
    "inferences",
    "cpu_s",
    "queue",
    "peak_memory_mb",
    "peak_frame_store_mb",
]


@pytest.mark.slow
def test_timings_agree_with_the_run_and_with_each_other(work_dir: Path, tmp_path: Path) -> None:
    video, written = clip("uk_mercedes_LS15EBC_720p.mp4"), tmp_path / "timings.json"
    arguments = ("run", video, "--work-dir", work_dir, "--no-hud", "--timings", written)
    done = dashcam(*arguments, "--gpu-workers", "2")
    assert done.returncode == 0, done.stderr
    said = json.loads(written.read_text())
    assert list(said) == KEYS
    assert said["settings"] == {"run.gpu_workers": 2}
    assert (said["videos"], said["frames"]) == (1, 140)
    assert said["video_s"] == pytest.approx(4.67, abs=0.02)

    tasks = {name: stage["tasks"] for name, stage in said["stages"].items()}
    assert tasks["READ"] == tasks["SUMMARY"] == 1
    assert said["frames_looked_at"] == tasks["VEHICLE_DETECT"] == said["inferences"]["vehicle"] > 40
    searches = said["inferences"]["plate"] + said["inferences"]["plate_in_full"]
    assert searches == tasks["PLATE_DETECT"] > 0
    assert said["inferences"]["text"] == 2 * tasks["OCR"] > 0  # by two readers
    for stage in said["stages"].values():
        assert stage["batches"] <= stage["tasks"]
        assert (stage["worker_s"] > 0) == (stage["tasks"] > 0) or stage["worker_s"] < 0.001

    assert {"supervisor", "manager", "reader", "writer"} < set(said["cpu_s"])
    assert len(said["cpu_s"]) >= 4 + 2  # the model workers, under whatever name
    assert all(seconds > 0 for seconds in said["cpu_s"].values())
    assert 0 < said["first_read_s"] < said["first_frame_s"] < said["wall_s"]
    assert 0 < said["working_s"] < said["wall_s"]
    assert said["queue"]["peak_backlog"] > 0
    assert said["peak_frame_store_mb"] > 1

    again = dashcam(*arguments)
    assert again.returncode == 0, again.stderr
    nothing = json.loads(written.read_text())
    assert list(nothing) == KEYS
    assert (nothing["videos"], nothing["frames"], nothing["stages"]) == (0, 0, {})


@pytest.mark.parametrize(("path", "said"), [("no/such/x.json", "there is no folder"), (".", "is a folder")])
def test_a_file_that_can_not_be_written_is_said_before_the_run(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "video.mp4").write_bytes(b"not looked at")
    done = dashcam(
        "run", tmp_path / "video.mp4", "--work-dir", tmp_path / "work", "--timings", tmp_path / path
    )
    assert done.returncode == EXIT_BAD_INPUT
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("dashcam: --timings ")
    assert said in line
    assert not (tmp_path / "work").exists()


def test_passwords_are_no_settings_to_show() -> None:
    secret = Settings.model_validate({"storage": {"dsn": "postgresql://me:secret@server/x"}})
    settings = secret.model_copy(update={"sampling": secret.sampling.model_copy(update={"stride": 3})})
    assert changed_settings(settings) == {"sampling.stride": 3}


def test_the_command_began_before_now() -> None:
    assert 0 < command_began_s() < time.monotonic()


def test_batches_and_moments_are_counted_by_category() -> None:
    world = World()
    world.push(task("a"), task("b"), task("c"))
    ids = world.lease_ids("SEARCH", 2)
    world.clock.turn(5)
    world.queue.complete("w", ids, Outcome(), 0.25)
    ids = world.lease_ids("SEARCH")
    world.clock.turn(2)
    world.queue.complete("w", ids, Outcome(), 0.5)
    assert world.load("SEARCH").pace == Pace(batches=2, busy_s=0.75, first_s=105.0, last_s=107.0)
    assert world.load("ORDER").pace == Pace()


def test_a_snapshot_keeps_its_pace() -> None:
    world = World()
    world.push(task("a"))
    before = replace(world.load("SEARCH"))
    world.queue.complete("w", world.lease_ids("SEARCH"), Outcome(), 1.0)
    assert before.pace == Pace()


def work_hard(seconds: float) -> None:
    """Burn CPU time in a process of its own."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_cpu_time_is_read_to_the_very_end_of_a_process() -> None:
    book = CpuBook()
    for _ in range(2):  # the second takes the first one's place
        process = get_context("spawn").Process(target=work_hard, args=(0.3,))
        process.start()
        book.last_look("worker", process, 30.0)
        process.join()
    assert book.seconds["worker"] >= 0.6


def test_a_process_that_is_gone_keeps_its_last_time() -> None:
    book = CpuBook()
    process = get_context("spawn").Process(target=work_hard, args=(0.0,))
    process.start()
    book.look("worker", process.pid)
    seen = book.seconds["worker"]
    process.join()
    book.look("worker", process.pid)
    assert book.seconds["worker"] == seen
