"""What is measured of a plate's picture, and the chance that it can be read."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dashcam_pipeline.vision.plates.plate_quality import (
    PlateQuality,
    features,
    fitted_model,
    judge,
)
from dashcam_pipeline.vision.plates.straighten import Slant
from dashcam_pipeline.vision.types import Box, Image
from vision_data import photo

EU10 = Box(238, 314, 316, 332)
"""The plate of the photo `eu/eu10.jpg`."""

GOOD = PlateQuality(
    width_px=150.0,
    height_px=40.0,
    sharpness=0.8,
    contrast=0.25,
    glare=0.0,
    skew_deg=0.0,
    cut_off=False,
    readable=0.0,
)


def scene() -> Image:
    return photo("eu/eu10.jpg")


def chance(quality: PlateQuality) -> float:
    return fitted_model().chance(features(quality))


@pytest.mark.parametrize(
    "worse",
    [
        pytest.param({"width_px": 30.0, "height_px": 8.0}, id="small"),
        pytest.param({"sharpness": 0.03}, id="blurred"),
        pytest.param({"contrast": 0.02}, id="faint"),
        pytest.param({"glare": 0.5}, id="blown out"),
        pytest.param({"cut_off": True}, id="cut off"),
    ],
)
def test_what_makes_a_plate_harder_to_read_lowers_its_chance(worse: dict[str, float]) -> None:
    assert chance(replace(GOOD, **worse)) < chance(GOOD)


def test_good_plate_is_likely_right_and_hopeless_one_is_not() -> None:
    hopeless = replace(GOOD, width_px=24.0, height_px=8.0, sharpness=0.02, contrast=0.02)
    assert chance(GOOD) > 0.9
    assert chance(hopeless) < 0.2


def test_blurred_photo_is_less_sharp_and_less_readable() -> None:
    clear, blurred = scene(), cv2.GaussianBlur(scene(), (0, 0), 4.0)
    sharp, soft = judge(clear, EU10), judge(np.asarray(blurred, dtype=np.uint8), EU10)
    assert soft.sharpness < 0.5 * sharp.sharpness
    assert soft.readable < sharp.readable


def test_photo_with_less_contrast_is_less_readable() -> None:
    grey = (scene() // 6 + 100).astype(np.uint8)
    assert judge(grey, EU10).contrast < 0.3 * judge(scene(), EU10).contrast
    assert judge(grey, EU10).readable < judge(scene(), EU10).readable


def test_blown_out_pixels_are_glare() -> None:
    picture = scene()
    middle = round((EU10.x1 + EU10.x2) / 2)
    picture[:, middle:] = 255
    assert judge(picture, EU10).glare == pytest.approx(0.5, abs=0.05)
    assert judge(scene(), EU10).glare < 0.05


def test_sizes_are_those_of_the_box_and_the_skew_can_be_given() -> None:
    quality = judge(scene(), EU10, Slant(8.5, 2.0))
    assert (quality.width_px, quality.height_px) == (EU10.width, EU10.height)
    assert quality.skew_deg == 8.5


@pytest.mark.parametrize(
    "box,cut_off",
    [
        (Box(10, 10, 90, 40), False),
        (Box(0, 10, 80, 40), True),
        (Box(-5, 10, 80, 40), True),
        (Box(10, 0.5, 90, 40), True),
        (Box(20, 10, 100, 40), True),
        (Box(20, 10, 90, 59.5), True),
    ],
)
def test_plate_at_the_edge_of_its_picture_is_cut_off(box: Box, cut_off: bool) -> None:
    picture = np.full((60, 100, 3), 90, np.uint8)
    assert judge(picture, box).cut_off is cut_off


@pytest.mark.parametrize("box", [Box(10, 10, 10, 10), Box(200, 200, 240, 220), Box(10, 10, 11, 11)])
def test_box_with_next_to_no_pixels_can_hardly_be_read(box: Box) -> None:
    picture = np.full((60, 100, 3), 90, np.uint8)
    assert judge(picture, box).readable < 0.1
