"""The heartbeat of a worker process: it says that the process is alive, and hears when it is time to leave."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import psutil

from dashcam_pipeline.engine.board import STARTING, WorkerStatus
from dashcam_pipeline.engine.shared import Shared

HEARTBEAT_S = 1.0
LEAST_LIFE_S = (
    60.0  # a worker that is too big from its start on still works for this long before it is replaced
)

log = logging.getLogger(__name__)


class Pulse(threading.Thread):
    """Beats every second, and keeps the worker's leases with it.

    Args:
        worker_id, worker_class: who beats.
        shared: the queue and the board.
        max_tasks: the worker is worn out after this many tasks; None = never.
        max_rss_bytes: the worker is worn out when its process holds more memory than this; None = never.
        rss: bytes of memory that the process holds now.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        worker_id: str,
        worker_class: str,
        shared: Shared,
        *,
        max_tasks: int | None = None,
        max_rss_bytes: int | None = None,
        rss: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="pulse", daemon=True)
        process = psutil.Process()
        self._worker_id = worker_id
        self._worker_class = worker_class
        self._shared = shared
        self._max_tasks = max_tasks
        self._max_rss_bytes = max_rss_bytes
        self._pid = process.pid
        self._rss = rss if rss is not None else lambda: int(process.memory_info().rss)
        self._clock = clock
        self._born_s = clock()
        self._lock = threading.Lock()  # the loops of a worker count together
        self._beating = threading.Lock()  # an older word must not arrive behind a newer one
        self._category: str | None = STARTING
        self._done = 0
        self._stopped = threading.Event()
        self._told_to_leave = False
        self.worn_out = False  # time for a fresh process

    @property
    def leaving(self) -> bool:
        """Whether the worker is to take no more work."""
        return self._told_to_leave or self.worn_out

    def working_on(self, category: str | None, done: int = 0) -> None:
        """What the worker does now, and how many tasks it has just done."""
        with self._lock:
            self._category = category
            self._done += done
            if self._max_tasks is not None and self._done >= self._max_tasks:
                self.worn_out = True

    def ready(self) -> None:
        """The worker has loaded what it needs; known at once, so that a death from here on is the work's fault."""
        self._category = None
        self.beat()

    def stop(self) -> None:
        """The worker ends."""
        self._stopped.set()

    def run(self) -> None:
        try:
            while True:
                self.beat()
                if self._stopped.wait(HEARTBEAT_S):
                    return
        except (EOFError, OSError):  # the Manager is gone
            self._told_to_leave = True

    def beat(self) -> None:
        """One heartbeat."""
        with self._beating:
            self._beat()

    def _beat(self) -> None:
        rss = self._rss()
        self._shared.board.heartbeat(
            WorkerStatus(
                worker_id=self._worker_id,
                pid=self._pid,
                worker_class=self._worker_class,
                category=self._category,
                tasks_done=self._done,
                rss_bytes=rss,
            )
        )
        self._shared.queue.renew(self._worker_id)
        self._told_to_leave = self._told_to_leave or self._shared.terminate.is_set()
        if self._max_rss_bytes is not None and rss > self._max_rss_bytes and not self.worn_out:
            self.worn_out = self._clock() - self._born_s >= LEAST_LIFE_S
