"""The state of a run as one plain line every few seconds, where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from dashcam_pipeline.engine.monitor import RunSnapshot
from dashcam_pipeline.engine.wording import NewAlerts, status_line

EVERY_S = 5.0


class PlainLines:
    """Shows snapshots through `write`, one line at a time. The same interface as the HUD.

    Args:
        alert: writes what must not be missed; `write` where there is no other way.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        every_s: float = EVERY_S,
        alert: Callable[[str], None] | None = None,
    ) -> None:
        self._write = write
        self._alert = alert or write
        self._new_alerts = NewAlerts()
        self._every_s = every_s
        self._next_s = 0.0
        self._last: RunSnapshot | None = None
        self._phase = "running"

    def show(self, snapshot: RunSnapshot) -> None:
        """Write a line when it is time for one, or when the phase changes; and every alert at once."""
        for text in self._new_alerts(snapshot):
            self._alert(text)
        self._last = snapshot
        if snapshot.elapsed_s >= self._next_s or snapshot.phase != self._phase:
            self._phase = snapshot.phase
            self._next_s = snapshot.elapsed_s + self._every_s
            self._write(status_line(snapshot))
            self._last = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last is not None:  # how it ended
            self._write(status_line(self._last))
