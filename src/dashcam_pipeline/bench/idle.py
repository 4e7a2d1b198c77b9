"""How much of the cores' time nobody used, this program or any other."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import psutil

LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Look:
    """The cores' clocks at one moment, all cores of this process together."""

    at_s: float  # time.monotonic
    idle_s: float
    total_s: float


class IdleWatch:
    """Looks at the cores' clocks a few times a second, as long as the `with` block lasts."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._looks = [_look()]
        self._thread = threading.Thread(target=self._watch, name="idle-watch", daemon=True)
        self.began_s = self._looks[0].at_s

    def __enter__(self) -> IdleWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._looks.append(_look())

    def share(self, from_s: float, to_s: float) -> float:
        """The share of the cores' time, 0..1, that was left between two moments, seconds after `began_s`."""
        return idle_share(self._looks, self.began_s + from_s, self.began_s + to_s)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            self._looks.append(_look())


def idle_share(looks: list[Look], from_s: float, to_s: float) -> float:
    """The share between the last look at or before `from_s` and the first at or behind `to_s`; 0 without time."""
    first = max((look for look in looks if look.at_s <= from_s), key=lambda look: look.at_s, default=looks[0])
    last = min((look for look in looks if look.at_s >= to_s), key=lambda look: look.at_s, default=looks[-1])
    total_s = last.total_s - first.total_s
    return max(0.0, (last.idle_s - first.idle_s) / total_s) if total_s > 0 else 0.0


def _look() -> Look:
    clocks = psutil.cpu_times(percpu=True)
    if hasattr(os, "sched_getaffinity"):
        clocks = [clocks[core] for core in os.sched_getaffinity(0) if core < len(clocks)] or clocks
    idle_s = sum(clock.idle for clock in clocks)
    return Look(time.monotonic(), idle_s, sum(sum(clock) for clock in clocks))
