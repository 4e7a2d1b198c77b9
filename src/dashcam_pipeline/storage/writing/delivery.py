"""Delivery: rows go from the outbox into Postgres, in order, whenever it is there to take them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import psycopg

from dashcam_pipeline.errors import DashcamError, DatabaseUnavailable
from dashcam_pipeline.storage.postgres.connection import one_line
from dashcam_pipeline.storage.row_json import OutboxRow, to_json
from dashcam_pipeline.storage.rows import REFUSED, DeadLetterRow, SightingRow, VideoRow
from dashcam_pipeline.storage.watching.alerts import Alert, Watching
from dashcam_pipeline.storage.writing.outbox import Outbox, Waiting
from dashcam_pipeline.storage.writing.writer import FIRST_PAUSE_S, LONGEST_PAUSE_S, REFUSALS, ResultWriter

BATCH_ROWS = 200  # rows in one transaction
LOOK_AGAIN_S = 1.0  # an empty outbox is looked at this often, also when nobody says that a row came in
TROUBLE = (DashcamError, psycopg.Error)  # server away, tables gone, no right to them, disk full: all may pass

log = logging.getLogger(__name__)


class Delivery:
    """Takes rows out of the outbox only when Postgres has committed them.

    Rows are upserted, so a batch that is written again because a kill came between commit and removal
    leaves the same table. A row that Postgres refuses for what is in it is moved aside and holds up no other;
    a dead letter takes its place.

    Either a thread of its own does it until the process ends (`start`), or the caller (`deliver_all`).

    Args:
        outbox_path: the outbox's file.
        url: see `Database.url`.
        on_refused: told of every row that is refused, with the error in one line.
        watching: how alerts are raised of sightings that are delivered.
        on_alerts: told the alerts of a batch that was written.
        on_state: told the `state` whenever something was written or went wrong.
        clock, sleep: in seconds.
    """

    def __init__(
        self,
        outbox_path: Path,
        url: str,
        *,
        on_refused: Callable[[OutboxRow, str], None] = lambda row, error: None,
        watching: Watching | None = None,
        on_alerts: Callable[[Sequence[Alert]], None] = lambda alerts: None,
        on_state: Callable[[str], None] = lambda state: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._path = outbox_path
        self._url = url
        self._on_refused = on_refused
        self._watching = watching
        self._on_alerts = on_alerts
        self._on_state = on_state
        self._clock = clock
        self._sleep = sleep
        self._stopped = threading.Event()
        self._news = threading.Event()
        self._away_since_s: float | None = None
        self.problem: str | None = None
        """What stands in the way, in one line. None when all is well."""
        self.delivered = 0
        """Rows written so far."""
        self.waiting = 0
        """Rows that were left in the outbox when it was last looked at."""

    @property
    def state(self) -> str:
        """All that in a few words, for who watches."""
        if self.problem is None or self._away_since_s is None:
            return f"ok, {_counted(self.delivered)} written"
        away_s = self._clock() - self._away_since_s
        wait = "waits" if self.waiting == 1 else "wait"
        return f"away since {away_s:.0f} s: {self.problem}; {_counted(self.waiting)} {wait} in the outbox"

    def start(self) -> None:
        """Deliver from now on, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="delivery", daemon=True).start()

    def wake(self) -> None:
        """A row came in."""
        self._news.set()

    def stop(self) -> None:
        """End the thread at its next turn, without waiting for it: what is left stays in the outbox."""
        self._stopped.set()
        self._news.set()

    def deliver_all(
        self, patience_s: float, on_wait: Callable[[int, str], None] = lambda rows, problem: None
    ) -> int:
        """Deliver until the outbox is empty, or until nothing could be written for `patience_s`.

        Args:
            on_wait: told, before every pause, how many rows wait and for what. May raise, to end the waiting.

        Returns:
            Rows that are left.

        Raises:
            DiskUnavailable: the outbox can't be opened, or is damaged.
        """
        if not self._path.exists():
            return 0
        with Outbox(self._path) as outbox, self._writer() as writer:
            pause_s, give_up_at = FIRST_PAUSE_S, self._clock() + patience_s
            while True:
                try:
                    if not self._deliver_batch(outbox, writer):
                        self.waiting = 0
                        return 0
                    pause_s, give_up_at = FIRST_PAUSE_S, self._clock() + patience_s
                    continue
                except TROUBLE as error:
                    self._trouble(outbox, writer, error)
                if self._clock() + pause_s > give_up_at:
                    return self.waiting
                on_wait(self.waiting, self.problem or "")
                self._sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                with Outbox(self._path) as outbox, self._writer() as writer:
                    pause_s = self._deliver_for_ever(outbox, writer, pause_s)
            except (
                DashcamError
            ) as error:  # the outbox itself can't be opened: its disk is full or closed to us
                self._say(str(error))
            except (
                Exception
            ) as error:  # the rows are safe where they are; a thread that ends would be forgotten
                log.exception("delivery to the database goes on after an error")
                self._say(repr(error))
            self._stopped.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _deliver_for_ever(self, outbox: Outbox, writer: ResultWriter, pause_s: float) -> float:
        """Until stopped; the pause to go on with is given back with an error that this can't handle."""
        while not self._stopped.is_set():
            self._news.clear()
            try:
                if self._deliver_batch(outbox, writer):
                    pause_s = FIRST_PAUSE_S
                else:
                    self._news.wait(LOOK_AGAIN_S)
            except TROUBLE as error:
                self._trouble(outbox, writer, error)
                self._stopped.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return pause_s

    def _writer(self) -> ResultWriter:
        return ResultWriter(self._url, give_up_after_s=0.0, watching=self._watching)

    # --- one step ----------------------------------------------------------------------------------------

    def _deliver_batch(self, outbox: Outbox, writer: ResultWriter) -> bool:
        """Write the oldest rows; False when there are none."""
        found = outbox.peek(BATCH_ROWS)
        if not found:
            return False
        # A run replaces what earlier ones wrote of a video: two runs in one transaction would mix that up.
        run_id = found[0].row.run_id
        batch = list(takewhile(lambda waiting: waiting.row.run_id == run_id, found))
        try:
            self._write(writer, batch)
        except REFUSALS:
            for waiting in batch:
                self._deliver_alone(outbox, writer, waiting)
        else:
            outbox.remove(waiting.id for waiting in batch)
            self._written(len(batch), rows_left=len(found) - len(batch))
        return True

    def _deliver_alone(self, outbox: Outbox, writer: ResultWriter, waiting: Waiting) -> None:
        """Write one row of a batch in which one was refused, and move it aside if it is that one."""
        try:
            self._write(writer, [waiting])
        except REFUSALS as refusal:
            error, row = one_line(refusal), waiting.row
            log.error(
                "the database refuses a row of video %s, %s: %s. It is kept in %s, table refused.",
                row.video_id,
                _which(row),
                error,
                self._path,
            )
            self._on_refused(row, error)
            if not isinstance(
                row, DeadLetterRow
            ):  # so that who looks at the run's results sees that one is missing
                outbox.add([_dead_letter(row, error)])
            outbox.refuse(waiting.id, error)
        else:
            outbox.remove([waiting.id])
            self._written(1, rows_left=self.waiting)

    def _write(self, writer: ResultWriter, batch: Sequence[Waiting]) -> None:
        raised = _write(writer, batch)
        if raised:
            self._on_alerts(raised)

    def _written(self, rows: int, rows_left: int) -> None:
        if self.problem is not None:
            log.info("the database takes rows again")
        self.problem, self._away_since_s = None, None
        self.delivered += rows
        self.waiting = rows_left
        self._on_state(self.state)

    def _trouble(self, outbox: Outbox, writer: ResultWriter, error: Exception) -> None:
        writer.close()
        with suppress(DashcamError):  # the outbox may be the very trouble
            self.waiting = len(outbox)
        of_database = isinstance(error, (DatabaseUnavailable, psycopg.Error))
        self._say((of_database and writer.problem) or one_line(error))

    def _say(self, problem: str) -> None:
        if self._away_since_s is None:
            self._away_since_s = self._clock()
            log.warning("rows wait in the outbox: %s", problem)
        self.problem = problem
        self._on_state(self.state)


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _write(writer: ResultWriter, batch: Sequence[Waiting]) -> list[Alert]:
    rows = [waiting.row for waiting in batch]
    return writer.write(
        [row for row in rows if isinstance(row, SightingRow)],
        [row for row in rows if isinstance(row, VideoRow)],
        [row for row in rows if isinstance(row, DeadLetterRow)],
    )


def _dead_letter(row: SightingRow | VideoRow, error: str) -> DeadLetterRow:
    sighted = row if isinstance(row, SightingRow) else None
    part = f"-{sighted.part}" if sighted and sighted.part else ""
    name = f"sighting-{sighted.track_id}{part}" if sighted else "video"
    return DeadLetterRow(
        run_id=row.run_id,
        video_id=row.video_id,
        task_id=f"{row.video_id}:{REFUSED}:{name}",
        category=REFUSED,
        attempts=1,
        error=f"the database refuses the row: {error}",
        traceback=to_json(row),
        frame_idx=sighted.frame_idx if sighted else None,
        ts_s=sighted.video_ts_frame if sighted else None,
        frame_picture=sighted.vehicle_picture if sighted else None,
        failed_at=datetime.now(UTC),
    )


def _which(row: OutboxRow) -> str:
    if isinstance(row, SightingRow):
        return f"track {row.track_id}{f', part {row.part}' if row.part else ''}"
    if isinstance(row, DeadLetterRow):
        return f"dead letter {row.task_id}"
    return f"status {row.status}"
