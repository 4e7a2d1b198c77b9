"""A run that is killed in its middle, and what the same command makes of it, as a user sees it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_OK, EXIT_SOME_FAILED
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from run_command import TIMEOUT_S, clip, dashcam, processes_of, start_dashcam

SHORT, LONG = "uk_mercedes_LS15EBC_720p.mp4", "vn_tollgate_720p_20s.mp4"
BROKEN = "0_text.mp4"
TINY = (
    "de_dresden_Testvideo_Cars-Cyclist_FR20_2020-01-01_00-00-00.mp4",
    "de_dresden_Testvideo_Cars-Truck_FR20_2020-01-01_00-00-00.mp4",
)
OPTIONS = ("--stride", "6", "--readers", "1", "--no-hud")
CHANGING = {"run_id", "created_at", "updated_at", "video_path", "video_filename", "path", "filename"}

Rows = list[dict[str, object]]


@dataclass(frozen=True)
class Resumed:
    """A run that was killed and went on."""

    videos: Path
    work_dir: Path
    undisturbed: Path  # the work dir of another run over the same files, at the same time
    refused: subprocess.CompletedProcess[str]  # a second run in its work dir, while it lasted
    again: subprocess.CompletedProcess[str]  # the call that went on

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return dashcam("run", self.videos, "--work-dir", self.work_dir, *OPTIONS, *options)


@pytest.fixture(scope="module")
def resumed() -> Iterator[Resumed]:
    with tempfile.TemporaryDirectory(prefix="dashcam") as folder:  # not below pytest's, see `work_dir`
        root = Path(folder)
        root.chmod(0o755)
        videos, work_dir, undisturbed = root / "videos", root / "killed", root / "undisturbed"
        videos.mkdir()
        work_dir.mkdir()
        shutil.copy(clip(SHORT), videos / "a.mp4")
        shutil.copy(clip(LONG), videos / "b.mp4")
        (videos / BROKEN).write_text("this is no video\n" * 50)
        calm = start_dashcam("run", videos, "--work-dir", undisturbed, *OPTIONS)
        victim = start_dashcam("run", videos, "--work-dir", work_dir, *OPTIONS)
        wait_until_begun(victim, work_dir)
        refused = dashcam("run", videos, "--work-dir", work_dir, *OPTIONS)
        wait_until_half_done(victim, work_dir)
        victim.kill()
        victim.communicate(timeout=TIMEOUT_S)
        calm.communicate(timeout=TIMEOUT_S)
        assert calm.returncode == EXIT_SOME_FAILED
        (videos / "a.mp4").rename(videos / "z.mp4")
        yield Resumed(
            videos,
            work_dir,
            undisturbed,
            refused,
            dashcam("run", videos, "--work-dir", work_dir, *OPTIONS),
        )
        for path in root.rglob("postgres/PG_VERSION"):
            EmbeddedServer(path.parents[1]).stop_if_unused(force=True)


def wait_until_begun(victim: subprocess.Popen[str], work_dir: Path) -> None:
    while not (work_dir / "current_run.json").exists():
        assert victim.poll() is None
        time.sleep(0.05)


def wait_until_half_done(victim: subprocess.Popen[str], work_dir: Path) -> None:
    """The short video is done, and the long one has a checkpoint."""
    url = EmbeddedServer(work_dir).url
    checkpoints = work_dir / "checkpoints" / run_id(work_dir)
    while True:
        assert victim.poll() is None, "the run ended before it was half done"
        with psycopg.connect(url, row_factory=dict_row) as connection:
            rows = connection.execute("SELECT filename, status, video_id FROM videos").fetchall()
        short, long = ([row for row in rows if row["filename"] == name] for name in ("a.mp4", "b.mp4"))
        if (
            short
            and short[0]["status"] == "done"
            and (checkpoints / f"{long[0]['video_id']}.checkpoint").exists()
        ):
            return
        time.sleep(0.05)


def run_id(work_dir: Path) -> str:
    return str(json.loads((work_dir / "current_run.json").read_text())["run_id"])


def table(work_dir: Path, query: str) -> Rows:
    with (
        Database.open(None, work_dir) as database,
        psycopg.connect(database.url, row_factory=dict_row) as connection,
    ):
        return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


def lasting(rows: Rows) -> Rows:
    """The rows without what may differ between two runs."""
    return [{key: value for key, value in row.items() if key not in CHANGING} for row in rows]


@pytest.mark.slow
def test_killed_run_ends_with_the_rows_of_an_undisturbed_one(resumed: Resumed) -> None:
    assert resumed.again.returncode == EXIT_SOME_FAILED, resumed.again.stderr
    for query in (
        "SELECT * FROM vehicles ORDER BY video_id, track_id",
        "SELECT * FROM videos ORDER BY video_id",
    ):
        rows = lasting(table(resumed.work_dir, query))
        assert rows == lasting(table(resumed.undisturbed, query))
        assert rows


@pytest.mark.slow
def test_resumed_run_keeps_its_id_and_says_where_it_goes_on(resumed: Resumed) -> None:
    (run,) = table(resumed.work_dir, "SELECT run_id, status FROM runs")
    assert run["status"] == "partial"  # one file is no video
    (line,) = [line for line in resumed.again.stderr.splitlines() if line.startswith("continuing")]
    assert f"run {run['run_id']}: 2 of 3 videos are done, 1 goes on in the middle (b.mp4 at " in line
    log = (resumed.work_dir / "logs" / f"{run['run_id']}.log").read_text()
    assert log.count("READ: ") == 1  # the killed one came to no totals
    assert "READ: 1 tasks" in log  # the finished videos were not touched


@pytest.mark.slow
def test_renamed_video_is_not_read_again_and_its_rows_name_the_new_path(resumed: Resumed) -> None:
    (row,) = table(resumed.work_dir, "SELECT * FROM videos WHERE path LIKE '%z.mp4'")
    assert row["status"] == "done"
    names = table(resumed.work_dir, "SELECT DISTINCT video_filename AS name FROM vehicles ORDER BY 1")
    assert [row["name"] for row in names] == ["b.mp4", "z.mp4"]


@pytest.mark.slow
def test_second_run_in_the_same_work_dir_is_refused(resumed: Resumed) -> None:
    assert resumed.refused.returncode == EXIT_ENVIRONMENT
    assert "another run (process " in resumed.refused.stderr


@pytest.mark.slow
def test_nothing_is_left_of_the_killed_run(resumed: Resumed) -> None:
    assert not (resumed.work_dir / "current_run.json").exists()
    assert list((resumed.work_dir / "checkpoints").iterdir()) == []
    assert list((resumed.work_dir / "frame_store").iterdir()) == []
    assert processes_of(resumed.work_dir) == []


@pytest.mark.slow
def test_nothing_left_to_do_prints_what_was_found(resumed: Resumed) -> None:
    done = resumed.run()
    assert done.returncode == EXIT_SOME_FAILED, done.stderr
    assert "all 3 videos have been read already" in done.stdout
    assert "LS15EBC" in done.stdout
    assert "--retry-failed" in done.stdout
    assert "frames/s" not in done.stderr
    assert len(table(resumed.work_dir, "SELECT * FROM runs")) == 1


@pytest.mark.slow
def test_other_settings_are_named_and_nothing_is_read_until_the_user_decides(resumed: Resumed) -> None:
    asked = resumed.run("--stride", "9")
    assert asked.returncode == EXIT_BAD_INPUT
    assert asked.stderr.count("\n") == 1
    for part in ("sampling.stride: 6 → 9", "3 of 3 videos", "--resume", "--restart"):
        assert part in asked.stderr
    kept = resumed.run("--stride", "9", "--resume")
    assert "all 3 videos have been read already" in kept.stdout, kept.stderr
    both = resumed.run("--restart", "--resume")
    assert both.returncode == EXIT_BAD_INPUT


@pytest.mark.slow
def test_failed_video_is_read_again_when_asked(resumed: Resumed) -> None:
    done = resumed.run("--retry-failed")
    assert done.returncode == EXIT_SOME_FAILED, done.stderr
    states = "SELECT status, reason FROM videos WHERE run_id = (SELECT max(run_id) FROM runs) ORDER BY path"
    assert [row["status"] for row in table(resumed.work_dir, states)] == ["failed", "skipped", "skipped"]
    assert "1 failed" in done.stdout


@pytest.mark.slow
def test_retry_reads_again_under_the_same_run(resumed: Resumed) -> None:
    query = "SELECT run_id, updated_at FROM videos WHERE status = 'failed' ORDER BY run_id"
    before = table(resumed.undisturbed, query)
    shown = dashcam("runs", "show", "--work-dir", resumed.undisturbed).stdout
    assert f"`dashcam retry {before[0]['run_id']}` reads it again" in shown
    done = dashcam("retry", "--work-dir", resumed.undisturbed, "--no-hud")
    assert done.returncode == EXIT_SOME_FAILED, done.stderr
    after = table(resumed.undisturbed, query)
    assert [row["run_id"] for row in after] == [row["run_id"] for row in before]
    assert after != before
    assert len(table(resumed.undisturbed, "SELECT * FROM videos")) == 3


@pytest.mark.slow
def test_retry_names_files_that_are_gone(resumed: Resumed) -> None:
    (resumed.videos / BROKEN).unlink()
    done = dashcam("retry", "--work-dir", resumed.undisturbed)
    assert done.returncode == EXIT_SOME_FAILED
    assert done.stderr.splitlines() == [f"{resumed.videos / BROKEN}: is no longer there"]


@pytest.mark.slow
def test_file_that_grew_is_another_video_of_the_resumed_run(work_dir: Path) -> None:
    videos = work_dir / "videos"
    videos.mkdir()
    for name, source in zip(("a.mp4", "b.mp4"), TINY, strict=True):
        shutil.copy(clip(source), videos / name)
    options = ("--work-dir", work_dir, "--stride", "12", "--no-hud")
    victim = start_dashcam("run", videos, *options)
    assert victim.stderr is not None
    assert any("frames/s" in line for line in victim.stderr)  # it has begun
    victim.kill()
    victim.communicate(timeout=TIMEOUT_S)
    with (videos / "a.mp4").open("ab") as file:
        file.write(b"\0\0\0\x08free")
    done = dashcam("run", videos, *options)
    assert done.returncode == EXIT_OK, done.stderr
    assert "a.mp4 has changed: it is read as another video" in done.stderr
    query = "SELECT filename, status, reason FROM videos ORDER BY path, status"
    assert [tuple(row.values()) for row in table(work_dir, query)] == [
        ("a.mp4", "done", None),
        ("a.mp4", "stopped", "the file has changed"),
        ("b.mp4", "done", None),
    ]
    assert [row["status"] for row in table(work_dir, "SELECT status FROM runs")] == ["done"]
