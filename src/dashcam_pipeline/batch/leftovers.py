"""Rows that wait in the outbox when no writer runs: brought in before a run begins and after it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dashcam_pipeline.errors import DashcamError, DatabaseUnavailable
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.watching.alerts import Watching
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.outbox import FILE_NAME, Outbox

SAY_EVERY_S = 10.0  # how often a database that is away is spoken of

Say = Callable[[str], None]


def outbox_path(work_dir: Path) -> Path:
    """The outbox of a work dir."""
    return work_dir / FILE_NAME


def mend(work_dir: Path, forget_checkpoints: Callable[[], None], say: Say) -> None:
    """See that the outbox is sound; of a damaged one, what is still readable goes on in a new one.

    Args:
        forget_checkpoints: called before that: what was read before them may have left rows that are lost.
    """
    if not outbox_path(work_dir).exists():
        return
    with Outbox(outbox_path(work_dir), on_damage=forget_checkpoints) as outbox:
        if outbox.set_aside is not None:
            say(
                f"the outbox was damaged, {len(outbox)} of its rows were readable; it is kept as {outbox.set_aside}. "
                "Videos that were not read to their end begin anew, so that no row is missing; look after that disk"
            )


def deliver(
    work_dir: Path, database: Database, patience_s: float, say: Say, watching: Watching | None = None
) -> int:
    """Bring in what waits, and say now and then that a database is away. The user's Ctrl+C ends the waiting.

    Args:
        watching: how alerts are raised of what is brought in; None: for a later run to post.

    Returns:
        Rows that still wait.
    """
    if not outbox_path(work_dir).exists():
        return 0
    countdown = _Countdown(patience_s, database, say)
    try:
        how = watching or Watching(work_dir)
        return Delivery(outbox_path(work_dir), database.url, watching=how).deliver_all(patience_s, countdown)
    except KeyboardInterrupt:
        return rows_waiting(work_dir)


def rows_waiting(work_dir: Path) -> int:
    """How many rows wait in the outbox of a work dir."""
    if not outbox_path(work_dir).exists():
        return 0
    with Outbox(outbox_path(work_dir)) as outbox:
        return len(outbox)


def still_waiting(rows: int, work_dir: Path) -> DatabaseUnavailable:
    """The error for rows that could not be brought in."""
    return DatabaseUnavailable(
        f"the database is away: {rows} rows wait in {outbox_path(work_dir)}, nothing is lost. What to do: once it is "
        "back, run the same command again, or `dashcam db deliver`."
    )


class _Countdown:
    """Says how long a database that is away is waited for, and starts one of our own again."""

    def __init__(self, patience_s: float, database: Database, say: Say) -> None:
        self._patience_s = patience_s
        self._database = database
        self._say = say
        self._rows = -1
        self._since_s = 0.0
        self._say_again_s = 0.0

    def __call__(self, rows: int, problem: str) -> None:
        if rows != self._rows:  # something went in: the waiting begins anew
            self._rows, self._since_s = rows, time.monotonic()
        if time.monotonic() >= self._say_again_s:
            self._say_again_s = time.monotonic() + SAY_EVERY_S
            self._tell(rows, problem)
        try:
            self._database.ensure_running()
        except DashcamError as error:
            self._say(str(error))

    def _tell(self, rows: int, problem: str) -> None:
        left_s = max(0.0, self._patience_s - (time.monotonic() - self._since_s))
        self._say(
            f"database away ({problem}): {rows} rows wait; trying for another {left_s:.0f} s, "
            "Ctrl+C leaves them for the next run"
        )
