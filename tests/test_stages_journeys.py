"""The journey of a video: written once, read by other processes, gone with its video."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashcam_pipeline.batch.catching_up import close_books
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.sources.clock import Clock
from dashcam_pipeline.sources.journey import NO_MOMENT, Journey
from dashcam_pipeline.sources.positions.track import Fix, PositionTrack
from dashcam_pipeline.stages.journeys import FOLDER, KEPT, Journeys, with_journey
from storage_rows import VIDEO

BEGAN = datetime(2026, 5, 1, 6, 30, tzinfo=UTC)
JOURNEY = Journey(
    clock=Clock(BEGAN, 120, "gps", "host"),
    track=PositionTrack((Fix(0.0, 45.0, 7.0, 36.0, 0.0), Fix(2.0, 45.001, 7.0, 72.0, 0.0)), "gpx", 5.0),
    time_note="the name says something else",
)


def test_another_process_finds_the_moment(tmp_path: Path) -> None:
    Journeys(tmp_path).put("abc", JOURNEY)
    moment = Journeys(tmp_path).moment("abc", 1.0)
    assert moment == JOURNEY.moment(1.0)
    assert moment.ts == datetime(2026, 5, 1, 6, 30, 1, tzinfo=UTC)
    assert moment.latitude == pytest.approx(45.0005)


def test_nothing_is_known_of_a_video_that_nobody_wrote_of_or_in_another_version(tmp_path: Path) -> None:
    journeys = Journeys(tmp_path)
    assert journeys.moment("abc", 0.0) == NO_MOMENT
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "abc.json").write_text('{"clock": 5}')
    assert journeys.moment("abc", 0.0) == NO_MOMENT


def test_it_is_gone_with_its_video(tmp_path: Path) -> None:
    journeys = Journeys(tmp_path)
    journeys.put("abc", JOURNEY)
    journeys.remove("abc")
    journeys.remove("abc")
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_those_of_videos_that_nobody_goes_on_with_are_gone_when_a_run_is_done(tmp_path: Path) -> None:
    Journeys(tmp_path).put("abc", JOURNEY)
    close_books(tmp_path, "run-1")
    close_books(tmp_path / "without any", "run-1")
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_only_the_last_ones_are_remembered(tmp_path: Path) -> None:
    journeys = Journeys(tmp_path)
    for number in range(KEPT + 1):
        journeys.put(f"v{number}", JOURNEY)
        assert journeys.moment(f"v{number}", 0.0).ts == BEGAN
        journeys.remove(f"v{number}")
    assert journeys.moment("v1", 0.0).ts == BEGAN
    assert journeys.moment("v0", 0.0) == NO_MOMENT


def test_a_work_dir_that_can_not_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(DiskUnavailable, match="--work-dir"):
        Journeys(tmp_path).put("abc", JOURNEY)


def test_the_row_of_the_video_has_its_track() -> None:
    row = with_journey(VIDEO, JOURNEY)
    assert (row.started_at, row.utc_offset_min, row.time_source, row.zone_source) == (
        BEGAN,
        120,
        "gps",
        "host",
    )
    assert row.track == ((0.0, 45.0, 7.0, 36.0, 0.0), (2.0, 45.001, 7.0, 72.0, 0.0))
    assert (row.position_source, row.position_note) == ("gpx", None)
    assert row.time_note == "the name says something else"


def test_the_row_of_a_video_of_which_nothing_is_known_says_nothing() -> None:
    assert with_journey(VIDEO, Journey()) == VIDEO
