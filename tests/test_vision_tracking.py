"""That one track is one vehicle: through gaps, crossings and cuts, in generated scenes."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from dashcam_pipeline.config import DetectionSettings, LookSettings, TrackingSettings
from dashcam_pipeline.vision.tracking.appearance import difference, signature_of
from dashcam_pipeline.vision.tracking.duplicates import parts
from dashcam_pipeline.vision.tracking.watch import Passing, Watch
from dashcam_pipeline.vision.types import Box, Detection, Image

STEP_S = 0.1
WIDTH, HEIGHT = 1280, 720
RED, BLUE, WHITE = (30, 30, 200), (190, 60, 30), (225, 225, 225)


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle in one frame."""

    box: Box
    paint: tuple[int, int, int]
    found: bool = True  # by the detector
    label: str = "car"
    score: float = 0.9


def road(seed: int = 1) -> Image:
    """A street with something on both sides of it."""
    random = np.random.default_rng(seed)
    image: Image = np.full((HEIGHT, WIDTH, 3), random.integers(70, 130, 3), np.uint8)
    for _ in range(70):
        x, y = int(random.integers(0, WIDTH)), int(random.integers(0, HEIGHT))
        colour = tuple(int(level) for level in random.integers(20, 230, 3))
        cv2.rectangle(image, (x, y), (x + int(random.integers(20, 200)), y + 60), colour, -1)
    return image


def drawn(cars: Sequence[Car], background: Image) -> Image:
    """The first car stands in front."""
    image = background.copy()
    for car in reversed(cars):
        box = car.box
        left, top, right, bottom = round(box.x1), round(box.y1), round(box.x2), round(box.y2)
        cv2.rectangle(image, (left, top), (right, bottom), car.paint, -1)
        glass = (left + round(box.width * 0.2), top + round(box.height * 0.1))
        cv2.rectangle(
            image, glass, (right - round(box.width * 0.2), round(top + box.height * 0.4)), (40, 40, 40), -1
        )
    return image


def at(x: float, y: float = 300.0, width: float = 200.0, height: float = 150.0) -> Box:
    return Box(x, y, x + width, y + height)


def new_watch() -> Watch:
    return Watch(TrackingSettings(), LookSettings(), DetectionSettings())


def passings(
    frames: Sequence[Sequence[Car]],
    backgrounds: Sequence[Image] | None = None,
    pickled: bool = False,
) -> list[Passing]:
    """The vehicles of a scene, in the order of their numbers."""
    watch = new_watch()
    still = road()
    ended: list[Passing] = []
    for index, cars in enumerate(frames):
        image = drawn(cars, backgrounds[index] if backgrounds else still)
        found = [Detection(car.box, car.label, car.score) for car in cars if car.found]
        ended += watch.step(3 * index, index * STEP_S, found, image).ended
        if pickled:
            watch = pickle.loads(pickle.dumps(watch))
    ended += watch.close().ended
    return sorted(ended, key=lambda passing: passing.track_id)


