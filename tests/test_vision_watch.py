"""Which vehicles pass, and which views of them are kept."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pytest

from dashcam_pipeline.config import DetectionSettings, LookSettings, TrackingSettings
from dashcam_pipeline.vision.quality import sharpness
from dashcam_pipeline.vision.tracking.watch import Look, Passing, Watch, WatchStep
from dashcam_pipeline.vision.types import Box, Detection, Image
from vision_data import vehicle

NOISE = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
FLAT: Image = np.full((720, 1280, 3), 90, np.uint8)
STEP_S = 0.1
LOOKS = LookSettings()


def watch(looks: LookSettings = LOOKS) -> Watch:
    return Watch(TrackingSettings(), looks, DetectionSettings())


def run(
    state: Watch, frames: Iterable[Sequence[Detection]], times: Sequence[float] | None = None
) -> tuple[list[Look], list[Passing]]:
    """All views that were kept for a while, and all passings, of a video of which every third frame is looked at."""
    steps: list[WatchStep] = []
    for index, detections in enumerate(frames):
        ts_s = times[index] if times else index * STEP_S
        steps.append(state.step(index * 3, ts_s, list(detections), NOISE))
    steps.append(state.close())
    return [look for step in steps for look in step.looks], [p for step in steps for p in step.ended]


def drive_by(frames: int, width: float = 200.0) -> list[list[Detection]]:
    return [[vehicle(100 + 15 * i, width=width)] for i in range(frames)]


def test_a_vehicle_passing_is_one_passing() -> None:
    looks, passings = run(watch(), [*drive_by(8), *[[]] * 10])
    (passing,) = passings
    assert (passing.track_id, passing.vehicle_class) == (1, "car")
    assert (passing.first_frame, passing.last_frame) == (0, 21)  # boxes before confirmation count
    assert (passing.first_s, passing.last_s) == (0.0, pytest.approx(0.7))
    assert set(passing.looks) == set(looks) != set()


def test_a_single_box_is_no_vehicle() -> None:
    assert run(watch(), [[], [vehicle(100)], [], []]) == ([], [])


def test_vehicles_are_numbered_from_one_in_order_of_confirmation() -> None:
    frames = [[vehicle(100)], [vehicle(102)], [vehicle(104), vehicle(800)], [vehicle(106), vehicle(802)]]
    _, passings = run(watch(), frames)
    assert [passing.track_id for passing in passings] == [1, 2]
    assert [passing.first_frame for passing in passings] == [0, 6]


def test_a_short_gap_is_the_same_vehicle_and_a_long_one_is_not() -> None:
    parked = [[vehicle(300)]] * 5
    for gap_s, vehicles in ((0.3, 1), (2.0, 2)):
        times = [i * STEP_S for i in range(5)] + [0.4 + gap_s + i * STEP_S for i in range(5)]
        _, passings = run(watch(), parked + parked, times)
        assert len(passings) == vehicles


def test_uneven_frame_times_keep_one_vehicle() -> None:
    times = [0.0, 0.05, 0.1, 0.35, 0.4, 0.65, 0.7, 0.75, 1.0, 1.05]
    frames = [[vehicle(100 + 150 * t)] for t in times]
    assert len(run(watch(), frames, times)[1]) == 1


def test_sparsely_sampled_frames_keep_one_vehicle() -> None:
    standing = [[vehicle(100)] for _ in range(6)]
    _, passings = run(watch(), standing, times=[0.8 * index for index in range(6)])  # beyond lost_after_s
    assert [(p.track_id, p.first_s, p.last_s) for p in passings] == [(1, 0.0, pytest.approx(4.0))]


def test_times_that_stand_still_or_run_back_do_no_harm() -> None:
    times = [0.0, 0.1, 0.1, 0.05, 0.2, 0.3]
    _, passings = run(watch(), [[vehicle(100 + 5 * i)] for i in range(6)], times)
    assert len(passings) == 1


def test_every_passing_has_a_look_even_if_too_small_to_search() -> None:
    looks, passings = run(watch(), drive_by(10, width=50))
    assert len(passings[0].looks) == 1
    assert not any(look.search for look in looks)


def test_a_motorcycle_is_searched_at_half_the_width() -> None:
    narrow = LOOKS.min_vehicle_px * 0.6
    for label, searched in (("motorcycle", True), ("car", False)):
        looks, _ = run(watch(), [[vehicle(300, width=narrow, label=label)]] * 4)
        assert any(look.search for look in looks) is searched


def test_the_class_seen_most_surely_wins() -> None:
    scores = [("truck", 0.5), ("car", 0.6), ("truck", 0.5), ("truck", 0.5), ("car", 0.6)]
    _, (passing,) = run(watch(), [[vehicle(300, label=label, score=score)] for label, score in scores])
    assert passing.vehicle_class == "truck"


def kept_after_each_step(
    state: Watch, frames: Sequence[tuple[float, Image]]
) -> tuple[list[set[Look]], Passing]:
    """What is kept of one vehicle, of a width in an image each, by what the steps say; and its passing."""
    kept: set[Look] = set()
    after = []
    for index, (width, image) in enumerate(frames):
        step = state.step(index, index * STEP_S, [vehicle(300, width=width)], image)
        assert len(step.looks) <= 1
        kept |= set(step.looks)
        assert kept.issuperset(step.dropped)  # nothing is dropped twice, or before it came
        kept -= set(step.dropped)
        after.append(set(kept))
    (passing,) = state.close().ended
    assert set(passing.looks) == kept
    return after, passing


def test_the_best_views_of_a_long_stay_are_kept_and_the_worst_dropped() -> None:
    widths = [200.0 + 3 * (17 * index % 50) for index in range(50)]
    after, passing = kept_after_each_step(watch(), [(width, NOISE) for width in widths])
    assert max(len(kept) for kept in after) == LOOKS.kept_views == 12
    assert list(passing.looks) == sorted(passing.looks, key=lambda look: look.rank, reverse=True)
    worths = [look.worth for look in passing.looks]
    every_view = watch(LookSettings(kept_views=50))
    all_views = kept_after_each_step(every_view, [(width, NOISE) for width in widths])[1].looks
    assert worths == sorted((look.worth for look in all_views), reverse=True)[:12]


def test_of_equal_views_the_earliest_are_kept() -> None:
    _, passing = kept_after_each_step(watch(LookSettings(kept_views=3)), [(200.0, NOISE)] * 9)
    assert [look.frame_idx for look in passing.looks] == [1, 2, 3]  # at 0 it was no vehicle yet


def test_a_sharp_view_is_better_than_a_blurred_one_and_a_wide_one_than_a_narrow_one() -> None:
    blurred: Image = cv2.GaussianBlur(NOISE, (0, 0), 4)  # type: ignore[assignment]
    frames = [(200.0, NOISE), (200.0, blurred), (200.0, NOISE), (230.0, NOISE), (200.0, FLAT)]
    _, passing = kept_after_each_step(watch(), frames)
    assert [look.frame_idx for look in passing.looks] == [3, 2, 1, 4]


@pytest.mark.parametrize("kept_views", [2, 12])
def test_of_views_too_small_to_search_only_one_is_kept_until_there_is_a_better(kept_views: int) -> None:
    widths = [40.0, 40.0, 50.0, 59.0, 61.0, 80.0, 91.0, 119.0, 121.0, 60.0, 125.0]
    after, passing = kept_after_each_step(
        watch(LookSettings(kept_views=kept_views)), [(width, NOISE) for width in widths]
    )
    shown = [sorted(look.box.width for look in kept) for kept in after]
    assert shown[1:9] == [[40], [40], [40], [61], [61], [61], [119], [121]]
    assert all(look.search for look in passing.looks)
    assert len(passing.looks) == min(kept_views, 2)


def test_a_frame_that_failed_costs_its_looks_only() -> None:
    state, seen = watch(), []
    for index in range(6):
        failed = index == 3
        step = state.step(index, index * STEP_S, [] if failed else [vehicle(300)], None if failed else NOISE)
        seen.append(step)
    assert seen[3].looks == ()
    (passing,) = state.close().ended
    assert [look.frame_idx for look in passing.looks] == [1, 2, 4, 5]


def test_state_survives_a_pickle_at_any_frame() -> None:
    frames = [
        [vehicle(100 + 12 * i), *([vehicle(700 - 10 * i, width=140)] if i > 4 else [])] for i in range(14)
    ]
    few = LookSettings(kept_views=3)
    undisturbed = run(watch(few), frames)
    state, looks, passings = watch(few), [], []
    for index, detections in enumerate(frames):
        state = pickle.loads(pickle.dumps(state))
        step = state.step(index * 3, index * STEP_S, detections, NOISE)
        looks += step.looks
        passings += step.ended
    passings += state.close().ended
    assert (looks, passings) == undisturbed


def test_state_stays_small() -> None:
    state = watch()
    crowd = [vehicle(60.0 * i, y=100.0 * (i % 5), width=50) for i in range(20)]
    for index in range(50):
        state.step(index, index * STEP_S, crowd, NOISE)
    assert len(pickle.dumps(state)) < 20 * 9_500 + 4_000


@pytest.mark.parametrize(
    ("box", "cut_off"),
    [
        (Box(300, 200, 500, 350), False),
        (Box(300, 0, 500, 150), False),  # above, there is no plate
        (Box(0, 200, 200, 350), True),
        (Box(1080, 200, 1280, 350), True),
        (Box(300, 570, 500, 719), True),
    ],
)
def test_a_view_that_the_edge_of_the_frame_cuts_off_is_worth_half(box: Box, cut_off: bool) -> None:
    """At a toll gate, the widest views are those whose plate has left the picture."""
    scene = watch()
    for frame_idx in range(2):
        step = scene.step(frame_idx, frame_idx / 10, [Detection(box, "car", 0.9)], NOISE)
    look = step.looks[0]
    whole = box.width * sharpness(box.crop(NOISE))
    assert look.worth == pytest.approx(whole * (0.5 if cut_off else 1.0))
