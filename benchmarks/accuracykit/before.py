"""Figures of an earlier version, out of the file that its `--json` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchkit.trouble import BenchTrouble
from score import Score


@dataclass(frozen=True, slots=True)
class Before:
    """What there is to compare with."""

    scores: Mapping[str, Score] = field(default_factory=dict)  # by drive
    seconds: Mapping[str, float] = field(default_factory=dict)  # by drive, of whole commands
    stills: Mapping[str, float] = field(default_factory=dict)  # by folder, the share that is exact


def read_before(path: Path) -> Before:
    """Raises BenchTrouble where it is no such file."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        drives, stills = saved["drives"], saved["stills"]
        return Before(
            scores={one["name"]: _score(one["score"]) for one in drives},
            seconds={one["name"]: one["seconds"] for one in drives if one["seconds"] is not None},
            stills={
                one["name"]: sum(still["cause"] is None for still in one["stills"]) / len(one["stills"])
                for one in stills
            },
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchTrouble(
            f"{path} is no file of --json ({error!r}): leave --before out, or name one"
        ) from error


def _score(saved: Mapping[str, Any]) -> Score:
    return Score(**{**saved, "missed": tuple(saved["missed"])})
