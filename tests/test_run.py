"""`dashcam run` over a small folder, good and bad files together, read back as a user would."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import psycopg
import pytest

from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import EXIT_SOME_FAILED
from run_command import TIMEOUT_S, clip, dashcam, processes_of, start_dashcam

GOOD = "uk_mercedes_LS15EBC_720p.mp4"
PLATE = "LS15EBC"


@dataclass(frozen=True)
class Finished:
    work_dir: Path
    videos: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """One run over a good video, its copy, a cut-off one, a text file, an empty and a hidden file."""
    good = clip(GOOD)
    videos = tmp_path_factory.mktemp("videos")
    shutil.copy(good, videos / "a_good.mp4")
    shutil.copy(good, videos / "b_copy.mp4")
    (videos / "c_text.mp4").write_text("this is no video\n" * 50)
    (videos / "d_cut.mp4").write_bytes(good.read_bytes()[:5000])
    (videos / "e_empty.mp4").touch()
    (videos / ".f_hidden.mp4").write_bytes(b"x")
    work_dir = Path(
        tempfile.mkdtemp(prefix="dashcam")
    )  # not below pytest's, which the server's user can't enter
    yield Finished(work_dir, videos, dashcam("run", videos, "--work-dir", work_dir))
    shutil.rmtree(work_dir)


def export(run: Finished) -> list[dict[str, str]]:
    done = dashcam("export", "--work-dir", run.work_dir)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.mark.slow
def test_one_vehicle_becomes_one_row_with_its_plate(finished: Finished) -> None:
    claimed = [row for row in export(finished) if row["plate"]]
    assert [(row["plate"], row["video"]) for row in claimed] == [(PLATE, "a_good.mp4")]
    (row,) = claimed
    assert float(row["confidence"]) >= 0.9
    assert int(row["agreeing_reads"]) >= Settings().looks.enough_reads
    assert 0.0 <= float(row["first_s"]) < float(row["last_s"]) < 5.0


@pytest.mark.slow
def test_evidence_pictures_show_the_vehicle_and_the_plate(finished: Finished) -> None:
    (row,) = [row for row in export(finished) if row["plate"]]
    vehicle, plate = cv2.imread(row["evidence"]), cv2.imread(row["plate_evidence"])
    assert vehicle is not None
    assert plate is not None
    assert vehicle.shape[1] > 200
    assert plate.shape[1] > plate.shape[0] > 10


@pytest.mark.slow
def test_every_sighting_without_a_plate_has_a_reason(finished: Finished) -> None:
    rows = export(finished)
    assert all(bool(row["plate"]) != bool(row["reason"]) for row in rows)


@pytest.mark.slow
def test_broken_files_are_reported_and_harm_nothing(finished: Finished) -> None:
    assert finished.done.returncode == EXIT_SOME_FAILED, finished.done.stderr
    shown = dashcam("runs", "show", "--work-dir", finished.work_dir).stdout
    state = {line.split()[0]: line.split()[1] for line in shown.splitlines() if ".mp4" in line}
    assert state == {
        "a_good.mp4": "done",
        "b_copy.mp4": "skipped",
        "c_text.mp4": "failed",
        "d_cut.mp4": "failed",
        "e_empty.mp4": "skipped",
        ".f_hidden.mp4": "skipped",
    }
    for name in ("b_copy.mp4", "e_empty.mp4", ".f_hidden.mp4"):
        assert f"{name}: " in finished.done.stderr


@pytest.mark.slow
def test_nothing_is_left_behind(finished: Finished) -> None:
    assert list((finished.work_dir / "frame_store").iterdir()) == []
    assert processes_of(finished.work_dir) == []


@pytest.mark.slow
def test_progress_is_a_plain_line_where_there_is_no_terminal(finished: Finished) -> None:
    lines = [line for line in finished.done.stderr.splitlines() if "frames/s" in line]
    assert lines
    assert "\x1b" not in finished.done.stderr + finished.done.stdout
    assert PLATE in finished.done.stdout


@pytest.mark.slow
def test_reading_a_video_anew_updates_its_rows(finished: Finished) -> None:
    before = export(finished)
    good = finished.videos / "a_good.mp4"
    again = dashcam("run", good, "--work-dir", finished.work_dir, "--no-hud", "--restart")
    assert again.returncode == 0, again.stderr
    after = export(finished)
    changing = {"run_id", "video_path"}

    def lasting(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{name: value for name, value in row.items() if name not in changing} for row in rows]

    assert lasting(after) == lasting(before)


@pytest.mark.slow
def test_a_users_own_server_gets_the_rows(dsn: str, tmp_path: Path) -> None:
    done = dashcam(
        "run", clip(GOOD), "--db", dsn, "--work-dir", tmp_path / "work", "--stride", "6", "--no-hud"
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT final_plate FROM vehicles WHERE final_plate IS NOT NULL"
        ).fetchall()
        status = connection.execute("SELECT status FROM runs").fetchall()
    assert found == [(PLATE,)]
    assert status == [("done",)]
    assert not (tmp_path / "work" / "postgres").exists()


@pytest.mark.slow
def test_a_run_goes_on_when_nobody_reads_its_progress(work_dir: Path) -> None:
    running = start_dashcam("run", clip(GOOD), "--work-dir", work_dir, "--stride", "9", "--no-hud")
    assert running.stderr is not None
    running.stderr.close()
    out = running.stdout.read() if running.stdout else ""
    assert running.wait(TIMEOUT_S) == 0
    assert PLATE in out


@pytest.mark.slow
def test_an_embedded_database_that_dies_is_started_again(work_dir: Path) -> None:
    running = start_dashcam("run", clip("drive_road.mp4"), "--work-dir", work_dir, "--no-hud")
    assert running.stderr is not None
    assert any("frames/s" in line and " 0.0 frames/s" not in line for line in running.stderr)
    os.kill(int((work_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    out, _ = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == 0
    assert "1 done" in out
    assert processes_of(work_dir) == []


@pytest.mark.slow
def test_cars_that_leave_the_picture_below_are_read_before_they_do() -> None:
    """At the toll gate the widest views of a car show its bonnet."""
    work_dir = Path(tempfile.mkdtemp(prefix="dashcam"))
    try:
        done = dashcam("run", clip("vn_tollgate_720p_20s.mp4"), "--work-dir", work_dir)
        assert done.returncode == 0, done.stderr
        rows = export(Finished(work_dir, work_dir, done))
    finally:
        shutil.rmtree(work_dir)
    assert sorted(row["plate"] for row in rows if row["plate"]) == ["34A23126", "34A36837", "89C20339"]
