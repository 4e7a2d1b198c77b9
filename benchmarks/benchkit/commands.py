"""Runs a command to its end and says what it took: wall clock and CPU time, its children included."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchkit.trouble import BenchTrouble

LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Took:
    """A command that ended well."""

    wall_s: float
    cpu_s: float  # user and system, of the process and of every child that it waited for
    output: str  # what it printed to standard output


def run_command(
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    cores: frozenset[int] | None = None,
) -> Took:
    """Run it with its standard error in the file `log`.

    Args:
        command: program and arguments.
        log: a file that is written anew.
        environment: all of it; None = ours.
        cores: the command and its children run on these alone; None = on ours.

    Raises:
        BenchTrouble: it can't be started, or ends with another code than 0; with its last lines.
    """
    words = [str(word) for word in command]
    output = log.with_suffix(".out")
    usual = os.sched_getaffinity(0)
    with log.open("wb") as errors, output.open("wb") as printed:
        started = time.perf_counter()
        os.sched_setaffinity(0, cores or usual)  # inherited; threads of the child's own would come too late
        try:
            process = subprocess.Popen(words, stdout=printed, stderr=errors, env=environment)
        except OSError as error:
            raise BenchTrouble(f"{words[0]} can't be started: {error.strerror}") from error
        finally:
            os.sched_setaffinity(0, usual)
        cpu_s = _ended(process)
        wall_s = time.perf_counter() - started
    if process.returncode != 0:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LAST_LINES:]
        raise BenchTrouble(f"`{' '.join(words)}` ended with {process.returncode}: " + " | ".join(last))
    return Took(wall_s, cpu_s, output.read_text(encoding="utf-8"))


@contextmanager
def own_folder() -> Iterator[Path]:
    """An empty folder that any user may enter: as root, the embedded database has a user of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dashcam-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ended(process: subprocess.Popen[bytes]) -> float:
    """Wait for the command; its CPU time. One that is interrupted with us is waited for too."""
    try:
        _, status, used = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime
