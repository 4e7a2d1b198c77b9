"""What is around the views of a vehicle: other vehicles, masks, and what the camera writes into its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dashcam_pipeline.config import DetectionSettings, LookSettings, Mask, TrackingSettings
from dashcam_pipeline.vision.plates.not_a_plate import NotAPlate
from dashcam_pipeline.vision.plates.plate_gates import judge_plates
from dashcam_pipeline.vision.tracking.watch import Passing, Watch
from dashcam_pipeline.vision.types import Box, Detection, Image

WORLD: Image = cv2.resize(
    np.random.default_rng(5).integers(0, 255, (100, 500, 3), dtype=np.uint8), (4000, 800)
)
TEXT = Box(420, 350, 620, 380)  # over the car ahead
CAR, BUS, FAR = Box(400, 250, 650, 430), Box(350, 60, 900, 460), Box(1000, 300, 1200, 420)
STEPS = 12


def frame(step: int, text: bool = False) -> Image:
    image = np.ascontiguousarray(WORLD[:720, step * 30 : step * 30 + 1280])
    if text:
        cv2.putText(image, "CAM1 48 KMH", (425, 375), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    return image


def found(*boxes: Box) -> list[Detection]:
    return [Detection(box, "car", 0.9) for box in boxes]


def passings(
    detection: DetectionSettings, boxes: Sequence[Box], text: bool = False, empty_steps: int = 0
) -> list[Passing]:
    """Vehicles that stay for `STEPS` frames, after some without any."""
    state = Watch(TrackingSettings(), LookSettings(), detection)
    for step in range(empty_steps + STEPS):
        seen = found(*boxes) if step >= empty_steps else []
        state.step(step, step / 10, seen, frame(step, text))
    return list(state.close().ended)


def test_a_look_knows_the_other_vehicles_that_overlap_it() -> None:
    by_box = {passing.first_box: passing for passing in passings(DetectionSettings(), [CAR, BUS, FAR])}
    for box, others in ((CAR, (BUS,)), (BUS, (CAR,)), (FAR, ())):
        passing = by_box[box]
        assert {look.others for look in passing.looks} == {others}
        assert passing.around(passing.looks[0]).others == others


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        (Mask(0.0, 0.0, 0.5, 1.0), [FAR]),
        (Mask(0.7, 0.0, 1.0, 1.0), [CAR]),
        (Mask(0.0, 0.8, 1.0, 1.0), [CAR, FAR]),
    ],
)
def test_vehicles_in_a_mask_are_none(mask: Mask, left: list[Box]) -> None:
    ended = passings(DetectionSettings(masks=(mask,)), [CAR, FAR])
    assert sorted(passing.first_box for passing in ended if passing.first_box) == sorted(left)


def test_a_plate_in_a_mask_is_none() -> None:
    mask = Mask(0.0, 0.5, 1.0, 1.0)
    (passing,) = passings(DetectionSettings(masks=(mask,)), [CAR])
    assert passing.masks == (Box(0, 360, 1280, 720),)
    plate = Detection(Box(480, 370, 560, 390), "plate", 0.9)
    around = passing.around(passing.looks[0])
    assert judge_plates([plate], CAR, around).reason is NotAPlate.MASKED
    assert judge_plates([plate], CAR, replace(around, masks=())).plate == plate


def test_text_of_the_camera_over_a_vehicle_is_not_its_plate() -> None:
    text = Detection(Box(430, 355, 560, 378), "plate", 0.9)
    (passing,) = passings(DetectionSettings(), [CAR], text=True, empty_steps=60)
    assert judge_plates([text], CAR, passing.around(passing.looks[0])).reason is NotAPlate.OVERLAY


@pytest.mark.parametrize(("overlay", "text"), [(False, True), (True, False)])
def test_without_text_or_when_not_asked_for_there_is_no_overlay(overlay: bool, text: bool) -> None:
    (passing,) = passings(DetectionSettings(overlay=overlay), [CAR], text=text, empty_steps=60)
    assert passing.overlay == ()


def test_overlay_that_touches_no_view_is_not_carried_along() -> None:
    (passing,) = passings(DetectionSettings(), [FAR], text=True, empty_steps=60)
    assert passing.overlay == ()


def test_masks_hold_without_a_picture() -> None:
    state = Watch(TrackingSettings(), LookSettings(), DetectionSettings(masks=(Mask(0, 0, 1, 1),)))
    assert state.step(0, 0.0, [], None).ended == ()
    assert state.step(1, 0.1, found(CAR), frame(1)).looks == ()
    assert state.close().ended == ()
