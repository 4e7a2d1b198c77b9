"""Slants of plates are measured and taken out, on drawn plates and on photos of real ones."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from dashcam_pipeline.config import DetectionSettings
from dashcam_pipeline.vision.models.plate_reader import FastPlateReader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.crops import plate_picture
from dashcam_pipeline.vision.plates.straighten import UPRIGHT, Slant, slant, straightened
from dashcam_pipeline.vision.types import Box, Image
from vision_data import READER, model, photo

MARGIN = DetectionSettings().plate_margin
PHOTOS = (
    ("us/car3.jpg", Box(395, 535, 516, 595), "1AMW240"),
    ("us/wts-lg-000158.jpg", Box(790, 319, 928, 388), "CWM2998"),
    ("eu/test_015.jpg", Box(225, 206, 347, 234), "RK019AF"),
    ("ro/dayride_type1_001_t0467.jpg", Box(664, 521, 888, 577), "B320WTW"),
)
"""Photos, with the place and the text of a plate."""


def drawn_plate(text: str = "B 14 HLE") -> Image:
    """A light plate with dark text on a dark car, 130 × 40 pixels, in the middle of 400 × 300."""
    picture = np.full((300, 400, 3), 60, np.uint8)
    cv2.rectangle(picture, (135, 130), (265, 170), (225, 225, 225), -1)
    cv2.putText(picture, text, (141, 160), cv2.FONT_HERSHEY_SIMPLEX, 0.82, (20, 20, 20), 2, cv2.LINE_AA)
    return picture


def slanted(picture: Image, plate: Box, rotation_deg: float, shear_deg: float) -> tuple[Image, Box]:
    """The picture turned about the plate, and what surrounds the plate in it."""
    turn, lean = math.radians(rotation_deg), math.tan(math.radians(shear_deg))
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    linear = rotation @ np.array([[1.0, lean], [0.0, 1.0]])
    centre = np.array([(plate.x1 + plate.x2) / 2, (plate.y1 + plate.y2) / 2])
    matrix = np.column_stack([linear, centre - linear @ centre])
    size = (picture.shape[1], picture.shape[0])
    warped = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    corners = np.array([[x, y, 1.0] for x in (plate.x1, plate.x2) for y in (plate.y1, plate.y2)]) @ matrix.T
    return np.asarray(warped, dtype=np.uint8), Box(*corners.min(axis=0), *corners.max(axis=0))


PLATE = Box(135, 130, 265, 170)


@pytest.mark.parametrize("rotation", [-25.0, -12.0, 0.0, 7.0, 20.0])
def test_rotation_is_measured_to_two_degrees(rotation: float) -> None:
    picture, box = slanted(drawn_plate(), PLATE, rotation, 0.0)
    assert slant(box.crop(picture)).rotation_deg == pytest.approx(rotation, abs=2.0)


@pytest.mark.parametrize("rotation,lean", [(15.0, 0.0), (-15.0, 0.0), (15.0, 15.0), (-20.0, -10.0)])
def test_lean_of_the_strokes_of_a_slanted_plate_is_measured_to_five_degrees(
    rotation: float, lean: float
) -> None:
    picture, box = slanted(drawn_plate(), PLATE, rotation, lean)
    found = slant(box.crop(picture))
    assert found.rotation_deg == pytest.approx(rotation, abs=2.0)
    assert found.shear_deg == pytest.approx(lean - rotation, abs=5.0)


@pytest.mark.parametrize("shear", [-15.0, 15.0])
def test_leaning_strokes_alone_do_not_make_a_plate_slanted(shear: float) -> None:
    picture, box = slanted(drawn_plate(), PLATE, 0.0, shear)
    assert slant(box.crop(picture)).upright


@pytest.mark.parametrize("text", ["B 77 XYZ", "7777 AZ", "AVA 747"])
def test_diagonal_strokes_do_not_make_an_upright_plate_slanted(text: str) -> None:
    assert slant(PLATE.crop(drawn_plate(text))).upright


@pytest.mark.parametrize("width,height", [(0, 0), (3, 40), (40, 3), (4, 4), (90, 30)])
def test_picture_without_edges_counts_as_upright(width: int, height: int) -> None:
    assert slant(np.full((height, width, 3), 128, np.uint8)) == UPRIGHT


@pytest.mark.parametrize(
    "found,upright",
    [
        (Slant(5.9, 0.0), True),
        (Slant(-6.1, 0.0), False),
        (Slant(0.0, 20.0), True),
    ],
)
def test_only_larger_slants_are_worth_a_warp(found: Slant, upright: bool) -> None:
    assert found.upright is upright


@pytest.mark.parametrize("rotation,shear", [(18.0, 0.0), (-15.0, 0.0), (-20.0, -10.0), (20.0, 8.0)])
def test_straightened_plate_stands_upright_and_is_as_large_as_before(rotation: float, shear: float) -> None:
    picture, box = slanted(drawn_plate(), PLATE, rotation, shear)
    upright = straightened(picture, box, 0.0, slant(box.crop(picture)))
    again = slant(upright)
    assert abs(again.rotation_deg) < 2.5
    assert abs(again.shear_deg) < 5.0
    assert upright.shape[1] == pytest.approx(PLATE.width, rel=0.15)
    assert upright.shape[0] == pytest.approx(PLATE.height, rel=0.3)


def test_margin_is_added_around_the_plate_itself() -> None:
    picture, box = slanted(drawn_plate(), PLATE, 15.0, 0.0)
    found = slant(box.crop(picture))
    bare, wide = (straightened(picture, box, margin, found) for margin in (0.0, 0.1))
    assert wide.shape[1] == pytest.approx(bare.shape[1] * 1.2, abs=1.5)
    assert wide.shape[0] == pytest.approx(bare.shape[0] * 1.4, abs=1.5)


def test_plate_at_the_edge_of_its_picture_is_cut_out_all_the_same() -> None:
    picture, box = slanted(drawn_plate(), PLATE, 15.0, 0.0)
    cut = picture[:, round(box.x1) + 20 :]
    upright = straightened(cut, Box(0, box.y1, box.width - 20, box.y2), MARGIN, Slant(15.0, 0.0))
    assert upright.size > 0


@pytest.mark.parametrize("reader", [READER, "cct_xs_v1_global.onnx"])
def test_slanted_photos_are_read_once_they_are_straightened(reader: str) -> None:
    texts = FastPlateReader(model(reader), RuntimeOptions(engine="openvino", threads=1))
    as_they_are, upright = [], []
    for name, plate, text in PHOTOS:
        for rotation in (-22.0, 22.0):
            picture, box = slanted(photo(name), plate, rotation, 0.0)
            crop = plate_picture(picture, box, DetectionSettings())
            turned = straightened(picture, box, MARGIN, slant(box.crop(picture)))
            as_they_are.append(texts.read([crop])[0].text == text)
            upright.append(texts.read([turned])[0].text == text)
    assert sum(upright) == len(upright)
    assert sum(as_they_are) < sum(upright)
