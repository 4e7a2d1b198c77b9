"""How well a plate can be read from its picture: what was measured, and the chance that a read of it is right.

The chance comes from a logistic model whose coefficients are in `configs/fitted/plate_quality.yaml`;
`benchmarks/fit_quality.py` fits them on drives with known plates and writes them there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.vision.logistic import LogisticModel, read_logistic
from dashcam_pipeline.vision.plates.straighten import Slant, slant
from dashcam_pipeline.vision.quality import sharpness
from dashcam_pipeline.vision.types import Box, Image

MODEL_FILE = Path("fitted", "plate_quality.yaml")  # in the folder of the presets

GREY_WIDTH_PX, GREY_HEIGHT_PX = 64, 32
RIM_PX = 3  # on each side of the small picture: the plate's frame, and what is behind it
BLOWN_OUT = 250  # grey values from here on have lost what was there
EDGE_PX, EDGE_SHARE = (
    2.0,
    0.04,
)  # of the plate's width: so near to the edge of its picture it may go on outside
LEAST_SHARPNESS, LEAST_CONTRAST = 0.01, 0.002  # below these, the logarithm says no more


@dataclass(frozen=True, slots=True)
class PlateQuality:
    """A plate's picture, measured."""

    width_px: float
    height_px: float
    sharpness: float  # see `quality.sharpness`; the more, the sharper
    contrast: float  # 0..1: standard deviation of the grey values inside the rim, over 255
    glare: float  # 0..1: share of blown-out pixels
    skew_deg: float  # of the line of text; positive = it falls to the right
    cut_off: bool  # the plate touches the edge of its picture
    readable: float  # 0..1: chance that one read is right, by the fitted model


def judge(picture: Image, plate: Box, found: Slant | None = None) -> PlateQuality:
    """Measure a plate, and say how likely a read of it is right.

    Args:
        picture: what the plate was found in: a vehicle's picture, or a frame.
        plate: its box there, pixels.
        found: its slant, where it is known already.

    Raises:
        ConfigError: the fitted model is damaged.
    """
    quality = measured(picture, plate, found)
    return replace(quality, readable=fitted_model().chance(features(quality)))


def features(quality: PlateQuality) -> dict[str, float]:
    """What the model sees, by name. Sizes, sharpness and contrast count by their ratios."""
    return {
        "log_width": math.log(max(1.0, quality.width_px)),
        "log_height": math.log(max(1.0, quality.height_px)),
        "log_sharpness": math.log(max(LEAST_SHARPNESS, quality.sharpness)),
        "log_contrast": math.log(max(LEAST_CONTRAST, quality.contrast)),
        "glare": quality.glare,
        "cut_off": float(quality.cut_off),
    }


@cache
def fitted_model() -> LogisticModel:
    """The model that travels with this version."""
    nothing = PlateQuality(1.0, 1.0, 1.0, 1.0, 0.0, 0.0, False, 0.0)
    return read_logistic(configs_folder() / MODEL_FILE, features(nothing))


def measured(picture: Image, plate: Box, found: Slant | None = None) -> PlateQuality:
    """All but the chance, which is left at 0. See `judge`."""
    crop = plate.crop(picture)
    height, width = picture.shape[:2]
    edge = max(EDGE_PX, EDGE_SHARE * plate.width)
    cut_off = plate.x1 < edge or plate.x2 > width - edge or plate.y1 < EDGE_PX or plate.y2 > height - EDGE_PX
    if crop.size == 0:
        return PlateQuality(plate.width, plate.height, 0.0, 0.0, 0.0, 0.0, cut_off, 0.0)
    size = (GREY_WIDTH_PX, GREY_HEIGHT_PX)
    small = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
    grey = np.asarray(small)[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX]
    return PlateQuality(
        width_px=plate.width,
        height_px=plate.height,
        sharpness=sharpness(crop),
        contrast=float(grey.std()) / 255,
        glare=float((grey >= BLOWN_OUT).mean()),
        skew_deg=(slant(crop) if found is None else found).rotation_deg,
        cut_off=cut_off,
        readable=0.0,
    )
