"""Which frames are looked at."""

from __future__ import annotations

import itertools
import random

import pytest

from dashcam_pipeline.sources.sampling import Sampler


def taken(times: list[float], **settings: float) -> list[int]:
    sampler = Sampler(**settings)  # type: ignore[arg-type]
    return [index for index, at_s in enumerate(times) if sampler.wanted(index, at_s)]


def even(fps: float, seconds: float = 20.0, start_s: float = 0.0) -> list[float]:
    return [start_s + index / fps for index in range(round(seconds * fps))]


@pytest.mark.parametrize(
    ("fps", "frames_per_s", "gap"),
    [
        (30, 10, 3),
        (60, 10, 6),
        (20, 10, 2),
        (10, 10, 1),
        (5, 10, 1),
        (7, 10, 1),
        (30, 5, 6),
        (24, 8, 3),
        (30, 30, 1),
    ],
)
def test_even_rate_gives_an_even_stride(fps: float, frames_per_s: float, gap: int) -> None:
    indices = taken(even(fps), frames_per_s=frames_per_s)
    assert indices == list(range(0, round(20 * fps), gap))


@pytest.mark.parametrize("fps", [12.5, 15, 23.976, 24, 25, 29.97, 59.94, 120])
def test_uneven_ratio_keeps_the_rate_and_the_spacing(fps: float) -> None:
    times = even(fps, seconds=60)
    indices = taken(times, frames_per_s=10)
    assert abs(len(indices) - 600) <= 1
    gaps = {later - earlier for earlier, later in itertools.pairwise(indices)}
    assert max(gaps) - min(gaps) <= 1


def test_times_rounded_to_milliseconds_keep_every_third() -> None:
    times = [round(index / 30, 3) for index in range(900)]
    assert taken(times, frames_per_s=10) == list(range(0, 900, 3))


def test_jitter_of_a_phone_keeps_the_spacing() -> None:
    chance = random.Random(7)
    times = [index / 30 + chance.uniform(-0.008, 0.008) for index in range(1, 900)]
    indices = taken(times, frames_per_s=10)
    gaps = [times[later] - times[earlier] for earlier, later in itertools.pairwise(indices)]
    assert min(gaps) > 0.06 and max(gaps) < 0.14
    assert abs(len(indices) - 300) <= 3


def test_jitter_on_a_slow_clip_loses_no_frame() -> None:
    chance = random.Random(7)
    times = [index / 8 + chance.uniform(-0.01, 0.01) for index in range(1, 200)]
    assert len(taken(times, frames_per_s=10)) == len(times)


def test_after_a_gap_frames_are_not_bunched() -> None:
    times = even(30, seconds=1) + even(30, seconds=1, start_s=60.0)
    after = [times[index] for index in taken(times, frames_per_s=10) if times[index] >= 60]
    assert after[0] == 60.0
    assert len(after) == 10


def test_start_later_than_zero_takes_the_first_frame() -> None:
    assert taken(even(30, seconds=1, start_s=0.6), frames_per_s=10)[:3] == [0, 3, 6]


def test_stride_counts_frames_whatever_their_times() -> None:
    assert taken([0.0, 0.1, 5.0, 5.1, 9.0, 9.5, 9.9], frames_per_s=10, stride=3) == [0, 3, 6]


def test_second_reading_decides_the_same() -> None:
    chance = random.Random(3)
    times = sorted(chance.uniform(0, 30) for _ in range(1000))
    assert taken(times, frames_per_s=10) == taken(times, frames_per_s=10)


@pytest.mark.parametrize(
    "settings", [{"frames_per_s": 0}, {"frames_per_s": -1}, {"frames_per_s": float("nan")}]
)
def test_impossible_rate_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="frames_per_s"):
        Sampler(**settings)


def test_impossible_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="stride"):
        Sampler(frames_per_s=10, stride=0)
