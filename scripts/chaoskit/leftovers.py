"""What a finished job must not leave behind."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

from chaoskit.running import MARK, processes_of

SHARED_MEMORY = Path("/dev/shm")
GONE_WITHIN_S = 3.0  # a process that was told to end may take so long


def shared_memory() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()} if SHARED_MEMORY.is_dir() else set()


def leftovers(mark: str, work: Path, shared_before: set[str]) -> list[str]:
    """A line for each thing that is still there."""
    return [
        *_processes(mark, work),
        *(f"frame store: {path.name}" for path in _entries(work / "frame_store")),
        *(f"checkpoint: {path.name}" for path in _entries(work / "checkpoints") if path.is_file()),
        *(f"half a file: {path}" for path in sorted((work / "evidence").rglob(".*"))),
        *(f"unfinished run: {path.name}" for path in work.glob("current_run*")),
        *_outbox(work),
        *(f"shared memory: {name}" for name in sorted(shared_memory() - shared_before - _of_others(mark))),
    ]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.is_dir() else []


def _processes(mark: str, work: Path) -> list[str]:
    deadline = time.monotonic() + GONE_WITHIN_S
    while (found := processes_of(mark, work)) and time.monotonic() < deadline:
        time.sleep(0.1)
    lines = []
    for process in found:
        with suppress(psutil.Error):
            lines.append(f"process: {process.pid} {' '.join(process.cmdline())[:100]}")
    return lines


def _outbox(work: Path) -> list[str]:
    path = work / "outbox.sqlite3"
    if not path.exists():
        return []
    lines = []
    with closing(sqlite3.connect(path)) as connection:
        for table in ("waiting", "refused"):
            (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            if count:
                lines.append(f"outbox: {count} rows {table}")
    return [*lines, *(f"damaged outbox: {found.name}" for found in work.glob("outbox*damaged*"))]


def _of_others(mark: str) -> set[str]:
    """Entries of shared memory that a process which is none of the trial's has open or mapped."""
    used = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                continue
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            used |= {
                line.split(f"{SHARED_MEMORY}/")[1].split()[0]
                for line in maps.splitlines()
                if "/dev/shm/" in line
            }
            for handle in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    target = handle.readlink()
                    if target.is_relative_to(SHARED_MEMORY):
                        used.add(target.name)
    return used
