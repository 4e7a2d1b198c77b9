"""Runs the `dashcam` command in a process of its own, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DASHCAM_TEST_DATA", REPOSITORY.parent / "shared"))
COMMAND = [sys.executable, "-m", "dashcam_pipeline"]
TIMEOUT_S = 240


def clip(name: str) -> Path:
    """A real clip; the test is skipped where there is none, and fails in CI."""
    path = DATA / "videos" / name
    if not path.exists():
        message = f"{path} is not there: set DASHCAM_TEST_DATA to a folder with the test clips"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def dashcam(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The finished command, with what it printed."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def start_dashcam(*arguments: str | Path) -> subprocess.Popen[str]:
    """The command in the background, in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_of(folder: Path) -> list[str]:
    """The processes that have anything to do with a folder, other than zombies."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found
