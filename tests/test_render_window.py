"""The window of `--show`: frames at their pace, until the user closes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.render.window import Screen
from sources_clips import flat


@dataclass
class FakeWindow:
    """OpenCV's windows, without a screen; waiting for a key takes no time, but the clock goes on."""

    now_s: float = 100.0
    keys: list[int] = field(default_factory=list)
    shown_at: list[float] = field(default_factory=list)
    visible: float = 1.0
    gone: bool = False

    def wait(self, milliseconds: int) -> int:
        self.shown_at.append(self.now_s)
        self.now_s += milliseconds / 1000
        return self.keys.pop(0) if self.keys else -1

    def close(self, _name: str) -> None:
        self.gone = True


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWindow]:
    fake = FakeWindow()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "resizeWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda _name, _image: None)
    monkeypatch.setattr(cv2, "waitKey", fake.wait)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: fake.visible)
    monkeypatch.setattr(cv2, "destroyWindow", fake.close)
    yield fake


def test_frames_are_shown_at_their_pace(window: FakeWindow) -> None:
    with Screen("a", now=lambda: window.now_s) as screen:
        for ts_s in (5.0, 5.5, 7.5):
            assert screen.show(flat(90), ts_s)
    assert np.diff(window.shown_at) == pytest.approx([0.001, 0.5], abs=0.01)
    assert window.now_s == pytest.approx(102.5, abs=0.01)
    assert window.gone


@pytest.mark.parametrize("key", [ord("q"), 27])
def test_key_ends_it(window: FakeWindow, key: int) -> None:
    window.keys = [-1, key]
    with Screen("a", now=lambda: window.now_s) as screen:
        assert screen.show(flat(90), 0.0)
        assert not screen.show(flat(90), 0.04)


def test_window_that_the_user_closed_ends_it(window: FakeWindow) -> None:
    window.visible = 0.0
    with Screen("a", now=lambda: window.now_s) as screen:
        assert not screen.show(flat(90), 0.0)


def test_opencv_without_windows_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("not implemented")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(EngineUnavailable, match="no window can be opened here"), Screen("a"):
        pass
