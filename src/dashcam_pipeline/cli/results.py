"""`dashcam runs`: the runs, and the videos of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import psycopg
import typer
from rich.markup import escape
from rich.table import Table

from dashcam_pipeline.cli.alerts_table import closing_lines
from dashcam_pipeline.cli.dead_letters import show_dead_letters
from dashcam_pipeline.cli.json_text import json_text
from dashcam_pipeline.cli.options import AsJson, Db, WorkDir
from dashcam_pipeline.cli.reasons import reasons_table
from dashcam_pipeline.cli.tables import print_table
from dashcam_pipeline.cli.trips import trip_lines
from dashcam_pipeline.storage.location import Location, resolve_location
from dashcam_pipeline.storage.postgres.connection import Connection, connect, unavailable
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.proof.evidence_budget import FOLDER as EVIDENCE
from dashcam_pipeline.storage.proof.evidence_place import EvidencePlace
from dashcam_pipeline.storage.results import reading
from dashcam_pipeline.storage.results.reading import LATEST, RunSummary, VideoSummary
from dashcam_pipeline.storage.resuming import CHANGED
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.watching.alerts import alerts_of_run

runs = typer.Typer()


@runs.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context, as_json: AsJson = False, db: Db = None, work_dir: WorkDir = None
) -> None:
    """List the runs, the latest first; `dashcam runs show` has the videos of one.

    Example: dashcam runs --db postgresql://me@localhost/traffic
    """
    if context.invoked_subcommand is not None:
        if as_json or db is not None or work_dir is not None:
            raise typer.BadParameter("--json, --db and --work-dir go behind the subcommand")
        return
    location = resolve_location(db, work_dir)
    with open_results(location) as connection:
        found = reading.list_runs(connection)
    if as_json:
        print(json_text([asdict(run) for run in found]))
        return
    if not found:
        print("no run has been recorded yet")
        return
    print_table(_runs_table(found))


@runs.command("show")
def show_run(
    run: Annotated[
        str, typer.Argument(metavar="ID", help="A run's id or its beginning, or `latest`.")
    ] = LATEST,
    tracebacks: Annotated[
        bool, typer.Option("--tracebacks", help="Print the whole text of every dead letter.")
    ] = False,
    as_json: AsJson = False,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """List the videos of a run with their state, why they are not done, the plates found, and what was given up.

    Example: dashcam runs show latest
    """
    location = resolve_location(db, work_dir)
    with open_results(location) as connection:
        found = reading.find_run(connection, run)
        videos = reading.list_videos(connection, found.run_id)
        dead = reading.list_dead_letters(connection, found.run_id)
        alerts = alerts_of_run(connection, found.run_id)
        warn_of_replaced(connection, found)
    if as_json:
        shown = {
            "run": asdict(found),
            "videos": [asdict(video) for video in videos],
            "dead_letters": [asdict(letter) for letter in dead],
        }
        print(json_text(shown))
        return
    print(
        f"run {found.run_id}: {found.status}, began {_time(found.started_at)}, ended {_time(found.finished_at)}"
    )
    if found.error:
        print(f"error: {found.error}")
    print_table(_videos_table(videos))
    for line in trip_lines(videos):
        print(line)
    why = reasons_table(videos)
    if why is not None:
        print_table(why)
        print("`dashcam export` lists the vehicles, `dashcam explain ID` has every look at one")
    for alert_line in closing_lines(alerts):
        print(alert_line.plain)
    if dead:
        show_dead_letters(dead, {video.video_id: video.filename for video in videos}, tracebacks)
    if found.work_dir:
        place = EvidencePlace(found.work_dir, found.host, location.work_dir)
        print(f"evidence pictures: {place.find(EVIDENCE)}")
    for line in _ways_on(found, videos):
        print(line)


@contextmanager
def open_results(location: Location) -> Iterator[Connection]:
    """The database at a location, for reading.

    Raises:
        DatabaseUnavailable: there is none, or it went away meanwhile.
    """
    with Database.attach(location) as database, connected(database) as connection:
        yield connection


@contextmanager
def connected(database: Database) -> Iterator[Connection]:
    """A connection to a database that is there.

    Raises:
        DatabaseUnavailable: it went away meanwhile.
    """
    try:
        with connect(database.url) as connection:
            yield connection
    except psycopg.Error as error:
        raise unavailable(database.url, error) from error


def warn_of_replaced(connection: Connection, run: RunSummary) -> None:
    """Say on stderr which sightings of a run stand under another one now."""
    count = reading.count_replaced(connection, run.run_id)
    if count:
        print(
            f"{count} of the videos of run {run.run_id} were read by another run too: "
            "sightings that it wrote later are listed there",
            file=sys.stderr,
        )


def _runs_table(found: list[RunSummary]) -> Table:
    table = Table("run", "state", "began", "took", "videos", "done", "frames", "vehicles", "plates", "error")
    table.box = None
    for run in found:
        numbers = (run.videos, run.done, run.frames_decoded, run.vehicles, run.plates)
        table.add_row(
            run.run_id,
            run.status,
            _time(run.started_at),
            _duration(run),
            *(str(number) for number in numbers),
            escape(run.error or ""),
        )
    return table


def _videos_table(videos: list[VideoSummary]) -> Table:
    table = Table(
        "video", "state", "frames", "vehicles", "plates", "plates found", "without a plate", "reason"
    )
    table.box = None
    for video in videos:
        reasons = sorted((video.reasons or {}).items())
        table.add_row(
            escape(video.filename),
            video.status,
            str(video.frames_decoded),
            str(video.vehicles),
            str(video.plates),
            escape(" ".join(video.claimed)),
            ", ".join(f"{name} {count}" for name, count in reasons if count),
            escape(video.reason or ""),
        )
    return table


def _ways_on(run: RunSummary, videos: list[VideoSummary]) -> list[str]:
    """What can be done about videos that are not done."""
    stopped = sum(video.status == VideoStatus.STOPPED and video.reason != CHANGED for video in videos)
    wrong = sum(video.status == VideoStatus.FAILED or video.dead_letters > 0 for video in videos)
    lines = []
    if stopped:
        what, them = ("1 video is", "it") if stopped == 1 else (f"{stopped} videos are", "them")
        lines.append(f"{what} unfinished: the same `dashcam run` again continues {them}")
    if wrong:
        what, them = ("1 video", "it") if wrong == 1 else (f"{wrong} videos", "them")
        lines.append(f"{what} went wrong: `dashcam retry {run.run_id}` reads {them} again")
    return lines


def _time(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


def _duration(run: RunSummary) -> str:
    return str(run.finished_at - run.started_at).split(".")[0] if run.finished_at else "-"
