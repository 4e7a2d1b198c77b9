"""Backpressure: when readers must wait. Nothing else in the pipeline ever waits for room."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one quantity, in its own unit (tasks or bytes)."""

    resume: int  # below this, readers go on
    soft: int  # from here on, readers wait
    hard: int  # what is there and what is asked for may never be more than this

    def __post_init__(self) -> None:
        if not 1 <= self.resume <= self.soft <= self.hard:  # no level is below 0
            raise ValueError(f"1 <= resume <= soft <= hard must hold, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureLoad:
    """Backpressure: what is closed now and what it has cost so far."""

    closed: tuple[str, ...]
    waits: Mapping[str, int]  # gate -> how often a reader had to wait
    wait_s: Mapping[str, float]  # gate -> for how long, all readers together
    waiting_readers: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a reading task wants to bring in."""

    task_id: str
    frames: int
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How full the pipeline is."""

    gpu_tasks: int  # that wait for each class
    cpu_tasks: int
    writer_tasks: int
    stored_bytes: int  # of frames brought in by readers


class Gate:
    """One limit with hysteresis: it closes at `soft` and opens again only below `resume`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.closed = False

    def admits(self, level: int, more: int) -> bool:
        """Whether `more` may come in while `level` is there already."""
        if self.closed:
            self.closed = level >= self._limits.resume
        elif level >= self._limits.soft:
            self.closed = True
        # An empty pipeline takes any one request: a frame larger than the limit must not wait for ever.
        return not self.closed and (level + more <= self._limits.hard or level == 0)

    def stays_closed(self, level: int) -> bool:
        """Whether it is closed and would not open at this level."""
        return self.closed and level >= self._limits.resume


class Pressure:
    """Lets readers in or makes them wait, and counts what it costs.

    Args:
        gpu, cpu, writer: limits of the tasks that wait for each class.
        store: limits of the bytes of frames brought in by readers.
    """

    def __init__(self, gpu: Limits, cpu: Limits, writer: Limits, store: Limits) -> None:
        self._gates = {"gpu": Gate(gpu), "cpu": Gate(cpu), "writer": Gate(writer), "store": Gate(store)}
        self._reserved: dict[str, Request] = {}  # admitted, not yet brought in
        self._waiting: dict[str, tuple[str, float]] = {}  # task -> the gate it waits for, since when
        self._waits: Counter[str] = Counter()
        self._wait_s: dict[str, float] = defaultdict(float)

    def ask(self, request: Request, levels: Levels, disk_has_room: bool, now_s: float) -> str | None:
        """Admit a request and set its room aside, or name the gate that it must wait for."""
        others = [other for other in self._reserved.values() if other.task_id != request.task_id]
        now = _by_gate(levels, others)
        more = {"gpu": request.frames, "cpu": 0, "writer": 0, "store": request.nbytes}
        refusing = [name for name, gate in self._gates.items() if not gate.admits(now[name], more[name])]
        if not disk_has_room:
            refusing.insert(0, "disk")
        if not refusing:
            self._count_wait(request.task_id, now_s)
            self._reserved[request.task_id] = request
            return None
        if request.task_id not in self._waiting:
            self._waiting[request.task_id] = (refusing[0], now_s)
            self._waits[refusing[0]] += 1
        return refusing[0]

    @property
    def anyone_waits(self) -> bool:
        """Whether a reader was refused and not let in since."""
        return bool(self._waiting)

    def stays_closed(self, levels: Levels) -> bool:
        """Whether at these levels no reader at all would be let in. May say no where `ask` would."""
        now = _by_gate(levels, ())
        return any(gate.stays_closed(now[name]) for name, gate in self._gates.items())

    def settle(self, task_id: str) -> None:
        """What was set aside for a task has come in, or never will."""
        self._reserved.pop(task_id, None)

    def forget(self, task_id: str, now_s: float) -> None:
        """The reading task is over."""
        self.settle(task_id)
        self._count_wait(task_id, now_s)

    def load(self, now_s: float) -> PressureLoad:
        """What is closed, and what it has cost so far."""
        wait_s = defaultdict(float, self._wait_s)
        for gate, since in self._waiting.values():
            wait_s[gate] += now_s - since
        return PressureLoad(
            closed=tuple(name for name, gate in self._gates.items() if gate.closed),
            waits=dict(self._waits),
            wait_s=dict(wait_s),
            waiting_readers=len(self._waiting),
        )

    def _count_wait(self, task_id: str, now_s: float) -> None:
        waited = self._waiting.pop(task_id, None)
        if waited is not None:
            self._wait_s[waited[0]] += now_s - waited[1]


def _by_gate(levels: Levels, admitted: Iterable[Request]) -> dict[str, int]:
    """The level at each gate, with what was admitted and is still to come."""
    coming = list(admitted)
    return {
        "gpu": levels.gpu_tasks + sum(request.frames for request in coming),
        "cpu": levels.cpu_tasks,
        "writer": levels.writer_tasks,
        "store": levels.stored_bytes + sum(request.nbytes for request in coming),
    }