def spans(found: Sequence[Passing]) -> list[tuple[int, int]]:
    return [(passing.first_frame // 3, passing.last_frame // 3) for passing in found]


def hidden(cars: Sequence[Car]) -> list[list[Car]]:
    return [[replace(car, found=False)] for car in cars]


def test_a_vehicle_that_is_hidden_for_nine_tenths_of_a_second_is_one_with_two_segments() -> None:
    drive = [Car(at(100 + 8 * index), RED) for index in range(30)]
    frames = [[car] for car in drive[:10]] + hidden(drive[10:18]) + [[car] for car in drive[18:]]
    (passing,) = passings(frames)
    assert spans([passing]) == [(0, 29)]
    assert [(one.first_frame // 3, one.last_frame // 3) for one in passing.segments] == [(0, 9), (18, 29)]
    assert (passing.first_box, passing.last_box) == (drive[0].box, drive[29].box)


def test_one_missed_box_makes_no_second_segment() -> None:
    drive = [Car(at(100 + 8 * index), RED, found=index != 10) for index in range(20)]
    (passing,) = passings([[car] for car in drive])
    assert len(passing.segments) == 1


def test_few_looks_a_second_make_no_second_segment() -> None:
    watch = new_watch()
    for index in range(8):
        watch.step(index, 0.4 * index, [Detection(at(300), "car", 0.9)], drawn([Car(at(300), RED)], road()))
    (passing,) = watch.close().ended
    assert len(passing.segments) == 1


@pytest.mark.parametrize("gap", [3, 5, 9])
def test_another_vehicle_where_one_has_vanished_is_another(gap: int) -> None:
    frames = [[Car(at(300), RED)]] * 10 + [[]] * gap + [[Car(at(300), BLUE)]] * 10
    assert spans(passings(frames)) == [(0, 9), (10 + gap, 19 + gap)]


def test_the_first_vehicle_is_found_again_after_another_stood_where_it_was_hidden() -> None:
    """The one in front takes the place, but not the number."""
    red, white = Car(at(300), RED), Car(at(310, 280), WHITE)
    behind = replace(red, found=False)
    frames = [[red]] * 10 + [[behind]] * 3 + [[white, behind]] * 4 + [[red]] * 10
    found = passings(frames)
    assert spans(found) == [(0, 26), (13, 16)]


def test_a_vehicle_is_not_found_again_at_another_size() -> None:
    frames = [[Car(at(300), RED)]] * 10 + [[]] * 4 + [[Car(at(300, 240, 650, 480), RED)]] * 10
    assert len(passings(frames)) == 2


def test_last_sight_is_not_the_end_of_the_wait() -> None:
    frames: list[list[Car]] = [[Car(at(300), RED)] for _ in range(10)] + [[] for _ in range(30)]
    (passing,) = passings(frames)
    assert passing.last_s == pytest.approx(0.9)


def test_two_vehicles_that_cross_keep_their_numbers() -> None:
    frames = []
    for index in range(30):
        near, far = at(60 + 30 * index, 320, 240, 180), at(900 - 25 * index, 300, 160, 120)
        covered = min(near.x2, far.x2) - max(near.x1, far.x1) > 0.6 * far.width
        frames.append([Car(near, RED), Car(far, BLUE, found=not covered)])
    found = passings(frames)
    assert len(found) == 2
    for passing, car in zip(found, frames[-1], strict=True):
        assert passing.last_box == car.box


def test_no_vehicle_goes_on_across_a_cut() -> None:
    """However well the boxes and the colours match."""
    frames = [[Car(at(300), RED)]] * 20
    found = passings(frames, [road(1)] * 10 + [road(2)] * 10)
    assert spans(found) == [(0, 9), (10, 19)]


def test_a_box_that_jumps_onto_another_vehicle_begins_another() -> None:
    """The detector loses one vehicle and finds the next one, which overlaps with where that should be."""
    red, white = Car(at(300, 300, 200, 150), RED), Car(at(340, 180, 460, 400), WHITE)
    frames = [[red, replace(white, found=False)]] * 10 + [[replace(white), replace(red, found=False)]] * 10
    assert len(passings(frames)) == 2


def test_a_panning_camera_does_not_lose_small_vehicles() -> None:
    wide = cv2.resize(np.hstack([road(5), road(6)]), (2 * WIDTH, HEIGHT))
    frames, backgrounds = [], []
    for index in range(30):
        left = round(500 + 350 * np.sin(2 * np.pi * index * STEP_S / 1.5))
        backgrounds.append(np.asarray(wide[:, left : left + WIDTH], dtype=np.uint8))
        frames.append([Car(at(1100 - left + 2 * index, width=60, height=45), RED)])
    assert spans(passings(frames, backgrounds)) == [(0, 29)]


def test_the_front_of_a_car_is_no_vehicle_of_its_own() -> None:
    whole = Car(at(300, width=400, height=300), RED)
    front = Car(at(310, 400, width=380, height=190), RED, score=0.6)
    assert len(passings([[whole, front]] * 10)) == 1


@pytest.mark.parametrize(
    ("small", "score", "part"),
    [
        (at(310, 400, 380, 190), 0.6, True),
        (at(310, 400, 380, 190), 0.95, False),  # found more surely than the whole
        (at(420, 430, 120, 150), 0.6, False),  # a car in front of a truck
        (at(150, 400, 380, 190), 0.6, False),  # beside it
    ],
)
def test_a_part_is_a_large_share_of_a_box_found_more_surely(small: Box, score: float, part: bool) -> None:
    whole = Detection(at(300, width=400, height=300), "truck", 0.9)
    assert parts([Detection(small, "car", score), whole]) == [part, False]


def test_each_segment_keeps_searchable_views() -> None:
    """Although all views of the second are wider, and so worth more."""
    far = [Car(at(300, width=150, height=110), RED) for _ in range(20)]
    near = [Car(at(290, width=180, height=130), RED) for _ in range(20)]
    (passing,) = passings([[car] for car in far] + [[]] * 4 + [[car] for car in near])
    assert len(passing.looks) == LookSettings().kept_views
    first, second = passing.segments
    kept = [
        sum(one.first_frame <= look.frame_idx <= one.last_frame for look in passing.looks)
        for one in (first, second)
    ]
    assert kept == [3, LookSettings().kept_views - 3]


def test_results_are_the_same_across_a_pickle_at_every_frame() -> None:
    random = np.random.default_rng(4)
    frames = []
    for index in range(40):
        cars = [
            Car(at(100 + 15 * index + random.normal(0, 4)), RED, found=bool(random.random() > 0.2)),
            Car(at(900 - 12 * index, 330 + random.normal(0, 4)), BLUE, found=not 10 < index < 18),
            Car(at(600, 100, 150, 100), WHITE, found=index % 20 < 12, score=0.5 + 0.4 * random.random()),
        ]
        frames.append(cars)
    backgrounds = [road(1)] * 25 + [road(2)] * 15
    undisturbed = passings(frames, backgrounds)
    assert passings(frames, backgrounds, pickled=True) == undisturbed
    assert len(undisturbed) > 4


def test_the_same_vehicle_in_less_light_looks_more_alike_than_another_vehicle() -> None:
    box = at(300)
    red, blue = (signature_of(drawn([Car(box, paint)], road()), box) for paint in (RED, BLUE))
    dark = signature_of((drawn([Car(box, RED)], road()) * 0.8).astype(np.uint8), box)
    assert red is not None and blue is not None and dark is not None
    assert difference(red, red) == 0.0
    assert difference(red, dark) < TrackingSettings().most_difference < difference(red, blue)


@pytest.mark.parametrize(
    "box", [Box(0, 0, 0, 0), Box(-9, -9, -1, -1), Box(2000, 2000, 2100, 2100), Box(5, 5, 6, 90)]
)
def test_a_box_with_hardly_a_pixel_has_no_signature(box: Box) -> None:
    assert signature_of(road(), box) is None


def test_a_class_seen_from_near_counts_more_than_one_seen_from_afar() -> None:
    far = [Car(at(300 - 2 * index, width=100 + 2 * index, height=90), WHITE) for index in range(12)]
    near = [
        Car(at(270 - 9 * index, 290, 140 + 18 * index, 110 + 14 * index), WHITE, label="truck")
        for index in range(8)
    ]
    (passing,) = passings([[car] for car in far + near])
    assert passing.vehicle_class == "truck"
