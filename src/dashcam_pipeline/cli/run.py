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
from rich.text import Text

from dashcam_pipeline.batch.inputs import Inputs, identify
from dashcam_pipeline.batch.run import BatchRun, Prepared, Report
from dashcam_pipeline.batch.timings import check_path, nothing_read, timings_of, write
from dashcam_pipeline.cli.closing import print_closing, print_read_already
from dashcam_pipeline.cli.logs import log_to
from dashcam_pipeline.cli.options import Config, LogJson, NoHud
from dashcam_pipeline.cli.planning import prepare, say_plan, say_skipped, wish_of
from dashcam_pipeline.configuration import load
from dashcam_pipeline.engine.hud import Hud
from dashcam_pipeline.engine.plain import PlainLines
from dashcam_pipeline.engine.supervisor import RunEnd
from dashcam_pipeline.engine.wording import ALERT_STYLE
from dashcam_pipeline.errors import EXIT_OK, EXIT_SOME_FAILED, EXIT_STOPPED
from dashcam_pipeline.sources.discover import Discovery, discover
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.storage.last_used import remember
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.results.reading import VideoSummary, list_videos


def run(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Videos, or folders that hold videos.")
    ],
    config: Config = None,
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
    hash_plates: Annotated[
        bool | None,
        typer.Option("--hash-plates", help="Store a keyed hash of every plate instead of its text."),
    ] = None,
    blur_evidence: Annotated[
        str | None,
        typer.Option(
            "--blur-evidence",
            metavar="none|others",
            help="others: evidence pictures show the sighting's own vehicle alone.",
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Where to post alerts, else alerts.webhook."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep what earlier runs found with other settings or models, and read the rest with those of now.",
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Read everything anew, whatever has been read already.")
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Read videos again that failed, or of which tasks were given up."
        ),
    ] = False,
    no_hud: NoHud = False,
    log_json: LogJson = False,
    timings: Annotated[
        Path | None,
        typer.Option("--timings", metavar="FILE", help="Write where the time went to this file, as JSON."),
    ] = None,
) -> None:
    """Find the vehicles and plates in videos and write them into Postgres.

    Ctrl+C stops: what is under way is finished first. A second Ctrl+C stops at once. The same command again goes
    on where a run was stopped or killed: videos that have been read are skipped, whatever they are called now, and
    a half-done one is continued in its middle.

    Exit codes: 0 all videos done, 1 some failed or are damaged, 2 bad arguments or config, 3 the database, the
    weights or the disk can't be used, 130 stopped by the user.

    Example: dashcam run /media/dashcam --work-dir ~/sightings
    """
    with stopped_by_signals():
        wish = wish_of(resume, restart, retry_failed)
        if timings is not None:
            check_path(timings)
        loaded = load(
            config,
            {
                "run.gpu_workers": gpu_workers,
                "run.cpu_workers": cpu_workers,
                "run.readers": readers,
                "run.device": device,
                "sampling.stride": stride,
                "privacy.hash_plates": hash_plates,
                "privacy.blur_evidence": blur_evidence,
                "alerts.webhook": webhook,
            },
        )
        settings = loaded.settings
        location = resolve_location(db, work_dir, configured_dsn=settings.storage.dsn, use_last_run=False)
        console = Console(stderr=True)
        found = discover(paths)
        job = BatchRun(settings, location.work_dir, location.dsn)
        job.check_host()
        with job.work_dir, Database.open(location.dsn, location.work_dir) as database:
            database.migrate()
            remember(location.work_dir, location.dsn)
            job.catch_up(database, wish, say_line)
            inputs = _identify(console, found)
            say_skipped(console, inputs)
            prepared = prepare(console, job, inputs, database, wish)
            if prepared.plan.read:
                report, code = carry_out(console, job, prepared, database, no_hud, log_json)
                if timings is not None:
                    write(timings, timings_of(settings, report, _videos(report, database)))
            else:
                job.nothing_to_read(prepared, database, say_line)
                if timings is not None:
                    write(timings, nothing_read(settings))
                code = print_read_already(prepared, database, location.work_dir)
    raise typer.Exit(code)


def carry_out(
    console: Console, job: BatchRun, prepared: Prepared, database: Database, no_hud: bool, log_json: bool
) -> tuple[Report, int]:
    """Run what was prepared, show it while it lasts and what it came to; that, and the exit code."""
    run_id, work_dir = prepared.plan.run_id, job.work_dir.path
    log_to(console, work_dir / "logs" / f"{run_id}.log", log_json)
    say_plan(console, prepared)
    view = _view(console, f"dashcam run {run_id}", no_hud, log_json)
    with view:
        result = job.run(prepared, database, view.show, logging.INFO)
    report = job.finish(prepared, result, database, say_line)
    print_closing(report, database, work_dir)
    if report.result.end is not RunEnd.FINISHED:
        return report, EXIT_STOPPED
    return report, EXIT_SOME_FAILED if report.ending.harmed else EXIT_OK


@contextmanager
def stopped_by_signals() -> Iterator[None]:
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


def _videos(report: Report, database: Database) -> list[VideoSummary]:
    with connect(database.url) as connection:
        return list_videos(connection, report.run.run_id)


def _view(console: Console, title: str, no_hud: bool, log_json: bool) -> Hud | PlainLines:
    """How the run is shown while it lasts."""
    if log_json:
        progress = logging.getLogger("dashcam_pipeline.progress")
        return PlainLines(progress.info, alert=progress.warning)
    if no_hud or not console.is_terminal:
        return PlainLines(say_line, alert=lambda line: _say_alert(console, line))
    return Hud(console, title)


def _say_alert(console: Console, line: str) -> None:
    with suppress(OSError):
        console.print(Text(line, style=ALERT_STYLE), soft_wrap=True)


def say_line(line: str) -> None:
    """A plain line to standard error."""
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
