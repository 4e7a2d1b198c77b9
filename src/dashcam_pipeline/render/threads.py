"""Work of a thread of its own before and behind the caller's, in order, with little waiting in between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

WAITING = 8
"""Items between two threads: enough to even out slow frames, few enough to be held in memory."""

_LOOK_S = 0.2  # how often a thread that waits looks whether it is still wanted

Item = TypeVar("Item")


class _End:
    """Behind the last item; an error ends the items, too."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, made by a thread that is a few ahead; what it raises is raised here."""
    waiting: queue.Queue[Item | _End] = queue.Queue(WAITING)
    unwanted = threading.Event()

    def put(item: Item | _End) -> None:
        while not unwanted.is_set():
            try:
                waiting.put(item, timeout=_LOOK_S)
                return
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(item)
                if unwanted.is_set():
                    return
            put(_End())
        except BaseException as error:
            put(_End(error))

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        thread.join()


class Behind(Generic[Item]):
    """Does something with each item in a thread that is a few behind; a context manager.

    Leaving the block by an error drops what waits; `finish` works it off.
    """

    def __init__(self, work: Callable[[Item], None]) -> None:
        self._work = work
        self._waiting: queue.Queue[Item | _End] = queue.Queue(WAITING)
        self._unwanted = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="behind", daemon=True)

    def __enter__(self) -> Behind[Item]:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._unwanted.set()
        self._thread.join()

    def put(self, item: Item) -> None:
        """Hand on an item. Raises what the work on an earlier one raised."""
        self._put(item)
        self._raise()

    def finish(self) -> None:
        """Wait until all is done. Raises what the work raised."""
        self._put(_End())
        while self._thread.is_alive():  # in steps, so that Ctrl+C is heard
            self._thread.join(_LOOK_S)
        self._raise()

    def _put(self, item: Item | _End) -> None:
        while self._thread.is_alive():
            try:
                self._waiting.put(item, timeout=_LOOK_S)
                return
            except queue.Full:
                continue

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._unwanted.is_set():
                try:
                    item = self._waiting.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    return
                self._work(item)
        except BaseException as error:
            self._error = error
