"""The strip of a plate's looks: everything is on it, in a size that can be kept."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dashcam_pipeline.storage.proof.strip import AGREES, MOST_CROPS, ROW_WIDTH_PX, StripCrop, strip
from dashcam_pipeline.storage.rows import LookRow, ReadRow
from dashcam_pipeline.vision.types import Image

READ = ReadRow(reader="m", text="LS15EBC", char_confidences=(0.9,) * 7, weight=0.8, agrees=True)
LOOK = LookRow(
    frame_idx=12, ts_s=0.5, car_bbox=(0.0, 0.0, 9.0, 9.0), reads=(READ, replace(READ, agrees=False))
)


def plate(width: int, height: int, shade: int) -> Image:
    return np.full((height, width, 3), shade, dtype=np.uint8)


def made(*crops: StripCrop) -> Image:
    found = strip(crops)
    assert found is not None
    return found


def area_of(picture: Image, shade: int) -> int:
    return int((np.abs(picture.astype(int) - shade).max(axis=2) < 3).sum())


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_every_crop_is_on_the_strip(count: int) -> None:
    shades = [10 + 15 * number for number in range(count)]
    found = made(*(StripCrop(plate(90, 30, shade), LOOK) for shade in shades))
    assert found.shape[1] <= ROW_WIDTH_PX
    assert all(area_of(found, shade) > 168 * 50 for shade in shades)


def test_of_too_many_crops_the_heaviest_are_shown_in_their_order() -> None:
    light = replace(LOOK, reads=(replace(READ, weight=0.01),))
    crops = [StripCrop(plate(90, 30, 100), light), *[StripCrop(plate(90, 30, 200), LOOK)] * MOST_CROPS]
    assert area_of(made(*crops), 100) < 1000  # anti-aliased captions have some of every grey


def test_crops_that_agree_are_framed_in_green() -> None:
    def green(look: LookRow) -> int:
        picture = made(StripCrop(plate(90, 30, 0), look))
        return int((picture == np.array(AGREES)).all(axis=2).sum())

    assert green(LOOK) > 300
    assert green(replace(LOOK, reads=(replace(READ, agrees=False),))) == 0


@pytest.mark.parametrize("size", [(1, 1), (400, 4), (4, 400), (1200, 300)])
def test_odd_sizes_fit(size: tuple[int, int]) -> None:
    assert made(StripCrop(plate(*size, 0), LOOK)).shape[1] <= ROW_WIDTH_PX


def test_text_that_the_font_does_not_know_is_no_trouble() -> None:
    look = replace(LOOK, reads=(replace(READ, text="粤B12345"), replace(READ, text="", char_confidences=())))
    made(StripCrop(plate(90, 30, 0), look))


def test_nothing_to_show_is_no_picture() -> None:
    assert strip([]) is None
    assert strip([StripCrop(plate(0, 10, 0), LOOK)]) is None


def test_strip_of_many_looks_is_small() -> None:
    """Noise, smoothed as cameras do, is worse than any plate."""
    random = np.random.default_rng(0)

    def crop() -> Image:
        noise = random.integers(0, 255, (30, 100, 3), dtype=np.uint8)
        return np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), dtype=np.uint8)

    _, data = cv2.imencode(
        ".jpg", made(*(StripCrop(crop(), LOOK) for _ in range(12))), [cv2.IMWRITE_JPEG_QUALITY, 85]
    )
    assert len(data) < 80_000
