"""Where figures are kept, and what stands beside them: the host, its load, the time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchkit.trouble import BenchTrouble
from benchkit.videos import REPOSITORY

RESULTS = REPOSITORY / "benchmarks" / "results"
FORMAT_VERSION = 1


def described(host: Mapping[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """The head of a file of figures.

    Args:
        host: as the runs themselves describe it.
        now: when; None = now.
    """
    return {
        "version": FORMAT_VERSION,
        "made_at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "host": dict(host),
        "load": list(psutil.getloadavg()),  # over 1, 5 and 15 minutes; our own work is in it
    }


def save(path: Path | None, name: str, content: Mapping[str, Any]) -> Path:
    """Write figures as JSON; without a path, into the folder of results under a name with the time in it.

    Raises:
        BenchTrouble: it can't be written.
    """
    stamp = str(content["made_at"]).replace(":", "").partition("+")[0]
    target = path or RESULTS / f"{name}-{stamp}.json"
    try:
        if path is None:
            RESULTS.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchTrouble(
            f"{target} can't be written: {error.strerror}; name another with --json"
        ) from error
    return target
