"""What `dashcam run` says of earlier runs before it begins, and what it asks about them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console
from rich.prompt import Prompt

from dashcam_pipeline.batch.inputs import Inputs
from dashcam_pipeline.batch.resume import Wish
from dashcam_pipeline.batch.run import BatchRun, Prepared
from dashcam_pipeline.errors import EXIT_STOPPED, BadInput, SettingsDiffer
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.storage.postgres.database import Database

NAMED = 20  # skipped files that are named one by one
EXAMPLES = 3  # videos that a line names


def wish_of(resume: bool, restart: bool, retry_failed: bool) -> Wish:
    """The options as a wish. Raises BadInput for both at once."""
    if resume and restart:
        raise BadInput(
            "--resume and --restart exclude each other: keep what is there, or read everything anew"
        )
    return Wish(resume=resume, restart=restart, retry_failed=retry_failed)


def prepare(console: Console, job: BatchRun, inputs: Inputs, database: Database, wish: Wish) -> Prepared:
    """Decide what to do; a terminal is asked when there are results that were made in another way."""
    try:
        return job.prepare(inputs, database, wish)
    except SettingsDiffer as differ:
        if not console.is_terminal or not sys.stdin.isatty():
            raise
        _say(console, str(differ))
        answer = Prompt.ask("what now?", console=console, choices=["resume", "restart", "quit"])
        if answer == "quit":
            raise typer.Exit(EXIT_STOPPED) from None
        return job.prepare(
            inputs, database, replace(wish, resume=answer == "resume", restart=answer == "restart")
        )


def say_skipped(console: Console, inputs: Inputs) -> None:
    """Name the files that are no videos, or copies of others."""
    for row in inputs.skipped[:NAMED]:
        _say(console, f"skipped {row.path}: {row.reason}")
    if len(inputs.skipped) > NAMED:
        rest = len(inputs.skipped) - NAMED
        _say(console, f"skipped {rest} more; `dashcam runs show` lists them all")


def say_plan(console: Console, prepared: Prepared) -> None:
    """One line on what is done already, and where it goes on."""
    plan = prepared.plan
    done = f"{len(plan.kept)} of {plan.known} videos are done"
    if plan.continues and not plan.kept and len(plan.afresh) == len(plan.read):
        _say(console, f"run {plan.run_id}: {len(plan.read)} videos are read again from their start")
    elif plan.continues:
        _say(console, f"continuing run {plan.run_id}: {done}{_middle(prepared)}")
    elif plan.kept:
        runs = ", ".join(sorted({kept.reading.run_id for kept in plan.kept})[-EXAMPLES:])
        _say(console, f"{done} already (run {runs}); --restart reads them anew")
    for reading in plan.changed:
        _say(console, f"{reading.path} has changed: it is read as another video")
    if plan.left_out:
        names = [Path(reading.path) for reading in plan.left_out]
        _say(console, f"not among the videos of this call, and still unfinished: {_some(names)}")


def _middle(prepared: Prepared) -> str:
    """Which videos go on where."""
    from dashcam_pipeline.stages.read import read_so_far_s  # brings the decoder; most runs begin anew

    path_of = {video.video_id: video.path for video in prepared.plan.read}
    places = [
        f"{shown(Path(path_of[saved.checkpoint.source_id].name))} at {read_so_far_s(saved.checkpoint):.0f} s"
        for saved in prepared.checkpoints
    ]
    if not places:
        return ""
    more = ", …" if len(places) > EXAMPLES else ""
    goes = "goes" if len(places) == 1 else "go"
    return f", {len(places)} {goes} on in the middle ({', '.join(places[:EXAMPLES])}{more})"


def _some(paths: list[Path]) -> str:
    named = ", ".join(shown(Path(path.name)) for path in paths[:EXAMPLES])
    return named + (f" and {len(paths) - EXAMPLES} more" if len(paths) > EXAMPLES else "")


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
