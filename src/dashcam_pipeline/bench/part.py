"""A part of the work, measured alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

WARM_UP = 2  # calls before the clock runs: caches are filled, buffers are there


@dataclass(frozen=True, slots=True)
class Part:
    """So many pieces took so long."""

    name: str
    n: int
    wall_s: float
    cpu_s: float  # of this process, all its threads

    @property
    def each_s(self) -> float:
        """Wall clock a piece."""
        return self.wall_s / self.n

    @property
    def cpu_each_s(self) -> float:
        """CPU time a piece."""
        return self.cpu_s / self.n

    @property
    def per_s(self) -> float:
        """Pieces a second."""
        return self.n / self.wall_s


def measure(name: str, step: Callable[[int], object], for_s: float, at_least: int = 3) -> Part:
    """Call `step` with 0, 1, 2 … until `for_s` seconds are over."""
    for number in range(WARM_UP):
        step(number)
    n, clock = 0, Clock()
    while n < at_least or clock.wall_s < for_s:
        step(WARM_UP + n)
        n += 1
    return clock.part(name, n)


class Clock:
    """Runs from the moment when it is made."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    @property
    def wall_s(self) -> float:
        return time.perf_counter() - self._wall_s

    def part(self, name: str, n: int) -> Part:
        """What was done until now; `n` must be more than 0."""
        return Part(name, n, self.wall_s, time.process_time() - self._cpu_s)
