"""What a bench is doing right now, on standard error: a line a step, with a clock where somebody is watching."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn


class Progress:
    """Counts and names the steps."""

    def __init__(self, steps: int, console: Console | None = None) -> None:
        self._steps = steps
        self._number = 0
        self._console = console or Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show that something is under way, and how long it took."""
        self._number += 1
        title = f"[{self._number}/{self._steps}] {what}"
        started = time.monotonic()
        if self._console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            with RichProgress(*columns, console=self._console, transient=True) as moving:
                moving.add_task(title, total=None)
                yield
        else:
            self._say(f"{title} …")
            yield
        self._say(f"{title}: {time.monotonic() - started:.1f} s")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)
