"""The notice board of a run: who is alive, how far each source is, what was found last and what
must not be missed, what was logged.

Served by the Manager beside the queue. Everything here may be lost without harm to a result.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

KEPT_HIGHLIGHTS = 50
KEPT_ALERTS = 1000
KEPT_LOG_LINES = 2000
STARTING = "starting"  # the category of a worker that is still loading what it needs


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """What a worker says of itself with every heartbeat."""

    worker_id: str
    pid: int
    worker_class: str
    category: str | None  # what it is working on; None when it waits for work
    tasks_done: int
    rss_bytes: int
    last_heartbeat: float = 0.0  # seconds of the board's clock, set by the board


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProgress:
    """How far one source is."""

    source_id: str
    name: str
    position_s: float  # read up to here
    duration_s: float | None  # None when the source doesn't say
    frames_in: int  # frames brought into the pipeline so far, in earlier runs too
    began_s: float = 0.0  # where this run began to read, behind what an earlier one had done
    over: bool = False  # nothing more will come


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record of a worker."""

    time_s: float  # seconds since the epoch
    level: int
    worker_id: str
    logger: str
    message: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """Why the run can't go on, as said by a worker."""

    worker_id: str
    message: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSnapshot:
    """The board at one moment."""

    clock_s: float
    workers: Mapping[str, WorkerStatus] = field(default_factory=dict)
    sources: Mapping[str, SourceProgress] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)  # name -> state in a few words
    highlights: tuple[str, ...] = ()  # the newest last
    alerts: tuple[str, ...] = ()  # the newest last; the first of more than KEPT_ALERTS are gone
    alert_count: int = 0


class RunBoard:
    """See the module. Every method is one atomic step."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._workers: dict[str, WorkerStatus] = {}
        self._sources: dict[str, SourceProgress] = {}
        self._services: dict[str, str] = {}
        self._highlights: deque[str] = deque(maxlen=KEPT_HIGHLIGHTS)
        self._alerts: dict[str, None] = {}  # in the order in which they came
        self._alert_count = 0
        self._log: deque[LogLine] = deque(maxlen=KEPT_LOG_LINES)
        self._fatal: Fatal | None = None

    def heartbeat(self, status: WorkerStatus) -> None:
        """A worker is alive."""
        with self._lock:
            self._workers[status.worker_id] = replace(status, last_heartbeat=self._clock())

    def gone(self, worker_id: str) -> None:
        """A worker has ended."""
        with self._lock:
            self._workers.pop(worker_id, None)

    def late(self, age_s: float) -> list[str]:
        """Workers whose last heartbeat is older than this."""
        with self._lock:
            now = self._clock()
            return [name for name, beat in self._workers.items() if now - beat.last_heartbeat > age_s]

    def grace(self) -> None:
        """The whole run stood still for a while: every heartbeat counts as new."""
        with self._lock:
            now = self._clock()
            self._workers = {name: replace(beat, last_heartbeat=now) for name, beat in self._workers.items()}

    def worker_status(self) -> dict[str, WorkerStatus]:
        """The last heartbeat of every worker."""
        with self._lock:
            return dict(self._workers)

    def source(self, progress: SourceProgress) -> None:
        """A reader says how far its source is."""
        with self._lock:
            self._sources[progress.source_id] = progress

    def source_over(self, source_id: str) -> None:
        """A source is worked off; it is shown no longer."""
        with self._lock:
            self._sources.pop(source_id, None)

    def service(self, name: str, state: str) -> None:
        """The state of something outside, such as the database."""
        with self._lock:
            self._services[name] = state

    def highlight(self, text: str) -> None:
        """Something worth showing to who watches."""
        with self._lock:
            self._highlights.append(text)

    def alert(self, text: str) -> None:
        """Something that who watches must not miss: it stays. What was said already is not said again."""
        with self._lock:
            if text in self._alerts:
                return
            self._alerts[text] = None
            self._alert_count += 1
            if len(self._alerts) > KEPT_ALERTS:
                del self._alerts[next(iter(self._alerts))]

    def log(self, line: LogLine) -> None:
        """A log record of a worker, for the one process that prints."""
        with self._lock:
            self._log.append(line)

    def drain_log(self) -> list[LogLine]:
        """The log records since the last call."""
        with self._lock:
            lines = list(self._log)
            self._log.clear()
            return lines

    def fatal(self, fatal: Fatal) -> None:
        """The run can't go on. The first reason stands."""
        with self._lock:
            self._fatal = self._fatal or fatal

    def fatality(self) -> Fatal | None:
        """Why the run can't go on, if it can't."""
        with self._lock:
            return self._fatal

    def snapshot(self) -> BoardSnapshot:
        """Everything there is to show."""
        with self._lock:
            return BoardSnapshot(
                clock_s=self._clock(),
                workers=dict(self._workers),
                sources=dict(self._sources),
                services=dict(self._services),
                highlights=tuple(self._highlights),
                alerts=tuple(self._alerts),
                alert_count=self._alert_count,
            )
