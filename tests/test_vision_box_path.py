"""The boxes of a vehicle: all of a short passing, and no more than a bound of a long one."""

from __future__ import annotations

import pickle
from itertools import pairwise

import pytest

from dashcam_pipeline.vision.tracking.box_path import MOST_POINTS, BoxPath, PathPoint
from dashcam_pipeline.vision.types import Box


def path_of(frames: int) -> BoxPath:
    path = BoxPath()
    for frame in range(frames):
        path.add(frame, frame / 10, Box(frame, 0, frame + 10, 10))
    return path


def test_a_short_path_has_every_frame_once() -> None:
    path = path_of(5)
    path.add(4, 0.4, Box(4, 0, 14, 10))
    assert [point.frame_idx for point in path] == [0, 1, 2, 3, 4]
    assert list(path)[2] == PathPoint(2, 0.2, Box(2.0, 0.0, 12.0, 10.0))


@pytest.mark.parametrize("frames", [MOST_POINTS - 1, MOST_POINTS, MOST_POINTS + 1, 3 * MOST_POINTS, 10_007])
def test_a_long_path_is_thinned_out_evenly_and_keeps_its_ends(frames: int) -> None:
    path = path_of(frames).ended(frames - 1, (frames - 1) / 10, Box(frames - 1, 0, frames + 9, 10))
    found = [point.frame_idx for point in path]
    steps = {later - earlier for earlier, later in pairwise(found[:-1])}
    assert len(found) <= MOST_POINTS
    assert len(found) >= MOST_POINTS // 2
    assert found[0] == 0
    assert found[-1] == frames - 1
    assert len(steps) == 1


def test_it_goes_on_alike_after_a_pickle() -> None:
    whole = path_of(2000)
    half = pickle.loads(pickle.dumps(path_of(1300)))
    for frame in range(1300, 2000):
        half.add(frame, frame / 10, Box(frame, 0, frame + 10, 10))
    assert half == whole


def test_a_part_has_the_frames_asked_for() -> None:
    assert [point.frame_idx for point in path_of(50).between(10, 12)] == [10, 11, 12]
