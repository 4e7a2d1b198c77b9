"""One call of `dashcam run` as a user makes it, and the processes that belong to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

SCRIPTS = Path(__file__).resolve().parents[1]
MARK = "CHAOS_TRIAL"
"""The environment variable by which a process of a trial is known, also when its parent is gone."""

LISTENING = "00010000"  # a flag in /proc/net/unix


def environment(mark: str, state: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The caller's, without what could lead a trial elsewhere."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DASHCAM_DSN", "DASHCAM_WORK_DIR")
    }
    paths = [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "DASHCAM_STATE_DIR": str(state),
        MARK: mark,
        **more,
    }


class Running:
    """The command in a session of its own; what it prints goes into a file."""

    def __init__(self, arguments: Sequence[str | Path], env: Mapping[str, str], output: Path) -> None:
        self.output = output
        self.started = time.monotonic()
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaoskit.run_injected", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the number of the signal that ended it."""
        return self._process.poll()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    def signal(self, number: int, group: bool = False) -> None:
        """Send a signal to the command, or as a terminal does to all its processes."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        return self._process.wait(timeout_s)

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def manager(self) -> int | None:
        """Process id of the Manager: who listens at the run's socket."""
        listening = {
            line.split()[6]
            for line in Path("/proc/net/unix").read_text().splitlines()[1:]
            if line.split()[3] == LISTENING and f"@dashcam-{self.pid}-" in line
        }
        return next((pid for pid in self._spawned() if listening & _sockets(pid)), None)

    def workers(self) -> list[int]:
        """Process ids of the workers, in the order of their birth."""
        manager = self.manager()
        return [pid for pid in self._spawned() if manager is not None and pid > manager]

    def _spawned(self) -> list[int]:
        with suppress(psutil.Error):
            return sorted(
                child.pid
                for child in psutil.Process(self.pid).children()
                if "spawn_main" in " ".join(_command_line(child))
            )
        return []


def _command_line(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def _sockets(pid: int) -> set[str]:
    """Inodes of the sockets that a process has open."""
    found = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    found.add(target[len("socket:[") : -1])
    return found


def processes_of(mark: str, folder: Path) -> list[psutil.Process]:
    """All living processes of a trial: by their environment, or by a work folder inside `folder`."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            marked = process.environ().get(MARK) == mark
            if marked or Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


def end_all(mark: str, folder: Path) -> None:
    """Kill whatever a trial has left, so that the next one is not disturbed."""
    for process in processes_of(mark, folder):
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
