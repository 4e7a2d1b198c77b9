"""A rendered video: the source's frames at the source's times with its sound, and what was found drawn in it."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dashcam_pipeline.errors import BadInput, EngineUnavailable, VideoUnreadable
from dashcam_pipeline.render.colours import Colour, ColourSpace, of_track
from dashcam_pipeline.render.drawing import Drawing, label_text
from dashcam_pipeline.render.encoding import Encoding
from dashcam_pipeline.render.labels import label, place
from dashcam_pipeline.render.reading import Window
from dashcam_pipeline.render.rendering import check
from dashcam_pipeline.render.vehicles import Vehicle
from dashcam_pipeline.vision.types import Box, Image
from render_bench import (
    look,
    make_clip_with_sound,
    pictures,
    rendered,
    sighting,
    sound,
    times,
)
from sources_clips import MATRICES, corners, flat, make_clip, make_shades, real_clip, set_matrix

BOX = (100.0, 60.0, 200.0, 140.0)


def is_near(image: Image, x: int, y: int, colour: Colour, tolerance: int = 40) -> bool:
    blue, green, red = map(int, image[y, x])
    return max(abs(red - colour.red), abs(green - colour.green), abs(blue - colour.blue)) <= tolerance


def grey(frames: int, width: int = 320, height: int = 240) -> list[Image]:
    return [flat(90, width, height) for _ in range(frames)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_frames_and_sound_are_those_of_the_source(tmp_path: Path, codec: str) -> None:
    source = make_clip_with_sound(tmp_path / "a.mp4")
    done = rendered(source, tmp_path / "b.mp4", encoding=Encoding(codec=codec))  # type: ignore[arg-type]
    assert done.frames == 50
    assert done.problem is None
    assert times(tmp_path / "b.mp4") == times(source)
    assert sound(tmp_path / "b.mp4") == sound(source)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].codec_context.name == codec


def test_uneven_times_are_kept_to_the_tick(tmp_path: Path) -> None:
    pts = [0, 7, 8, 90, 1000, 1001, 5555, 9000]
    clip = make_clip(tmp_path / "a.mkv", grey(8), pts=pts, time_base=Fraction(1, 1000))
    for name in ("b.mkv", "b.mp4"):
        rendered(clip, tmp_path / name)
        assert times(tmp_path / name) == [Fraction(one, 1000) for one in pts]


@pytest.mark.parametrize(
    "name",
    [
        "vfr_goldeneye_drop3.mp4",
        "rotate90_pyscenedetect.mp4",
        "delayed_start.mp4",
        "var_fps_video_torchcodec.mp4",
    ],
)
def test_real_odd_times_are_kept(tmp_path: Path, name: str) -> None:
    source = real_clip("broken", name)
    rendered(source, tmp_path / "b.mp4", encoding=Encoding())
    assert times(tmp_path / "b.mp4") == times(source)
    assert sound(tmp_path / "b.mp4") == sound(source)


@pytest.mark.parametrize("turn", MATRICES)
def test_turned_video_comes_out_upright(tmp_path: Path, turn: int) -> None:
    clip = make_clip(tmp_path / "a.mp4", [corners(320, 240)] * 5)
    expected = np.rot90(corners(320, 240), -turn // 90)
    rendered(set_matrix(clip, MATRICES[turn]), tmp_path / "b.mp4")
    image = pictures(tmp_path / "b.mp4")[2]
    assert image.shape == expected.shape
    for y in (image.shape[0] // 4, image.shape[0] * 3 // 4):
        for x in (image.shape[1] // 4, image.shape[1] * 3 // 4):
            assert np.abs(image[y, x].astype(int) - expected[y, x]).max() < 40


def test_box_of_the_tracks_colour_is_drawn_where_the_vehicle_is(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", grey(30))
    rendered(clip, tmp_path / "b.mp4", sighting((0.0, BOX), (0.5, BOX), track_id=2))
    early, late = (pictures(tmp_path / "b.mp4")[number] for number in (5, 25))
    for x, y in ((99, 100), (201, 100), (150, 141)):
        assert is_near(early, x, y, of_track(2))
        assert not is_near(late, x, y, of_track(2))
    assert np.abs(early[80:120, 110:190].astype(int) - 90).max() < 12


def test_box_follows_by_time_not_by_frame_number(tmp_path: Path) -> None:
    """Frame 1 is shown at 1 s of 2: the box is half of the way, whatever the frame rate says."""
    clip = make_clip(tmp_path / "a.mkv", grey(4), pts=[0, 500, 700, 1000], time_base=Fraction(1, 1000))
    moved = tuple(edge + (100 if number % 2 == 0 else 0) for number, edge in enumerate(BOX))
    rendered(clip, tmp_path / "b.mkv", sighting((0.0, BOX), (1.0, moved), track_id=2))  # type: ignore[arg-type]
    assert is_near(pictures(tmp_path / "b.mkv")[1], 251, 100, of_track(2))


def test_vehicle_that_is_asked_for_stands_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", grey(5, 640, 480))
    other = (400.0, 200.0, 500.0, 300.0)
    chosen = sighting((0.0, BOX), (1.0, BOX), track_id=2, plate="AB12CDE")
    thin = sighting((0.0, other), (1.0, other), track_id=5, plate="XY99ZZZ")
    rendered(clip, tmp_path / "b.mp4", chosen, thin, only_plate="AB12CDE")
    image = pictures(tmp_path / "b.mp4")[2]
    assert (image[40:56, 102:200].astype(int).min(axis=2) < 60).any()  # its label's letters
    assert np.abs(image[170:194, 402:480].astype(int) - 90).max() < 20  # the other has none


@pytest.mark.parametrize(
    ("plate", "guess", "hidden", "chosen", "text"),
    [
        ("AB12CDE", None, False, None, "#1 car AB12CDE 90%"),
        (None, "AB12CD", False, None, "#1 car AB12CD? 90%"),
        (None, None, False, None, "#1 car"),
        ("AB12CDE", None, True, None, "#1 car"),
        ("AB12CDE", None, True, True, "#1 car AB12CDE 90%"),
        ("AB12CDE", None, True, False, "#1 car"),
        ("h:0123456789abcdef0123abcd", None, False, None, "#1 car h:012345… 90%"),
    ],
    ids=[
        "claimed",
        "guessed",
        "nothing",
        "hidden",
        "the one that is kept",
        "not the one that is kept",
        "hashed",
    ],
)
def test_label_tells_what_may_be_told(
    plate: str | None, guess: str | None, hidden: bool, chosen: bool | None, text: str
) -> None:
    seen = replace(sighting((0.0, BOX), plate=plate), best_guess=guess, confidence=0.9)
    vehicle = Vehicle(seen)
    standing_out = None if chosen is None else (vehicle,) if chosen else ()
    assert label_text(vehicle, Drawing(vehicles=(), chosen=standing_out, hidden_texts=hidden)) == text


@pytest.mark.parametrize("text", ["#1 car", "#12345 motorcycle ABCDEFGHIJKLMNOP? 100%", "京A12345 ÄÖÜ"])
@pytest.mark.parametrize(
    "box",
    [
        Box(0, 0, 50, 50),
        Box(600, 0, 640, 40),
        Box(600, 440, 640, 480),
        Box(-50, 470, 30, 600),
        Box(0, 0, 640, 480),
    ],
)
def test_label_never_leaves_the_picture(text: str, box: Box) -> None:
    drawn = label(text, 18, of_track(1), ColourSpace(), 640)
    x, y = place(box, drawn, 640, 480, [])
    assert 0 <= x <= 640 - drawn.width
    assert 0 <= y <= 480 - drawn.height


def test_label_that_is_too_long_is_cut() -> None:
    assert label("A" * 500, 18, of_track(1), ColourSpace(), 200).width <= 200


def test_labels_do_not_hide_each_other() -> None:
    drawn = label("#1 car", 18, of_track(1), ColourSpace(), 640)
    first = place(Box(100, 100, 200, 200), drawn, 640, 480, [])
    taken = Box(first[0], first[1], first[0] + drawn.width, first[1] + drawn.height)
    second = place(Box(105, 102, 205, 202), drawn, 640, 480, [taken])
    assert not Box(second[0], second[1], second[0] + drawn.width, second[1] + drawn.height).overlaps(taken)


def test_part_of_a_video_begins_at_zero_with_its_sound(tmp_path: Path) -> None:
    source = make_clip_with_sound(tmp_path / "a.mp4", seconds=8)
    done = rendered(source, tmp_path / "b.mp4", window=Window(6.0, 7.0))
    assert done.frames == 25
    assert times(tmp_path / "b.mp4") == [Fraction(number, 25) for number in range(25)]
    wanted = [(at - 6, data) for at, data in sound(source) if 6 <= at < 7]
    assert sound(tmp_path / "b.mp4") == wanted
    image = pictures(tmp_path / "b.mp4")[0]
    assert abs(float(image.mean()) - (20 + 150)) < 4  # frame 150 of the source


def test_window_without_a_frame_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no frame from 50 s on"):
        rendered(make_shades(tmp_path), tmp_path / "b.mp4", window=Window(50.0, math.inf))


def test_truncated_video_keeps_what_was_readable_and_says_so(tmp_path: Path) -> None:
    source = real_clip("broken", "made_truncated_60pct.mp4")
    done = rendered(source, tmp_path / "b.mp4", encoding=Encoding())
    assert done.problem is not None
    assert "truncated" in done.problem
    assert len(times(tmp_path / "b.mp4")) == done.frames > 0


def test_what_is_no_video_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("no video")
    with pytest.raises(VideoUnreadable):
        rendered(path, tmp_path / "b.mp4")


def test_odd_sizes_and_ten_bits_are_taken(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mkv", [flat(90, 65, 49)] * 3, codec="ffv1", pixel_format="yuv422p10le")
    rendered(clip, tmp_path / "b.mp4")
    image = pictures(tmp_path / "b.mp4")[1]
    assert image.shape == (50, 66, 3)
    assert np.abs(image.astype(int) - 90).max() < 5


def test_sound_that_the_container_cannot_hold_is_told_with_what_to_do(tmp_path: Path) -> None:
    source = make_clip_with_sound(tmp_path / "a.mkv", sound_codec="pcm_u8")
    output = tmp_path / "b.mp4"
    with pytest.raises(BadInput, match=r"pcm_u8.*-o b\.mkv.*--no-audio"):
        check(source, output, Encoding())
    check(source, tmp_path / "b.mkv", Encoding())
    check(source, output, Encoding(audio=False))


@pytest.mark.parametrize("name", ["no_such_encoder", "aac"])
def test_encoder_that_is_not_here_is_one_clear_error_before_the_work(tmp_path: Path, name: str) -> None:
    """The last one encodes sound."""
    clip = make_shades(tmp_path)
    with pytest.raises(EngineUnavailable, match=f"--encoder {name} can't be had"):
        check(clip, tmp_path / "b.mp4", Encoding(encoder=name))


def test_plate_box_is_drawn_near_its_views(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", grey(30))
    seen = replace(
        sighting((0.0, BOX), (1.0, BOX), track_id=2), looks=(look(0.0, BOX, (130, 110, 170, 124)),)
    )
    rendered(clip, tmp_path / "b.mp4", seen)
    near, far = (pictures(tmp_path / "b.mp4")[number] for number in (3, 25))
    assert is_near(near, 129, 117, of_track(2))
    assert not is_near(far, 129, 117, of_track(2))
