"""Backpressure: when readers must wait. Nothing else in the pipeline ever waits for room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one quantity, in its own unit (tasks or bytes)."""

    resume: int  # below this, readers go on
    soft: int  # from here on, readers wait
    hard: int  # what is there and what is asked for may never be more than this

    def __post_init__(self) -> None:
        if not self.resume <= self.soft <= self.hard:
            raise ValueError(f"resume <= soft <= hard must hold, got {self}")


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


class Pressure:
    """The gates of a run by name, and how often each made a reader wait."""

    def __init__(self, limits: Mapping[str, Limits]) -> None:
        self._gates = {name: Gate(limit) for name, limit in limits.items()}
        self.waits: Counter[str] = Counter()

    def blocking(self, levels: Mapping[str, int], more: Mapping[str, int]) -> str | None:
        """The name of the first gate that is closed to a request, or None. Every gate sees every level."""
        closed = [
            name for name, gate in self._gates.items() if not gate.admits(levels[name], more.get(name, 0))
        ]
        return closed[0] if closed else None

    def closed(self) -> tuple[str, ...]:
        """The gates that are closed now."""
        return tuple(name for name, gate in self._gates.items() if gate.closed)
