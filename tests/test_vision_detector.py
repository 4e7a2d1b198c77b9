"""From model outputs to vehicles and plates."""

from __future__ import annotations

import numpy as np
import pytest

from dashcam_pipeline.config import DetectionSettings
from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.vision.models.detector import open_plate_detector, open_vehicle_detector
from dashcam_pipeline.vision.models.heads import COCO_VEHICLES, EndToEndHead, PicoDetHead, SsdHead
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.crops import judge_in_frame, plate_picture, search_picture
from dashcam_pipeline.vision.plates.plate_gates import judge_plates
from dashcam_pipeline.vision.quality import sharpness
from dashcam_pipeline.vision.types import Box, Detection
from vision_data import PICODET, PLATE_DETECTOR, SSD, model, photo

PICTURE = np.zeros((400, 800, 3), np.uint8)


def near(box: Box, wanted: tuple[float, float, float, float]) -> bool:
    return bool(np.allclose(box, wanted, atol=1.0))


def test_ssd_rows_become_boxes_and_stop_at_the_end_mark() -> None:
    head = SsdHead(512, 512, {0: "vehicle"})
    rows = np.zeros((1, 1, 200, 7), np.float32)
    rows[0, 0, 0] = (0, 0, 0.9, 0.25, 0.5, 0.5, 0.75)
    rows[0, 0, 1] = (0, 0, 0.2, 0.0, 0.0, 0.1, 0.1)
    rows[0, 0, 2, 0] = -1
    rows[0, 0, 3] = (0, 0, 0.99, 0.6, 0.6, 0.9, 0.9)  # left over from an earlier picture
    (found,) = head.decode([rows], head.prepare(PICTURE).placement, 0.3)
    assert found.label == "vehicle" and near(found.box, (200, 200, 400, 300))


def test_picodet_distributions_become_boxes_of_vehicle_classes() -> None:
    head = PicoDetHead(320, 320, COCO_VEHICLES)
    cells = [1600, 400, 100, 25]
    scores = [np.zeros((1, n, 80), np.float32) for n in cells]
    sides = [np.zeros((1, n, 32), np.float32) for n in cells]
    scores[2][0, 23, 7] = 0.8  # a truck in column 3, row 2 of stride 16 … of 10 columns
    scores[2][0, 55, 0] = 0.9  # a person
    for side, bin_of_side in enumerate((2, 1, 2, 1)):
        sides[2][0, 23, side * 8 + bin_of_side] = 50.0  # all weight on one bin
    (found,) = head.decode([*scores, *sides], head.prepare(PICTURE).placement, 0.3)
    centre_x, centre_y, stride = 3 * 32 + 16, 2 * 32 + 16, 32
    wanted = (centre_x - 2 * stride, centre_y - stride, centre_x + 2 * stride, centre_y + stride)
    assert found.label == "truck"
    assert near(found.box, tuple(v * s for v, s in zip(wanted, (2.5, 1.25, 2.5, 1.25), strict=True)))


def test_letterboxed_rows_come_back_to_the_picture() -> None:
    head = EndToEndHead(416, 416, {0: "plate"})
    rows = np.array([[0, 104, 156, 208, 208, 0, 0.7]], np.float32)
    (found,) = head.decode([rows], head.prepare(PICTURE).placement, 0.3)
    assert near(found.box, (200, 100, 400, 200))


@pytest.mark.parametrize("head", [SsdHead(512, 512, {0: "x"}), EndToEndHead(416, 416, {0: "x"})])
def test_no_rows_are_no_detections(head: SsdHead | EndToEndHead) -> None:
    empty = np.zeros((0, 7), np.float32)
    assert head.decode([empty], head.prepare(PICTURE).placement, 0.3) == []


