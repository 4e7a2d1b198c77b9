"""`dashcam explain --picture`: the proof of a sighting as one picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_OK
from dashcam_pipeline.report.fonts import REGULAR, font
from dashcam_pipeline.report.frame_boxes import PLATE_COLOUR as BOX_PLATE
from dashcam_pipeline.report.frame_boxes import VEHICLE_COLOUR as BOX
from dashcam_pipeline.report.proof_picture import WIDTH_PX
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, UNREAD, VIDEO, WELL_KNOWN

Dashcam = Callable[..., int]
GREY = 90
SIZES = {"1_vehicle": (300, 400), "1_plate": (40, 120), "1-1_frame": (360, 640), "1-1_strip": (90, 400)}


@pytest.fixture
def results(dsn: str, tmp_path: Path) -> str:
    """A sighting with its pictures, and one of which nothing was kept, in a video with a long and foreign name."""
    bare = replace(UNREAD, video_id="abcdef", track_id=2, vehicle_picture=None, plate_picture=None)
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, work_dir=str(tmp_path / "work")))
        writer.write(
            [replace(WELL_KNOWN, part=0), bare],
            [
                replace(
                    VIDEO, filename=f"{'Straße_' * 30}.mp4", status=VideoStatus.DONE, width=1280, height=720
                )
            ],
        )
    return dsn


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "evidence" / "ab" / "abcdef"
    folder.mkdir(parents=True)
    for name, (height, width) in SIZES.items():
        cv2.imwrite(str(folder / f"{name}.jpg"), np.full((height, width, 3), GREY, np.uint8))
    return folder


def count(path: Path, colour: str) -> int:
    """Pixels of a colour."""
    wanted = tuple(int(colour[n : n + 2], 16) for n in (1, 3, 5))
    with Image.open(path) as picture:
        return int(np.all(np.asarray(picture.convert("RGB")) == wanted, axis=2).sum())


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("A.JPEG", "JPEG")])
def test_proof_is_written_in_the_format_of_its_name(
    dashcam: Dashcam,
    results: str,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    kind: str,
) -> None:
    out = tmp_path / name
    assert dashcam("explain", "LS15EBC", "--picture", out, "--db", results) == EXIT_OK
    with Image.open(out) as picture:
        assert (picture.format, picture.width) == (kind, WIDTH_PX)
    assert capsys.readouterr().err == f"sighting abcdef-1 in {out}\n"


def test_vehicle_and_plate_are_boxed_where_they_are_in_the_frame(
    dashcam: Dashcam, results: str, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.png"
    assert dashcam("explain", "LS15EBC", "--picture", out, "--db", results) == EXIT_OK
    with Image.open(out) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    red = np.argwhere(np.all(pixels == (0xFF, 0x3B, 0x30), axis=2))
    (top, left), (bottom, right) = red.min(axis=0), red.max(axis=0)
    factor = 724 / 1280  # the box is 200.25 wide and 149.5 high in pixels of the video
    assert right - left == pytest.approx(200.25 * factor, abs=4)
    assert bottom - top == pytest.approx(149.5 * factor, abs=4)
    assert count(out, BOX_PLATE) > 0


def test_pictures_that_are_gone_leave_fields_and_a_line(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.png"
    assert dashcam("explain", "LS15EBC", "--picture", out, "--db", results) == EXIT_OK
    assert size_of(out)[0] == WIDTH_PX
    assert count(out, BOX) == 0
    _, said = capsys.readouterr().err.splitlines()
    assert "4 of its 4 pictures are not in" in said


def test_damaged_picture_is_treated_as_missing(
    dashcam: Dashcam, results: str, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "1-1_frame.jpg").write_bytes(b"no picture")
    out = tmp_path / "a.png"
    assert dashcam("explain", "LS15EBC", "--picture", out, "--db", results) == EXIT_OK
    assert count(out, BOX) == 0


def test_sighting_without_any_picture_has_its_words(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert dashcam("explain", "abcdef-2", "--picture", out, "--db", results) == EXIT_OK
    assert size_of(out)[0] == WIDTH_PX
    assert count(out, "#1b1f24") > 500  # of its text


@pytest.mark.parametrize("name", ["a.gif", "a", "a.html"])
def test_format_that_is_not_known_is_one_line(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert dashcam("explain", "LS15EBC", "--picture", tmp_path / name, "--db", results) == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "name a file that ends in .png or .jpg" in said
    assert not (tmp_path / name).exists()


def test_font_knows_more_than_ascii() -> None:
    unknown = bytes(font(REGULAR, 24).getmask("\ufffe"))
    drawn = [bytes(font(REGULAR, 24).getmask(letter)) for letter in "äßŁЖĐă"]
    assert unknown not in drawn
    assert len(set(drawn)) == len(drawn)
