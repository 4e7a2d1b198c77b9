"""When a video began: which source counts, in which zone, and what is said of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from dashcam_pipeline.config import JourneySettings
from dashcam_pipeline.sources.clock import TimeClues, clock_of
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.sources.journey import journey_of
from journey_tracks import SUBTITLES, clip_of, drive, write_srt
from sources_clips import flat, make_clip

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LOCAL = datetime(2024, 1, 31, 14, 22, 33)
BEGIN = datetime(2024, 1, 31, 13, 22, 33, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
LENGTH_S = 60.0


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@dataclass(frozen=True)
class Case:
    """Clues, and the clock that they give."""

    clues: TimeClues
    started_at: datetime | None
    offset_min: int | None
    time_source: str | None
    zone_source: str | None
    says: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


BERLIN = {"zone": "Europe/Berlin"}
CASES = {
    "gps before all": Case(
        TimeClues(gps=BEGIN, sidecar=LOCAL, name=LOCAL, container=BEGIN, modified=NOW),
        BEGIN,
        60,
        "gps",
        "gps",
    ),
    "gps alone": Case(TimeClues(gps=BEGIN, modified=NOW), BEGIN, None, "gps", None),
    "gps, zone set": Case(TimeClues(gps=BEGIN), BEGIN, 60, "gps", "setting", settings=BERLIN),
    "gps, camera left on winter time": Case(
        TimeClues(gps=utc(2024, 7, 1, 10), name=datetime(2024, 7, 1, 11)),
        utc(2024, 7, 1, 10),
        120,
        "gps",
        "setting",
        "3600 s early",
        BERLIN,
    ),
    "gps, camera a minute late": Case(
        TimeClues(gps=BEGIN, name=LOCAL + timedelta(seconds=70)), BEGIN, 60, "gps", "gps", "70 s late"
    ),
    "gps, camera's day is wrong": Case(
        TimeClues(gps=BEGIN, name=LOCAL - timedelta(days=300)), BEGIN, None, "gps", None
    ),
    "gps of an old receiver": Case(
        TimeClues(gps=BEGIN - timedelta(weeks=1024), name=LOCAL),
        BEGIN,
        60,
        "gps",
        "gps",
        "1024 weeks were added",
    ),
    "gps of 2007 and nothing to compare": Case(
        TimeClues(gps=utc(2007, 6, 17)), utc(2007, 6, 17), None, "gps", None
    ),
    "gps of 1980": Case(
        TimeClues(gps=utc(1980, 1, 6), name=LOCAL),
        BEGIN,
        60,
        "name",
        "setting",
        "the time of GPS is refused",
        BERLIN,
    ),
    "sidecar, local": Case(TimeClues(sidecar=LOCAL), BEGIN, 60, "sidecar", "setting", settings=BERLIN),
    "sidecar, UTC": Case(TimeClues(sidecar=BEGIN, name=LOCAL), BEGIN, 60, "sidecar", "gps"),
    "name, zone set": Case(
        TimeClues(name=LOCAL, container=LOCAL.replace(tzinfo=UTC)),
        BEGIN,
        60,
        "name",
        "setting",
        settings=BERLIN,
    ),
    "name, offset set": Case(
        TimeClues(name=LOCAL),
        utc(2024, 1, 31, 8, 52, 33),
        330,
        "name",
        "setting",
        settings={"zone": "+05:30"},
    ),
    "name, summer time": Case(
        TimeClues(name=datetime(2024, 7, 1, 12)), utc(2024, 7, 1, 10), 120, "name", "setting", settings=BERLIN
    ),
    "name against its container": Case(
        TimeClues(name=LOCAL, container=BEGIN), BEGIN, 60, "name", "container"
    ),
    "name against its container, written at the end": Case(
        TimeClues(name=LOCAL, container=BEGIN + timedelta(seconds=LENGTH_S), duration_s=LENGTH_S),
        BEGIN,
        60,
        "name",
        "container",
    ),
    "container has local time too": Case(
        TimeClues(name=LOCAL, container=LOCAL.replace(tzinfo=UTC)),
        utc(2024, 1, 31, 19, 22, 33),
        -300,
        "name",
        "host",
        "journey.zone",
    ),
    "container of another time": Case(
        TimeClues(name=LOCAL, container=BEGIN + timedelta(minutes=7)),
        utc(2024, 1, 31, 19, 22, 33),
        -300,
        "name",
        "host",
        "this host",
    ),
    "container alone": Case(
        TimeClues(container=BEGIN, modified=NOW), BEGIN, None, "container", None, "as UTC"
    ),
    "container of 1904": Case(
        TimeClues(container=utc(1904, 1, 1), modified=BEGIN, duration_s=LENGTH_S),
        BEGIN - timedelta(seconds=60),
        -300,
        "file",
        "host",
        "its container is refused: 1904-01-01",
    ),
    "container of 1970": Case(
        TimeClues(container=utc(1970, 1, 1), modified=BEGIN), BEGIN, -300, "file", "host", "never set"
    ),
    "name of a camera without a battery": Case(
        TimeClues(name=datetime(2000, 1, 1, 0, 3), container=BEGIN),
        BEGIN,
        None,
        "container",
        None,
        "its name is refused: 2000-01-01 is the date of a clock that was never set",
    ),
    "name of the future": Case(
        TimeClues(name=datetime(2036, 1, 1), container=BEGIN), BEGIN, None, "container", None, "in the future"
    ),
    "file": Case(
        TimeClues(modified=BEGIN, duration_s=LENGTH_S),
        BEGIN - timedelta(seconds=60),
        60,
        "file",
        "setting",
        "a copy may have changed",
        BERLIN,
    ),
    "nothing": Case(TimeClues(), None, None, None, None, "nothing says"),
    "another order": Case(
        TimeClues(gps=BEGIN, name=LOCAL, container=BEGIN + timedelta(hours=9)),
        BEGIN + timedelta(hours=9),
        None,
        "container",
        None,
        settings={"time_sources": ("container", "gps")},
    ),
    "wrong clock put right": Case(
        TimeClues(name=LOCAL),
        BEGIN + timedelta(seconds=90.5),
        60,
        "name",
        "setting",
        settings={**BERLIN, "shift_s": 90.5},
    ),
    "GPS is not shifted": Case(TimeClues(gps=BEGIN), BEGIN, None, "gps", None, settings={"shift_s": 90.5}),
    "shifted out of the calendar": Case(
        TimeClues(name=LOCAL, gps=BEGIN), BEGIN, None, "gps", None, settings={"shift_s": -1e9}
    ),
    "hour that came twice": Case(
        TimeClues(name=datetime(2024, 10, 27, 2, 30)),
        utc(2024, 10, 27, 0, 30),
        120,
        "name",
        "setting",
        "2024-10-27 02:30 came twice in Europe/Berlin: the first, in summer time, is taken",
        BERLIN,
    ),
    "hour that never was": Case(
        TimeClues(name=datetime(2024, 3, 31, 2, 30)),
        utc(2024, 3, 31, 1, 30),
        60,
        "name",
        "setting",
        "2024-03-31 02:30 did not exist in Europe/Berlin: taken as a clock left on winter time",
        BERLIN,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_clock_by_the_first_source_that_can_be_true(name: str) -> None:
    case = CASES[name]
    found = clock_of(case.clues, JourneySettings(**case.settings), NOW, NEW_YORK)
    notes = "; ".join(found.notes)
    assert case.says in notes
    if case.started_at is None:
        assert found.clock is None
        return
    assert found.clock is not None
    clock = found.clock
    assert (clock.started_at, clock.utc_offset_min) == (case.started_at, case.offset_min)
    assert (clock.time_source, clock.zone_source) == (case.time_source, case.zone_source)
    assert clock.started_at.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "zone", ["Europe/Nowhere", "Europe", "", "CEST+2", "+25:00", "+05:75", "../../etc/localtime", "Z" * 300]
)
def test_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="Europe/Berlin"):
        JourneySettings(zone=zone)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "+05:45", "-0330", "America/Argentina/Ushuaia"])
def test_zones_are_named_or_offsets(zone: str) -> None:
    assert JourneySettings(zone=zone).zone == zone


def test_container_tells_when_it_was_created(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "a.mp4", [flat(90)] * 3)
    with open_video(video) as opened:
        assert opened.created_at is None
    import av

    with av.open(str(video)) as source, av.open(str(tmp_path / "b.mp4"), "w") as output:
        output.metadata["creation_time"] = "2024-01-31T13:22:33.000000Z"
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    with open_video(tmp_path / "b.mp4") as opened:
        assert opened.created_at == BEGIN


def test_time_of_a_file_is_that_of_its_end(tmp_path: Path) -> None:
    video = clip_of(tmp_path, 3, "clip.mp4")
    os.utime(video, (BEGIN.timestamp(), BEGIN.timestamp()))
    journey = journey_of(video, JourneySettings(), container_time=None, duration_s=3.0, host_zone=UTC)
    assert journey.clock is not None
    assert journey.clock.started_at == BEGIN - timedelta(seconds=3)
    assert journey.moment(1.5).ts == BEGIN - timedelta(seconds=1.5)


def test_local_time_in_subtitles_is_the_camera_s(tmp_path: Path) -> None:
    video = clip_of(tmp_path, 20, "clip.mp4")
    write_srt(video.with_suffix(".srt"), drive(0, 20), SUBTITLES["bracketed"])
    journey = journey_of(video, JourneySettings(zone="+01:00"), container_time=None, duration_s=20.0)
    assert journey.clock is not None
    assert (journey.clock.started_at, journey.clock.time_source) == (BEGIN, "sidecar")
    assert journey.clock.utc_offset_min == 60


def test_video_that_is_gone_still_has_a_journey(tmp_path: Path) -> None:
    journey = journey_of(tmp_path / "gone" / "a.mp4", JourneySettings(), container_time=None, duration_s=None)
    assert (journey.clock, journey.track) == (None, None)
    assert journey.moment(1.0).ts is None
