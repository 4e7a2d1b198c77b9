"""The sightings at the end of a run: in one line each, also on a narrow terminal and over several files."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dashcam_pipeline.cli.sightings_table import MOST_SIGHTINGS, print_sightings
from dashcam_pipeline.storage.results.reading import Sighting
from export_rows import CLAIM

WORK_DIR = Path("/work")
PICTURE = f"evidence/5a/{'5a424b7d' * 4}/2_plate.jpg"
SEEN = replace(CLAIM, id="5a424b7d-2", plate_evidence=str(WORK_DIR / PICTURE))


def printed(columns: int, *seen: Sighting) -> list[str]:
    file = io.StringIO()
    print_sightings(Console(file=file, width=columns, highlight=False), seen, WORK_DIR)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("columns", [200, 100, 80])
def test_path_of_a_picture_stays_in_one_line(columns: int) -> None:
    lines = printed(columns, SEEN)
    (line,) = [line for line in lines if PICTURE in line]
    assert "5a424b7d-2" in line
    assert [line for line in lines if len(line) > columns] == []


def test_table_is_a_line_a_vehicle_where_it_is_wide_enough() -> None:
    heading, line = printed(200, SEEN)
    assert heading.split()[:9] == ["plate", "sure", "vehicle", "video", "from", "to", "for", "reads", "id"]
    assert line.split()[:3] == ["LS15EBC", "0.91", "car"]


def test_vehicle_without_a_picture_has_no_line_for_one() -> None:
    assert len(printed(60, replace(SEEN, plate_evidence=None))) == len(printed(60, SEEN)) - 2


def test_vehicle_over_several_files_tells_how_long_it_was_in_sight() -> None:
    trip = replace(
        SEEN, video="120000.mp4", last_video="120004.mp4", first_s=0.0, last_s=1.9, span_s=5.9, parts=3
    )
    _, line = printed(200, trip)
    assert "120000.mp4 … 120004.mp4  0.0 s  1.9 s of the last  5.9 s" in line


def test_what_is_left_out_is_counted() -> None:
    assert printed(200, *[SEEN] * (MOST_SIGHTINGS + 2))[-1] == "… and 2 more: dashcam export"
