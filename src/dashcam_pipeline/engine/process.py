"""What every child process does first: leave signals to the supervisor, and die with it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def become_child(parent_pid: int) -> None:
    """Ignore the terminal's signals, and ask the kernel to end this process when its parent is gone.

    Ctrl+C reaches every process of the terminal; only the supervisor decides what it means.
    """
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(ignored, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before the kernel was asked
        os._exit(1)
