"""FINAL_WRITE: rows go into the durable outbox, from where a thread of this process brings them into Postgres; another
posts the alerts that this raises.

A task is done when its row is in the outbox. So a database that is away keeps nobody waiting, until the outbox has
grown to its limit. One process does it, so rows never race.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder
from dashcam_pipeline.engine.shared import MANAGER_GONE
from dashcam_pipeline.engine.task import Batch, Outcome
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.stages.context import CHECKPOINTS, StageContext
from dashcam_pipeline.stages.journeys import Journeys
from dashcam_pipeline.stages.waiting import ALIVE_EVERY_S, wait, when_disk_allows
from dashcam_pipeline.storage.retention.plate_hash import shown
from dashcam_pipeline.storage.row_json import OutboxRow
from dashcam_pipeline.storage.rows import SightingRow, VideoRow, VideoStatus
from dashcam_pipeline.storage.watching.alerts import Alert, AlertState, Watching
from dashcam_pipeline.storage.watching.notifier import Notifier
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.outbox import FILE_NAME, Outbox

MB = 10**6
LAST_POST_S = 2.0
"""A post that is under way when the process leaves may take so long: the webhook gets its alert again otherwise."""
OVER = frozenset({VideoStatus.DONE, VideoStatus.PARTIAL, VideoStatus.FAILED})
"""Nothing will go on with a video in such a state; one that was stopped needs its checkpoint."""


class FinalWrite:
    """The processor of FINAL_WRITE. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._board = context.tools.shared.board
        self._limit_bytes = context.settings.storage.outbox_mb * MB
        self._checkpoints = CheckpointFolder(context.job.work_dir / CHECKPOINTS, context.job.run_id)
        self._journeys = Journeys(context.job.work_dir)
        path = context.job.work_dir / FILE_NAME
        forget = self._checkpoints.remove_all  # before them lie rows that may be lost
        self._outbox = when_disk_allows(context, (), lambda: Outbox(path, on_damage=forget))
        if self._outbox.set_aside is not None:
            raise DiskUnavailable(
                f"the outbox of this run was damaged, what is left of it is {self._outbox.set_aside}. What to do: run "
                "the same command again, it reads again what may be lost; and look after that disk."
            )
        settings = context.settings.alerts
        self._notifier = self._notifier_for(context) if settings.webhook is not None else None
        self._delivery = Delivery(
            path,
            context.job.database_url,
            watching=Watching(context.job.work_dir, AlertState(settings.first_state)),
            on_alerts=self._alert,
            on_state=self._show,
        )
        self._delivery.start()

    def process(self, batch: Batch, /) -> Outcome:
        rows: list[SightingRow | VideoRow] = [task.load().row for task in batch.tasks]
        self._wait_for_room(batch)
        self._keep(batch, rows)
        self._delivery.wake()
        for row in rows:
            if isinstance(row, VideoRow):
                self._video_is(row)
            elif row.final_plate is not None:
                confidence = f"{row.plate_confidence:.2f}" if row.plate_confidence is not None else "?"
                self._board.highlight(
                    f"{shown(row.final_plate)}  {confidence}  {row.vehicle_class}  at {row.first_s:.1f} s"
                )
        return Outcome()

    def close(self) -> None:
        """The process leaves. What is still in the outbox is brought in by who comes after it."""
        self._delivery.stop()
        if self._notifier is not None:
            self._notifier.stop(LAST_POST_S)
        self._outbox.close()

    def _keep(self, batch: Batch, rows: Sequence[OutboxRow]) -> None:
        when_disk_allows(self._context, batch.task_ids, lambda: self._outbox.add(rows))

    def _wait_for_room(self, batch: Batch) -> None:
        """Wait for as long as the outbox is past its limit; behind us the run fills up, and the readers wait."""
        waited = False
        while self._outbox.size_bytes > self._limit_bytes:
            waited = True
            self._board.service("outbox", "full (storage.outbox_mb): the run waits for the database")
            wait(self._context, batch.task_ids, ALIVE_EVERY_S)
        if waited:
            self._board.service("outbox", "ok")

    def _video_is(self, row: VideoRow) -> None:
        if row.status is not VideoStatus.RUNNING:
            self._board.source_over(row.video_id)
        if row.status in OVER:
            with suppress(OSError):  # one that stays serves nobody, and the next run removes it
                self._checkpoints.remove(row.video_id)
            self._journeys.remove(row.video_id)

    def _notifier_for(self, context: StageContext) -> Notifier:
        notifier = Notifier(
            context.job.database_url,
            context.settings.alerts,
            owner=context.job.run_id,
            work_dir=context.job.work_dir,
            on_state=self._show_webhook,
        )
        notifier.start()
        return notifier

    def _alert(self, raised: Sequence[Alert]) -> None:
        """Called by the delivery's thread; so is `_show`."""
        if self._notifier is not None:
            self._notifier.wake()
        with suppress(*MANAGER_GONE):
            for alert in raised:
                self._board.alert(alert.line)

    def _show_webhook(self, state: str) -> None:
        """Called by the notifier's thread, which may outlive the board."""
        with suppress(*MANAGER_GONE):
            self._board.service("webhook", state)

    def _show(self, state: str) -> None:
        """Called by the delivery's thread, which may outlive the board."""
        with suppress(*MANAGER_GONE):
            self._board.service("database", state)
