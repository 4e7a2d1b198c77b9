"""Plates with two lines become one line that readers know."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dashcam_pipeline.vision.models.plate_reader import FastPlateReader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.two_lines import may_have_two_lines, side_by_side
from dashcam_pipeline.vision.types import Box, Image
from vision_data import READER, model, photo

PHOTOS = (
    ("br/JIY4434.jpg", Box(687, 351, 905, 421), 0.5, "JIY4434"),
    ("br/NZJ6581.jpg", Box(514, 769, 775, 853), 0.45, "NZJ6581"),
    ("br/MXQ1601.jpg", Box(475, 891, 814, 1001), 0.47, "MXQ1601"),
    ("ro/dayride_type1_001_t0467.jpg", Box(664, 521, 888, 577), 0.48, "B320WTW"),
)
"""Photos, with a plate's place, where its text can be parted (share of its width), and its text."""


def stacked(plate: Image, at: float) -> Image:
    """A plate with two lines, out of one with one."""
    column = round(at * plate.shape[1])
    halves = plate[:, :column], plate[:, column:]
    wide = max(half.shape[1] for half in halves)
    padded = [
        cv2.copyMakeBorder(
            half,
            0,
            0,
            (wide - half.shape[1]) // 2,
            wide - half.shape[1] - (wide - half.shape[1]) // 2,
            cv2.BORDER_REPLICATE,
        )
        for half in halves
    ]
    return np.asarray(np.vstack(padded), dtype=np.uint8)


@pytest.mark.parametrize(
    "box,two_lines",
    [
        (Box(0, 0, 140, 100), True),
        (Box(0, 0, 90, 100), True),
        (Box(0, 0, 200, 100), False),
        (Box(0, 0, 520, 110), False),
        (Box(0, 0, 12, 9), False),  # too small for anything
    ],
)
def test_tall_plates_may_have_two_lines(box: Box, two_lines: bool) -> None:
    assert may_have_two_lines(box) is two_lines


def test_plate_is_parted_in_the_gap_between_its_lines() -> None:
    plate = np.full((60, 80, 3), 230, np.uint8)
    plate[6:26, 10:70:8] = 20  # strokes of the upper line …
    plate[32:54, 10:70:8] = 20  # … and of the lower one
    joined = side_by_side(plate)
    assert joined.shape[1] == 160
    assert 30 <= joined.shape[0] <= 34
    assert (joined[:, 10:70:8] < 128).any(axis=0).all()
    assert (joined[:, 90:150:8] < 128).any(axis=0).all()
    assert (joined[-1, 10:70:8] > 128).all()  # nothing of the lower line is left under the upper one …
    assert (joined[0, 90:150:8] > 128).all()  # … nor of the upper one above the lower one


def test_two_lines_of_photos_are_read_side_by_side_and_not_as_they_are() -> None:
    reader = FastPlateReader(model(READER), RuntimeOptions(engine="openvino", threads=1))
    plates = [(stacked(box.crop(photo(name)), at), text) for name, box, at, text in PHOTOS]
    as_they_are = [reader.read([plate])[0].text == text for plate, text in plates]
    parted = [reader.read([side_by_side(plate)])[0].text == text for plate, text in plates]
    assert all(parted)
    assert sum(as_they_are) < len(plates)
