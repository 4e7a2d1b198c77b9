"""Where log records go: a file for all of them, the console for what a user must know."""

from __future__ import annotations

import contextlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from dashcam_pipeline.errors import DiskUnavailable

TALKATIVE = ("yoyo",)  # libraries that log every small step as INFO


def log_to(console: Console, path: Path, as_json: bool) -> None:
    """Send everything from INFO on to a file, and warnings to the console; with `as_json`, all as JSON to both."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        to_file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise DiskUnavailable(
            f"the log {path} can't be written ({error.strerror}): name another --work-dir"
        ) from error
    to_console = _ConsoleHandler(console)
    to_console.setLevel(logging.INFO if as_json else logging.WARNING)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s")
    to_file.setFormatter(_JsonFormatter() if as_json else plain)
    to_console.setFormatter(_JsonFormatter() if as_json else logging.Formatter("%(levelname)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [to_file, to_console]
    root.setLevel(logging.INFO)
    for library in TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)


class _ConsoleHandler(logging.Handler):
    """Prints through Rich, so that a live screen stays whole."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # a closed pipe; the file has it too
            self._console.print(self.format(record), highlight=False, markup=False, soft_wrap=True)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
                "level": record.levelname,
                "process": record.processName,
                "logger": record.name,
                "message": record.getMessage(),
            }
        )
