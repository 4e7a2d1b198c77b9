"""The host: cores that are shared evenly by all who want one, and locks and devices that serve one at a time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from itertools import count
from typing import Any, TypeVar

import simpy

Result = TypeVar("Result")
Steps = Generator[simpy.Event, Any, Result]
"""What a simulated process does: it yields what it waits for."""

NOTHING_S = 1e-12


class Cores:
    """Cores under processor sharing, as an operating system's fair scheduler comes to.

    A job that can use `width` cores gets them, or its even share when more is wanted than there is. Progress is kept
    as virtual time, which passes at the same rate for all jobs, so that an arrival changes one number and not every
    job (A. K. Parekh, R. G. Gallager, "A generalized processor sharing approach to flow control", 1993).
    """

    def __init__(self, env: simpy.Environment, cores: int) -> None:
        self._env = env
        self._cores = cores
        self._jobs: list[tuple[float, int, float, simpy.Event]] = []  # (virtual end, arrival, width, done)
        self._arrivals = count()
        self._width = 0.0
        self._virtual_s = 0.0
        self._since_s = 0.0
        self._plans = 0
        self._busy_s = 0.0

    def run(self, work_s: float, width: float = 1.0) -> simpy.Event:
        """Happens when `work_s` seconds of CPU time are done, at most `width` of them a second."""
        self._advance()
        done = self._env.event()
        heapq.heappush(self._jobs, (self._virtual_s + work_s / width, next(self._arrivals), width, done))
        self._width += width
        self._plan()
        return done

    @property
    def busy_s(self) -> float:
        """CPU seconds that all cores together have worked."""
        self._advance()
        return self._busy_s

    def _rate(self) -> float:
        return min(1.0, self._cores / self._width)

    def _advance(self) -> None:
        passed_s, self._since_s = self._env.now - self._since_s, self._env.now
        if self._jobs and passed_s:
            self._virtual_s += passed_s * self._rate()
            self._busy_s += passed_s * min(self._cores, self._width)

    def _plan(self) -> None:
        """Look again when the first job will be done; an earlier plan is void."""
        self._plans += 1
        if self._jobs:
            wait_s = max(0.0, self._jobs[0][0] - self._virtual_s) / self._rate()
            timeout = self._env.timeout(wait_s, self._plans)
            assert timeout.callbacks is not None
            timeout.callbacks.append(self._end_jobs)

    def _end_jobs(self, timeout: simpy.Event) -> None:
        if timeout.value != self._plans:
            return
        self._advance()
        self._virtual_s = max(self._virtual_s, self._jobs[0][0])
        while self._jobs and self._jobs[0][0] <= self._virtual_s + NOTHING_S:
            _, _, width, done = heapq.heappop(self._jobs)
            self._width -= width
            done.succeed()
        if not self._jobs:
            self._width = self._virtual_s = 0.0
        self._plan()


class OneAtATime:
    """A lock, a device or a server: it serves one after another, in the order in which they came."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._turns = simpy.Resource(env, capacity=1)
        self.busy_s = 0.0

    def serve(self, work: Callable[[], simpy.Event]) -> Steps[None]:
        """Wait for the turn, then do `work`."""
        with self._turns.request() as turn:
            yield turn
            began_s = self._env.now
            yield work()
            self.busy_s += self._env.now - began_s
