"""From a plate's box to what readers are given, and the read that counts."""

from __future__ import annotations

import numpy as np
import pytest

from dashcam_pipeline.config import DetectionSettings
from dashcam_pipeline.vision.models.plate_reader import FastPlateReader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.crops import plate_picture
from dashcam_pipeline.vision.plates.plate_pictures import most_certain, plate_pictures
from dashcam_pipeline.vision.types import Box, PlateRead
from test_vision_straighten import PLATE, drawn_plate, slanted
from test_vision_two_lines import PHOTOS as PARTED
from test_vision_two_lines import stacked
from vision_data import READER, model, photo, read

SETTINGS = DetectionSettings()


def test_upright_plate_is_cut_out_as_it_is() -> None:
    ready = plate_pictures(drawn_plate(), PLATE, SETTINGS)
    assert len(ready.pictures) == 1
    assert np.array_equal(ready.pictures[0], plate_picture(drawn_plate(), PLATE, SETTINGS))


def test_slanted_plate_is_straightened_unless_settings_forbid_it() -> None:
    picture, box = slanted(drawn_plate(), PLATE, 18.0, 0.0)
    straight = plate_pictures(picture, box, SETTINGS)
    as_it_is = plate_pictures(picture, box, SETTINGS.model_copy(update={"straighten": False}))
    assert len(straight.pictures) == 1
    assert straight.pictures[0].shape[0] < 0.8 * as_it_is.pictures[0].shape[0]
    assert np.array_equal(as_it_is.pictures[0], plate_picture(picture, box, SETTINGS))
    assert straight.quality == as_it_is.quality
    assert straight.quality.skew_deg == pytest.approx(18.0, abs=2.0)


def test_photo_of_a_plate_in_two_lines_is_read() -> None:
    reader = FastPlateReader(model(READER), RuntimeOptions(engine="openvino", threads=1))
    for name, box, at, text in PARTED:
        plate = stacked(box.crop(photo(name)), at)
        height, width = plate.shape[:2]
        ready = plate_pictures(plate, Box(0, 0, width, height), SETTINGS)
        assert len(ready.pictures) == 2
        assert most_certain(reader.read(ready.pictures)).text == text


@pytest.mark.parametrize(
    "reads,text",
    [
        ([read("ABC123", 0.9)], "ABC123"),
        ([read("ABC123", 0.9), read("AB", 0.8)], "ABC123"),
        ([read("AB", 0.8), read("ABC123", 0.9)], "ABC123"),
        ([read("ABC123", 0.9), read("XYZ789", 0.9)], "ABC123"),
        ([PlateRead("", ()), read("ABC123", 0.3)], "ABC123"),
    ],
)
def test_the_more_certain_read_counts_and_the_first_of_equals(reads: list[PlateRead], text: str) -> None:
    assert most_certain(reads).text == text


@pytest.mark.parametrize("box", [Box(-50, -50, -10, -10), Box(10, 10, 10, 10), Box(399, 299, 420, 320)])
def test_box_with_next_to_no_pixels_makes_no_trouble(box: Box) -> None:
    ready = plate_pictures(drawn_plate(), box, SETTINGS)
    assert ready.quality.readable < 0.2
