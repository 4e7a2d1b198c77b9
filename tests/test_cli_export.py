"""`dashcam export` as a user calls it: formats by name and by ending, choices, notes and refusals."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import geopandas
import gpxpy
import pandas as pd
import pytest
from pycocotools.coco import COCO

from dashcam_pipeline.cli.counting import Counting
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_OK
from dashcam_pipeline.storage.exporting import parquet
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import LOOKS, RUN, SIGHTING, UNREAD, VIDEO

Dashcam = Callable[..., int]


@pytest.fixture
def results(dsn: str) -> str:
    """A run with two videos: one with GPS, and one without that has the same name in another folder."""
    with_gps = replace(
        VIDEO,
        status=VideoStatus.DONE,
        width=1280,
        height=720,
        started_at=RUN.started_at,
        track=((0.0, 48.1, 11.5, 36.0, 90.0), (1.0, 48.2, 11.6, None, None)),
    )
    without = replace(VIDEO, video_id="fedcba", path="/old/drive.mp4", width=640, height=480)
    placed = {"latitude": 48.137154, "longitude": 11.576124, "position_source": "gpx"}
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write(
            [
                replace(SIGHTING, **placed, path=((10, 0.4, 10, 20, 30, 40), (60, 2.4, 50, 60, 80, 90))),
                replace(UNREAD, **placed, track_id=2, vehicle_class="truck", looks=LOOKS),
                replace(SIGHTING, video_id="fedcba", video_ts_frame=7.0, final_plate="OLD1"),
            ],
            [with_gps, without],
        )
    return dsn


def test_map_formats_hold_what_has_a_position_and_say_what_has_none(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.geojson"
    assert dashcam("export", "-o", out, "--db", results) == EXIT_OK
    said = capsys.readouterr().err
    assert f"2 sightings of run run-1 in {out}" in said
    assert "1 more has no position: see docs/gps.md" in said
    table = geopandas.read_file(out)
    assert list(table["plate"].fillna("")) == ["LS15EBC", ""]
    assert table.geometry[0].coords[0] == (11.576124, 48.137154)


@pytest.mark.parametrize("format", ["geojson", "kml", "gpx"])
def test_without_any_position_the_file_is_empty_and_a_line_says_why(
    dashcam: Dashcam, dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([SIGHTING, replace(UNREAD, track_id=2)], [VIDEO])
    out = tmp_path / f"out.{format}"
    assert dashcam("export", "-o", out, "--db", dsn) == EXIT_OK
    assert "none of the 2 sightings has a position: see docs/gps.md" in capsys.readouterr().err
    if format == "gpx":
        assert gpxpy.parse(out.read_text()).waypoints == []
    else:
        assert geopandas.read_file(out).empty


def test_gpx_has_the_track_of_the_video(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    assert dashcam("export", "-o", tmp_path / "out.gpx", "--db", results) == EXIT_OK
    found = gpxpy.parse((tmp_path / "out.gpx").read_text())
    assert len(found.waypoints) == 2
    (track,) = found.tracks
    points = track.segments[0].points
    assert [(point.latitude, point.longitude) for point in points] == [(48.1, 11.5), (48.2, 11.6)]
    assert (points[1].time - points[0].time).total_seconds() == 1.0
    assert dashcam("export", "--video", "fedcba", "-o", tmp_path / "one.gpx", "--db", results) == EXIT_OK
    assert gpxpy.parse((tmp_path / "one.gpx").read_text()).tracks == []


def test_coco_tells_videos_with_one_name_apart(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    out = tmp_path / "out.coco.json"
    assert dashcam("export", "-o", out, "--db", results) == EXIT_OK
    found = COCO(str(out))
    assert {video["name"]: video["width"] for video in found.dataset["videos"]} == {
        "drive.mp4-abcdef": 1280,
        "drive.mp4-fedcba": 640,
    }
    names = [image["file_name"] for image in found.loadImgs(found.getImgIds())]
    assert "drive.mp4-abcdef/000010.jpg" in names
    assert len(set(names)) == len(names)
    assert len(found.getAnnIds(catIds=found.getCatIds(catNms=["license_plate"]))) == 2


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], ["fedcba-1", "abcdef-1", "abcdef-2"]),
        (["--plates-only"], ["fedcba-1", "abcdef-1"]),
        (["--class", "truck"], ["abcdef-2"]),
        (["--class", "truck", "--class", "car"], ["fedcba-1", "abcdef-1", "abcdef-2"]),
        (["--class", "bus"], []),
        (["--min-confidence", "0.9"], ["fedcba-1", "abcdef-1"]),
        (["--video", "abcdef", "--plates-only"], ["abcdef-1"]),
    ],
)
@pytest.mark.parametrize("ending", ["jsonl", "coco.json"])
def test_only_what_was_chosen(
    dashcam: Dashcam, results: str, tmp_path: Path, options: list[str], ids: list[str], ending: str
) -> None:
    out = tmp_path / f"out.{ending}"
    assert dashcam("export", *options, "-o", out, "--db", results) == EXIT_OK
    text = out.read_text()
    if ending == "jsonl":
        assert [json.loads(line)["id"] for line in text.splitlines()] == ids
    else:
        annotations = json.loads(text)["annotations"]
        with_boxes = {"abcdef-1", "abcdef-2"}
        assert {one["attributes"]["sighting"] for one in annotations} == with_boxes.intersection(ids)


@pytest.mark.parametrize(
    ("options", "plates"),
    [
        (["--since", "2026-01-02T03:04:07Z"], ["LATE"]),
        (["--until", "2026-01-02T03:04:07Z"], ["LS15EBC"]),
        (["--since", "2026-01-02T04:04:06+01:00", "--until", "2026-01-02T03:04:06.5Z"], ["LS15EBC"]),
        (["--since", "2026-01-03"], []),
    ],
)
def test_only_what_was_seen_then(
    dashcam: Dashcam,
    dsn: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    plates: list[str],
) -> None:
    late = replace(SIGHTING, track_id=2, final_plate="LATE", ts=SIGHTING.ts + timedelta(seconds=1))
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([SIGHTING, late, replace(SIGHTING, track_id=3, ts=None)], [VIDEO])
    out = tmp_path / "out.jsonl"
    assert dashcam("export", *options, "-o", out, "--db", dsn) == EXIT_OK
    assert [json.loads(line)["plate"] for line in out.read_text().splitlines()] == plates
    assert "left out: 1 more that has no time of day" in capsys.readouterr().err


def test_boxes_cannot_be_chosen_by_time(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("export", "--format", "coco", "--since", "2h", "--db", results) == EXIT_BAD_INPUT
    assert "coco has frames and no times of day" in capsys.readouterr().err


def test_unknown_ending_is_one_line_and_writes_nothing(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("export", "-o", tmp_path / "out.xlsx", "--db", results) == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert ".xlsx is no format to export to" in said
    assert list(tmp_path.glob("out*")) == []
    assert dashcam("export", "--format", "csv", "-o", tmp_path / "out.xlsx", "--db", results) == EXIT_OK


def test_parquet_goes_through_a_pipe(results: str) -> None:
    command = [sys.executable, "-m", "dashcam_pipeline", "export", "--format", "parquet", "--db", results]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert list(pd.read_parquet(io.BytesIO(piped.stdout))["id"]) == ["fedcba-1", "abcdef-1", "abcdef-2"]


def test_parquet_is_not_thrown_at_a_terminal(
    dashcam: Dashcam, results: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert dashcam("export", "--format", "parquet", "--db", results) == EXIT_BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "name a file with -o" in captured.err


def test_parquet_without_its_library_says_what_to_install(
    dashcam: Dashcam,
    results: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(parquet, "LIBRARY", "no_library_is_called_so")
    assert dashcam("export", "-o", tmp_path / "out.parquet", "--db", results) == EXIT_ENVIRONMENT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'dashcam-pipeline[parquet]'" in said


def test_standard_output_is_utf_8_whatever_the_terminal_is(results: str) -> None:
    command = [sys.executable, "-m", "dashcam_pipeline", "export", "--format", "json", "--db", results]
    with ResultWriter(results) as writer:
        writer.write(videos=[replace(VIDEO, filename="駐車.mp4", path="/videos/駐車.mp4")])
        writer.write([replace(SIGHTING, best_read="駐車")])
    piped = subprocess.run(
        command, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii"}
    )
    assert "駐車" in [row["best_read"] for row in json.loads(piped.stdout)]


# --- counting --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def counted(file: io.StringIO, seconds_an_item: float, items: int, silent: bool = False) -> str:
    """What is said about items that take so long each."""
    now = 0.0

    def slow() -> object:
        nonlocal now
        for item in range(items):
            now += seconds_an_item
            yield item

    with Counting(file, silent=silent, clock=lambda: now) as counting:
        assert list(counting.over(slow(), "sightings")) == list(range(items))
    return file.getvalue()


def test_what_is_soon_done_is_not_counted() -> None:
    assert counted(io.StringIO(), 0.001, 1000) == ""


def test_long_work_is_counted_in_lines_of_which_there_are_few() -> None:
    assert counted(io.StringIO(), 0.125, 250) == "".join(
        f"{count} sightings so far\n" for count in (16, 96, 176)
    )


def test_on_a_terminal_the_count_stands_in_one_line_that_goes_away() -> None:
    said = counted(Terminal(), 0.5, 8)
    assert "\n" not in said
    assert "\r\x1b[K4 sightings" in said
    assert said.endswith("\r\x1b[K")


def test_nothing_is_counted_where_the_rows_themselves_are_shown() -> None:
    assert counted(Terminal(), 0.5, 8, silent=True) == ""
