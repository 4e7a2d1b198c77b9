"""What all processes of a run share. Apart from the Manager that serves it, so that workers don't load the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from dashcam_pipeline.engine.board import RunBoard
    from dashcam_pipeline.engine.queue import CentralTaskQueue

MANAGER_GONE = (EOFError, ConnectionError, BrokenPipeError)
"""What a call raises when the Manager is no longer there."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of a run share. The fields are proxies; every call is a round trip to the Manager."""

    queue: CentralTaskQueue
    board: RunBoard
    stop: threading.Event  # readers end, the rest drains
    terminate: threading.Event  # workers leave at their next turn
