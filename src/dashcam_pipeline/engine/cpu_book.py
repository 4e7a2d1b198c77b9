"""The CPU time of a run's processes, read while they run and once more when they have ended."""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import psutil


class CpuBook:
    """CPU seconds (user and system, all threads) by name; processes that follow each other under a name add up.

    A process that is killed counts up to the last look at it.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, dict[int, float]] = {}

    def look(self, name: str, pid: int | None) -> None:
        """Read the time of a process as it is now; one that is gone keeps its last one."""
        if pid is None:
            return
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            return
        self._seconds.setdefault(name, {})[pid] = times.user + times.system

    def last_look(self, name: str, process: BaseProcess, wait_s: float) -> None:
        """Wait for the end of a child, and read its time before its parent collects it and the kernel forgets it."""
        if process.pid is not None and connection.wait([process.sentinel], wait_s):
            self.look(name, process.pid)

    @property
    def seconds(self) -> Mapping[str, float]:
        """CPU seconds by name."""
        return {name: sum(by_pid.values()) for name, by_pid in self._seconds.items()}
