"""Which fixes are kept, and where the camera was between them."""

from __future__ import annotations

from dataclasses import replace
from math import cos, inf, nan, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashcam_pipeline.sources.positions.cleaning import MOST_FIXES, clean, thinned, with_motion
from dashcam_pipeline.sources.positions.earth import bearing_deg, distance_m, heading_between, point_ahead
from dashcam_pipeline.sources.positions.raw import RawFix
from dashcam_pipeline.sources.positions.track import HOLD_S, Dropped, Fix, PositionTrack
from journey_tracks import SPEED_MPS, truth

FASTEST_KMH = 300.0
FAR_DEG = 0.5  # 55 km


def raw_drive(fixes: int) -> list[RawFix]:
    places = [truth(float(t_s)) for t_s in range(fixes)]
    return [RawFix(place.t_s, place.latitude, place.longitude) for place in places]


def away(fix: RawFix) -> RawFix:
    return replace(fix, latitude=fix.latitude + FAR_DEG)


def kept_times(fixes: list[RawFix]) -> list[float]:
    return [fix.t_s for fix in clean(fixes, 0, FASTEST_KMH).fixes]


@pytest.mark.parametrize("wrong", [{0}, {7}, {19}, {0, 1, 2}, {0, 8, 9, 19}, {2, 4, 6, 8}], ids=str)
def test_only_the_wrong_fixes_are_dropped_wherever_they_stand(wrong: set[int]) -> None:
    fixes = [away(fix) if index in wrong else fix for index, fix in enumerate(raw_drive(20))]
    cleaned = clean(fixes, 0, FASTEST_KMH)
    assert {round(fix.t_s) for fix in cleaned.fixes} == set(range(20)) - wrong
    assert cleaned.dropped == Dropped(jumps=len(wrong))


def test_speed_that_a_setting_allows_is_no_jump() -> None:
    fixes = [RawFix(float(second), 50.0 + second * 0.001, 8.0) for second in range(10)]  # 400 km/h
    assert clean(fixes, 0, 300.0).dropped.jumps == 9
    assert clean(fixes, 0, 500.0).dropped.jumps == 0


def test_noise_of_a_standing_camera_at_ten_fixes_a_second_is_no_jump() -> None:
    fixes = [RawFix(tenth / 10.0, 50.0 + (tenth % 2) * 0.0001, 8.0) for tenth in range(50)]
    assert clean(fixes, 0, FASTEST_KMH).dropped == Dropped()


TIMES = {
    "repeated": ([0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 2.0], Dropped(repeated=1)),
    "one back": ([0.0, 1.0, 2.0, 3.0, 1.5, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0], Dropped(backwards=1)),
    "first far ahead": ([9e8, 0.0, 1.0, 2.0], [0.0, 1.0, 2.0], Dropped(backwards=1)),
    "last far back": ([0.0, 1.0, 2.0, -9e8], [0.0, 1.0, 2.0], Dropped(backwards=1)),
    "no number": ([0.0, nan, 1.0, inf, 2.0], [0.0, 1.0, 2.0], Dropped(void=2)),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_that_are_kept_grow(case: str) -> None:
    times, kept, dropped = TIMES[case]
    fixes = [RawFix(t_s, 50.0, 8.0 + index * 1e-6) for index, t_s in enumerate(times)]
    assert kept_times(fixes) == kept
    assert clean(fixes, 0, FASTEST_KMH).dropped == dropped


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(0.0, 0.0), (91.0, 8.0), (50.0, 181.0), (nan, 8.0), (50.0, inf)]
)
def test_nowhere_is_void(latitude: float, longitude: float) -> None:
    cleaned = clean([RawFix(0.0, latitude, longitude), RawFix(1.0, 50.0, 8.0)], 3, FASTEST_KMH)
    assert [fix.t_s for fix in cleaned.fixes] == [1.0]
    assert cleaned.dropped == Dropped(void=4)


def test_equator_and_prime_meridian_are_somewhere() -> None:
    fixes = [RawFix(0.0, 0.0, 9.0), RawFix(1.0, 0.0, 9.0001)]
    assert clean(fixes, 0, FASTEST_KMH).dropped == Dropped()


