"""Finding shot cuts: where a video goes on with a picture that does not follow from the one before.

Videos are cut where a camera starts a new file in the same stream, where clips were joined, and where an event camera
slept. A vehicle never goes on across a cut, however well the boxes match.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.vision.types import Image

THUMB_WIDTH_PX = 64
THUMB_HEIGHT_PX = 36
SHIFT_X_PX = 8
SHIFT_Y_PX = 4
"""So many pixels of the thumbnail, each way, a picture may have moved as a whole: a pan is no cut."""

BLUR_PX = 1.5
"""Takes out noise, and most of what moves less than a vehicle."""

COLOUR_BIN = 8
"""Levels of a and b (CIELAB, 0..255) that count as one colour. Lightness is left out: exposure changes it."""

TONES = 24
TONE_REACH = 2.5
"""Lightness is counted in so many tones between so many standard deviations below and above its mean, which takes
exposure and contrast out."""

LEAST_CONTRAST = 5.0
"""Standard deviation of lightness (0..255) below which a picture shows nothing: black, fog, a flash."""

GREY_SHARE = 0.8
"""A picture has no colours to compare when so much of it is of one."""

CUT_LAYOUT, CUT_COLOUR, CUT_TONE = 0.13, 0.3, 0.2
"""A cut differs at least this much in layout, and in colours or, where there are none, in tones."""

OTHER_LAYOUT = 0.5
"""Where there are no colours, a cut is also what differs this much in layout."""

SAME_CAMERA_LAYOUT, SAME_CAMERA_COLOUR = 0.06, 0.12
"""Two shots of one fixed camera differ less; there, it counts how much more than anything before."""

CLIPPED_LOW, CLIPPED_HIGH = 12, 243
CLIPPED_CHANGE = 0.1
"""Lightness outside of these is clipped; where the clipped share of the picture changes this much, exposure may have
changed what is seen, and only the rest is compared."""

LEAST_REST = 0.15
"""Share of the picture that has to be left for that."""

BLINDED_SHARE = 0.75
"""A frame that is clipped in more than this share, all of a sudden, shows nothing."""

SAME_REST = 0.8
"""Correlation of the rest from which on the two frames show the same."""

SUDDEN, MOST_SUDDEN, EVER_SUDDEN = 3.0, 4.0, 2.0
"""A cut differs so many times as much as the frames before usually do, which move, but evenly; where the camera is the
same, so many times, and so many times as much as any of them."""

REMEMBERED = 5
FEW = 3
"""Differences that say how much the picture moves just now, and how many it takes to say so."""


@dataclass(frozen=True, slots=True)
class _Thumb:
    """What is kept of a frame to compare the next with."""

    lightness: NDArray[np.uint8]  # (THUMB_HEIGHT_PX, THUMB_WIDTH_PX), blurred
    colours: NDArray[np.float32]  # shares of the picture, sum 1
    tones: NDArray[np.float32]  # likewise
    contrast: float
    clipped: NDArray[np.bool_]  # like `lightness`; too dark or too bright to compare

    @property
    def colourless(self) -> bool:
        return bool(self.colours.max() > GREY_SHARE)


@dataclass(frozen=True, slots=True)
class _Change:
    """How different two frames are: 0 = not at all, 1 = nothing in common (layout up to 2)."""

    layout: float  # 1 - correlation of the lightness, at the best shift
    colour: float
    tone: float


class ShotCuts:
    """Tells of each frame of a video whether a new shot begins with it.

    Picklable, about 5 kB; a tenth of a millisecond a frame, whatever its size. Pans, shaking, flashes, tunnels and
    exposure changes are no cuts; nor are dissolves, which have no frame where they happen.
    """

    def __init__(self) -> None:
        self._last: _Thumb | None = None
        self._recent: deque[_Change] = deque(maxlen=REMEMBERED)

    def step(self, image: Image) -> bool:
        """Take the next frame; whether it does not follow from the one before."""
        thumb = _thumb_of(image)
        if thumb is None or thumb.contrast < LEAST_CONTRAST:
            return False  # shows nothing: the next frame is compared with the one before it
        if self._last is None:
            self._last = thumb
            return False
        before, change = self._last, _change(self._last, thumb)
        cut = self._is_cut(change, before.colourless and thumb.colourless)
        if cut and abs(before.clipped.mean() - thumb.clipped.mean()) > CLIPPED_CHANGE:
            rest = (
                cv2.dilate((before.clipped | thumb.clipped).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
            )
            if thumb.clipped.mean() > BLINDED_SHARE:
                return False
            if rest.mean() >= LEAST_REST:
                cut = _correlation(before.lightness[rest], thumb.lightness[rest]) < SAME_REST
        self._last = thumb
        if cut:
            self._recent.clear()
        else:
            self._recent.append(change)
        return cut

    def _is_cut(self, change: _Change, colourless: bool) -> bool:
        layouts = [one.layout for one in self._recent]
        usual = float(np.median(layouts)) if len(layouts) >= FEW else 0.0
        if colourless:
            contents = change.tone >= CUT_TONE or change.layout >= OTHER_LAYOUT
        else:
            contents = change.colour >= CUT_COLOUR
        if contents and change.layout >= max(CUT_LAYOUT, SUDDEN * usual):
            return True
        if len(layouts) < REMEMBERED:
            return False
        least_layout = max(SAME_CAMERA_LAYOUT, MOST_SUDDEN * usual, EVER_SUDDEN * max(layouts))
        least_colour = max(SAME_CAMERA_COLOUR, SUDDEN * max(one.colour for one in self._recent))
        return change.layout >= least_layout and change.colour >= least_colour


def _thumb_of(image: Image) -> _Thumb | None:
    if image.size == 0:
        return None
    height, width = image.shape[:2]
    rows = (np.arange(THUMB_HEIGHT_PX) * 2 + 1) * height // (2 * THUMB_HEIGHT_PX)
    columns = (np.arange(THUMB_WIDTH_PX) * 2 + 1) * width // (2 * THUMB_WIDTH_PX)
    lab = cv2.cvtColor(image[rows[:, None], columns], cv2.COLOR_BGR2LAB)
    lightness: Any = cv2.GaussianBlur(lab[..., 0], (0, 0), BLUR_PX)
    contrast = float(lightness.std())
    clipped = (lab[..., 0] < CLIPPED_LOW) | (lab[..., 0] > CLIPPED_HIGH)
    steps = 256 // COLOUR_BIN
    colour = (lab[..., 1] // COLOUR_BIN).astype(np.intp) * steps + lab[..., 2] // COLOUR_BIN
    tone = (lightness - lightness.mean()) / max(contrast, 1.0) / (2 * TONE_REACH) + 0.5
    return _Thumb(
        lightness,
        _shares(colour, steps * steps),
        _shares(np.clip(tone * TONES, 0, TONES - 1).astype(np.intp), TONES),
        contrast,
        clipped,
    )


def _shares(values: NDArray[np.intp], bins: int) -> NDArray[np.float32]:
    return (np.bincount(values.ravel(), minlength=bins) / values.size).astype(np.float32)


def _change(before: _Thumb, now: _Thumb) -> _Change:
    middle = now.lightness[SHIFT_Y_PX:-SHIFT_Y_PX, SHIFT_X_PX:-SHIFT_X_PX]
    match = cv2.matchTemplate(before.lightness, middle, cv2.TM_CCOEFF_NORMED)
    return _Change(
        1.0 - float(match.max()),
        0.5 * float(np.abs(before.colours - now.colours).sum()),
        0.5 * float(np.abs(before.tones - now.tones).sum()),
    )


def _correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Pearson's; 0 where one of them is uniform."""
    one, other = first - first.mean(), second - second.mean()
    size = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0
