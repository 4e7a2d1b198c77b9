"""`dashcam runs`, `dashcam export` and `dashcam db`, as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from dashcam_pipeline.cli import main
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_OK
from dashcam_pipeline.storage.last_used import remember
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.rows import DeadLetterRow, RunStatus, VideoStatus
from dashcam_pipeline.storage.writing.outbox import FILE_NAME as OUTBOX
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, SIGHTING, UNREAD, VIDEO

Dashcam = Callable[..., int]
TEST_DATA = Path(os.environ.get("DASHCAM_TEST_DATA", Path(__file__).parents[2] / "shared"))


@pytest.fixture
def dashcam(monkeypatch: pytest.MonkeyPatch) -> Dashcam:
    """The command, in this process; gives its exit code."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["dashcam", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


@pytest.fixture
def results(dsn: str) -> str:
    """A database with two runs; the second read the first one's second video again."""
    second_video = replace(VIDEO, video_id="fedcba", path="/videos/=x.mp4", filename="=x.mp4")
    second_run = replace(RUN, run_id="run-2", started_at=RUN.started_at + timedelta(hours=1), work_dir=None)
    done = {"status": VideoStatus.DONE, "vehicles": 2, "plates": 1, "reasons": {"low_confidence": 1}}
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write(
            [SIGHTING, replace(UNREAD, track_id=2), replace(SIGHTING, video_id="fedcba", final_plate="OLD1")],
            [
                replace(VIDEO, **done),
                replace(second_video, status=VideoStatus.PARTIAL, reason="cut off at 2.1 s"),
            ],
        )
        writer.finish_run(
            replace(RUN, status=RunStatus.PARTIAL, finished_at=RUN.started_at + timedelta(minutes=2))
        )
        writer.start_run(second_run)
        writer.write(
            [replace(SIGHTING, run_id="run-2", video_id="fedcba", final_plate="NEW1")],
            [replace(second_video, run_id="run-2", status=VideoStatus.DONE)],
        )
    return dsn


def test_runs_are_listed_latest_first(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "--db", results) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["run-2", "running"]
    assert lines[2].split()[:2] == ["run-1", "partial"]
    assert lines[2].split()[4:] == ["0:02:00", "2", "1", "200", "2", "1"]


def test_shown_run_has_its_videos_with_state_counts_reason_and_plates(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "show", "run-1", "--db", results) == EXIT_OK
    output = capsys.readouterr()
    line = next(line for line in output.out.splitlines() if "drive.mp4" in line)
    assert line.split() == ["drive.mp4", "done", "100", "2", "1", "LS15EBC", "low_confidence", "1"]
    assert "cut off at 2.1 s" in output.out
    assert "/data/work/evidence" in output.out
    assert "OLD1" not in output.out
    assert "1 of the videos of run run-1 were read by another run too" in output.err


def test_shown_run_counts_why_vehicles_have_no_plate(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(
        VIDEO, video_id="fedcba", path="/videos/=x.mp4", filename="=x.mp4", status=VideoStatus.DONE
    )
    with ResultWriter(results) as writer:
        writer.write(videos=[replace(other, reasons={"too_small": 3, "low_confidence": 1, "error": 0})])
    assert dashcam("runs", "show", "run-1", "--db", results) == EXIT_OK
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    start = lines.index("without a plate vehicles because")
    assert lines[start + 1 : start + 3] == [
        "too_small 3 no view of the vehicle was wide enough to search for a plate",
        "low_confidence 2 a text was read, but not surely enough to be claimed",
    ]
    assert "error 0" not in " ".join(lines)


def test_run_whose_vehicles_all_have_plates_shows_no_reasons(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "show", "run-2", "--db", results) == EXIT_OK
    assert "because" not in capsys.readouterr().out


def test_latest_run_is_shown_unless_another_is_named(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "show", "--db", results) == EXIT_OK
    assert "run run-2: running" in capsys.readouterr().out


def test_export_gives_the_rows_of_one_run_in_order(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("export", "--run", "run-1", "--db", results) == EXIT_OK
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["plate"], row["best_guess"], row["track_id"]) for row in rows] == [
        ("LS15EBC", "", "1"),
        ("", "LS15E8C", "2"),
    ]
    assert rows[0]["evidence"] == "/data/work/evidence/ab/abcdef/1_vehicle.jpg"


