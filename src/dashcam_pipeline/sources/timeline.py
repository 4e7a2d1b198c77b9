"""Container timestamps made into seconds that start near zero and always grow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

_STEP_BACK_S = 1.0  # a step back by more is a new clock (joined recordings), by less a timestamp out of order
_NUDGE_S = 0.001  # what a frame out of order is put behind the one before it
_FALLBACK_FRAMES_PER_S = 25.0  # only for streams that have neither timestamps nor a frame rate
_BEYOND_END_S = 60.0  # a timestamp this far past the container's duration is damage, not a gap


@dataclass(slots=True)
class Timeline:
    """Turns the pts of successive frames into seconds since the start of the stream.

    The stream's start time is subtracted, so the first frame is at about 0. Timestamps are taken as they are,
    gaps and variable rates included, except where they can't be true: a missing one continues at the
    average frame rate, one that doesn't grow is put just behind its predecessor, and after a large step back
    (or one far beyond the end) time goes on from where it was.
    """

    time_base: Fraction
    start_pts: int | None = None  # the stream's start time; without one, the first timestamp seen
    frames_per_s: float | None = None
    duration_s: float | None = None
    missing: int = 0  # frames without a timestamp
    repaired: int = 0  # frames whose timestamp was changed because time stood still, stepped back or ran off
    last_s: float = field(default=0.0)
    _offset_s: float = 0.0
    _started: bool = False

    @property
    def step_s(self) -> float:
        """Seconds from one frame to the next at the average rate."""
        return 1.0 / (self.frames_per_s or _FALLBACK_FRAMES_PER_S)

    @property
    def untouched(self) -> bool:
        """Whether all timestamps so far were there, and taken as they are."""
        return not (self.missing or self.repaired)

    def copy(self) -> Self:
        """One that goes on from here on its own."""
        return replace(self)

    def seconds(self, pts: int | None) -> float:
        """The second of the next frame."""
        if not self._started:
            self._started = True
            self.last_s = self._first(pts)
        else:
            self.last_s = self._next(pts)
        return self.last_s

    def _first(self, pts: int | None) -> float:
        if pts is None:
            self.missing += 1
            return 0.0
        if self.start_pts is None or pts < self.start_pts:
            self.start_pts = pts
        at_s = self._raw(pts)
        if self._is_beyond(at_s):
            self.repaired += 1
            self._offset_s = -at_s
            return 0.0
        return at_s

    def _next(self, pts: int | None) -> float:
        if pts is None:
            self.missing += 1
            return self.last_s + self.step_s
        if self.start_pts is None:  # the frames before this one had no timestamps
            self.start_pts = pts - round((self.last_s + self.step_s) / float(self.time_base))
        at_s = self._raw(pts) + self._offset_s
        if at_s > self.last_s and not self._is_beyond(at_s):
            return at_s
        self.repaired += 1
        if self._is_beyond(at_s):
            return self.last_s + self.step_s
        if at_s < self.last_s - _STEP_BACK_S:
            self._offset_s += self.last_s + self.step_s - at_s
            return self.last_s + self.step_s
        return self.last_s + min(_NUDGE_S, self.step_s / 2)

    def _raw(self, pts: int) -> float:
        assert self.start_pts is not None
        return float((pts - self.start_pts) * self.time_base)

    def _is_beyond(self, at_s: float) -> bool:
        return (
            self.duration_s is not None
            and at_s > self.last_s + _BEYOND_END_S
            and at_s > self.duration_s + _BEYOND_END_S
        )

    def warnings(self) -> tuple[str, ...]:
        """What was repaired, one line each."""
        said = []
        if self.missing:
            said.append(
                f"{self.missing} frames without a timestamp: counted at {1 / self.step_s:.4g} frames/s"
            )
        if self.repaired:
            said.append(f"{self.repaired} timestamps that did not grow were repaired")
        return tuple(said)
