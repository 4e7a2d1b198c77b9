"""Which frames of a video are looked at: evenly spaced in time, or every N-th."""

from __future__ import annotations

import math

_SLACK = 1e-6  # share of a sampling interval that counts as equal, for times that are sums of floats


class Sampler:
    """Decides for each decoded frame, in order, whether its picture is wanted.

    By time, the frame nearest to each tick of a clock with `frames_per_s` ticks is taken: of a 30 frames/s clip
    every third at 10/s, of a clip with fewer frames than ticks every frame, and at a variable frame rate
    evenly spaced ones. With `stride`, every `stride`-th frame by index is taken, whatever its time.

    The answers depend on nothing but the sequence of (index, pts_s) since the first frame, so a second reading
    of the same video gives the same ones. One sampler serves one reading.

    Example:
        >>> sampler = Sampler(frames_per_s=10)
        >>> [index for index in range(10) if sampler.wanted(index, index / 30)]
        [0, 3, 6, 9]
    """

    def __init__(self, frames_per_s: float, stride: int | None = None) -> None:
        if not (math.isfinite(frames_per_s) and frames_per_s > 0):
            raise ValueError(f"frames_per_s must be a positive number, got {frames_per_s}")
        if stride is not None and stride < 1:
            raise ValueError(f"stride must be at least 1, got {stride}")
        self._frames_per_s = frames_per_s
        self._stride = stride
        self._first_s: float | None = None
        self._last_s = 0.0
        self._next_tick = 1

    def wanted(self, index: int, pts_s: float) -> bool:
        """Whether the frame is taken. To be called once for every decoded frame, in order."""
        if self._stride is not None:
            return index % self._stride == 0
        return self._wanted_by_time(pts_s)

    def _wanted_by_time(self, pts_s: float) -> bool:
        if self._first_s is None:
            self._first_s = self._last_s = pts_s
            return True
        # In units of ticks. The next frame is expected as far away as the last one was; if this frame is the
        # nearer of the two to the tick, it is the one.
        now = (pts_s - self._first_s) * self._frames_per_s
        half_step = max(0.0, (pts_s - self._last_s) * self._frames_per_s / 2)
        self._last_s = pts_s
        if now + half_step <= self._next_tick + _SLACK and now < self._next_tick - _SLACK:
            return False
        self._next_tick = max(self._next_tick, math.floor(now + _SLACK)) + 1
        return True
