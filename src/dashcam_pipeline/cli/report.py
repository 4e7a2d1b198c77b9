"""`dashcam report`: what a run has found, as a folder of pages to look at, to print and to hand on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dashcam_pipeline.cli.options import Db, RunId, VideoName, WorkDir
from dashcam_pipeline.cli.results import open_results, warn_of_replaced
from dashcam_pipeline.report.folder import check
from dashcam_pipeline.report.writing import Say, write_report
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.results import reading
from dashcam_pipeline.storage.results.reading import LATEST
from dashcam_pipeline.user_paths import expanded

LINE_EVERY = 500  # sightings, where there is no terminal


def report(
    run: RunId = LATEST,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the report, else `report-<run>` in this folder."
        ),
    ] = None,
    video: VideoName = None,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Write a run's sightings as pages with their pictures, for a browser without network, and for print.

    Open its index.html. An earlier report in the folder is replaced; a folder with anything else is refused.

    Example: dashcam report --run latest -o report
    """
    if output is not None:
        check(expanded(output).resolve())
    location = resolve_location(db, work_dir)
    with open_results(location) as connection:
        found = reading.find_run(connection, run)
        target = output or Path(f"report-{found.run_id}")
        only = reading.find_videos(connection, found.run_id, video) if video is not None else None
        warn_of_replaced(connection, found)
        with _progress() as say:
            written = write_report(connection, found, target, only, location.work_dir, say)
    if written.missing_pictures:
        print(
            f"{written.missing_pictures} pictures are not there any more: the report has placeholders for them; "
            "--work-dir names the folder that they were moved to",
            file=sys.stderr,
        )
    print(f"{written.sightings} sightings, {written.plates} with a plate: {written.index}")


@contextmanager
def _progress() -> Iterator[Say]:
    """A bar on a terminal, a line now and then elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _say_line
        return
    columns = (TextColumn("pages and pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _say_line(done: int, total: int) -> None:
    if done % LINE_EVERY == 0 and done < total:
        print(f"{done} of {total} sightings written", file=sys.stderr)
