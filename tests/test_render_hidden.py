"""What was found now and then is hidden all the time."""

from __future__ import annotations

from collections.abc import Iterable

from dashcam_pipeline.render.hidden import HELD_S, Found, Hidden, chained, without
from dashcam_pipeline.render.hiding import parts
from dashcam_pipeline.render.vehicles import Vehicle
from dashcam_pipeline.vision.types import Box
from render_bench import look, sighting


def plate(x: float, y: float = 100.0, width: float = 60.0) -> Box:
    return Box(x, y, x + width, y + width / 3)


def covered(hidden: Hidden, ts_s: float, box: Box) -> bool:
    """Whether one of the boxes, as it is blurred, contains a box."""
    return any(_contains(one.grown(0.15, 10_000, 10_000), box) for one in hidden.at(ts_s))


def _contains(one: Box, other: Box) -> bool:
    return one.x1 <= other.x1 and one.y1 <= other.y1 and one.x2 >= other.x2 and one.y2 >= other.y2


def moving(times: Iterable[float], speed: float = 200.0) -> list[Found]:
    return [Found(ts_s, plate(100 + speed * ts_s)) for ts_s in times]


def test_plate_is_hidden_between_two_finds() -> None:
    hidden = Hidden(moving([0.0, 0.1, 0.2]))
    assert all(covered(hidden, step / 100, plate(100 + 2 * step)) for step in range(21))


def test_plate_that_is_missed_for_a_while_stays_hidden_on_its_way() -> None:
    hidden = Hidden(moving([0.0, 0.1, 0.2, 0.9, 1.0]))
    assert all(covered(hidden, step / 100, plate(100 + 2 * step)) for step in range(101))


def test_plate_is_hidden_before_it_was_found_first_and_after_it_was_found_last() -> None:
    hidden = Hidden([Found(1.0, plate(100))])
    assert covered(hidden, 1.0 - HELD_S + 0.01, plate(100))
    assert covered(hidden, 1.0 + HELD_S - 0.01, plate(100))
    assert hidden.at(1.0 + HELD_S + 0.01) == []


def test_plate_that_moves_is_followed_beyond_its_finds() -> None:
    hidden = Hidden(moving([1.0, 1.1]))
    assert all(covered(hidden, ts_s, plate(100 + 200 * ts_s)) for ts_s in (0.7, 0.9, 1.2, 1.4))


def test_two_plates_side_by_side_are_two_chains() -> None:
    found = [Found(ts_s, plate(x)) for ts_s in (0.0, 0.1, 0.2) for x in (100, 500)]
    assert sorted(len(chain.found) for chain in chained(found)) == [3, 3]


def test_plate_that_the_results_know_is_hidden_where_no_detector_found_it() -> None:
    car = (0.0, 0.0, 100.0, 100.0)
    known = sighting((0.0, car), (5.0, car))
    object.__setattr__(known, "looks", (look(0.0, car, (40.0, 60.0, 60.0, 70.0)),))
    object.__setattr__(known, "path", tuple(known.path))
    assert covered(Hidden([], [Vehicle(known)]), 0.0, Box(40, 60, 60, 70))


def test_plate_that_stays_visible_is_taken_out_at_its_place_alone() -> None:
    found = [Found(0.0, plate(100)), Found(0.0, plate(500))]
    assert without(found, lambda _ts_s: [plate(95)]) == [found[1]]


def test_parts_cover_the_picture() -> None:
    for width, height in ((1280, 720), (720, 1280), (640, 640), (3840, 1080), (100, 20)):
        boxes = parts(width, height)
        assert boxes[0] == Box(0, 0, width, height)
        squares = boxes[1:]
        for x in range(0, width, 7):
            assert not squares or any(
                box.x1 <= x < box.x2 and (width < height or box.y1 == 0) for box in squares
            )
