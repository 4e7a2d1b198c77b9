"""`dashcam where`: what a user sees of a video's time and positions before a run."""

from __future__ import annotations

import json
from pathlib import Path

import gpxpy
import pytest

from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_OK
from journey_tracks import BEGIN, NAME, clip_of, drive, truth, write_gpx
from run_command import dashcam


@pytest.fixture
def video(tmp_path: Path) -> Path:
    made = clip_of(tmp_path, 20)
    write_gpx(made.with_suffix(".gpx"), drive(-100, 100))
    return made


def test_page_says_when_where_and_how_it_is_known(video: Path) -> None:
    done = dashcam("where", video, "--zone", "Europe/Berlin")
    assert done.returncode == EXIT_OK, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert lines[0] == [NAME]
    assert ["began", "2024-01-31 14:22:33 +0100"] in lines
    assert "known by    name, its zone by setting" in done.stdout
    assert "fixes of gpx" in done.stdout
    assert "54 km/h" in done.stdout


def test_json_has_all_fixes_and_gpx_is_read_back_by_its_library(video: Path) -> None:
    output = video.with_name("track.gpx")
    done = dashcam("where", video, "--zone", "+01:00", "--json", "-o", output)
    assert done.returncode == EXIT_OK, done.stderr
    said = json.loads(done.stdout)
    assert said["clock"]["started_at"] == BEGIN.isoformat()
    fixes = said["track"]["fixes"]
    points = gpxpy.parse(output.read_text()).tracks[0].segments[0].points
    assert len(points) == len(fixes)
    for point, fix in zip(points, fixes, strict=True):
        assert point.time is not None
        assert (point.time - BEGIN).total_seconds() == fix["t_s"]
        assert truth(fix["t_s"]).metres_from(point.latitude, point.longitude) < 0.01


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--zone", "Berlin"), "journey.zone: 'Berlin'"),
        (("-o", "{folder}"), "is a folder"),
        (("-o", "{folder}/none/track.gpx"), "a folder that is not there"),
        (("-o", "{video}"), "a video is there"),
        (("-o", "{track}"), "its own track"),
    ],
    ids=["no zone", "folder", "no folder", "the video itself", "its own track"],
)
def test_mistake_is_one_line_and_changes_no_file(arguments: tuple[str, str], says: str, video: Path) -> None:
    before = {path: path.read_bytes() for path in video.parent.iterdir() if path.is_file()}
    (track,) = (path for path in before if path != video)
    names = {"folder": video.parent, "video": video, "track": track}
    done = dashcam("where", video, *(text.format(**names) for text in arguments))
    assert done.returncode == EXIT_BAD_INPUT
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {path: path.read_bytes() for path in video.parent.iterdir() if path.is_file()} == before


def test_video_without_positions_has_no_track_to_write(tmp_path: Path) -> None:
    video = clip_of(tmp_path, 2)
    done = dashcam("where", video, "-o", tmp_path / "track.gpx")
    assert done.returncode == EXIT_BAD_INPUT
    assert "has no position: there is no track to write" in done.stderr
    assert not (tmp_path / "track.gpx").exists()


def test_folder_is_no_video(tmp_path: Path) -> None:
    clip_of(tmp_path, 2)
    done = dashcam("where", tmp_path)
    assert done.returncode == EXIT_BAD_INPUT
    assert "name one video" in done.stderr
