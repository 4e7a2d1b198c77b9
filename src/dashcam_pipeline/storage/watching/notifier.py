"""The notifier: a thread that posts alerts to the webhook, from the table, and keeps nobody waiting.

All it knows stands in the table, so what a killed one had under way is posted by the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from dashcam_pipeline.config.alerts import AlertSettings
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.storage.postgres.connection import Connection, connect, one_line
from dashcam_pipeline.storage.watching import alerts
from dashcam_pipeline.storage.watching.alerts import Alert, Outlook
from dashcam_pipeline.storage.watching.webhook import Answer, post, token_of_environment

LOOK_AGAIN_S = 10.0  # how often the table is looked at without a word from anybody
DATABASE_AWAY_PAUSE_S = 2.0
LEASE_S = 60.0  # beside the time that a post may take: then another may try

log = logging.getLogger(__name__)


class Notifier:
    """Posts what is pending, one at a time, with growing pauses after failures.

    Args:
        url: see `Database.url`; the connection is its own.
        settings: with a webhook.
        owner: the run. Of one there is one notifier at a time: what an earlier one was posting when it was killed is
            posted again.
        work_dir: where pictures are looked for that are not in the work dir of their run any more.
        on_state: told its state in a few words whenever that may have changed.

    Raises:
        ConfigError: the token can't stand in a header.
    """

    def __init__(
        self,
        url: str,
        settings: AlertSettings,
        *,
        owner: str,
        work_dir: Path | None = None,
        on_state: Callable[[str], None] = lambda state: None,
    ) -> None:
        assert settings.webhook is not None
        self._url = url
        self._webhook = settings.webhook
        self._settings = settings
        self._owner = owner
        self._thread: threading.Thread | None = None
        self._released = False
        self._token = token_of_environment()
        self._work_dir = work_dir
        self._on_state = on_state
        self._stopped = threading.Event()
        self._news = threading.Event()
        self._looked = threading.Condition()
        self._outlook: Outlook | None = None  # as it was found after the last look
        self.delivered = 0
        """Alerts posted so far."""
        self.problem: str | None = None
        """What the last attempt met, in one line. None when all is well."""

    @property
    def state(self) -> str:
        """All that in a few words, for who watches."""
        if self.problem is None:
            return f"ok, {self.delivered} posted"
        wait = "1 alert waits" if self._pending == 1 else f"{self._pending} alerts wait"
        return f"away: {self.problem}; {wait}"

    def start(self) -> None:
        """Post from now on, in a thread that ends with the process."""
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """An alert was raised."""
        self._news.set()

    def stop(self, patience_s: float = 0.0) -> None:
        """End the thread at its next turn, and wait for it so long at most."""
        self._stopped.set()
        self._news.set()
        if patience_s and self._thread is not None:
            self._thread.join(patience_s)

    def post_rest(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> int:
        """Post what is pending, in a thread that a hanging webhook may keep; stops it then.

        Returns:
            Alerts that are still pending after `patience_s`, or when no other is due within it.
        """
        give_up_at = clock() + patience_s
        self.start()
        try:
            with self._looked:
                while (left_s := give_up_at - clock()) > 0 and self._comes(left_s):
                    self._looked.wait(left_s)
        finally:
            self.stop()
        return self._pending

    def post_all(self) -> int:
        """Post until everything is delivered or given up; not what the webhook itself put off for longer."""
        self.start()
        try:
            with self._looked:
                while self._comes(self._settings.longest_pause_s + self._settings.timeout_s + LEASE_S):
                    self._looked.wait()
        finally:
            self.stop()
        return self._pending

    @property
    def _pending(self) -> int:
        return self._outlook.pending if self._outlook is not None else 0

    def _comes(self, within_s: float) -> bool:
        """Whether an alert is due so soon, as far as is known."""
        now = self._outlook
        return now is None or (now.due_in_s is not None and now.due_in_s <= within_s)

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._news.clear()
            try:
                wait_s = self._work_off()
            except (DashcamError, psycopg.Error) as error:
                log.info("alerts wait for the database: %s", one_line(error))
                wait_s = DATABASE_AWAY_PAUSE_S
            except Exception:  # the alerts are safe where they are; a thread that ends would be forgotten
                log.exception("the notifier goes on after an error")
                wait_s = LOOK_AGAIN_S
            self._news.wait(wait_s)

    def _work_off(self) -> float:
        """Post what is due; the seconds until there may be more."""
        with connect(self._url, autocommit=True) as connection:
            if not self._released:
                alerts.release(connection, self._owner)
                self._released = True
            while not self._stopped.is_set():
                alert = alerts.claim(connection, self._owner, self._settings.timeout_s + LEASE_S)
                if alert is None:
                    break
                self._post(connection, alert)
                self._look(connection)
            found = self._look(connection)
        due_s = LOOK_AGAIN_S if found.due_in_s is None else found.due_in_s
        return min(max(due_s, 0.0), LOOK_AGAIN_S)

    def _look(self, connection: Connection) -> Outlook:
        found = alerts.outlook(connection)
        with self._looked:
            self._outlook = found
            self._looked.notify_all()
        if self.problem is not None or self.delivered:
            self._on_state(self.state)
        return found

    def _post(self, connection: Connection, alert: Alert) -> None:
        answer = post(
            self._webhook,
            alert.payload(self._work_dir),
            alert_id=alert.id,
            token=self._token,
            timeout_s=self._settings.timeout_s,
        )
        before, self.problem = self.problem, answer.error
        if answer.error is None:
            self.delivered += 1
            alerts.note_delivered(connection, alert.id)
            return
        pause_s = self._pause_s(answer, alert.attempts)
        level = logging.WARNING if before is None else logging.INFO  # the first of a row of failures
        log.log(level, "the webhook did not take the alert %s: %s", alert.line, answer.error)
        alerts.note_failure(connection, alert.id, answer.error, pause_s)

    def _pause_s(self, answer: Answer, attempts: int) -> float | None:
        """Until the next attempt; None: it is given up."""
        if not answer.another_try or attempts >= self._settings.attempts:
            return None
        grown_s = self._settings.first_pause_s * 2.0 ** min(attempts - 1, 60)
        return max(min(grown_s, self._settings.longest_pause_s), answer.pause_s or 0.0)
