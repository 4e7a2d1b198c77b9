"""Container timestamps become seconds that grow."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from dashcam_pipeline.sources.timeline import Timeline

TENTH = Fraction(1, 10)


def seconds(pts: list[int | None], **settings: float | int | None) -> tuple[list[float], Timeline]:
    timeline = Timeline(TENTH, frames_per_s=10.0, **settings)  # type: ignore[arg-type]
    return [timeline.seconds(value) for value in pts], timeline


@pytest.mark.parametrize(
    ("pts", "start", "expected"),
    [
        ([0, 1, 2], 0, [0.0, 0.1, 0.2]),
        ([70, 71, 75], 70, [0.0, 0.1, 0.5]),  # a gap is real
        ([70, 71, 72], None, [0.0, 0.1, 0.2]),  # no start time: the first frame's
        ([76, 77], 70, [0.6, 0.7]),  # the first six frames could not be decoded
        ([-5, -4], 0, [0.0, 0.1]),  # before the declared start
        ([-5, -4], -5, [0.0, 0.1]),
    ],
)
def test_true_timestamps_are_kept(pts: list[int | None], start: int | None, expected: list[float]) -> None:
    times, timeline = seconds(pts, start_pts=start)
    assert times == pytest.approx(expected)
    assert timeline.warnings() == ()


@pytest.mark.parametrize(
    ("pts", "expected", "repaired"),
    [
        ([0, 1, 1, 2], [0.0, 0.1, 0.101, 0.2], 1),  # twice the same
        ([0, 3, 2, 4], [0.0, 0.3, 0.301, 0.4], 1),  # two exchanged
        ([100, 101, 0, 1, 2], [0.0, 0.1, 0.2, 0.3, 0.4], 1),  # a new clock: time goes on
        ([100, 150, 0, 1], [0.0, 5.0, 5.1, 5.2], 1),
    ],
)
def test_time_that_does_not_grow_is_repaired(
    pts: list[int | None], expected: list[float], repaired: int
) -> None:
    times, timeline = seconds(pts, start_pts=pts[0])
    assert times == pytest.approx(expected)
    assert timeline.repaired == repaired
    assert timeline.warnings() == (f"{repaired} timestamps that did not grow were repaired",)


def test_missing_timestamps_go_on_at_the_average_rate() -> None:
    times, timeline = seconds([None, None, None, 3, None, 5])
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert timeline.missing == 4
    assert "10 frames/s" in timeline.warnings()[0]


def test_a_wild_timestamp_does_not_carry_time_away() -> None:
    times, timeline = seconds([0, 1, 10**9, 3, 4], start_pts=0, duration_s=10.0)
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert timeline.repaired == 1


def test_a_gap_beyond_a_wrong_duration_is_still_a_gap() -> None:
    times, timeline = seconds([0, 1, 300, 301], start_pts=0, duration_s=5.0)
    assert times == pytest.approx([0.0, 0.1, 30.0, 30.1])
    assert timeline.repaired == 0


def test_any_sequence_grows_strictly() -> None:
    pts: list[int | None] = [5, 5, None, 4, 90, 2, 2, None, None, 1, 10**9, 3, -7, 12, 12, 12, 13]
    times, _ = seconds(pts, start_pts=5, duration_s=9.0)
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
