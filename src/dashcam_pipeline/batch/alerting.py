"""Alerts at the end of a run: those that the webhook has not got yet are waited for, for a while."""

from __future__ import annotations

from pathlib import Path

import psycopg

from dashcam_pipeline.batch.leftovers import Say
from dashcam_pipeline.config import AlertSettings
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.storage.postgres.connection import connect, one_line
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.watching.alerts import outlook


def post_alerts(database: Database, work_dir: Path, settings: AlertSettings, run_id: str, say: Say) -> None:
    """Post what is pending; what the webhook does not take in time is left to the next run. Ctrl+C ends the waiting."""
    if settings.webhook is None:
        return
    try:
        with connect(database.url) as connection:
            pending = outlook(connection).pending
        if pending:
            from dashcam_pipeline.storage.watching.notifier import (
                Notifier,
            )  # brings the network; most runs have no webhook

            say(
                f"{_counted(pending)} still to be posted to the webhook: for {settings.patience_s:g} s at most"
            )
            notifier = Notifier(database.url, settings, owner=run_id, work_dir=work_dir)
            notifier.post_rest(settings.patience_s)
    except KeyboardInterrupt:
        return
    except (DashcamError, psycopg.Error) as error:  # the results are complete without
        say(f"alerts are left for the next run: {one_line(error)}")


def _counted(alerts: int) -> str:
    return "1 alert is" if alerts == 1 else f"{alerts} alerts are"
