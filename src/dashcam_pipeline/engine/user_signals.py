"""What a user or a terminal asks of a run by signals: to stop, to stop at once, to stand still for a while."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from dashcam_pipeline.engine.process import USER_SIGNALS

SAME_ASK_S = 0.1  # `timeout` and others send a signal to a process and once more to its group


class UserSignals:
    """Counts what was asked; the handlers do nothing else."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[int, float] | None = None
        self.stops = 0  # how often the run was asked to stop
        self.pause = False  # whether it was asked to stand still

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Count while the context lasts; put the old handlers back after it."""
        old = {number: signal.signal(number, self.on_stop) for number in USER_SIGNALS}
        old[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self.on_pause)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def stand_still(self) -> None:
        """Stop this process, as Ctrl+Z does by default; returns when it is told to go on.

        Where nobody could tell it to, as without a shell, the kernel does not stop it.
        """
        self.pause = False
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)  # to this thread: it goes no step further
        signal.signal(signal.SIGTSTP, self.on_pause)

    def on_stop(self, number: int, frame: FrameType | None) -> None:
        """SIGINT, SIGTERM or SIGHUP came in."""
        now = self._clock()
        again = self._last is not None and self._last[0] == number and now - self._last[1] < SAME_ASK_S
        self._last = (number, now)
        if again or (number == signal.SIGHUP and self.stops):  # a closed terminal sends several
            return
        self.stops += 1

    def on_pause(self, number: int, frame: FrameType | None) -> None:
        """SIGTSTP came in."""
        self.pause = True
