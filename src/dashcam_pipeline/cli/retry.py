"""`dashcam retry`: reads again what went wrong in a run, under the same run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from dashcam_pipeline.batch.fingerprints import Fingerprints
from dashcam_pipeline.batch.inputs import Inputs, job_for, path_id
from dashcam_pipeline.batch.records import RunRecords
from dashcam_pipeline.batch.resume import Wish, plan_retry, to_retry
from dashcam_pipeline.batch.run import BatchRun
from dashcam_pipeline.cli.options import Db, LogJson, NoHud, WorkDir
from dashcam_pipeline.cli.run import carry_out, say_line, stopped_by_signals
from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import load
from dashcam_pipeline.errors import EXIT_OK, EXIT_SOME_FAILED, BadInput
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.results.reading import LATEST, find_run
from dashcam_pipeline.storage.resuming import Reading
from dashcam_pipeline.storage.rows import RunRow


def retry(
    run: Annotated[
        str, typer.Argument(metavar="ID", help="A run's id or its beginning, or `latest`.")
    ] = LATEST,
    db: Db = None,
    work_dir: WorkDir = None,
    no_hud: NoHud = False,
    log_json: LogJson = False,
) -> None:
    """Read videos of a run again that failed or have dead letters, from their start, with the run's own settings.

    Their sightings and dead letters are replaced. Videos of the run that were cut short are read to their end; so a
    retry that was interrupted goes on. `dashcam run --retry-failed` does the same on the way of a run.

    Exit codes: those of `dashcam run`; 1 also when a file is no longer there.

    Example: dashcam retry latest
    """
    with stopped_by_signals():
        location = resolve_location(db, work_dir)
        with Database.attach(location) as database:
            records = RunRecords(database, location.work_dir)
            with connect(database.url) as connection:
                run_id = find_run(connection, run).run_id
            row = records.run(run_id)
            assert row is not None
            job = BatchRun(_settings_of(row, location.work_dir), location.work_dir, location.dsn)
            job.check_host()
            with job.work_dir:
                database.migrate()
                job.catch_up(database, Wish(), say_line)
                _must_agree(row, job.fingerprints)
                of_run = records.of_run(run_id)
                wrong = to_retry(of_run)
                found = [video for reading in wrong if (video := _file_of(reading))]
                if not found:
                    print(f"run {run_id}: nothing to read again")
                    raise typer.Exit(EXIT_SOME_FAILED if wrong else EXIT_OK)
                prepared = job.prepared(plan_retry(run_id, of_run, found), Inputs(tuple(found), ()))
                _, code = carry_out(Console(stderr=True), job, prepared, database, no_hud, log_json)
    raise typer.Exit(code or (EXIT_SOME_FAILED if len(found) < len(wrong) else EXIT_OK))


def _settings_of(run: RunRow, work_dir: Path) -> Settings:
    """The settings that the run was made with. Raises BadInput when it can't be gone on with here."""
    if run.work_dir != str(work_dir):
        raise BadInput(
            f"run {run.run_id} used the work dir {run.work_dir}, where its pictures are: --work-dir {run.work_dir}"
        )
    try:
        settings = Settings.model_validate(run.config or {})
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise BadInput(
            f"run {run.run_id} was made by version {run.version} with settings that this one does not know "
            f"({keys}): `dashcam run --retry-failed` reads with the settings of now"
        ) from error
    # The address of a webhook is not recorded.
    return settings.model_copy(update={"alerts": load().settings.alerts})


def _must_agree(run: RunRow, now: Fingerprints) -> None:
    if (run.config_fingerprint, run.model_fingerprint) != (now.config, now.models):
        raise BadInput(
            f"the models or the meaning of settings have changed since run {run.run_id}: "
            "`dashcam run --resume --retry-failed` reads what failed as it would be read now"
        )


def _file_of(reading: Reading) -> VideoJob | None:
    """The file of a video as it is now; None, and a line, when it is gone or has another content."""
    path = Path(reading.path)
    if not path.exists():
        print(f"{reading.path}: is no longer there", file=sys.stderr)
        return None
    video = job_for(path)
    if video.video_id != reading.video_id and reading.video_id != path_id(path):
        print(f"{reading.path}: has changed; `dashcam run` reads it as another video", file=sys.stderr)
        return None
    return video
