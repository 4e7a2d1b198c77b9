"""`dashcam run`: the options of the batch job, what it says on the way, and its exit code."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from dashcam_pipeline.batch import BatchRun, Inputs, Report, identify
from dashcam_pipeline.cli.closing import print_closing
from dashcam_pipeline.cli.logs import log_to
from dashcam_pipeline.configuration import load
from dashcam_pipeline.engine.hud import Hud
from dashcam_pipeline.engine.plain import PlainLines
from dashcam_pipeline.errors import EXIT_OK, EXIT_SOME_FAILED, EXIT_STOPPED
from dashcam_pipeline.sources.discover import Discovery, discover
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.storage.database import Database
from dashcam_pipeline.storage.last_used import remember
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.rows import RunStatus

NAMED_SKIPPED = 20  # skipped files that are named one by one


def run(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Videos, or folders that hold videos.")
    ],
    config: Annotated[
        str | None, typer.Option("--config", metavar="FILE", help="A YAML file, or the name of a preset.")
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(
            "--db", metavar="DSN", help="Postgres to write to, else DASHCAM_DSN, else one of our own."
        ),
    ] = None,
    work_dir: Annotated[
        Path | None,
        typer.Option(
            "--work-dir",
            metavar="DIR",
            help="Folder for the embedded database, waiting frames, evidence and logs, else DASHCAM_WORK_DIR.",
        ),
    ] = None,
    gpu_workers: Annotated[
        int | None, typer.Option("--gpu-workers", metavar="N", min=1, help="Processes that run models.")
    ] = None,
    cpu_workers: Annotated[
        int | None, typer.Option("--cpu-workers", metavar="N", min=1, help="Processes that track and vote.")
    ] = None,
    readers: Annotated[
        int | None, typer.Option("--readers", metavar="N", min=1, help="Videos decoded at the same time.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="DEVICE", help="auto, cpu, or cuda:0,1 and so on.")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            "--stride", metavar="N", min=1, help="Look at every N-th frame, not at a rate a second."
        ),
    ] = None,
    no_hud: Annotated[bool, typer.Option("--no-hud", help="Plain lines instead of the live screen.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON, a line a record.")] = False,
) -> None:
    """Find the vehicles and plates in videos and write them into Postgres.

    Ctrl+C stops: what is under way is finished first. A second Ctrl+C stops at once.

    Exit codes: 0 all videos done, 1 some failed or are damaged, 2 bad arguments or config, 3 the database, the
    weights or the disk can't be used, 130 stopped by the user.

    Example: dashcam run /media/dashcam --work-dir ~/sightings
    """
    with _stopped_by_signals():
        loaded = load(
            config,
            {
                "run.gpu_workers": gpu_workers,
                "run.cpu_workers": cpu_workers,
                "run.readers": readers,
                "run.device": device,
                "sampling.stride": stride,
            },
        )
        settings = loaded.settings
        location = resolve_location(db, work_dir, configured_dsn=settings.storage.dsn, use_last_run=False)
        console = Console(stderr=True)
        found = discover(paths)
        job = BatchRun(settings, location.work_dir, location.dsn)
        job.check_host()
        with job.work_dir:
            log_to(console, location.work_dir / "logs" / f"{job.run_id}.log", log_json)
            with Database.open(location.dsn, location.work_dir) as database:
                database.migrate()
                remember(location.work_dir, location.dsn)
                inputs = _identify(console, found)
                _say_skipped(console, inputs)
                view = _view(console, f"dashcam run {job.run_id}", no_hud, log_json)
                with view:
                    report = job.run(inputs, database, view.show, logging.INFO)
                print_closing(report, database, location.work_dir)
    raise typer.Exit(_exit_code(report))


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Outside the run itself, SIGTERM and a closed terminal end the command as Ctrl+C does: with clean-up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    old = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_STOPPED) from None
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _view(console: Console, title: str, no_hud: bool, log_json: bool) -> Hud | PlainLines:
    """How the run is shown while it lasts."""
    if log_json:
        return PlainLines(logging.getLogger("dashcam_pipeline.progress").info)
    if no_hud or not console.is_terminal:
        return PlainLines(_say)
    return Hud(console, title)


def _say(line: str) -> None:
    with suppress(OSError):  # nobody listens any more; the run goes on
        print(line, file=sys.stderr, flush=True)


def _identify(console: Console, found: Discovery) -> Inputs:
    """Name every video by its content, which takes a while for thousands of them."""
    with console.status("looking at the files") as status:
        return identify(
            found,
            lambda number, path: status.update(
                f"looking at the files: {number} of {len(found.videos)}, {escape(shown(path))}"
            ),
        )


def _say_skipped(console: Console, inputs: Inputs) -> None:
    for row in inputs.skipped[:NAMED_SKIPPED]:
        console.print(f"skipped {row.path}: {row.reason}", highlight=False, markup=False, soft_wrap=True)
    if len(inputs.skipped) > NAMED_SKIPPED:
        rest = len(inputs.skipped) - NAMED_SKIPPED
        console.print(f"skipped {rest} more; `dashcam runs show` lists them all", highlight=False)


def _exit_code(report: Report) -> int:
    if report.run.status is RunStatus.STOPPED:
        return EXIT_STOPPED
    return EXIT_OK if report.run.status is RunStatus.DONE else EXIT_SOME_FAILED
