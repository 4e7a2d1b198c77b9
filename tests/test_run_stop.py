"""Ctrl+C during a run: once drains, twice leaves at once; rows are kept and nothing stays behind."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dashcam_pipeline.errors import EXIT_STOPPED
from run_command import COMMAND, TIMEOUT_S, clip, dashcam, processes_of, start_dashcam


def begin(work_dir: Path) -> subprocess.Popen[str]:
    """A run that is well under way: frames have been worked off."""
    running = start_dashcam(
        "run", clip("drive_mixed.mp4"), clip("drive_road.mp4"), "--work-dir", work_dir, "--log-json"
    )
    wait_for(running, lambda line: "frames/s" in line and " 0.0 frames/s" not in line)
    return running


def wait_for(running: subprocess.Popen[str], told: Callable[[str], bool]) -> None:
    """Read what the run says until it has told something."""
    assert running.stderr is not None
    if not any(told(line) for line in running.stderr):
        pytest.fail("the run ended before it came that far")


def finish(running: subprocess.Popen[str]) -> str:
    out, _ = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == EXIT_STOPPED
    return out


@pytest.mark.slow
def test_ctrl_c_finishes_what_is_under_way_and_keeps_its_rows(work_dir: Path) -> None:
    running = begin(work_dir)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out = finish(running)
    assert "what was under way was finished" in out
    assert list((work_dir / "frame_store").iterdir()) == []
    assert processes_of(work_dir) == []
    shown = dashcam("runs", "show", "--work-dir", work_dir).stdout
    assert "stopped by the user after" in shown
    rows = dashcam("export", "--work-dir", work_dir).stdout.splitlines()
    assert len(rows) > 1


@pytest.mark.slow
def test_second_ctrl_c_leaves_at_once(work_dir: Path) -> None:
    running = begin(work_dir)
    os.killpg(running.pid, signal.SIGINT)
    wait_for(running, lambda line: "stopping" in line)
    os.killpg(running.pid, signal.SIGINT)
    assert "stopped at once" in finish(running)
    assert list((work_dir / "frame_store").iterdir()) == []
    assert processes_of(work_dir) == []
    assert "stopped" in dashcam("runs", "--work-dir", work_dir).stdout


@pytest.mark.slow
def test_killed_supervisor_leaves_no_worker_and_the_next_run_cleans_up(work_dir: Path) -> None:
    running = begin(work_dir)
    running.kill()
    running.communicate(timeout=TIMEOUT_S)
    again = dashcam("run", clip("uk_mercedes_LS15EBC_720p.mp4"), "--work-dir", work_dir, "--stride", "9")
    assert again.returncode == 0, again.stderr
    assert list((work_dir / "frame_store").iterdir()) == []
    assert processes_of(work_dir) == []


@pytest.mark.slow
def test_sigterm_before_the_first_video_leaves_no_database_behind(work_dir: Path) -> None:
    running = start_dashcam("run", clip("drive_mixed.mp4"), "--work-dir", work_dir, "--no-hud")
    while not (work_dir / "postgres" / "postmaster.pid").exists():
        assert running.poll() is None
    running.terminate()
    running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == EXIT_STOPPED
    assert processes_of(work_dir) == []


def rows_of(work_dir: Path) -> list[str]:
    """What a run has found, less the names of the run and of its folder."""
    found = csv.DictReader(io.StringIO(dashcam("export", "--work-dir", work_dir).stdout))
    own = {"run_id", "evidence", "plate_evidence", "frame_evidence", "strip_evidence"}
    return sorted(str({name: value for name, value in row.items() if name not in own}) for row in found)


@pytest.mark.slow
def test_ctrl_z_and_fg_change_nothing(work_dir: Path, tmp_path: Path) -> None:
    short = [str(clip("uk_mercedes_LS15EBC_720p.mp4")), "--log-json", "--work-dir"]
    running = subprocess.Popen(
        [*COMMAND, "run", *short, str(work_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,  # a job of this session, as a shell makes it: others can't be stopped by the terminal
    )
    wait_for(running, lambda line: "frames/s" in line)
    os.killpg(running.pid, signal.SIGTSTP)
    while not all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in group_of(running.pid)):
        assert running.poll() is None
    os.killpg(running.pid, signal.SIGCONT)
    _, log = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == 0
    assert "died" not in log
    undisturbed = tmp_path / "undisturbed"
    assert dashcam("run", *short, undisturbed).returncode == 0
    assert rows_of(work_dir) == rows_of(undisturbed) != []
    assert processes_of(tmp_path) == []


def group_of(leader: int) -> list[int]:
    """The processes of a job."""
    found = []
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getpgid(pid) == leader:
                found.append(pid)
    return found


def test_ctrl_c_while_modules_are_loaded_ends_the_command_without_a_word() -> None:
    interrupting = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "psycopg":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["dashcam", "run", "no-such-video.mp4"]
from dashcam_pipeline.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", interrupting], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_STOPPED, "", "")
