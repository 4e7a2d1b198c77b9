"""`dashcam db`: the database itself, for psql and other programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Annotated

import typer

from dashcam_pipeline.batch import leftovers
from dashcam_pipeline.batch.catching_up import catch_up
from dashcam_pipeline.batch.resume import Wish
from dashcam_pipeline.cli.options import Db, WorkDir
from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.postgres.binaries import psql_path
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.dsn import parse_dsn, without_secrets
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.work_dir import WorkDir as LockedWorkDir

app = typer.Typer(help="The database: its address, its tables, psql.", no_args_is_help=True)


@app.command("url")
def url(db: Db = None, work_dir: WorkDir = None) -> None:
    """Print an address that psql and other programs take as it is.

    The embedded database is started for it and left running: `dashcam db stop` ends it. A password
    in --db is printed with it.

    Example: psql "$(dashcam db url)" -c 'select final_plate, video_filename from vehicles'
    """
    database = Database.attach(resolve_location(db, work_dir))
    print(database.url)
    if database.embedded:
        print("the embedded database is left running: `dashcam db stop` ends it", file=sys.stderr)
    database.release()


@app.command("init")
def init(db: Db = None, work_dir: WorkDir = None) -> None:
    """Create the tables, or bring them up to date. A run does that by itself.

    Example: dashcam db init --db postgresql://me@localhost/traffic
    """
    location = resolve_location(db, work_dir)
    with Database.open(location.dsn, location.work_dir) as database:
        database.migrate()
        print(f"the tables are ready in {location.shown}")


@app.command("deliver")
def deliver(db: Db = None, work_dir: WorkDir = None) -> None:
    """Bring in the rows that wait in a work dir because the database was away when their run ended.

    The next run there does it by itself, before anything else.

    Example: dashcam db deliver --work-dir ~/dashcam
    """
    location = resolve_location(db, work_dir)
    waiting = leftovers.rows_waiting(location.work_dir)
    if not waiting:
        print(f"no rows wait in {location.work_dir}")
        return
    with (
        LockedWorkDir(location.work_dir),
        Database.open(location.dsn, location.work_dir) as database,
    ):
        database.migrate()
        catch_up(location.work_dir, database, Wish(), lambda line: print(line, file=sys.stderr))
        print(f"{waiting} rows were brought into {location.shown}")


@app.command("psql", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context, db: Db = None, work_dir: WorkDir = None) -> None:
    """Open psql on the results; everything else on the line is handed to psql.

    Example: dashcam db psql -c 'select * from vehicles where final_plate is not null'
    """
    location = resolve_location(db, work_dir)
    with Database.attach(location) as database:
        environment = dict(os.environ)
        password = parse_dsn(database.url).get("password")
        if password:  # on the command line every user of the host could read it
            environment["PGPASSWORD"] = password
        # Ctrl+C is psql's to handle: it ends a query, not the session.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            command = [str(psql_path()), "--dbname", without_secrets(database.url), *context.args]
            code = subprocess.run(command, env=environment).returncode
        finally:
            signal.signal(signal.SIGINT, before)
    raise typer.Exit(code)


@app.command("stop")
def stop(
    work_dir: WorkDir = None,
    force: Annotated[bool, typer.Option("--force", help="Stop it even if another process uses it.")] = False,
) -> None:
    """Stop an embedded database that was left running by `dashcam db url` or a killed run.

    Example: dashcam db stop --work-dir ~/dashcam
    """
    folder = resolve_location(None, work_dir).work_dir
    server = EmbeddedServer(folder)
    if server.pid is None:
        print(f"no embedded database is running in {folder}")
    elif server.stop_if_unused(force=force):
        print(f"stopped the embedded database in {folder}")
    else:
        raise DatabaseUnavailable(
            f"the embedded database in {folder} is in use by another process, a run perhaps. "
            "What to do: let that end, or stop it all the same with --force."
        )
