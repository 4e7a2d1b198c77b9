"""Confidence held against the share of right rows."""

from __future__ import annotations

import pytest

from accuracykit.reliability import EDGES, Point, binned, calibration_error, points_of, sure_ones, wilson
from accuracykit.seen import RowSeen
from score import Shown, Truth

TRUTH = Truth(scored=(Shown("ABC123", 0, 9),), doubtful=(Shown("DUB1TE", 20, 29),))


def row(plate: str | None, guess: str | None, confidence: float | None, first: int = 0) -> RowSeen:
    return RowSeen(
        plate=plate, best_guess=guess, confidence=confidence, reason=None, first=first, last=first + 9
    )


@pytest.mark.parametrize(
    ("told", "point"),
    [
        pytest.param(row("ABC123", None, 0.9), Point(0.9, True, True), id="right claim"),
        pytest.param(row("ABC128", None, 0.9), Point(0.9, False, True), id="wrong claim"),
        pytest.param(row("ABCI23", None, 0.9), Point(0.9, False, True, True), id="wrong by I for 1"),
        pytest.param(row(None, "ABC123", 0.4), Point(0.4, True, False), id="right guess"),
        pytest.param(
            row(None, "ABC123", 0.4, first=50), Point(0.4, False, False), id="right text, wrong time"
        ),
        pytest.param(row(None, None, None), None, id="no text"),
        pytest.param(row("DUBITE", None, 0.9, first=20), None, id="like a doubtful reading"),
    ],
)
def test_row_is_a_point_where_it_has_a_text_that_can_be_judged(told: RowSeen, point: Point | None) -> None:
    assert points_of(TRUTH, [told]) == ([] if point is None else [point])


def test_second_right_row_is_right() -> None:
    rows = [row("ABC123", None, 0.9), row(None, "ABC123", 0.5)]
    assert [point.right for point in points_of(TRUTH, rows)] == [True, True]


@pytest.mark.parametrize(
    ("confidence", "place"), [(0.0, 0), (0.5, 1), (0.6999, 1), (0.9, 4), (0.95, 5), (1.0, 5)]
)
def test_each_point_is_in_one_range(confidence: float, place: int) -> None:
    rows = [one.rows for one in binned([Point(confidence, True, True)])]
    assert rows == [int(number == place) for number in range(len(EDGES) - 1)]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([Point(1.0, True, True)] * 3, 0.0, id="sure and right"),
        pytest.param([Point(1.0, False, True)] * 3, 1.0, id="sure and wrong"),
        pytest.param(
            [Point(0.75, True, True)] * 3 + [Point(0.75, False, True)], 0.0, id="right as often as told"
        ),
        pytest.param(
            [Point(0.6, True, True), Point(0.8, True, True)], 0.3, id="too modest, by 0.4 and by 0.2"
        ),
    ],
)
def test_calibration_error_is_the_mean_distance(points: list[Point], expected: float | None) -> None:
    found = calibration_error(binned(points))
    assert found == (expected if expected is None else pytest.approx(expected))


def test_sure_rows_are_those_from_nine_tenths_on() -> None:
    points = [Point(0.9, True, True), Point(0.99, False, True), Point(0.8999, False, True)]
    sure = sure_ones(points)
    assert (sure.rows, sure.right, sure.share) == (2, 1, 0.5)


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_interval_of_a_share(right: int, rows: int, low: float, high: float) -> None:
    interval = wilson(right, rows)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