@pytest.mark.parametrize(
    ("speed", "heading", "kept"), [(-1.0, 370.0, (None, 10.0)), (900.0, nan, (None, None))]
)
def test_speed_and_heading_that_can_t_be_are_none(
    speed: float, heading: float, kept: tuple[float | None, float | None]
) -> None:
    (fix,) = clean([RawFix(0.0, 50.0, 8.0, speed, heading)], 0, FASTEST_KMH).fixes
    assert (fix.speed_kmh, fix.heading_deg) == kept


def test_speed_and_heading_come_from_the_fixes_around() -> None:
    fixes = with_motion(clean(raw_drive(20), 0, FASTEST_KMH).fixes, 5.0)
    for fix in fixes[1:-1]:
        assert fix.speed_kmh == pytest.approx(SPEED_MPS * 3.6, rel=0.001)
        assert fix.heading_deg == pytest.approx(truth(fix.t_s).heading_deg, abs=0.01)


def test_camera_that_stands_has_a_speed_and_no_heading() -> None:
    fixes = with_motion([Fix(float(second), 50.0, 8.0) for second in range(3)], 5.0)
    assert {(fix.speed_kmh, fix.heading_deg) for fix in fixes} == {(0.0, None)}


def test_speed_is_not_made_up_over_a_gap() -> None:
    fixes = with_motion([Fix(0.0, 50.0, 8.0), Fix(30.0, 50.001, 8.0)], 5.0)
    assert {fix.speed_kmh for fix in fixes} == {None}


def test_long_track_is_thinned_to_its_most() -> None:
    fixes = [Fix(float(second), 50.0, 8.0) for second in range(3 * MOST_FIXES)]
    few = thinned(fixes)
    assert len(few) <= MOST_FIXES
    assert (few[0], few[-1]) == (fixes[0], fixes[-1])


def track(*fixes: Fix) -> PositionTrack:
    return PositionTrack(fixes, "gpx", 5.0)


BETWEEN = {
    "date line": (Fix(0.0, 10.0, 179.9999), Fix(1.0, 10.0, -179.9999), (10.0, 180.0)),
    "pole": (Fix(0.0, 89.9999, 0.0), Fix(1.0, 89.9999, 180.0), (90.0, 90.0)),
    "equator": (Fix(0.0, -0.0001, 20.0), Fix(1.0, 0.0001, 20.0), (0.0, 20.0)),
    "street": (Fix(0.0, 50.0, 8.0), Fix(1.0, 50.0002, 8.0004), (50.0001, 8.0002)),
}


@pytest.mark.parametrize("case", BETWEEN)
def test_half_way_is_in_the_middle(case: str) -> None:
    before, after, middle = BETWEEN[case]
    fix = track(before, after).at(0.5)
    assert fix is not None
    assert distance_m(*middle, fix.latitude, fix.longitude) < 0.01
    assert -180.0 <= fix.longitude <= 180.0


@pytest.mark.parametrize(
    ("heading", "other", "middle"),
    [(350.0, 10.0, 0.0), (10.0, 350.0, 0.0), (80.0, 100.0, 90.0), (0.0, 0.0, 0.0)],
)
def test_heading_turns_the_shorter_way(heading: float, other: float, middle: float) -> None:
    assert heading_between(heading, other, 0.5) == pytest.approx(middle)


@pytest.mark.parametrize(
    ("pts_s", "latitude"),
    [
        (-1.1, None),
        (-0.9, 50.0),
        (0.0, 50.0),
        (2.0, 50.001),
        (4.0, 50.002),
        (4.9, 50.002),
        (7.0, None),
        (9.1, 50.01),
    ],
)
def test_position_ends_a_second_past_the_fixes_and_beside_a_gap(pts_s: float, latitude: float | None) -> None:
    fix = track(Fix(0.0, 50.0, 8.0), Fix(4.0, 50.002, 8.0), Fix(10.0, 50.01, 8.0), Fix(11.0, 50.02, 8.0)).at(
        pts_s
    )
    assert (fix and fix.latitude) == pytest.approx(latitude)