def test_export_holds_the_sightings_of_videos_that_an_earlier_run_had_read(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when files are added to a folder: the table of the folder is whole."""
    third = replace(
        RUN, run_id="run-3", started_at=RUN.started_at + timedelta(hours=2), work_dir="/data/other"
    )
    with ResultWriter(results) as writer:
        writer.start_run(third)
        writer.write(
            [replace(SIGHTING, run_id="run-3", video_id="aaaaaa", final_plate="ADDED1")],
            [
                replace(
                    VIDEO, run_id="run-3", status=VideoStatus.SKIPPED, reason="read by run run-1 already"
                ),
                replace(
                    VIDEO, run_id="run-3", video_id="aaaaaa", path="/videos/a.mp4", status=VideoStatus.DONE
                ),
            ],
        )
    assert dashcam("export", "--db", results) == EXIT_OK
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {(row["plate"], row["run_id"]) for row in rows} == {
        ("ADDED1", "run-3"),
        ("LS15EBC", "run-1"),
        ("", "run-1"),
    }
    (earlier,) = [row for row in rows if row["plate"] == "LS15EBC"]
    assert earlier["evidence"].startswith("/data/work/")


def test_export_of_one_video(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    for name in ("=x.mp4", "/videos/=x.mp4", "fedcba"):
        assert dashcam("export", "--video", name, "-o", out, "--db", results) == EXIT_OK
        assert [row["plate"] for row in json.loads(out.read_text())] == ["NEW1"]
    assert dashcam("export", "--video", "other.mp4", "--db", results) == EXIT_BAD_INPUT
    assert "has no video 'other.mp4': it has =x.mp4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("run", "said"), [("run-9", "no run is called 'run-9'"), ("run-", "2 runs begin with 'run-'")]
)
def test_run_that_is_not_there_is_bad_input(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str], run: str, said: str
) -> None:
    assert dashcam("export", "--run", run, "--db", results) == EXIT_BAD_INPUT
    assert said in capsys.readouterr().err


def test_many_rows_come_out_complete_and_in_order(
    dashcam: Dashcam, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([replace(SIGHTING, track_id=n, first_frame=n, last_frame=n) for n in range(2500, 0, -1)])
    assert dashcam("export", "--db", dsn) == EXIT_OK
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [int(row["track_id"]) for row in rows] == list(range(1, 2501))


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_scorer_takes_the_export_as_it_is(dashcam: Dashcam, dsn: str, tmp_path: Path, suffix: str) -> None:
    tool, truth_file = TEST_DATA / "tools" / "score_drive.py", TEST_DATA / "videos" / "drive_mixed.json"
    if not tool.exists() or not truth_file.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no test data in {TEST_DATA}")
        pytest.skip(f"no test data in {TEST_DATA}: name it in DASHCAM_TEST_DATA")
    truth = json.loads(truth_file.read_text())["sightings"]
    sightings = [
        replace(SIGHTING, track_id=n, final_plate=s["plate"], first_frame=s["first"], last_frame=s["last"])
        for n, s in enumerate(truth, start=1)
    ]
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([*sightings, replace(UNREAD, track_id=len(truth) + 1)], [VIDEO])
    out = tmp_path / f"rows.{suffix}"
    assert dashcam("export", "-o", out, "--db", dsn) == EXIT_OK
    scored = subprocess.run(
        [sys.executable, tool, truth_file, out], capture_output=True, text=True, check=True
    )
    assert json.loads(scored.stdout)["f1"] == 1.0


def test_reading_commands_find_the_last_run_by_themselves(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(tmp_path, results)
    assert dashcam("runs") == EXIT_OK
    assert "run-2" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["runs"], ["runs", "show"], ["export"], ["db", "url"], ["db", "psql"]])
def test_no_results_yet_is_one_line(
    dashcam: Dashcam, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert dashcam(*command, "--work-dir", tmp_path / "none") == EXIT_ENVIRONMENT
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "no run has used this work dir" in output.err


def test_runs_are_read_by_programs(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "--json", "--db", results) == EXIT_OK
    latest, first = json.loads(capsys.readouterr().out)
    assert (latest["run_id"], latest["finished_at"]) == ("run-2", None)
    assert first["finished_at"] == "2026-01-02T03:06:05+00:00"
    assert dashcam("runs", "show", "run-1", "--json", "--db", results) == EXIT_OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["run"] == first
    assert [(video["filename"], video["reason"]) for video in shown["videos"]] == [
        ("=x.mp4", "cut off at 2.1 s"),
        ("drive.mp4", None),
    ]
    assert shown["dead_letters"] == []


def test_database_without_runs_says_so(
    dashcam: Dashcam, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "--db", dsn) == EXIT_OK
    assert "no run has been recorded yet" in capsys.readouterr().out
    assert dashcam("export", "--db", dsn) == EXIT_BAD_INPUT


def test_db_init_makes_the_tables_that_export_wants(
    dashcam: Dashcam, empty_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("runs", "--db", empty_dsn) == EXIT_ENVIRONMENT
    assert "dashcam db init" in capsys.readouterr().err
    assert dashcam("db", "init", "--db", empty_dsn) == EXIT_OK
    assert dashcam("runs", "--db", empty_dsn) == EXIT_OK


def test_db_psql_hands_on_its_arguments_and_its_exit_code(
    dashcam: Dashcam, results: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("db", "psql", "--db", results, "-At", "-c", "select count(*) from vehicles") == EXIT_OK
    assert capfd.readouterr().out == "3\n"
    assert dashcam("db", "psql", "--db", results, "-v", "ON_ERROR_STOP=1", "-c", "select nonsense") == 1


def test_db_url_leaves_the_embedded_server_running_until_db_stop(
    dashcam: Dashcam, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("db", "init", "--work-dir", work_dir) == EXIT_OK
    server = EmbeddedServer(work_dir)
    assert server.pid is None
    capsys.readouterr()
    assert dashcam("db", "url", "--work-dir", work_dir) == EXIT_OK
    pid = server.pid
    assert pid is not None
    assert Database(capsys.readouterr().out.strip(), work_dir, None).ping()
    assert dashcam("db", "stop", "--work-dir", work_dir) == EXIT_OK
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert dashcam("db", "stop", "--work-dir", work_dir) == EXIT_OK
    assert "no embedded database is running" in capsys.readouterr().out


def test_db_stop_leaves_a_server_in_use_alone_unless_forced(
    dashcam: Dashcam, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Database.open(None, work_dir) as database:
        assert dashcam("db", "stop", "--work-dir", work_dir) == EXIT_ENVIRONMENT
        assert "in use by another process" in capsys.readouterr().err
        assert database.ping()
        assert dashcam("db", "stop", "--work-dir", work_dir, "--force") == EXIT_OK
        assert database.pid is None


LETTER = DeadLetterRow(
    run_id="run-1",
    video_id=VIDEO.video_id,
    task_id="abcdef:OCR:7",
    category="OCR",
    attempts=3,
    error="ValueError: [no] plate",
    traceback="Traceback (most recent call last): and so on",
    frame_idx=31,
    ts_s=1.24,
    frame_picture="dead_letters/run-1/abcdef.png",
    failed_at=RUN.started_at,
)


def test_runs_show_lists_what_was_given_up_and_how_to_read_it_again(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ResultWriter(results) as writer:
        writer.write(
            videos=[replace(VIDEO, status=VideoStatus.PARTIAL, dead_letters=1)], dead_letters=[LETTER]
        )
    assert dashcam("runs", "show", "run-1", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "OCR" in line]
    for part in (VIDEO.filename, "31", "1.2 s", "ValueError: [no] plate", "dead_letters/run-1/abcdef.png"):
        assert part in line
    assert "1 video went wrong: `dashcam retry run-1` reads it again" in shown
    assert "Traceback" not in shown
    assert dashcam("runs", "show", "run-1", "--tracebacks", "--db", results) == EXIT_OK
    assert LETTER.traceback in capsys.readouterr().out


def test_db_deliver_brings_in_what_waits(
    dashcam: Dashcam, dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--db", dsn, "--work-dir", tmp_path)
    assert dashcam("db", "deliver", *place) == EXIT_OK
    assert "no rows wait" in capsys.readouterr().out
    with Outbox(tmp_path / OUTBOX) as outbox:
        outbox.add([SIGHTING, replace(SIGHTING, track_id=2)])
    assert dashcam("db", "deliver", *place) == EXIT_OK
    assert "2 rows were brought into" in capsys.readouterr().out
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM vehicles").fetchone() == (2,)


def test_retry_names_the_work_dir_of_the_run(
    dashcam: Dashcam, dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, work_dir="/elsewhere"))
    assert dashcam("retry", "--db", dsn, "--work-dir", tmp_path) == EXIT_BAD_INPUT
    assert "--work-dir /elsewhere" in capsys.readouterr().err
