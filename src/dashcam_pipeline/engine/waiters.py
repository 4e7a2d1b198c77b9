"""Workers whose call for work found none, and who waits no longer once something was handed to it.

Who changes the queue hands out what came free of it, so that a worker is woken only to go to work. When every change
woke all of them to look for themselves, most found nothing; docs/performance.md has the figures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashcam_pipeline.engine.task import Batch


@dataclass(slots=True, eq=False)
class Waiter:
    """One call that waits."""

    owner: str
    categories: Sequence[str]
    n: int | None
    woken: threading.Condition  # of the queue's lock, and this caller's alone
    batch: Batch | None = None  # what it was given


class Waiters:
    """All calls that wait for work, in the order in which they came. To be used under the queue's lock."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._line: list[Waiter] = []

    def __len__(self) -> int:
        return len(self._line)

    def wait(self, owner: str, categories: Sequence[str], n: int | None, wait_s: float) -> Batch | None:
        """Let go of the lock until there is something for this caller, for `wait_s` at most."""
        waiter = Waiter(owner, categories, n, threading.Condition(self._lock))
        self._line.append(waiter)
        try:
            waiter.woken.wait(wait_s)
        finally:
            if waiter in self._line:
                self._line.remove(waiter)
        return waiter.batch

    def serve(
        self, take: Callable[[str, Sequence[str], int | None], Batch | None], gives_up: Callable[[str], bool]
    ) -> None:
        """Try for each of them what it called for; who got nothing is sent off when it `gives_up`."""
        for waiter in list(self._line):
            waiter.batch = take(waiter.owner, waiter.categories, waiter.n)
            if waiter.batch is not None or gives_up(waiter.owner):
                self._line.remove(waiter)
                waiter.woken.notify()
