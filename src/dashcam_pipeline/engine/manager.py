"""The Manager process: it serves the queue, the board and the two events to all other processes."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.managers import BaseManager, EventProxy  # type: ignore[attr-defined]
from multiprocessing.process import BaseProcess
from typing import Any, cast

from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.process import become_child, signals_held_back
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Category

DYING_S = 1.0  # a killed process may take this long to be gone
SHUTDOWN_S = 2.0  # a Manager that does not end by itself within this is killed


def _public(cls: type) -> list[str]:
    return [name for name in vars(cls) if not name.startswith("_")]


def _make_queue(categories: Sequence[Category], rules: QueueRules, store: FrameStore) -> CentralTaskQueue:
    return CentralTaskQueue(categories, rules, delete_frame=store.delete, free_bytes=store.free_bytes)


class _Manager(BaseManager):
    pass


_Manager.register("make_queue", _make_queue, exposed=_public(CentralTaskQueue))
_Manager.register("make_board", RunBoard, exposed=_public(RunBoard))
_Manager.register("make_event", threading.Event, EventProxy)


class ManagerProcess:
    """Starts and ends the Manager."""

    def __init__(self) -> None:
        self._manager = _Manager(_address(), ctx=get_context("spawn"))

    def start(self, categories: Sequence[Category], rules: QueueRules, store: FrameStore) -> Shared:
        """Start the process. Call it from the main thread: the Manager ends with the thread that started it."""
        with signals_held_back():
            self._manager.start(initializer=become_child, initargs=(os.getpid(),))
        manager = cast(Any, self._manager)
        return Shared(
            queue=manager.make_queue(tuple(categories), rules, store),
            board=manager.make_board(),
            stop=manager.make_event(),
            terminate=manager.make_event(),
        )

    @property
    def pid(self) -> int | None:
        """The Manager's process id."""
        return None if self._process is None else self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def has_died(self) -> bool:
        """Whether the process is gone; one that is just dying is waited for, as its calls fail a little earlier."""
        if self._process is not None and self._process.pid is not None:
            self._process.join(DYING_S)
        return not self.is_alive()

    def kill(self) -> None:
        """End the process at once, also a stopped one: every call to it fails from now on."""
        if self.pid is not None and self._process is not None:
            self._process.kill()

    def signal(self, number: signal.Signals) -> None:
        """Stop the process for a while, or let it go on."""
        if self.pid is not None and self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def shutdown(self) -> None:
        """End the process; it is killed when it doesn't answer."""
        impatience = threading.Timer(SHUTDOWN_S, self.kill)
        impatience.start()
        try:
            if hasattr(self._manager, "shutdown"):
                self._manager.shutdown()
            else:  # it never came to answer
                self.kill()
            if self.pid is not None and self._process is not None:
                self._process.join(SHUTDOWN_S)
        finally:
            impatience.cancel()

    @property
    def _process(self) -> BaseProcess | None:
        return cast("BaseProcess | None", getattr(self._manager, "_process", None))


def _address() -> str | None:
    """A Unix socket without a file, which so can't be left behind; where there is no such thing, a file in /tmp.

    Who connects must know the run's key, whoever can see the name.
    """
    return f"\0dashcam-{os.getpid()}-{secrets.token_hex(8)}" if sys.platform == "linux" else None