@pytest.mark.parametrize("t_s", [-0.8, 0.0, 10.7])
def test_camera_drives_on_past_the_ends(t_s: float) -> None:
    fixes = with_motion(clean(raw_drive(11), 0, FASTEST_KMH).fixes, 5.0)
    fix, true = track(*fixes).at(t_s), truth(t_s)
    assert fix is not None
    assert true.metres_from(fix.latitude, fix.longitude) < 0.6  # the drive is a circle


@given(st.floats(-80.0, 80.0), st.floats(-180.0, 179.9), st.floats(0.0, 360.0), st.floats(-100.0, 100.0))
def test_point_ahead_is_as_far_as_asked(
    latitude: float, longitude: float, heading: float, metres: float
) -> None:
    ahead = point_ahead(latitude, longitude, heading, metres)
    assert distance_m(latitude, longitude, *ahead) == pytest.approx(abs(metres), abs=1e-4)
    assert -180.0 <= ahead[1] <= 180.0


def test_track_without_fixes_is_nowhere() -> None:
    assert track().at(0.0) is None


anything = st.builds(
    RawFix,
    st.floats(-1e9, 1e10),
    st.floats(allow_nan=True),
    st.floats(allow_nan=True),
    st.none() | st.floats(),
    st.none() | st.floats(),
)
near = st.builds(RawFix, st.integers(0, 50).map(float), st.floats(49.99, 50.01), st.floats(7.99, 8.01))


@given(st.lists(anything | near, max_size=60), st.floats(1.0, 1e6))
def test_what_is_kept_is_in_order_on_the_globe_and_reachable(fixes: list[RawFix], fastest: float) -> None:
    cleaned = clean(fixes, 0, fastest)
    dropped = cleaned.dropped
    assert len(cleaned.fixes) + dropped.wrong == len(fixes)
    for fix, after in zip(cleaned.fixes, cleaned.fixes[1:], strict=False):
        assert fix.t_s < after.t_s
        metres = distance_m(fix.latitude, fix.longitude, after.latitude, after.longitude)
        assert metres <= 20.0 + fastest / 3.6 * (after.t_s - fix.t_s) + 1e-6
    for fix in with_motion(thinned(cleaned.fixes), 5.0):
        assert abs(fix.latitude) <= 90.0
        assert abs(fix.longitude) <= 180.0
        assert fix.heading_deg is None or 0.0 <= fix.heading_deg < 360.0


@given(
    st.lists(st.integers(0, 100), min_size=1, unique=True),
    st.floats(-50.0, 150.0),
    st.floats(-89.0, 89.0),
    st.floats(-180.0, 180.0),
)
def test_position_lies_between_its_fixes(
    seconds: list[int], pts_s: float, latitude: float, longitude: float
) -> None:
    fixes = tuple(
        Fix(float(second), latitude + second * 1e-4, (longitude + second * 1e-4 + 180.0) % 360.0 - 180.0)
        for second in sorted(seconds)
    )
    fix = PositionTrack(fixes, "gpx", 5.0).at(pts_s)
    near_s = min(abs(one.t_s - pts_s) for one in fixes)
    assert (fix is not None) or near_s > HOLD_S
    if fix is not None:
        assert fixes[0].latitude - 1e-9 <= fix.latitude <= fixes[-1].latitude + 1e-9
        assert near_s <= 5.0
        nearest = min(fixes, key=lambda one: abs(one.t_s - pts_s))
        assert distance_m(fix.latitude, fix.longitude, nearest.latitude, nearest.longitude) < 60.0


@given(st.floats(-80.0, 80.0), st.floats(-179.0, 179.0), st.floats(0.0, 359.9))
def test_bearing_leads_from_one_point_to_the_other(latitude: float, longitude: float, heading: float) -> None:
    step_deg = 1e-4
    other = (
        latitude + step_deg * cos(radians(heading)),
        longitude + step_deg * sin(radians(heading)) / cos(radians(latitude)),
    )
    turned = (bearing_deg(latitude, longitude, *other) - heading + 180.0) % 360.0 - 180.0
    assert abs(turned) < 0.01
