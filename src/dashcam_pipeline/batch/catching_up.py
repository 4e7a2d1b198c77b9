"""What is done before anything else in a work dir: bringing in and writing down what earlier runs no longer could."""

from __future__ import annotations

from pathlib import Path

from dashcam_pipeline.batch import leftovers
from dashcam_pipeline.batch.current_run import CurrentRun, forget_run, recall_run
from dashcam_pipeline.batch.records import RunRecords
from dashcam_pipeline.batch.resume import Wish
from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder
from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.stages.context import CHECKPOINTS
from dashcam_pipeline.stages.journeys import Journeys
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.retention.purged_pictures import sweep
from dashcam_pipeline.storage.rows import RunStatus
from dashcam_pipeline.storage.watching.alerts import Watching
from dashcam_pipeline.storage.writing.writer import GIVE_UP_AFTER_S


def catch_up(
    work_dir: Path, database: Database, wish: Wish, say: leftovers.Say, watching: Watching | None = None
) -> None:
    """Deliver what waits in the outbox, and say how runs ended that died before they could.

    Only while the work dir is held.

    Args:
        watching: see `leftovers.deliver`.

    Raises:
        BadInput: what was cut short here was written into another database.
        DatabaseUnavailable: the rows don't go in.
        DiskUnavailable: the outbox can't be read or written.
    """
    leftovers.mend(work_dir, lambda: _forget_checkpoints(work_dir), say)
    records, current = RunRecords(database, work_dir), recall_run(work_dir)
    if current is not None and records.run(current.run_id) is None:
        _check_database(current, database, wish, leftovers.rows_waiting(work_dir))
    left = leftovers.deliver(work_dir, database, GIVE_UP_AFTER_S, say, watching)
    if left:
        raise leftovers.still_waiting(left, work_dir)
    records.end_dead_runs()
    with connect(database.url, autocommit=True) as connection:
        sweep(connection, [work_dir])  # what an interrupted `dashcam purge` has left
    row = records.run(current.run_id) if current else None
    if row is not None and row.status in (RunStatus.DONE, RunStatus.PARTIAL):
        close_books(work_dir, row.run_id)


def close_books(work_dir: Path, run_id: str) -> None:
    """A run has come to all its videos: what it would have gone on from is removed."""
    CheckpointFolder(work_dir / CHECKPOINTS, run_id).remove_all()
    Journeys(work_dir).remove_all()
    current = recall_run(work_dir)
    if current is not None and current.run_id == run_id:
        forget_run(work_dir)


def _forget_checkpoints(work_dir: Path) -> None:
    root = work_dir / CHECKPOINTS
    for path in root.iterdir() if root.exists() else ():
        CheckpointFolder(root, path.name).remove_all()


def database_name(database: Database) -> str:
    """What `current_run.json` calls a database."""
    return "the embedded database" if database.embedded else database.safe_url


def _check_database(current: CurrentRun, database: Database, wish: Wish, waiting: int) -> None:
    """Raise BadInput when what was cut short here lies in another database than this."""
    name = database_name(database)
    if current.database == name:
        return  # somebody has emptied it
    if waiting or not wish.restart:
        cure = "" if waiting else "; or --restart reads everything anew into this one"
        rows = f", and {waiting} rows wait for it" if waiting else ""
        raise BadInput(
            f"run {current.run_id}, which was cut short in this work dir, wrote into {current.database}{rows}, not "
            f"into {name}: name that one to continue it (--db, or none for the embedded one){cure}; or take another "
            "--work-dir"
        )
