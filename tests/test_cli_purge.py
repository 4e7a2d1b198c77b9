"""`dashcam purge`, as a user calls it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dashcam_pipeline.cli import main
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_OK, EXIT_STOPPED
from dashcam_pipeline.storage.postgres.dsn import redacted
from dashcam_pipeline.storage.retention.plate_hash import ENVIRONMENT, hashed
from dashcam_pipeline.storage.rows import RunStatus, VideoStatus
from dashcam_pipeline.storage.work_dir import WorkDir
from dashcam_pipeline.storage.writing.outbox import FILE_NAME as OUTBOX
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, SIGHTING, VIDEO

Purge = Callable[..., int]
KEY = "the key of the tests, long enough"
OLD, YOUNG = datetime.now(UTC) - timedelta(days=40), datetime.now(UTC) - timedelta(days=2)


@pytest.fixture
def purge(monkeypatch: pytest.MonkeyPatch, dsn: str, results: Path) -> Purge:
    """The command on the results, in this process; gives its exit code."""

    def call(*arguments: object) -> int:
        given = ["dashcam", "purge", "--db", dsn, "--work-dir", str(results), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


@pytest.fixture
def results(dsn: str, tmp_path: Path) -> Path:
    """A work dir with three sightings: two old ones, of which one is hashed, and a young one."""
    work_dir = tmp_path / "work"
    plates = {1: ("LS15EBC", OLD), 2: (hashed("AB12CDE", KEY.encode()), OLD), 3: ("XY99ZZZ", YOUNG)}
    rows = []
    for track_id, (plate, ts) in plates.items():
        picture = f"evidence/ab/abcdef/{track_id}_vehicle.jpg"
        (work_dir / picture).parent.mkdir(parents=True, exist_ok=True)
        (work_dir / picture).write_bytes(b"picture")
        row = replace(SIGHTING, track_id=track_id, final_plate=plate, ts=ts, vehicle_picture=picture)
        rows.append(replace(row, plate_picture=None))
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, work_dir=str(work_dir)))
        writer.write(rows, [replace(VIDEO, status=VideoStatus.DONE, vehicles=3, plates=3)])
        writer.finish_run(replace(RUN, work_dir=str(work_dir), status=RunStatus.DONE, finished_at=YOUNG))
    return work_dir


def left(dsn: str, work_dir: Path) -> tuple[list[int], list[str]]:
    """The sightings and the pictures."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT track_id FROM vehicles ORDER BY 1").fetchall()
    return [row[0] for row in rows], sorted(path.name[0] for path in work_dir.rglob("*.jpg"))


ALL = ([1, 2, 3], ["1", "2", "3"])
ONLY_YOUNG = ([3], ["3"])


