"""Which frames of a video are looked at: evenly spaced in time, or every N-th."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SLACK = 1e-6  # share of a sampling interval that counts as equal, for times that are sums of floats


@dataclass(frozen=True, slots=True)
class SamplerMemory:
    """What a sampler knows of the frames it has been asked for."""

    first_s: float | None = None
    last_s: float = 0.0
    next_tick: int = 1


class Sampler:
    """Decides for each decoded frame, in order, whether its picture is wanted.

    By time, the frame nearest to each tick of a clock with `frames_per_s` ticks is taken: of a 30 frames/s clip
    every third at 10/s, of a clip with fewer frames than ticks every frame, and at a variable frame rate
    evenly spaced ones. With `stride`, every `stride`-th frame by index is taken, whatever its time.

    The answers depend on nothing but the sequence of (index, pts_s) since the first frame, so a second reading
    of the same video gives the same ones. One sampler serves one reading. `memory` is all that it keeps of them:
    a sampler of the same settings that is given it decides on as this one would.

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
        self.memory = SamplerMemory()

    def wanted(self, index: int, pts_s: float) -> bool:
        """Whether the frame is taken. To be called once for every decoded frame, in order."""
        if self._stride is not None:
            return index % self._stride == 0
        return self._wanted_by_time(pts_s)

    def _wanted_by_time(self, pts_s: float) -> bool:
        memory = self.memory
        if memory.first_s is None:
            self.memory = SamplerMemory(first_s=pts_s, last_s=pts_s)
            return True
        # In units of ticks. The next frame is expected as far away as the last one was; if this frame is the
        # nearer of the two to the tick, it is the one.
        now = (pts_s - memory.first_s) * self._frames_per_s
        half_step = max(0.0, (pts_s - memory.last_s) * self._frames_per_s / 2)
        next_tick = memory.next_tick
        early = now + half_step <= next_tick + _SLACK and now < next_tick - _SLACK
        if not early:
            next_tick = max(next_tick, math.floor(now + _SLACK)) + 1
        self.memory = SamplerMemory(memory.first_s, pts_s, next_tick)
        return not early
