"""Which files follow each other, by their names, lengths and sizes."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from dashcam_pipeline.sources.trips import Recording, clues_of, trips_of

WHEN = datetime(2024, 1, 31, 14, 22, 33)


@pytest.mark.parametrize(
    ("name", "camera", "number"),
    [
        ("20240131_142233.mp4", "", None),
        ("2024_0131_142233_001A.MP4", "a", 1),
        ("2024_0131_142233_00127PF.MP4", "f", 127),
        ("20240131142233_000123.MP4", "", 123),
        ("2024-01-31-14-22-33.mp4", "", None),
        ("2024-01-31_14-22-33-front.mp4", "front", None),
        ("2024-01-31_14-22-33-left_repeater.mp4", "left_repeater", None),
        ("NO20240131-142233-000123F.mp4", "f", 123),
        ("EV20240131-142233-000124F.mp4", "f", 124),
        ("NO20240131-142233-000123B.mp4", "b", 123),
        ("FILE240131-142233F.MP4", "f", None),
        ("240131_142233_001_FH.MP4", "fh", 1),
        ("20240131_142233_NF.mp4", "f", None),
        ("20240131_142233_ER.mp4", "r", None),
        ("20240131_142233_E.mp4", "", None),
        ("REC_2024_01_31_14_22_33_F.MP4", "f", None),
        ("frontcam 2024-01-31 14.22.33.mkv", "frontcam_", None),
    ],
)
def test_names_of_cameras_tell_time_and_camera(name: str, camera: str, number: int | None) -> None:
    clues = clues_of(f"/card/DCIM/{name}")
    assert clues is not None
    assert (clues.time, clues.camera, clues.number, clues.chapter) == (WHEN, camera, number, False)


@pytest.mark.parametrize(
    ("name", "camera", "number", "chapter"),
    [
        ("GX010001.MP4", "gx0001", 1, True),
        ("GX020001.MP4", "gx0001", 2, True),
        ("GH011234.mp4", "gh1234", 1, True),
        ("GRMN0001.MP4", "grmn", 1, False),
        ("MOVI0042.avi", "movi", 42, False),
    ],
)
def test_counted_names_tell_their_number(name: str, camera: str, number: int, chapter: bool) -> None:
    clues = clues_of(name)
    assert clues is not None
    assert (clues.time, clues.camera, clues.number, clues.chapter) == (None, camera, number, chapter)


@pytest.mark.parametrize(
    "name",
    [
        "drive.mp4",
        "t1.mp4",
        "clip_0001.mp4",
        "IMG_0001.MOV",
        "20241331_142233.mp4",
        "20240131_252233.mp4",
        "12345.mp4",
    ],
)
def test_names_that_people_and_phones_give_tell_nothing(name: str) -> None:
    assert clues_of(name) is None


def recording(name: str, duration_s: float | None = 60.0, **more: object) -> Recording:
    given: dict[str, object] = {"width": 1920, "height": 1080, "codec": "h264", **more}
    path = name if "/" in name else f"/card/{name}"
    return Recording(video_id=name, path=path, duration_s=duration_s, **given)  # type: ignore[arg-type]


def names(*recordings: Recording, pattern: str | None = None) -> list[list[str]]:
    compiled = re.compile(pattern) if pattern else None
    return [list(trip.video_ids) for trip in trips_of(recordings, 3.0, compiled)]


A, B, C = "20240131_142200_NF.mp4", "20240131_142300_NF.mp4", "20240131_142400_EF.mp4"


@pytest.mark.parametrize(
    ("recordings", "trips"),
    [
        pytest.param([recording(C), recording(A), recording(B)], [[A, B, C]], id="files without a gap are one trip"),
        pytest.param([recording(A, 57.2), recording(B)], [[A, B]], id="a gap of up to max_gap_s"),
        pytest.param([recording(A, 56.5), recording(B)], [[A], [B]], id="a longer gap"),
        pytest.param([recording(A, 62.9), recording(B)], [[A, B]], id="a file that overlaps the next by seconds"),
        pytest.param([recording(A, 70.0), recording(B)], [[A], [B]], id="one that overlaps it by more"),
        pytest.param([recording(A, None), recording(B)], [[A], [B]], id="a file of unknown length"),
        pytest.param([recording(A), recording(B, width=1280)], [[A], [B]], id="another picture size"),
        pytest.param([recording(A), recording(B, codec="hevc")], [[A], [B]], id="another codec"),
        pytest.param(
            [recording(A), recording("20240131_142300_NR.mp4")], [[A], ["20240131_142300_NR.mp4"]], id="front and rear"
        ),
        pytest.param(
            [recording(f"/a/{A}"), recording(f"/b/{B}")], [[f"/a/{A}"], [f"/b/{B}"]], id="another folder"
        ),
        pytest.param(
            [recording(A), recording(B), recording("20240131_142300_EF.mp4")],
            [[A], ["20240131_142300_EF.mp4"], [B]],
            id="two files of the same second",
        ),
        pytest.param(
            [recording(f"GRMN000{n}.MP4", s) for n, s in ((1, 60.0), (2, 59.5), (3, 21.0), (4, 60.0), (6, 60.0))],
            [["GRMN0001.MP4", "GRMN0002.MP4", "GRMN0003.MP4"], ["GRMN0004.MP4"], ["GRMN0006.MP4"]],
            id="numbers, until a shorter file or a missing one",
        ),
        pytest.param(
            [recording("GX010001.MP4", 700.0), recording("GX020001.MP4", 300.0), recording("GX010002.MP4", 50.0)],
            [["GX010001.MP4", "GX020001.MP4"], ["GX010002.MP4"]],
            id="chapters of one recording",
        ),
        pytest.param([recording("t1.mp4"), recording("t2.mp4")], [["t1.mp4"], ["t2.mp4"]], id="other names"),
    ],
)  # fmt: skip
def test_files_that_follow_each_other(recordings: list[Recording], trips: list[list[str]]) -> None:
    assert sorted(names(*recordings)) == sorted(trips)


def test_a_users_own_pattern_counts_alone() -> None:
    pattern = r"^(?P<camera>[a-z]+)-(?P<time>\d{6}T\d{6})"
    files = [
        recording("gate-240131T142200x.mp4"),
        recording("gate-240131T142300y.mp4"),
        recording(A),
        recording(B),
    ]
    assert sorted(names(*files, pattern=pattern)) == sorted(
        [["gate-240131T142200x.mp4", "gate-240131T142300y.mp4"], [A], [B]]
    )


def test_the_clock_of_a_trip_runs_through_its_files() -> None:
    trip = trips_of([recording(A, 60.4), recording(B, 58.0), recording(C)], 3.0)[0]
    assert [leg.start_s for leg in trip.legs] == [0.0, 60.4, pytest.approx(60.4 + 58.0 + 2.0)]
