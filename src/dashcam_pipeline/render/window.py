"""A window that shows frames at their pace, where there is a screen."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import cv2

from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.vision.types import Image

_ESCAPE = 27
_CLOSING_KEYS = (_ESCAPE, ord("q"))
_LEAST_WAIT_MS = 1  # the window is only drawn while its events are waited for


class Screen:
    """One window; a context manager.

    Raises:
        EngineUnavailable: on entering the block, where there is no screen, or OpenCV was built without windows.
    """

    def __init__(self, title: str, now: Callable[[], float] = time.monotonic) -> None:
        self._title, self._now = title, now
        self._begun_s: float | None = None  # when, by the clock, second 0 of the video was shown

    def __enter__(self) -> Screen:
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise EngineUnavailable(
                "--show: there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set): write a file with -o"
            )
        try:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise EngineUnavailable(
                "--show: no window can be opened here (the screen refuses us, or this OpenCV is a headless one): "
                "write a file with -o"
            ) from error
        return self

    def __exit__(self, *exc: object) -> None:
        cv2.destroyWindow(self._title)

    def show(self, image: Image, ts_s: float) -> bool:
        """Show a frame, not before its time.

        Returns:
            False when the user closed the window, or pressed q or Escape.
        """
        if self._begun_s is None:
            self._begun_s = self._now() - ts_s
            height, width = image.shape[:2]
            cv2.resizeWindow(self._title, width, height)
        cv2.imshow(self._title, image)
        early_s = self._begun_s + ts_s - self._now()
        if cv2.waitKey(max(_LEAST_WAIT_MS, round(early_s * 1000))) & 0xFF in _CLOSING_KEYS:
            return False
        return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
