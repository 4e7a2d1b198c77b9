"""A watch on the Manager, which the supervisor waits for in every call: one that hangs is killed.

All calls to a killed Manager fail, so the run ends as it does when the Manager dies by itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

LOOK_S = 0.25
PING_S = 1.0
START_PATIENCE_S = 60.0  # the Manager's first answer may take this long
HURRY_S = 1.0  # who was told to end at once gets this long to leave in order

log = logging.getLogger(__name__)


class Deadman:
    """Looks after the Manager while the context lasts.

    Time is counted in looks, not by a clock: while the supervisor itself is stopped, nobody grows old.

    Args:
        kill: ends the Manager.
        patience_s: how long it may owe an answer.
        in_a_hurry: whether the run is to end at once.
    """

    def __init__(
        self, kill: Callable[[], None], patience_s: float, in_a_hurry: Callable[[], bool] = lambda: False
    ) -> None:
        self._kill = kill
        self._patience_s = patience_s
        self._in_a_hurry = in_a_hurry
        self._answers = 0
        self._known_answers = 0
        self._looks_without_answer = 0
        self._looks_in_a_hurry = 0
        self._over = threading.Event()

    def listen(self, ping: Callable[[], object]) -> None:
        """Call `ping` again and again from now on; each time it returns is an answer of the Manager."""
        threading.Thread(target=self._ping, args=(ping,), name="ping", daemon=True).start()

    def answered(self) -> None:
        """The Manager has answered."""
        self._answers += 1

    def look(self) -> None:
        """See whether the Manager has answered since the last look, and kill it when it is time for that."""
        if self._answers == self._known_answers:
            self._looks_without_answer += 1
        else:
            self._known_answers, self._looks_without_answer = self._answers, 0
        if self._in_a_hurry():
            self._looks_in_a_hurry += 1
        patience_s = self._patience_s if self._known_answers else max(self._patience_s, START_PATIENCE_S)
        if self._looks_without_answer * LOOK_S > patience_s:
            log.warning("the process that holds the task queue does not answer and is killed")
            self._kill()
        elif self._looks_in_a_hurry * LOOK_S > HURRY_S:
            self._kill()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="deadman", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            self.look()

    def _ping(self, ping: Callable[[], object]) -> None:
        try:
            while not self._over.wait(PING_S):
                ping()
                self.answered()
        except (EOFError, OSError):
            return  # it is gone; the supervisor sees that too
