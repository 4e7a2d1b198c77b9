"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARN = "warn"  # a run works, but worse than it could
    BAD = "bad"  # a run with these settings can't work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's."""

    name: str
    level: Level
    value: str
    advice: str = ""  # what to do; empty where there is nothing


def ok(name: str, value: str, advice: str = "") -> Finding:
    return Finding(name, Level.OK, value, advice)


def warn(name: str, value: str, advice: str) -> Finding:
    return Finding(name, Level.WARN, value, advice)


def bad(name: str, value: str, advice: str) -> Finding:
    return Finding(name, Level.BAD, value, advice)
