"""What the camera writes into its picture is found, and nothing else is taken for it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest

from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.vision.plates.plate_gates import is_covered
from dashcam_pipeline.vision.tracking.overlay import EVERY_S, Overlay
from dashcam_pipeline.vision.types import Box, Image
from sources_clips import real_clip

WIDTH, HEIGHT = 1280, 720
CLOCK = Box(32, 30, 470, 62)
CAR, PLATE = Box(500, 300, 800, 520), Box(590, 440, 710, 470)
WORLD = cv2.resize(np.random.default_rng(5).integers(0, 255, (300, 600, 3), dtype=np.uint8), None, fx=8, fy=8)
ONE_CAR: Image = np.full((220, 300, 3), 60, np.uint8)
cv2.rectangle(ONE_CAR, (90, 140), (210, 170), (230, 230, 230), -1)
cv2.putText(ONE_CAR, "WOB ZK 295", (94, 163), cv2.FONT_HERSHEY_SIMPLEX, 0.62, (10, 10, 10), 2)

Paint = Callable[[Image, float], None]


def world(at_px: int) -> Image:
    """The picture of a camera that has moved this far."""
    x, y = at_px % (WORLD.shape[1] - WIDTH), (at_px // 3) % (WORLD.shape[0] - HEIGHT)
    return np.ascontiguousarray(WORLD[y : y + HEIGHT, x : x + WIDTH])


def clock(image: Image, ts_s: float) -> None:
    text = f"2024-05-01 12:00:{int(ts_s):02d} {40 + int(ts_s * 3) % 9} km/h"
    cv2.putText(image, text, (34, 58), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 5, cv2.LINE_AA)
    cv2.putText(image, text, (34, 58), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)


def frames(speed_px_s: float, seconds: float, paint: Paint | None = None) -> Iterator[tuple[float, Image]]:
    for step in range(int(seconds * 10)):
        image = world(int(step / 10 * speed_px_s))
        if paint:
            paint(image, step / 10)
        yield step / 10, image


def learnt(
    seen: Iterator[tuple[float, Image]], vehicles: tuple[Box, ...] = (), overlay: Overlay | None = None
) -> Overlay:
    overlay = overlay or Overlay()
    for ts_s, image in seen:
        overlay.step(ts_s, image, vehicles)
    return overlay


def test_text_that_stays_while_the_world_moves_is_overlay() -> None:
    overlay = learnt(frames(300, 6, clock))
    for x in range(40, 340, 20):
        assert overlay.covers(Box(x, 34, x + 110, 60)), x
    assert all(is_covered(one, [CLOCK.grown(0.15, WIDTH, HEIGHT)]) for one in overlay.rectangles())


def test_without_text_there_is_no_overlay() -> None:
    assert learnt(frames(300, 8)).rectangles() == ()


def test_a_parked_camera_has_no_overlay() -> None:
    assert learnt(frames(0, 30, clock)).rectangles() == ()


def test_what_was_learnt_stays_while_the_camera_stands() -> None:
    overlay = learnt(frames(300, 6, clock))
    before = overlay.rectangles()
    for step in range(300):
        image = world(1800)
        clock(image, 6.0)
        overlay.step(6 + step / 10, image)
    assert overlay.rectangles() == before != ()


def test_a_parked_camera_that_traffic_passes_has_no_overlay() -> None:
    def traffic(image: Image, ts_s: float) -> None:
        for lane in range(3):
            x = int(ts_s * (350 + 90 * lane)) % WIDTH
            part = image[300 + 90 * lane : 380 + 90 * lane, x : x + 200]
            part[:] = ONE_CAR[100:180, : part.shape[1]]

    assert learnt(frames(0, 60, traffic)).rectangles() == ()


def followed(jitter_px: float) -> Paint:
    """A car ahead that keeps its distance, but for a jitter."""
    chance = np.random.default_rng(3)

    def paint(image: Image, ts_s: float) -> None:
        dx, dy = chance.normal(0, jitter_px, 2) if jitter_px else (0.0, 0.0)
        matrix = np.array([[1, 0, CAR.x1 + dx], [0, 1, CAR.y1 + dy]], np.float32)
        mask = cv2.warpAffine(np.full(ONE_CAR.shape, 255, np.uint8), matrix, (WIDTH, HEIGHT))
        np.copyto(image, cv2.warpAffine(ONE_CAR, matrix, (WIDTH, HEIGHT)), where=mask == 255)

    return paint


def test_a_followed_car_whose_plate_stands_still_for_a_minute_is_no_overlay() -> None:
    overlay = learnt(frames(300, 60, followed(0)), vehicles=(CAR,))
    assert not overlay.covers(PLATE)


def test_a_followed_car_that_is_not_found_gives_itself_away_by_its_jitter() -> None:
    overlay = learnt(frames(300, 60, followed(1.0)))
    assert not overlay.covers(PLATE)


def test_the_followed_car_would_be_overlay_if_it_were_written_by_the_camera() -> None:
    """Shows that the two tests before this one could fail."""
    assert learnt(frames(300, 10, followed(0))).covers(PLATE)


def test_text_over_passing_vehicles_is_overlay() -> None:
    def paint(image: Image, ts_s: float) -> None:
        if int(ts_s) % 2:
            followed(0)(image, ts_s)
        cv2.putText(image, "CAM 2024-05-01", (540, 462), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)

    overlay = Overlay()
    for ts_s, image in frames(300, 12, paint):
        overlay.step(ts_s, image, (CAR,) if int(ts_s) % 2 else ())
    assert overlay.covers(PLATE)


def test_overlay_that_is_gone_is_forgotten() -> None:
    overlay = learnt(frames(300, 6, clock))
    assert overlay.rectangles()
    for ts_s, image in frames(300, 12):
        overlay.step(6 + ts_s, image)
    assert overlay.rectangles() == ()


def test_equal_frames_give_equal_overlay_across_pickles() -> None:
    whole, parts = Overlay(), Overlay()
    for step, (ts_s, image) in enumerate(frames(300, 8, clock)):
        whole.step(ts_s, image)
        parts.step(ts_s, image)
        if step % 7 == 0:
            parts = pickle.loads(pickle.dumps(parts))
    assert pickle.dumps(parts) == pickle.dumps(pickle.loads(pickle.dumps(whole)))
    assert parts.rectangles() == whole.rectangles() != ()


def test_frames_that_come_faster_make_no_difference() -> None:
    seen = list(frames(300, 8, clock))
    assert pairwise_s(seen) < EVERY_S
    often = learnt(iter(seen))
    seldom = learnt(iter(seen[::3]))
    assert often.rectangles() == seldom.rectangles() != ()


def pairwise_s(seen: list[tuple[float, Image]]) -> float:
    return min(after[0] - before[0] for before, after in pairwise(seen))


def test_frames_of_another_size_begin_anew() -> None:
    overlay = learnt(frames(300, 6, clock))
    overlay.step(6.5, np.zeros((360, 640, 3), np.uint8))
    assert overlay.rectangles() == ()


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (500, 3), (33, 40)])
def test_tiny_frames_are_borne(size: tuple[int, int]) -> None:
    overlay = Overlay()
    for step in range(20):
        overlay.step(step, np.full((*size, 3), step * 9, np.uint8))
    assert overlay.rectangles() == ()


def clip(name: str, until_s: float) -> Iterator[tuple[float, Image]]:
    with VideoFile(real_clip("videos", name), 1) as video:
        for frame in video.frames(Sampler(frames_per_s=5)):
            if frame.pts_s > until_s:
                return
            yield frame.pts_s, frame.image


def test_the_overlay_of_a_real_clip_is_found() -> None:
    overlay = learnt(clip("us_sf_uber_gpsoverlay_360p.mp4", 15))
    for x in range(20, 380, 60):
        assert overlay.covers(Box(x, 8, x + 60, 20)), x
    assert not overlay.covers(Box(180, 170, 220, 180))  # the car ahead


@pytest.mark.parametrize(
    "name",
    [
        "drive_road.mp4",
        "drive_mixed.mp4",
        "in_kochi_traffic_540p.mp4",
        "us_carnd_solidWhiteRight_540p.mp4",
        "us_night_road_1080p.mp4",
        "uk_mercedes_LS15EBC_720p.mp4",
        "uk_motorway_720p_30s.mp4",
        "vn_tollgate_720p_20s.mp4",
    ],
)
def test_clips_without_overlay_give_none(name: str) -> None:
    assert learnt(clip(name, 12)).rectangles() == ()


@pytest.mark.parametrize(
    "name", ["us_dashcam2_480p.mp4", "us_carnd_solidWhiteRight_540p.mp4", "drive_mixed.mp4"]
)
def test_text_written_into_real_drives_is_found(name: str) -> None:
    overlay = Overlay()
    for ts_s, image in clip(name, 9):
        height = image.shape[0]
        painted = cv2.resize(image, (WIDTH, HEIGHT)) if height < HEIGHT else image
        clock(painted, ts_s)
        overlay.step(ts_s, painted)
    assert overlay.covers(Box(60, 34, 180, 60))
    assert not overlay.covers(PLATE)


def test_state_stays_small() -> None:
    overlay, noise = Overlay(), np.random.default_rng(1)
    for step in range(5):
        overlay.step(step, noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        assert len(pickle.dumps(overlay)) < 45_000
