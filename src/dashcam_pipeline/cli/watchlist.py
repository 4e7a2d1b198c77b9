"""`dashcam watchlist`: the plates that are watched for, and the alerts of those that were seen."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashcam_pipeline.cli.alerts_table import alerts_json, alerts_table, delivery_line
from dashcam_pipeline.cli.json_text import json_text
from dashcam_pipeline.cli.options import AsJson, Config, Db, WorkDir
from dashcam_pipeline.cli.results import connected, open_results
from dashcam_pipeline.cli.tables import print_table
from dashcam_pipeline.configuration import load
from dashcam_pipeline.errors import EXIT_OK, EXIT_SOME_FAILED, BadInput
from dashcam_pipeline.storage.location import Location, resolve_location
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.results.reading import find_run
from dashcam_pipeline.storage.retention.plate_hash import plate_key
from dashcam_pipeline.storage.watching import alerts, watchlist
from dashcam_pipeline.storage.watching.alerts import AlertState, Watching, alerts_of_run
from dashcam_pipeline.storage.watching.watchlist import Added, list_watched, sound_plate
from dashcam_pipeline.storage.watching.watchlist_file import read_watchlist

app = typer.Typer(help="Plates to watch for, and the alerts they raised.", no_args_is_help=True)

AT_ONCE = 500  # plates
MOST_SEEN = 20  # plates that were seen before, listed after an import

Near = Annotated[
    bool,
    typer.Option(
        "--near", help="Also plates that are nearly it: two lookalikes (0 and O), or one other character."
    ),
]
Past = Annotated[
    bool, typer.Option("--past", help="Also raise the alerts of sightings that are stored already.")
]
OfRun = Annotated[
    str | None,
    typer.Option("--run", metavar="ID", help="Only of this run: its id, its beginning, or `latest`."),
]


@app.command("add")
def add(
    plate: Annotated[str, typer.Argument(metavar="PLATE", help="Spaces, dashes and case don't count.")],
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What alerts say of it.")] = None,
    near: Near = False,
    past: Past = False,
    config: Config = None,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Watch for a plate: a run that sees it raises an alert.

    A plate that is on the list already gets the new note, and is watched for with or without --near as said now.

    Example: dashcam watchlist add "LS15 EBC" --note "stolen 3 May"
    """
    entry = watchlist.wanted(plate, note, near)
    location = resolve_location(db, work_dir)
    watching = _watching(config, location)
    with _open_list(location) as connection:
        (added,) = watchlist.add(connection, [entry])
        print(
            f"{entry.spelling} {'is watched for now' if added.new else 'was on the list already, and is changed'}"
        )
        for line in _seen_lines(connection, [added], watching, past):
            print(line)


