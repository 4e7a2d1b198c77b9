"""Where a video is cut, and how the camera moves."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dashcam_pipeline.vision.tracking.ego_motion import NO_SHIFT, EgoMotion
from dashcam_pipeline.vision.tracking.scene import ShotCuts
from dashcam_pipeline.vision.types import Image
from sources_clips import real_clip

LOOKED_AT_PER_S = 10


def place(seed: int, width: int = 640, height: int = 360) -> Image:
    """A scene of its own: patches of colour of all sizes."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), random.integers(40, 180, 3), np.uint8)
    for _ in range(60):
        left, top = int(random.integers(-50, width)), int(random.integers(-50, height))
        right, bottom = left + int(random.integers(20, 160)), top + int(random.integers(20, 120))
        colour = tuple(int(level) for level in random.integers(20, 230, 3))
        cv2.rectangle(image, (left, top), (right, bottom), colour, -1)
    return image


def cuts(frames: Sequence[Image]) -> list[int]:
    """The frames with which a new shot begins."""
    detector = ShotCuts()
    return [index for index, frame in enumerate(frames) if detector.step(frame)]


def brightened(image: Image, gain: float, offset: float = 0.0) -> Image:
    return np.clip(image * gain + offset, 0, 255).astype(np.uint8)


def panned(wide: Image, lefts: Sequence[int], width: int = 640) -> list[Image]:
    return [wide[:, left : left + width] for left in lefts]


def test_a_new_scene_is_a_cut_at_its_first_frame() -> None:
    assert cuts([place(1)] * 6 + [place(2)] * 6 + [place(1)] * 6) == [6, 12]


def test_a_cut_between_pictures_without_colour_is_found() -> None:
    def grey(seed: int) -> Image:
        return np.repeat(cv2.cvtColor(place(seed), cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)

    assert cuts([grey(1)] * 6 + [grey(2)] * 6) == [6]


def test_a_shot_of_one_looked_at_frame_has_two_cuts() -> None:
    assert cuts([place(1)] * 6 + [place(2)] + [place(3)] * 6) == [6, 7]


def test_a_cut_behind_black_frames_is_found() -> None:
    black: Image = np.zeros((360, 640, 3), np.uint8)
    assert cuts([place(1)] * 6 + [black] * 3 + [place(2)] * 6) == [9]
    assert cuts([place(1)] * 6 + [black] * 3 + [place(1)] * 6) == []


@pytest.mark.parametrize("pixels_a_frame", [5, 20, 60])
def test_a_pan_is_no_cut(pixels_a_frame: int) -> None:
    wide = place(3, width=2000)
    assert cuts(panned(wide, [pixels_a_frame * index for index in range(20)])) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda image, index: brightened(image, 1.3, 30) if index == 8 else image,  # a flash
        lambda image, index: brightened(image, 0, 255) if index == 8 else image,  # a blinding one
        lambda image, index: brightened(image, 0.5) if index >= 8 else image,  # the aperture closes
        lambda image, index: brightened(image, max(0.1, 1 - 0.2 * index)),  # into a tunnel
        lambda image, index: brightened(image, min(1.0, 0.1 + 0.2 * index)),  # and out of it
    ],
    ids=["flash", "blinding", "aperture", "into_a_tunnel", "out_of_a_tunnel"],
)
def test_a_change_of_light_is_no_cut(change: Callable[[Image, int], Image]) -> None:
    wide = place(4, width=800)
    frames = panned(wide, [4 * index for index in range(20)])
    assert cuts([change(frame, index) for index, frame in enumerate(frames)]) == []


def test_a_large_vehicle_that_drives_through_is_no_cut() -> None:
    frames = [place(5).copy() for _ in range(20)]
    for index, frame in enumerate(frames):
        cv2.rectangle(frame, (60 * index - 400, 60), (60 * index, 340), (30, 30, 220), -1)
    assert cuts(frames) == []


def test_cuts_are_the_same_across_a_pickle_at_every_frame() -> None:
    frames = [place(1)] * 6 + [place(2)] * 6
    detector, found = ShotCuts(), []
    for index, frame in enumerate(frames):
        detector = pickle.loads(pickle.dumps(detector))
        found += [index] if detector.step(frame) else []
    assert found == cuts(frames)


def test_pictures_of_any_size_do_no_harm() -> None:
    detector, motion = ShotCuts(), EgoMotion()
    for shape in ((0, 0, 3), (1, 1, 3), (7, 5, 3), (2000, 3000, 3), (1, 500, 3)):
        image: Image = np.full(shape, 99, np.uint8)
        assert detector.step(image) is False
        assert motion.step(image) == NO_SHIFT


@pytest.mark.parametrize("by", [(0, 0), (12, 0), (-40, 8), (100, -30)])
def test_the_shift_of_the_picture_is_measured(by: tuple[int, int]) -> None:
    wide, (dx, dy) = place(6, width=1000, height=600), by
    motion = EgoMotion()
    assert motion.step(wide[100:460, 150:790]) == NO_SHIFT
    shift = motion.step(wide[100 - dy : 460 - dy, 150 - dx : 790 - dx])
    assert shift == pytest.approx(by, abs=3)


def test_a_vehicle_that_moves_past_a_camera_that_stands_is_no_shift() -> None:
    motion = EgoMotion()
    for index in range(10):
        frame = place(7).copy()
        cv2.rectangle(frame, (40 * index, 100), (40 * index + 200, 250), (220, 30, 30), -1)
        assert motion.step(frame) == pytest.approx(NO_SHIFT, abs=1)


def looked_at(path: Path) -> Iterator[tuple[int, float, Image]]:
    """Number, second and picture of ten frames in a second, at a small size."""
    next_s, first_s = 0.0, None
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            ts_s = float(frame.time or 0.0)
            first_s = ts_s if first_s is None else first_s
            ts_s -= first_s
            if ts_s >= next_s - 0.001:
                while next_s <= ts_s + 0.001:
                    next_s += 1 / LOOKED_AT_PER_S
                small = frame.reformat(width=426, height=240).to_ndarray(format="bgr24")
                yield index, ts_s, np.asarray(small, dtype=np.uint8)


@pytest.mark.parametrize("drive", ["drive_mixed", "drive_road"])
def test_every_cut_of_a_drive_is_found_and_nothing_else(drive: str) -> None:
    truth = json.loads(real_clip("videos", f"{drive}.json").read_text())
    frames = list(looked_at(real_clip("videos", f"{drive}.mp4")))
    numbers = [number for number, _, _ in frames]
    changes = {one["first"] for one in truth["sightings"]} | {one["last"] + 1 for one in truth["sightings"]}
    expected = sorted({int(np.searchsorted(numbers, change)) for change in changes})
    assert cuts([image for _, _, image in frames]) == expected


def test_two_shots_of_one_fixed_camera_are_told_apart() -> None:
    frames = list(looked_at(real_clip("videos", "vn_tollgate_720p_20s.mp4")))
    (cut,) = cuts([image for _, _, image in frames])
    assert frames[cut][1] == pytest.approx(8.5, abs=0.1)


@pytest.mark.parametrize(
    "clip",
    [
        "uk_mercedes_LS15EBC_720p",
        "in_kochi_traffic_540p",
        "us_sf_uber_gpsoverlay_360p",
        "us_carnd_solidWhiteRight_540p",
        "us_night_road_1080p",
    ],
)
def test_a_clip_of_one_shot_has_no_cut(clip: str) -> None:
    assert cuts([image for _, _, image in looked_at(real_clip("videos", f"{clip}.mp4"))]) == []
