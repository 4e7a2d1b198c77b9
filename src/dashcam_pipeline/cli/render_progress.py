"""How far a rendering is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from dashcam_pipeline.cli.run import say_line
from dashcam_pipeline.render.reading import Window
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.user_paths import shown

EVERY_S = 5.0
"""Between two lines where there is no terminal."""


class Progress:
    """One step of the work, from the first frame of the window to the last; a context manager."""

    def __init__(
        self,
        what: str,
        video: Path,
        window: Window,
        console: Console | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._window, self._now = what, window, now
        self._length_s = max(0.001, min(window.to_s, _duration_s(video)) - window.from_s)
        self._begun_s = now()
        self._next_s = EVERY_S
        self.done_s = 0.0
        """Seconds of video that are done."""
        console = console or Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        self._bars = Bars(*columns, console=console, transient=True) if console.is_terminal else None
        title = f"{what}: {escape(shown(video.name))}"
        self._task = self._bars.add_task(title, total=self._length_s, speed="") if self._bars else None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    @property
    def real_time(self) -> float:
        """How many seconds of video were done in a second."""
        return self.done_s / max(0.001, self._now() - self._begun_s)

    def update(self, frames: int, ts_s: float) -> None:
        """So many frames are done, up to this second of the video."""
        self.done_s = ts_s - self._window.from_s
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=self.done_s, speed=times_real(self.real_time))
            return
        elapsed_s = self._now() - self._begun_s
        if elapsed_s >= self._next_s:
            self._next_s = elapsed_s + EVERY_S
            share = min(1.0, self.done_s / self._length_s)
            say_line(f"{self._what}: {share:.0%} | {frames} frames | {times_real(self.real_time)}")


def times_real(factor: float) -> str:
    """In words."""
    return f"{factor:.1f}× real time"


def _duration_s(video: Path) -> float:
    with open_video(video) as opened:
        return opened.duration_s or 0.001