@app.command("remove")
def remove(
    plate: Annotated[str, typer.Argument(metavar="PLATE", help="Spaces, dashes and case don't count.")],
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Watch for a plate no longer. The alerts that it has raised stay.

    Example: dashcam watchlist remove LS15EBC
    """
    sound_plate(plate)
    with open_results(resolve_location(db, work_dir)) as connection:
        if not watchlist.remove(connection, plate):
            raise BadInput(f"{plate} is not on the watchlist: `dashcam watchlist list` has what is")
        connection.commit()
    print(f"{plate} is watched for no longer")


@app.command("list")
def list_plates(as_json: AsJson = False, db: Db = None, work_dir: WorkDir = None) -> None:
    """List the plates that are watched for, and how often each was seen.

    Example: dashcam watchlist list
    """
    with open_results(resolve_location(db, work_dir)) as connection:
        found = list_watched(connection)
    if as_json:
        print(json_text([asdict(entry) for entry in found]))
        return
    if not found:
        print("no plate is watched for: `dashcam watchlist add PLATE`")
        return
    table = Table("plate", "note", "near ones too", "since", "alerts", "last alert")
    table.box = None
    for entry in found:
        table.add_row(
            escape(entry.spelling),
            escape(entry.note or ""),
            "yes" if entry.near else "",
            entry.added_at.astimezone().strftime("%Y-%m-%d %H:%M"),
            str(entry.alerts),
            entry.last_alert_at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if entry.last_alert_at else "",
        )
    print_table(table)


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with the header plate,note; or a plate a line.")
    ],
    near: Near = False,
    past: Past = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the other lines where some can't be taken.")
    ] = False,
    config: Config = None,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Watch for the plates of a file. All of them, or none: lines that can't be taken are named.

    A third column `near`, with yes or no, says --near of each plate.

    Exit codes: 2 when nothing was imported, 1 when lines were left out with --skip-bad.

    Example: dashcam watchlist import stolen.csv --near
    """
    read = read_watchlist(file, near=near)
    for bad in read.bad:
        print(bad, file=sys.stderr)
    if read.bad and not skip_bad:
        raise BadInput(
            f"nothing was imported: {_lines(len(read.bad))} to be mended, or left out with --skip-bad"
        )
    if not read.wanted:
        raise BadInput(f"{file} has no plate in it")
    location = resolve_location(db, work_dir)
    watching = _watching(config, location)
    with _open_list(location) as connection:
        added: list[Added] = []
        seen: list[str] = []
        with Console(stderr=True).status("watchlist") as status:
            for begin in range(0, len(read.wanted), AT_ONCE):
                status.update(f"watchlist: {begin} of {len(read.wanted)} plates")
                some = watchlist.add(connection, read.wanted[begin : begin + AT_ONCE])
                seen += _seen_lines(connection, some, watching, past)
                added += some
        new = {entry.plate for entry in added if entry.new}
        changed = {entry.plate for entry in added} - new
        print(f"{_plates(len(new))} watched for now, {len(changed)} on the list already")
        for line in seen[:MOST_SEEN]:
            print(line)
        if len(seen) > MOST_SEEN:
            print(f"… and {len(seen) - MOST_SEEN} more: dashcam search")
    raise typer.Exit(EXIT_SOME_FAILED if read.bad else EXIT_OK)


@app.command("alerts")
def list_alerts(run: OfRun = None, as_json: AsJson = False, db: Db = None, work_dir: WorkDir = None) -> None:
    """List the alerts, the latest last, and whether the webhook has taken them.

    Example: dashcam watchlist alerts --run latest
    """
    location = resolve_location(db, work_dir)
    with open_results(location) as connection:
        run_id = find_run(connection, run).run_id if run is not None else None
        found = alerts_of_run(connection, run_id)
    if as_json:
        print(alerts_json(found, location.work_dir))
        return
    if not found:
        print("no alert" if run_id is None else f"no alert in run {run_id}")
        return
    print_table(alerts_table(found))
    line = delivery_line(found)
    if line is not None:
        print(line)


@app.command("resend")
def resend(
    run: OfRun = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Also alerts that were raised when no webhook was configured.")
    ] = False,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="Where to post, else alerts.webhook.")
    ] = None,
    config: Config = None,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Post the alerts that the webhook has not taken, and wait until it has or they are given up again.

    Exit codes: 1 when alerts are still not delivered.

    Example: dashcam watchlist resend --webhook https://hooks.example.org/dashcam
    """
    settings = load(config, {"alerts.webhook": webhook}).settings.alerts
    if settings.webhook is None:
        raise BadInput("no webhook is configured: give --webhook URL, or alerts.webhook in --config FILE")
    location = resolve_location(db, work_dir)
    with Database.attach(location) as database:
        from dashcam_pipeline.storage.watching.notifier import Notifier  # brings the network

        notifier = Notifier(
            database.url,
            settings,
            owner=f"resend {uuid.uuid4()}",
            work_dir=location.work_dir,
            on_state=lambda state: print(state, file=sys.stderr),
        )
        with connected(database) as connection:
            run_id = find_run(connection, run).run_id if run is not None else None
            ids = set(alerts.send_again(connection, run_id, kept=kept))
            connection.commit()
            if not ids:
                print("no alert is undelivered")
                return
            print(
                f"posting {_alerts(len(ids))} to the webhook; Ctrl+C leaves the rest for later",
                file=sys.stderr,
            )
            with suppress(KeyboardInterrupt):
                notifier.post_all()
            connection.rollback()  # to see what others have written since
            found = [alert for alert in alerts_of_run(connection) if alert.id in ids]
    print_table(alerts_table(found))
    left = [alert for alert in found if alert.state is not AlertState.DELIVERED]
    print(delivery_line(found) or f"{_alerts(len(found))} delivered")
    raise typer.Exit(EXIT_SOME_FAILED if left else EXIT_OK)


@contextmanager
def _open_list(location: Location) -> Iterator[Connection]:
    """The database for writing; made where there is none, since a list may come before the first run."""
    with Database.open(location.dsn, location.work_dir) as database:
        database.migrate()
        with connected(database) as connection:
            yield connection


def _watching(config: str | None, location: Location) -> Watching:
    return Watching(location.work_dir, AlertState(load(config).settings.alerts.first_state))


def _seen_lines(
    connection: Connection, added: Sequence[Added], watching: Watching, past: bool
) -> Iterator[str]:
    """What was seen before of plates that came onto the list, and what that raised."""
    assert watching.work_dir is not None
    found = watchlist.sightings_of(connection, added, plate_key(watching.work_dir, create=False))
    for entry in added:
        if ids := found.get(entry.plate):
            how = " --near" if entry.near else ""
            yield f"{entry.spelling} was seen {_times(len(ids))} before: dashcam search {entry.plate}{how}"
    if past and found:
        count = alerts.raise_for_past(connection, found, set[str]().union(*found.values()), watching)
        wait = ", which the next run posts, or `dashcam watchlist resend`"
        posted = wait if count and watching.state is AlertState.PENDING else ""
        there = "" if count else ": they were raised already"
        yield f"{_alerts(count)} raised of what was seen before{there}{posted}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _plates(count: int) -> str:
    return "1 plate is" if count == 1 else f"{count} plates are"


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count} lines are"


def _alerts(count: int) -> str:
    return "1 alert" if count == 1 else f"{count} alerts"
