"""`dashcam search`: what it prints, what it says beside it, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashcam_pipeline.cli.moments import moment
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_NOTHING_FOUND, EXIT_OK, BadInput
from dashcam_pipeline.storage.exporting.columns import NAMES
from dashcam_pipeline.storage.retention.plate_hash import ENVIRONMENT, hashed
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, SIGHTING, UNREAD, VIDEO

Dashcam = Callable[..., int]
Output = pytest.CaptureFixture[str]
KEY = "a key for the plates of a test"
PLATE_PICTURE = f"evidence/ab/{'abcdef01' * 4}/1_plate.jpg"


@pytest.fixture
def results(dsn: str) -> str:
    """Two runs: one with a claim and a guess, the other with a plate that is near and has no time."""
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        claim = replace(
            SIGHTING,
            plate_picture=PLATE_PICTURE,
            latitude=51.5,
            longitude=-0.125,
            utc_offset_min=120,
            time_source="file",
        )
        writer.write(
            [claim, replace(UNREAD, track_id=2, best_guess="LS15EBC")],
            [replace(VIDEO, status=VideoStatus.DONE)],
        )
        writer.start_run(replace(RUN, run_id="run-2"))
        near = replace(SIGHTING, run_id="run-2", video_id="fedcba", final_plate="LS15E8C", ts=None)
        writer.write([near], [replace(VIDEO, run_id="run-2", video_id="fedcba", filename="late.mp4")])
    return dsn


@pytest.mark.parametrize("plate", [["ls-15 ebc"], ["LS15", "EBC"], ["LS15EBC"]])
def test_plate_is_listed_with_its_proof(
    dashcam: Dashcam, results: str, capsys: Output, plate: list[str]
) -> None:
    assert dashcam("search", *plate, "--db", results) == EXIT_OK
    heading, claim, guess, *_ = capsys.readouterr().out.splitlines()
    assert heading.split()[:5] == ["plate", "sure", "vehicle", "when", "by"]
    for part in (
        "LS15EBC  ",
        "0.91",
        "car",
        "2026-01-02 05:04:06+02:00  file ",
        "51.50000, -0.12500",
        "drive.mp4",
        "0.4 s",
    ):
        assert part in claim, part
    assert f"/data/work/{PLATE_PICTURE}" in claim
    assert guess.startswith("LS15EBC (guess)")


@pytest.mark.parametrize("columns", ["80", "120", "300"])
def test_path_of_the_picture_stays_in_one_line(
    dashcam: Dashcam, results: str, capsys: Output, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert dashcam("search", "LS15EBC", "--db", results) == EXIT_OK
    assert f"/data/work/{PLATE_PICTURE}" in capsys.readouterr().out


def test_columns_that_nothing_is_known_for_are_left_out(
    dashcam: Dashcam, results: str, capsys: Output
) -> None:
    assert dashcam("search", "LS15E8C", "--db", results) == EXIT_OK
    heading = capsys.readouterr().out.splitlines()[0].split()
    assert heading == ["plate", "sure", "vehicle", "video", "from", "id", "picture"]


def test_near_plates_come_with_their_distance(dashcam: Dashcam, results: str, capsys: Output) -> None:
    assert dashcam("search", "LS15EBC", "--near", "--no-guesses", "--db", results) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[:3]] == [
        ["plate", "sure", "distance"],
        ["LS15EBC", "0.91", "0"],
        ["LS15E8C", "0.91", "0.5"],
    ]


def test_json_has_the_columns_of_an_export_and_the_distance(
    dashcam: Dashcam, results: str, capsys: Output
) -> None:
    assert dashcam("search", "LS15EBC", "--within", "0.5", "--json", "--db", results) == EXIT_OK
    found = json.loads(capsys.readouterr().out)
    assert [list(one) for one in found] == [[*NAMES, "distance"]] * 3
    assert [(one["plate"], one["best_guess"], one["distance"]) for one in found] == [
        ("LS15EBC", None, 0.0),
        (None, "LS15EBC", 0.0),
        ("LS15E8C", None, 0.5),
    ]
    assert found[0]["plate_evidence"] == f"/data/work/{PLATE_PICTURE}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["LS15EBD"], "no plate LS15EBD was found; 1 plate is near it: LS15EBC (--near lists them)\n"),
        (
            ["LS15EC"],
            "no plate LS15EC was found; 2 plates are near it: LS15EBC, LS15E8C (--near lists them)\n",
        ),
        (["XX99XXX"], "no plate XX99XXX was found; '*XX99XXX*' finds it as a part of others\n"),
        (["XX99XXX", "--near"], "no plate is near XX99XXX\n"),
        (["XX*"], "no plate is like XX*\n"),
        (["--class", "bus"], "nothing was found\n"),
    ],
)
def test_nothing_found_is_one_line_and_exit_code_1(
    dashcam: Dashcam, results: str, capsys: Output, arguments: list[str], said: str
) -> None:
    assert dashcam("search", *arguments, "--db", results) == EXIT_NOTHING_FOUND
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", said)


def test_nothing_found_is_an_empty_list_as_json(dashcam: Dashcam, results: str, capsys: Output) -> None:
    assert dashcam("search", "XX99XXX", "--json", "--db", results) == EXIT_NOTHING_FOUND
    assert json.loads(capsys.readouterr().out) == []


def test_sightings_without_a_time_are_counted(dashcam: Dashcam, results: str, capsys: Output) -> None:
    assert dashcam("search", "LS15*", "--since", "2026-01-02", "--db", results) == EXIT_OK
    assert capsys.readouterr().err == "left out: 1 more that has no time of day\n"


def test_limit_says_how_many_more_there_are(dashcam: Dashcam, results: str, capsys: Output) -> None:
    assert dashcam("search", "LS15*", "--limit", "1", "--db", results) == EXIT_OK
    assert capsys.readouterr().err == "… and 2 more: --limit 3 shows all\n"


@pytest.mark.parametrize(
    ("arguments", "plates"),
    [
        (["--run", "run-2"], ["LS15E8C"]),
        (["--video", "late*"], ["LS15E8C"]),
        (["--video", "drive.mp4", "--no-guesses"], ["LS15EBC"]),
        (["*8*", "--class", "car", "--min-confidence", "0.9"], ["LS15E8C"]),
    ],
)
def test_options_alone_are_a_search_too(
    dashcam: Dashcam, results: str, capsys: Output, arguments: list[str], plates: list[str]
) -> None:
    assert dashcam("search", *arguments, "--db", results) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines if not line.startswith((" ", "picture"))] == plates


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to look for"),
        (["--near"], "near plates are those near a plate"),
        (["LS15*", "--near"], "has wildcards"),
        (["LS15EBC", "--since", "yesterday"], "--since: 'yesterday' is no time"),
        (["LS15EBC", "--video", "nowhere"], "no run has read a video 'nowhere'"),
        (["LS15EBC", "--run", "nowhere"], "no run is called 'nowhere'"),
    ],
)
def test_search_that_cannot_be_made_is_one_line(
    dashcam: Dashcam, results: str, capsys: Output, arguments: list[str], said: str
) -> None:
    assert dashcam("search", *arguments, "--db", results) == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_hashed_plates_are_found_with_their_key_and_said_to_be_there(
    dashcam: Dashcam, dsn: str, capsys: Output, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([replace(SIGHTING, final_plate=hashed("LS15EBC", KEY.encode()))])
    where = ("--db", dsn, "--work-dir", tmp_path)
    assert dashcam("search", "LS15EBC", *where) == EXIT_NOTHING_FOUND
    assert "found with the key that made them" in capsys.readouterr().err
    monkeypatch.setenv(ENVIRONMENT, KEY)
    assert dashcam("search", "ls15 ebc", *where) == EXIT_OK
    output = capsys.readouterr()
    assert "h:" in output.out
    assert output.err == ""
    assert dashcam("search", "LS15EBC", "--near", *where) == EXIT_NOTHING_FOUND
    assert "stored as hashes: these are found by the whole plate alone" in capsys.readouterr().err


NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "over", "expected"),
    [
        ("2h", False, "2026-03-04T10:30:00+00:00"),
        ("1.5 h ago", False, "2026-03-04T11:00:00+00:00"),
        ("3D", True, "2026-03-01T12:30:00+00:00"),
        ("1w", False, "2026-02-25T12:30:00+00:00"),
        ("2026-02-28", False, "2026-02-28T00:00:00+01:00"),
        ("2026-02-28", True, "2026-03-01T00:00:00+01:00"),
        ("2026-07-01 18:00", True, "2026-07-01T18:00:00+02:00"),
        ("2026-07-01T18:00Z", False, "2026-07-01T18:00:00+00:00"),
    ],
)
def test_moment_is_a_date_a_time_or_how_long_ago(text: str, over: bool, expected: str, berlin: None) -> None:
    assert moment(text, "--since", NOW, day_is_over=over) == datetime.fromisoformat(expected)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host whose offset changes over the year."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "9999999w", "2026", "-2h"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"--until: .* is no time"):
        moment(text, "--until", NOW)
