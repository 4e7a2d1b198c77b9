"""A drive with known plates made into one by night: `python benchmarks/darken.py DRIVE.mp4 NIGHT.mp4`.

Each picture is turned into light (sRGB curve), cut down to a share of it, given the noise of counted photons and of the
sensor, and turned back with some of the gain that a camera would use. That is what darkness does to a sensor; glare,
long exposure and smear are not in it. The truth beside the drive is copied beside the result.
"""

from __future__ import annotations

import argparse
import shutil
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

LIGHT = 0.0012  # share of the light by day that is left
FULL_WELL = 9_000.0  # photons that make a pixel white, by day
READ_NOISE = 2.5  # photons, standard deviation
WHITE = 0.24  # light of what was white, after the camera's gain: dark, as such pictures are
LEVELS = 4096
CRF = "23"
SEED = 1


def darkened(picture: NDArray[np.uint8], light: float) -> NDArray[np.uint8]:
    """A picture by night, of a uint8 picture of shape (height, width, 3)."""
    photons = cv2.LUT(picture, _linear() * (light * FULL_WELL))
    # A normal distribution of the same mean and variance; counted photons are Poisson's, and far slower to draw.
    noise = np.empty(photons.shape, np.float32)
    cv2.randn(noise, 0.0, 1.0)
    noise *= cv2.sqrt(photons + READ_NOISE**2)
    level = (photons + noise) * (WHITE / (light * FULL_WELL) * (LEVELS - 1))
    return _encoded()[np.clip(level, 0, LEVELS - 1).astype(np.uint16)]


@cache
def _linear() -> NDArray[np.float32]:
    """Light, 0 to 1, of each of 256 values (IEC 61966-2-1)."""
    value = np.arange(256, dtype=np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@cache
def _encoded() -> NDArray[np.uint8]:
    """The value of each level of light, the other way round."""
    light = np.arange(LEVELS, dtype=np.float32) / (LEVELS - 1)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(value * 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drive", type=Path)
    parser.add_argument("night", type=Path)
    parser.add_argument(
        "--light", type=float, default=LIGHT, help="share that is left (default: %(default)s)"
    )
    given = parser.parse_args()
    cv2.setRNGSeed(SEED)
    with av.open(given.drive) as source, av.open(given.night, "w") as target:
        shown = source.streams.video[0]
        rate = shown.average_rate or Fraction(30)
        written = target.add_stream("libx264", rate=rate, options={"crf": CRF, "preset": "veryfast"})
        written.width, written.height, written.pix_fmt = shown.width, shown.height, "yuv420p"
        for frame in source.decode(shown):
            night = av.VideoFrame.from_ndarray(
                darkened(frame.to_ndarray(format="bgr24"), given.light), format="bgr24"
            )
            target.mux(written.encode(night))
        target.mux(written.encode())
    shutil.copyfile(given.drive.with_suffix(".json"), given.night.with_suffix(".json"))


if __name__ == "__main__":
    main()
