"""Position tracks of every kind against a drive whose position is known at every moment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from dashcam_pipeline.config import JourneySettings
from dashcam_pipeline.sources.journey import Journey, journey_of
from dashcam_pipeline.sources.positions.exiftool import exiftool_is_here
from dashcam_pipeline.sources.positions.found import UNFORESEEN
from dashcam_pipeline.sources.positions.found import beside as beside_it
from dashcam_pipeline.sources.positions.track import Dropped
from journey_tracks import (
    BEGIN,
    NAME,
    SUBTITLES,
    clip_of,
    drive,
    sentence,
    truth,
    write_blackvue,
    write_camm,
    write_gpmf,
    write_gpx,
    write_nmea,
    write_novatek,
    write_srt,
    write_subtitled,
)

LENGTH_S = 20
ON_THE_ROAD_M = 0.15
"""Straight lines between fixes on the circle are off by 9 cm, and NMEA has 0.2 cm of digits."""
MOMENTS_S = (0.0, 0.4, 3.37, 9.5, 14.0, 18.99)


def found(video: Path, **settings: object) -> Journey:
    return journey_of(
        video,
        JourneySettings(**{"zone": "Europe/Berlin", **settings}),  # type: ignore[arg-type]
        container_time=None,
        duration_s=float(LENGTH_S),
    )


def beside(write: Callable[[Path], Path], suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        video = clip_of(folder, LENGTH_S)
        write(video.with_suffix(suffix))
        return video

    return make


def inside(write: Callable[[Path, Path], Path]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "plain").mkdir()
        return write(folder / NAME, clip_of(folder / "plain", LENGTH_S))

    return make


KINDS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "gpx of the video": ("gpx", beside(lambda path: write_gpx(path, drive(0, 20)), ".gpx")),
    "gpx of the day": ("gpx", beside(lambda path: write_gpx(path, drive(-3000, 4000)), ".GPX")),
    "nmea": ("nmea", beside(lambda path: write_nmea(path, drive(0, 20)), ".NMEA")),
    "nmea log": ("nmea", beside(lambda path: write_nmea(path, drive(-300, 400)), ".log")),
    "nmea text": ("nmea", beside(lambda path: write_nmea(path, drive(0, 20)), ".txt")),
    "camm": ("camm", inside(lambda path, source: write_camm(path, source, drive(0, 20)))),
    "gpmf": ("gpmf", inside(lambda path, source: write_gpmf(path, source, drive(0, 20)))),
    "blackvue": ("blackvue", inside(lambda path, source: write_blackvue(path, source, drive(0, 20)))),
    "subtitles inside MP4": (
        "subtitles",
        inside(
            lambda path, source: write_subtitled(path, source, drive(0, 20), SUBTITLES["named"], "mov_text")
        ),
    ),
    "sentences as subtitles inside Matroska": (
        "subtitles",
        inside(
            lambda path, source: write_subtitled(
                path.with_suffix(".mkv"), source, drive(0, 20), "{sentence}", "subrip"
            )
        ),
    ),
    **{
        f"subtitles, {kind}": (
            "srt",
            beside(lambda path, text=text: write_srt(path, drive(0, 20), text), ".srt"),
        )  # type: ignore[misc]
        for kind, text in SUBTITLES.items()
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_position_is_that_of_the_drive_at_any_moment(kind: str, tmp_path: Path) -> None:
    source, make = KINDS[kind]
    journey = found(make(tmp_path))
    assert journey.track is not None, journey.position_note
    assert journey.track.source == source
    for t_s in MOMENTS_S:
        moment, true = journey.moment(t_s), truth(t_s)
        assert true.metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M, (t_s, moment)
        assert moment.position_source == source
        assert moment.speed_kmh == pytest.approx(true.speed_kmh, rel=0.01)
        assert moment.heading_deg == pytest.approx(true.heading_deg, abs=3.0)


@pytest.mark.parametrize("kind", KINDS)
def test_journey_is_the_same_after_a_trip_through_a_file(kind: str, tmp_path: Path) -> None:
    journey = found(KINDS[kind][1](tmp_path))
    assert Journey.from_json(journey.to_json()) == journey


def test_void_and_jump_cost_only_themselves(tmp_path: Path) -> None:
    """The log has no position from 8 to 12 s, and one 40 km away at 5 s."""
    video = clip_of(tmp_path, LENGTH_S)
    places = [
        replace(place, latitude=place.latitude + 0.36) if place.t_s == 5.0 else place
        for place in drive(0, 20)
    ]
    write_nmea(video.with_suffix(".nmea"), places, void=(8.0, 9.0, 10.0, 11.0, 12.0))
    journey = found(video)
    assert journey.track is not None
    assert journey.track.dropped == Dropped(void=5, jumps=1)
    assert "fixes dropped: 5 void, 1 unreachable" in journey.position_note
    at_the_jump = journey.moment(5.0)
    assert truth(5.0).metres_from(at_the_jump.latitude, at_the_jump.longitude) < 4 * ON_THE_ROAD_M
    beside_the_gap, in_the_gap = journey.moment(7.9), journey.moment(10.0)
    assert truth(7.9).metres_from(beside_the_gap.latitude, beside_the_gap.longitude) < 0.4  # straight on
    assert (in_the_gap.latitude, in_the_gap.speed_kmh, in_the_gap.position_source) == (None, None, None)
    assert in_the_gap.ts == BEGIN + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("max_gap_s", "has_position"), [(5.0, False), (6.0, True)], ids=["longer", "as long"]
)
def test_gap_is_bridged_up_to_the_setting(max_gap_s: float, has_position: bool, tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(video.with_suffix(".gpx"), [place for place in drive(0, 20) if not 7 < place.t_s < 13])
    journey = found(video, max_gap_s=max_gap_s)
    assert (journey.moment(10.0).latitude is not None) is has_position


def test_log_of_the_receiver_that_finds_its_satellites_late_begins_with_the_video(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_nmea(video.with_suffix(".nmea"), drive(0, 20), void=range(8))
    journey = found(video, zone=None)
    moment = journey.moment(15.0)
    assert truth(15.0).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M
    assert journey.moment(3.0).latitude is None


def test_receiver_that_does_not_even_know_the_time_at_first_counts_from_its_first_word(
    tmp_path: Path,
) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    log = write_nmea(video.with_suffix(".nmea"), drive(8, 20), BEGIN + timedelta(seconds=140))
    log.write_bytes(b"$GPRMC,,V,,,,,,,,,,N*53\r\n" * 8 + log.read_bytes())
    journey = found(video)
    moment = journey.moment(15.0)
    assert truth(15.0).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M
    assert journey.track is not None
    assert journey.track.dropped == Dropped(void=8)


def test_box_of_the_camera_whose_receiver_is_late_is_laid_by_the_camera_s_clock(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    video = write_blackvue(tmp_path / NAME, clip_of(tmp_path / "plain"), drive(0, 20), void=range(8))
    journey = found(video)
    moment = journey.moment(15.0)
    assert truth(15.0).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M
    assert journey.clock is not None
    assert (journey.clock.started_at, journey.clock.time_source) == (BEGIN, "gps")


@pytest.mark.parametrize(
    ("zone", "logged_h", "offset_min", "says"),
    [
        ("Europe/Berlin", 0.0, 60, ""),
        ("Europe/Berlin", 1.0, 0, "1 h behind"),
        ("Europe/London", 0.0, 60, "1 h ahead"),
        ("Asia/Kolkata", 0.0, 60, "4.5 h behind"),
        (None, -4.5, 330, ""),
    ],
    ids=["zone right", "summer time", "another zone", "half an hour", "zone unknown"],
)
def test_zone_of_the_camera_is_found_by_its_log(
    zone: str | None, logged_h: float, offset_min: int, says: str, tmp_path: Path
) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(video.with_suffix(".gpx"), drive(-600, 700), BEGIN + timedelta(hours=logged_h))
    journey = found(video, zone=zone)
    assert journey.clock is not None
    assert journey.clock.started_at == BEGIN + timedelta(hours=logged_h)
    assert journey.clock.utc_offset_min == offset_min
    assert journey.clock.time_source == "name"
    assert says in journey.position_note
    moment = journey.moment(9.5)
    assert truth(9.5).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M


def test_log_as_long_as_the_video_is_taken_although_the_camera_s_clock_is_wrong(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_nmea(video.with_suffix(".nmea"), drive(0, 20), BEGIN + timedelta(seconds=140))
    journey = found(video)
    moment = journey.moment(9.5)
    assert truth(9.5).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M
    assert journey.clock is not None
    assert (journey.clock.started_at, journey.clock.time_source) == (BEGIN + timedelta(seconds=140), "gps")
    assert "both begin together" in journey.position_note
    assert "the time in its name is 140 s early" in journey.time_note


def test_log_of_another_day_is_refused_with_both_times(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(video.with_suffix(".gpx"), drive(0, 300), BEGIN + timedelta(days=3))
    journey = found(video)
    assert journey.track is None
    assert "2024-02-03 13:22 to 2024-02-03 13:27 UTC" in journey.position_note
    assert "the video began at 2024-01-31 13:22 UTC by its name" in journey.position_note


def test_sentences_without_a_date_are_those_of_a_video_as_long_as_they(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    lines = []
    for place in drive(0, 20):
        body = sentence(place).removeprefix("$GPRMC,").split(",")
        lines.append(f"$GPGGA,{body[0]},{','.join(body[2:6])},1,08,0.9,545.4,M,46.9,M,,")
    video.with_suffix(".nmea").write_text("\n".join(lines))
    journey = found(video)
    assert journey.track is not None, journey.position_note
    moment = journey.moment(9.5)
    assert truth(9.5).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M


BROKEN = {
    "empty gpx": (".gpx", b"", "is no GPX file"),
    "cut gpx": (".gpx", b"<gpx><trk><trkseg><trkpt lat='1' lon=", "is no GPX file"),
    "wrong numbers": (
        ".gpx",
        b"<gpx><trk><trkseg><trkpt lat='x' lon='y'/></trkseg></trk></gpx>",
        "is no GPX file",
    ),
    "binary gpx": (".gpx", bytes(range(256)) * 40, "is no GPX file"),
    "gpx without times": (
        ".gpx",
        b"<gpx version='1.1' creator='x'><trk><trkseg><trkpt lat='1' lon='2'/></trkseg></trk></gpx>",
        "1 of its 1 points have no time",
    ),
    "empty nmea": (".nmea", b"", "holds no position sentence"),
    "binary nmea": (".nmea", bytes(range(256)) * 40, "holds no position sentence"),
    "no checksum": (".nmea", sentence(truth(0.0)).encode()[:-2] + b"ZZ", "only 1 damaged"),
    "wrong checksum": (".nmea", sentence(truth(0.0)).replace("A", "B", 1).encode(), "only 1 damaged"),
    "month 0": (".nmea", b"$GPRMC,000000,A,4807.038,N,01131.000,E,0,0,000000,,", "no position"),
    "only void": (".nmea", b"$GPRMC,123519,V,,,,,,,310124,,", "no position"),
    "any text": (".txt", b"what to buy: bread, milk", ""),
    "film subtitles": (".srt", b"1\n00:00:01,000 --> 00:00:02,000\nWhere were you?\n", ""),
    "no subtitles": (".srt", b"\0\1\2" * 99, ""),
    "white space without end": (".srt", b"1\n00:00:01,000 --> 00:00:02,000\nlat" + b" " * 20_000 + b"\n", ""),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_beside_a_video_is_a_note_at_most(kind: str, tmp_path: Path) -> None:
    suffix, content, says = BROKEN[kind]
    video = clip_of(tmp_path, 2)
    video.with_suffix(suffix).write_bytes(content)
    journey = found(video)
    assert journey.track is None
    assert says in journey.position_note
    assert "\n" not in journey.position_note
    assert journey.clock is not None


def damaged(content: bytes, chance: Random) -> bytes:
    """With some bytes changed, lost, new, or with its end cut off."""
    for _ in range(chance.choice((1, 3, 10, 50))):
        at = chance.randrange(max(1, len(content)))
        more = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 20)))
        content = chance.choice(
            (
                content[:at] + more[:1] + content[at + 1 :],
                content[:at] + content[at + len(more) :],
                content[:at] + more + content[at:],
                content[: max(at, len(content) // 2)],
            )
        )
    return content


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_file_is_read_as_far_as_it_goes(kind: str, tmp_path: Path) -> None:
    video = KINDS[kind][1](tmp_path)
    target = next(iter(beside_it(video)), video)
    whole, chance = target.read_bytes(), Random(kind)
    for _ in range(12):
        target.write_bytes(damaged(whole, chance))
        journey = found(video)
        assert UNFORESEEN not in journey.position_note
        assert (journey.position_note + journey.time_note).isprintable()
        assert Journey.from_json(journey.to_json()) == journey


def test_broken_file_does_not_hide_a_good_one(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    video.with_suffix(".gpx").write_bytes(b"<gpx>")
    write_nmea(video.with_suffix(".nmea"), drive(0, 20))
    journey = found(video)
    assert journey.track is not None
    assert journey.track.source == "nmea"
    assert f"{video.stem}.gpx" in journey.position_note


def test_positions_can_be_turned_off(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(video.with_suffix(".gpx"), drive(0, 20))
    assert found(video, positions=False).track is None


@pytest.mark.parametrize("name", ["{stem}.gpx", "{stem}.GPX", "{lower}.gpx", "{stem}.mp4.gpx"])
def test_file_beside_is_found_however_it_is_spelt(name: str, tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(tmp_path / name.format(stem=video.stem, lower=video.stem.lower()), drive(0, 20))
    assert found(video).track is not None


def test_file_of_another_video_is_not_taken(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(tmp_path / f"{video.stem}2.gpx", drive(0, 20))
    assert found(video).track is None


def test_without_the_library_a_video_with_camm_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    video = write_camm(tmp_path / NAME, clip_of(tmp_path / "plain"), drive(0, 20))
    monkeypatch.setitem(sys.modules, "mapillary_tools.camm.camm_parser", None)
    monkeypatch.setenv("PATH", str(tmp_path))  # ExifTool reads it too
    journey = found(video)
    assert journey.track is None
    assert "dashcam-pipeline[gps]" in journey.position_note


def test_hour_of_ten_fixes_a_second_becomes_two_a_second(tmp_path: Path) -> None:
    video = clip_of(tmp_path, LENGTH_S)
    write_gpx(video.with_suffix(".gpx"), [truth(tenth / 10.0) for tenth in range(201)])
    track = found(video).track
    assert track is not None
    assert len(track.fixes) == 41
    assert track.dropped.thinned == 160


def test_void_samples_of_gopro_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    video = write_gpmf(tmp_path / "GX010001.MP4", clip_of(tmp_path / "plain"), drive(0, 20), void=range(7))
    journey = found(video)
    assert journey.track is not None
    assert journey.track.dropped == Dropped(void=7)
    assert journey.clock is not None
    assert (journey.clock.started_at, journey.clock.time_source) == (BEGIN, "gps")
    moment = journey.moment(15.5)
    assert truth(15.5).metres_from(moment.latitude, moment.longitude) < ON_THE_ROAD_M
    assert journey.moment(3.0).latitude is None


needs_exiftool = pytest.mark.skipif(not exiftool_is_here(), reason="exiftool is not installed")


@needs_exiftool
def test_novatek_is_read_by_exiftool(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    journey = found(write_novatek(tmp_path / NAME, clip_of(tmp_path / "plain"), drive(0, 20)))
    assert journey.track is not None, journey.position_note
    assert journey.track.source == "exiftool"
    assert journey.clock is not None
    assert (journey.clock.started_at, journey.clock.time_source) == (BEGIN, "gps")
    for t_s in MOMENTS_S:
        moment, true = journey.moment(t_s), truth(t_s)
        assert true.metres_from(moment.latitude, moment.longitude) < 1.5  # the camera writes 24 bits
        assert moment.speed_kmh == pytest.approx(true.speed_kmh, rel=0.01)


def test_without_exiftool_a_novatek_video_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    video = write_novatek(tmp_path / NAME, clip_of(tmp_path / "plain"), drive(0, 20))
    monkeypatch.setenv("PATH", str(tmp_path))
    journey = found(video)
    assert journey.track is None
    assert "only ExifTool reads" in journey.position_note


PRINTED = {
    "track with times of the video": (
        '[{"Doc1:SampleTime": 0, "Doc1:GPSLatitude": 50.5, "Doc1:GPSLongitude": -8.5, "Doc1:GPSSpeed": 30,'
        '"Doc1:GPSSpeedRef": "M", "Doc1:GPSDateTime": "2024:01:31 13:22:33.5Z",'
        '"Doc2:SampleTime": 1, "Doc2:GPSLatitude": 50.5, "Doc2:GPSLongitude": -8.5, "Doc2:GPSSpeed": 30,'
        '"Doc2:GPSSpeedRef": "M", "Doc2:GPSDateTime": "2024:01:31 13:22:34.5Z",'
        '"Doc3:SampleTime": 2, "Doc3:GPSStatus": "V"}]',
        Dropped(void=1),
        "",
    ),
    "no track": ('[{"SourceFile": "a.mp4", "Main:GPSLatitude": 50.5}]', None, ""),
    "nothing": ("", None, ""),
    "no JSON": ("Segmentation fault", None, "exiftool failed"),
}


@pytest.mark.parametrize("case", PRINTED)
def test_what_exiftool_prints(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in its place, for what this host's would not print."""
    printed, dropped, says = PRINTED[case]
    program = tmp_path / "exiftool"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    journey = found(clip_of(tmp_path, 3, "clip.mp4"))
    assert says in journey.position_note
    assert (journey.track and journey.track.dropped) == dropped
    if journey.track is not None:
        moment = journey.moment(0.5)
        assert (moment.latitude, moment.longitude) == (pytest.approx(50.5), pytest.approx(-8.5))
        assert moment.speed_kmh == pytest.approx(48.28032)
        assert moment.ts == BEGIN + timedelta(seconds=1)
