"""Where vehicles and plates are drawn: between the frames that were looked at, by time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashcam_pipeline.render.vehicles import InSight, Vehicle
from dashcam_pipeline.vision.types import Box
from render_bench import look, sighting

LEFT, RIGHT = (0.0, 0.0, 100.0, 100.0), (200.0, 0.0, 300.0, 100.0)


@pytest.mark.parametrize(
    ("ts_s", "box"),
    [
        (1.0, Box(0, 0, 100, 100)),
        (1.25, Box(50, 0, 150, 100)),
        (1.5, Box(100, 0, 200, 100)),
        (2.0, Box(200, 0, 300, 100)),
        (0.96, Box(0, 0, 100, 100)),
        (2.05, Box(200, 0, 300, 100)),
        (0.9, None),
        (2.1, None),
    ],
    ids=["first", "quarter", "half", "last", "just before", "just behind", "before", "behind"],
)
def test_box_moves_evenly_from_one_look_to_the_next(ts_s: float, box: Box | None) -> None:
    assert Vehicle(sighting((1.0, LEFT), (2.0, RIGHT))).box_at(ts_s) == box


def test_gap_is_not_bridged() -> None:
    vehicle = Vehicle(sighting((0.0, LEFT), (0.1, LEFT), (3.0, RIGHT), (3.1, RIGHT)))
    assert vehicle.box_at(0.12) == Box(*LEFT)
    assert vehicle.box_at(1.5) is None
    assert vehicle.box_at(2.98) == Box(*RIGHT)


def test_thinned_path_of_a_long_sighting_is_bridged() -> None:
    boxes = tuple((1.5 * number, LEFT) for number in range(100))
    assert Vehicle(sighting(*boxes)).box_at(0.75) == Box(*LEFT)


def test_row_without_a_path_is_drawn_from_its_first_last_and_looked_at_boxes() -> None:
    old = replace(sighting((0.0, LEFT), (4.0, RIGHT)), path=(), looks=(look(2.0, LEFT, (10, 10, 20, 20)),))
    assert Vehicle(old).box_at(1.0) == Box(*LEFT)
    assert Vehicle(old).box_at(3.0) == Box(100, 0, 200, 100)


def test_row_without_any_box_is_never_in_sight() -> None:
    nothing = replace(sighting((0.0, LEFT)), path=(), first_bbox=None, last_bbox=None)
    assert Vehicle(nothing).box_at(0.0) is None


def test_plate_keeps_its_place_in_the_vehicle() -> None:
    seen = replace(sighting((0.0, LEFT), (1.0, RIGHT)), looks=(look(0.0, LEFT, (40, 60, 60, 70)),))
    assert Vehicle(seen).plate_at(0.5) == Box(140, 60, 160, 70)


def test_plate_is_drawn_only_near_views_that_show_it() -> None:
    seen = replace(sighting((0.0, LEFT), (1.0, RIGHT)), looks=(look(0.0, LEFT, (40, 60, 60, 70)),))
    assert Vehicle(seen).plate_at(0.9) is None
    assert Vehicle(seen).plate_at(0.9, near_s=float("inf")) is not None


def test_only_vehicles_in_sight_are_asked() -> None:
    early, late = (
        Vehicle(sighting((at, LEFT), (at + 1, LEFT), track_id=n)) for n, at in ((2, 0.0), (1, 5.0))
    )
    in_sight = InSight([late, early])
    assert [in_sight.at(ts_s) for ts_s in (0.5, 3.0, 5.5)] == [[early], [], [late]]
