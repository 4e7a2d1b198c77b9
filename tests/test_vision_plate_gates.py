"""What is not the vehicle's plate never becomes its plate, and says why."""

from __future__ import annotations

import pickle

import pytest

from dashcam_pipeline.vision.plates.not_a_plate import NotAPlate
from dashcam_pipeline.vision.plates.plate_gates import (
    NOTHING_AROUND,
    Rejected,
    Surroundings,
    judge_plates,
    objection,
)
from dashcam_pipeline.vision.types import Box, Detection

CAR = Box(400, 200, 800, 500)
BUS = Box(300, 20, 900, 560)
PLATE = Box(550, 400, 650, 425)


def found(box: Box, score: float = 0.8) -> Detection:
    return Detection(box, "plate", score)


@pytest.mark.parametrize(
    ("plate", "vehicle"),
    [
        (PLATE, CAR),
        (Box(540, 380, 660, 440), CAR),  # American
        (Box(560, 380, 640, 440), CAR),  # of two lines
        (Box(770, 330, 790, 350), CAR),  # at the rear of a car seen from the side
        (Box(410, 260, 640, 310), Box(400, 200, 800, 330)),  # large, of a car near by
        (Box(430, 330, 500, 380), Box(400, 200, 520, 420)),  # of a motorcycle
        (Box(560, 480, 640, 500), BUS),
        (Box(560, 35, 640, 60), Box(400, 0, 800, 200)),  # the frame cuts the car's upper half off
    ],
)
def test_plates_are_accepted(plate: Box, vehicle: Box) -> None:
    assert objection(plate, vehicle, NOTHING_AROUND) is None


@pytest.mark.parametrize(
    ("box", "vehicle", "reason"),
    [
        (Box(320, 400, 380, 420), CAR, NotAPlate.OUTSIDE),
        (Box(790, 400, 880, 420), CAR, NotAPlate.OUTSIDE),
        (Box(560, 505, 640, 525), CAR, NotAPlate.OUTSIDE),  # on the road below
        (Box(560, 210, 640, 235), CAR, NotAPlate.TOO_HIGH),  # a roof sign
        (Box(540, 80, 660, 130), BUS, NotAPlate.TOO_HIGH),  # the number of a line
        (Box(560, 2, 640, 20), Box(400, 0, 800, 200), NotAPlate.TOO_HIGH),
        (Box(590, 380, 620, 440), CAR, NotAPlate.GEOMETRY),  # upright
        (Box(450, 400, 700, 420), CAR, NotAPlate.GEOMETRY),  # a bumper strip
        (Box(402, 300, 798, 450), CAR, NotAPlate.GEOMETRY),  # as wide as the car
        (Box(600, 400, 606, 403), CAR, NotAPlate.GEOMETRY),
    ],
)
def test_what_is_no_plate_is_told_why(box: Box, vehicle: Box, reason: NotAPlate) -> None:
    judgement = judge_plates([found(box)], vehicle)
    assert (judgement.plate, judgement.reason) == (None, reason)
    assert judgement.rejected == (Rejected(found(box), reason),)


def test_the_plate_of_the_car_before_a_bus_is_not_the_bus_s() -> None:
    assert judge_plates([found(PLATE)], BUS, Surroundings(others=(CAR,))).reason is NotAPlate.OTHER_VEHICLE
    assert judge_plates([found(PLATE)], CAR, Surroundings(others=(BUS,))).plate == found(PLATE)


def test_a_bus_keeps_its_plate_beside_a_car_that_stands_before_it() -> None:
    own = Box(560, 520, 660, 545)
    assert judge_plates([found(PLATE), found(own)], BUS, Surroundings(others=(CAR,))).plate == found(own)


def test_a_plate_at_the_edge_of_two_boxes_belongs_to_the_one_whose_middle_it_is_near() -> None:
    beside = Box(580, 180, 1100, 520)
    assert judge_plates([found(PLATE)], CAR, Surroundings(others=(beside,))).plate is not None
    assert judge_plates([found(PLATE)], beside, Surroundings(others=(CAR,))).reason is NotAPlate.OTHER_VEHICLE


def test_a_second_box_of_the_same_vehicle_takes_no_plate_away() -> None:
    cab = Box(405, 355, 790, 496)
    for again in (Box(380, 180, 830, 520), Box(420, 210, 790, 490), Box(545, 340, 790, 500), cab):
        assert judge_plates([found(PLATE)], CAR, Surroundings(others=(again,))).plate is not None, again


def test_a_box_that_is_hardly_larger_than_the_plate_owns_none() -> None:
    around_plate = PLATE.grown(0.1, 1280, 720)
    assert judge_plates([found(PLATE)], CAR, Surroundings(others=(around_plate,))).plate is not None
    assert judge_plates([found(PLATE)], around_plate).reason is NotAPlate.GEOMETRY


def test_plates_in_masks_and_on_overlay_are_none() -> None:
    masked = Surroundings(masks=(Box(0, 410, 1280, 720),))
    assert judge_plates([found(PLATE)], CAR, masked).reason is NotAPlate.MASKED
    assert judge_plates([found(PLATE)], CAR, Surroundings(masks=(Box(0, 420, 1280, 720),))).plate is not None
    text = Surroundings(overlay=(Box(500, 395, 620, 430),))
    assert judge_plates([found(PLATE)], CAR, text).reason is NotAPlate.OVERLAY
    assert (
        judge_plates([found(PLATE)], CAR, Surroundings(overlay=(Box(500, 395, 590, 430),))).plate is not None
    )


def test_of_two_plates_the_wider_one_near_the_middle_is_taken() -> None:
    wide, small = found(PLATE, 0.7), found(Box(740, 330, 780, 340), 0.9)
    assert judge_plates([small, wide], CAR).plate == wide
    sideways = found(Box(700, 330, 810, 360), 0.75)
    assert judge_plates([sideways, wide], CAR).plate == wide


def test_the_strongest_of_those_that_were_rejected_gives_the_reason() -> None:
    high, outside = found(Box(560, 210, 640, 235), 0.9), found(Box(320, 400, 380, 420), 0.6)
    judgement = judge_plates([outside, high], CAR)
    assert judgement.reason is NotAPlate.TOO_HIGH
    assert [one.found for one in judgement.rejected] == [high, outside]
    assert judge_plates([], CAR).reason is None
    assert judge_plates([high, found(PLATE)], CAR).reason is None


def test_order_of_the_found_makes_no_difference() -> None:
    many = [found(Box(500 + 9 * k, 400, 560 + 9 * k, 420), 0.8) for k in range(9)]
    assert judge_plates(many, CAR) == judge_plates(many[::-1], CAR)


def test_judgements_travel() -> None:
    judgement = judge_plates([found(PLATE), found(Box(0, 0, 9, 3))], CAR)
    assert pickle.loads(pickle.dumps(judgement)) == judgement


@pytest.mark.parametrize("vehicle", [Box(0, 0, 0, 0), Box(5, 5, 6, 5), CAR])
@pytest.mark.parametrize("plate", [Box(0, 0, 0, 0), Box(5, 5, 5, 5), Box(-3, -3, -1, -1)])
def test_boxes_without_area_are_no_plates(plate: Box, vehicle: Box) -> None:
    assert (
        judge_plates([found(plate)], vehicle, Surroundings(others=(plate,), overlay=(plate,))).plate is None
    )
