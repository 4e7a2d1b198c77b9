"""What every child process does first: leave signals to the supervisor, and die with it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

USER_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""How a user or a terminal asks a run to stop."""

TERMINAL_SIGNALS = (*USER_SIGNALS, signal.SIGTSTP)
"""What a terminal sends to every process of a run, and only the supervisor obeys."""

PR_SET_PDEATHSIG = 1  # prctl(2)


def become_child(parent_pid: int) -> None:
    """Ignore the terminal's signals, and ask the kernel to end this process when its parent is gone.

    Ctrl+C reaches every process of the terminal; only the supervisor decides what it means. For the kernel the
    parent is the thread that started this process, so the supervisor starts all of them from its main thread.
    """
    for ignored in TERMINAL_SIGNALS:
        signal.signal(ignored, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINAL_SIGNALS)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before the kernel was asked
        os._exit(1)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """For starting a child: it inherits that signals wait, so that Ctrl+C or Ctrl+Z can't hit it before
    `become_child`."""
    resource_tracker.ensure_running()  # it comes with the first child, and lets signals in again while it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
