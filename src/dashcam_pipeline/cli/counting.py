"""How far something long has come: a count on stderr while its items pass by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self, TextIO, TypeVar

Item = TypeVar("Item")
QUIET_S = 2.0  # what is done sooner says nothing
REDRAWN_AFTER_S = 0.2  # on a terminal, in place
LINE_AFTER_S = 10.0  # elsewhere


class Counting:
    """Counts items that pass through it. On a terminal the count stands in one line, which goes away at the end."""

    def __init__(
        self, file: TextIO, *, silent: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = file
        self._silent = silent
        self._clock = clock
        self._in_place = file.isatty()
        self._next_s = clock() + QUIET_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._in_place and not self._silent:
            self._file.write("\r\x1b[K")
            self._file.flush()

    def over(self, items: Iterable[Item], what: str) -> Iterator[Item]:
        """The items, counted: `what` they are called stands behind the number."""
        for count, item in enumerate(items, start=1):
            if not self._silent and self._clock() >= self._next_s:
                self._say(f"{count:,} {what}")
            yield item

    def _say(self, text: str) -> None:
        self._file.write(f"\r\x1b[K{text}" if self._in_place else f"{text} so far\n")
        self._file.flush()
        self._next_s = self._clock() + (REDRAWN_AFTER_S if self._in_place else LINE_AFTER_S)
