"""The Manager process: it serves the queue, the board and the two events to all other processes."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.managers import BaseManager, EventProxy  # type: ignore[attr-defined]
from typing import Any, cast

from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.process import become_child, signals_held_back
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.task import Category

MANAGER_GONE = (EOFError, ConnectionError, BrokenPipeError)
"""What a call raises when the Manager is no longer there."""


def _public(cls: type) -> list[str]:
    return [name for name in vars(cls) if not name.startswith("_")]


def _make_queue(categories: Sequence[Category], rules: QueueRules, store: FrameStore) -> CentralTaskQueue:
    return CentralTaskQueue(categories, rules, delete_frame=store.delete, free_bytes=store.free_bytes)


class _Manager(BaseManager):
    pass


_Manager.register("make_queue", _make_queue, exposed=_public(CentralTaskQueue))
_Manager.register("make_board", RunBoard, exposed=_public(RunBoard))
_Manager.register("make_event", threading.Event, EventProxy)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of a run share. The fields are proxies; every call is a round trip to the Manager."""

    queue: CentralTaskQueue
    board: RunBoard
    stop: threading.Event  # readers end, the rest drains
    terminate: threading.Event  # workers leave at their next turn


class ManagerProcess:
    """Starts and ends the Manager."""

    def __init__(self, categories: Sequence[Category], rules: QueueRules, store: FrameStore) -> None:
        self._manager = _Manager(_address(), ctx=get_context("spawn"))
        with signals_held_back():
            self._manager.start(initializer=become_child, initargs=(os.getpid(),))
        manager = cast(Any, self._manager)
        self.shared = Shared(
            queue=manager.make_queue(tuple(categories), rules, store),
            board=manager.make_board(),
            stop=manager.make_event(),
            terminate=manager.make_event(),
        )

    @property
    def pid(self) -> int | None:
        """The Manager's process id."""
        process = cast(Any, self._manager)._process
        return cast("int | None", process.pid)

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return bool(cast(Any, self._manager)._process.is_alive())

    def shutdown(self) -> None:
        """End the process; it is killed when it doesn't answer."""
        self._manager.shutdown()


def _address() -> str | None:
    """A Unix socket without a file, which so can't be left behind; where there is no such thing, a file in /tmp.

    Who connects must know the run's key, whoever can see the name.
    """
    return f"\0dashcam-{os.getpid()}-{secrets.token_hex(8)}" if sys.platform == "linux" else None