def test_a_yolo_without_suppression_inside_is_refused() -> None:
    head = EndToEndHead(416, 416, {0: "x"})
    raw = np.zeros((1, 84, 3549), np.float32)
    with pytest.raises(EngineUnavailable, match="suppression"):
        head.decode([raw], head.prepare(PICTURE).placement, 0.3)


def test_overlapping_boxes_of_two_classes_are_one_vehicle() -> None:
    head = EndToEndHead(416, 416, {0: "car", 1: "truck"})
    rows = np.array([[0, 104, 156, 208, 208, 0, 0.6], [0, 106, 156, 208, 209, 1, 0.7]], np.float32)
    assert [d.label for d in head.decode([rows], head.prepare(PICTURE).placement, 0.3)] == ["truck"]


VEHICLE = Box(100, 100, 500, 400)


@pytest.mark.parametrize(
    ("plates", "chosen"),
    [
        ([], None),
        ([Detection(Box(20, 300, 80, 320), "plate", 0.9)], None),  # on the car beside it
        ([Detection(Box(250, 95, 350, 120), "plate", 0.9)], None),  # written over its roof
        ([Detection(Box(250, 300, 350, 320), "plate", 0.5)], 0),
        (
            [
                Detection(Box(400, 150, 430, 160), "plate", 0.9),  # of a car behind
                Detection(Box(250, 300, 350, 320), "plate", 0.7),
            ],
            1,
        ),
    ],
)
def test_the_plate_of_this_vehicle_is_chosen(plates: list[Detection], chosen: int | None) -> None:
    assert judge_plates(plates, VEHICLE).plate == (None if chosen is None else plates[chosen])


def test_crops_lead_back_to_the_frame() -> None:
    settings = DetectionSettings()
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[500:520, 600:700] = 255
    picture = search_picture(frame, Box(500, 300, 800, 560), settings)
    rows, columns = np.nonzero(picture.image[..., 0])
    local = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    plate = judge_in_frame(picture, [Detection(local, "plate", 0.8)]).plate
    assert plate is not None and plate.box == (600, 500, 700, 520)
    crop = plate_picture(frame, plate.box, settings)
    assert crop.shape[0] > 20 and crop.shape[1] > 100 and crop.max() == 255


def test_blur_lowers_sharpness_and_size_hardly_does() -> None:
    import cv2

    image = np.random.default_rng(3).integers(0, 255, (32, 64, 3), dtype=np.uint8)
    sharp = cv2.resize(image, (512, 256), interpolation=cv2.INTER_NEAREST)
    assert sharpness(cv2.GaussianBlur(sharp, (0, 0), 12)) < 0.3 * sharpness(sharp)
    larger = cv2.resize(sharp, (1024, 512), interpolation=cv2.INTER_NEAREST)
    assert sharpness(larger) == pytest.approx(sharpness(sharp), rel=0.05)
    assert sharpness(np.zeros((0, 5, 3), np.uint8)) == 0.0


@pytest.mark.parametrize(("name", "labels"), [(SSD, {"vehicle"}), (PICODET, {"car"})])
def test_real_vehicle_detector_finds_the_car_and_its_class(name: str, labels: set[str]) -> None:
    detector = open_vehicle_detector(model(name), RuntimeOptions(), 0.35)
    image = photo("eu/eu1.jpg")
    first, nothing, again = detector.detect([image, np.zeros((0, 0, 3), np.uint8), image])
    assert first[0].label in labels
    assert near_within(first[0].box, (200, 170, 805, 590), 20)
    assert nothing == [] and again == first


def test_real_plate_detector_finds_the_plate() -> None:
    detector = open_plate_detector(model(PLATE_DETECTOR), RuntimeOptions(), 0.45)
    (found,) = detector.detect([photo("eu/eu1.jpg")])[0]
    assert found.label == "plate" and near_within(found.box, (396, 340, 599, 386), 15)


def near_within(box: Box, wanted: tuple[float, float, float, float], pixels: float) -> bool:
    return bool(np.allclose(box, wanted, atol=pixels))