def test_old_ones_go_and_what_went_is_said(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert purge("--older-than", "30d", "--yes") == EXIT_OK
    where, *said = capsys.readouterr().out.splitlines()
    assert where == f"of {redacted(dsn)}:"
    assert said[0].startswith("2 sightings seen before ")
    assert said[0].endswith(", 2 pictures, 0.0 MB")
    assert said[1] == "their age: 2 by their wall time, 0 by the end of the run that wrote them"
    assert said[2] == "removed 2 sightings, 2 pictures, 0.0 MB"
    assert left(dsn, results) == ONLY_YOUNG


def test_dry_run_changes_nothing_and_says_the_same(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in results.rglob("*"))
    assert purge("--older-than", "30d", "--dry-run") == EXIT_OK
    where, *said = capsys.readouterr().out.splitlines()
    assert where == f"of {redacted(dsn)}:"
    assert said[0].startswith("2 sightings seen before ")
    assert said[-1] == "nothing was removed: --dry-run"
    assert left(dsn, results) == ALL
    assert sorted((path, path.stat().st_mtime_ns) for path in results.rglob("*")) == before
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT vehicles, plates FROM videos").fetchall() == [(3, 3)]


def test_where_nobody_can_be_asked_yes_is_wanted(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert purge("--older-than", "30d") == EXIT_BAD_INPUT
    assert "--yes" in capsys.readouterr().err
    assert left(dsn, results) == ALL


@pytest.mark.parametrize(("answer", "code", "found"), [("n", EXIT_STOPPED, ALL), ("y", EXIT_OK, ONLY_YOUNG)])
def test_a_terminal_is_asked(
    purge: Purge,
    dsn: str,
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    found: tuple[list[int], list[str]],
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *prompt: answer)
    assert purge("--older-than", "30d") == code
    assert left(dsn, results) == found


@pytest.mark.parametrize("how", ["comma", "file", "csv", "watchlist"])
def test_plates_to_keep_come_from_a_list_a_file_or_the_watchlist_hashed_ones_too(
    purge: Purge, dsn: str, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv(ENVIRONMENT, KEY)
    path = tmp_path / "keep.csv"
    path.write_text("plate,note\nls15 ebc,mine\nAB-12 CDE,hers\n" if how == "csv" else "LS15 EBC\nAB12CDE\n")
    if how == "watchlist":
        with psycopg.connect(dsn) as connection:
            for plate in ("LS15EBC", "AB12CDE"):
                connection.execute("INSERT INTO watchlist (plate, spelling) VALUES (%s, %s)", (plate, plate))
    keep = {"comma": "ls15ebc, AB12 CDE", "watchlist": "watchlist"}.get(how, path)
    assert purge("--older-than", "1d", "--keep-plates", keep, "--yes") == EXIT_OK
    assert left(dsn, results) == ([1, 2], ["1", "2"])


def test_list_of_plates_to_keep_that_keeps_nothing_says_so(
    purge: Purge, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert purge("--older-than", "1d", "--keep-plates", "keep_list", "--dry-run") == EXIT_OK
    shown = capsys.readouterr().out
    assert shown.startswith(f"of {redacted(dsn)}:\n")
    assert "none stays by --keep-plates: " in shown


def test_one_plate_goes_in_any_spelling(
    purge: Purge, dsn: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert purge("--plate", "AB 12 CDE", "--yes") == EXIT_OK
    assert left(dsn, results) == ALL  # without the key, nobody knows
    monkeypatch.setenv(ENVIRONMENT, KEY)
    assert purge("--plate", "AB 12 CDE", "--yes") == EXIT_OK
    assert left(dsn, results) == ([1, 3], ["1", "3"])
    assert purge("--plate", "ls15-ebc", "--yes") == EXIT_OK
    assert left(dsn, results) == ONLY_YOUNG


def test_a_video_goes_and_stays_in_the_list(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert purge("--video", "drive.mp4", "--yes") == EXIT_OK
    assert left(dsn, results) == ([], [])
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT status, vehicles, plates FROM videos").fetchall() == [
            ("done", 0, 0)
        ]
    assert not any((results / "evidence").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing says what to remove: --older-than AGE"),
        (["--older-than", "soon"], "--older-than soon: no age; it is a number and h, d, w or y"),
        (["--older-than", "30m"], "--older-than 30m: no age"),
        (["--video", "none.mp4"], "--video none.mp4: no run has read a video"),
        (["--plate", " - "], "no plate has neither letters nor digits"),
        (
            ["--older-than", "1d", "--keep-plates", "./none.csv"],
            "--keep-plates ./none.csv: there is no such file",
        ),
        (["--older-than", "1d", "--keep-plates", ""], "--keep-plates '': there is no plate in it"),
        (["--older-than", "1d", "--keep-plates", " , -"], "--keep-plates ' , -': there is no plate in it"),
        (["--older-than", "1d", "--keep-plates", "/dev/null"], "--keep-plates /dev/null: there is no"),
    ],
)
def test_mistakes_are_one_line_and_remove_nothing(
    purge: Purge,
    dsn: str,
    results: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    assert purge(*arguments, "--yes") == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert left(dsn, results) == ALL


def test_pictures_on_another_host_stay_and_are_asked_for(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE runs SET host = 'truck', work_dir = '/mnt/card'")
    results.rename(results.with_name("gone"))
    results.mkdir()
    assert purge("--older-than", "30d", "--yes") == EXIT_BAD_INPUT
    assert "/mnt/card on truck" in capsys.readouterr().err
    assert purge("--older-than", "30d", "--yes", "--rows-only") == EXIT_OK
    assert left(dsn, results.with_name("gone")) == ([3], ["1", "2", "3"])


def test_a_work_dir_with_a_run_in_it_is_left_alone(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with WorkDir(results):
        assert purge("--older-than", "30d", "--yes") == EXIT_ENVIRONMENT
    assert "another run" in capsys.readouterr().err
    assert left(dsn, results) == ALL


def test_rows_that_still_wait_come_in_first(purge: Purge, dsn: str, results: Path) -> None:
    """Else they would point at pictures that are gone."""
    waiting = replace(SIGHTING, track_id=4, ts=OLD, vehicle_picture="evidence/ab/abcdef/4_vehicle.jpg")
    (results / "evidence/ab/abcdef/4_vehicle.jpg").write_bytes(b"picture")
    with Outbox(results / OUTBOX) as outbox:
        outbox.add([replace(waiting, plate_picture=None)])
    assert purge("--older-than", "30d", "--yes") == EXIT_OK
    assert left(dsn, results) == ONLY_YOUNG


def test_pictures_without_a_sighting_go_when_that_is_asked_for(
    purge: Purge, dsn: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "evidence/ab/abcdef/9_vehicle.jpg").write_bytes(b"stray")
    assert purge("--orphans", "--dry-run") == EXIT_OK
    assert capsys.readouterr().out.endswith(":\n1 picture without a sighting, 0.0 MB\n")
    assert left(dsn, results) == ([1, 2, 3], ["1", "2", "3", "9"])
    assert purge("--orphans", "--yes") == EXIT_OK
    assert left(dsn, results) == ALL
