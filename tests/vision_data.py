"""Finds the models and pictures that the tests of `vision` use, and makes their small records."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import pytest

from dashcam_pipeline.vision.types import Box, Detection, Image, PlateRead
from dashcam_pipeline.vision.vote.ballots import LookResult
from sources_clips import real_clip

MIRROR = os.environ.get("DASHCAM_WEIGHTS_MIRROR")

PLATE_DETECTOR = "yolo-v9-t-416-license-plates-end2end.onnx"
READER = "cct_xs_v2_global.onnx"
SSD = "vehicle-detection-0200/vehicle-detection-0200.xml"
PICODET = "picodet_s_320_coco.onnx"


def model(name: str) -> Path:
    """A model file; the test is skipped where it is not, and fails in CI."""
    if MIRROR and (path := Path(MIRROR) / name).exists():
        return path
    return real_clip("weights", name)


def photo(name: str) -> Image:
    """A photo of the test data, such as `eu/eu1.jpg`."""
    image = cv2.imread(str(real_clip("photos", *name.split("/"))))
    if image is None:
        pytest.fail(f"photo {name} can't be read")
    return image  # type: ignore[return-value]


def vehicle(
    x: float, y: float = 100.0, width: float = 200.0, score: float = 0.9, label: str = "car"
) -> Detection:
    return Detection(Box(x, y, x + width, y + width * 0.75), label, score)


def read(text: str, confidence: float = 1.0) -> PlateRead:
    return PlateRead(text, (confidence,) * len(text))


def looked(frame_idx: int, text: str | None, confidence: float = 1.0, plate_px: float = 100.0) -> LookResult:
    """A searched look whose plate read `text`; None = no plate was found."""
    return LookResult(
        track_id=1,
        frame_idx=frame_idx,
        ts_s=frame_idx / 10,
        vehicle_box=Box(0, 0, 400, 300),
        searched=True,
        plate_box=None if text is None else Box(100, 200, 100 + plate_px, 225),
        plate_score=0.0 if text is None else 0.8,
        reads=() if text is None else (read(text, confidence),),
    )


def looks(texts: Iterable[str | None], confidence: float = 1.0) -> list[LookResult]:
    return [looked(index, text, confidence) for index, text in enumerate(texts)]
