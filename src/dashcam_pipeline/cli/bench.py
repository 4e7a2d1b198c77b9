"""`dashcam bench`: what this host can do with such a video, what binds it, and which settings would help."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from dashcam_pipeline.batch.timings import check_path
from dashcam_pipeline.bench import report
from dashcam_pipeline.bench.advice import advise
from dashcam_pipeline.bench.measuring import Measured, Say, check, findings_of, measure_all
from dashcam_pipeline.cli.options import Config
from dashcam_pipeline.cli.run import say_line, stopped_by_signals
from dashcam_pipeline.cli.tables import print_table
from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import load
from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.sources.probe import VideoInfo


def bench(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video like those that are to be run.")],
    config: Config = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", metavar="N", help="How much of the video, from its start, is worked on."),
    ] = 20.0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write all figures to this file, too, as JSON."),
    ] = None,
) -> None:
    """Measure how fast this host works on a video, what binds it, and which settings would help.

    Takes well under a minute: each part of the work alone, then one real run over the first seconds of the video.
    The run has a temporary folder with a database of its own; your results, and your database, are not touched.

    Exit codes: 0 measured, 2 bad arguments, config or video, 3 the weights or the disk can't be used, 130 stopped by
    the user.

    Example: dashcam bench /media/dashcam/drive.mp4
    """
    with stopped_by_signals():
        settings = load(config).settings
        if not (math.isfinite(seconds) and seconds > 0):
            raise BadInput(f"--seconds {seconds:g} won't do; it must be more than 0")
        if output is not None:
            check_path(output, "--output")
        info = check(video, settings)
        measured = _measured(info, settings, seconds)
        found = findings_of(measured)
        suggestions = advise(found)
        print_table(report.parts_table(measured))
        print()
        print_table(report.stages_table(measured, found))
        console = Console(highlight=False)
        console.print()
        for sentence in report.sentences(measured, found):
            console.print(Text(sentence), soft_wrap=not console.is_terminal)
        if not found.too_short:
            console.print()
            console.print(Text(report.suggestion_lines(suggestions)), soft_wrap=True)
        if output is not None:
            _write(output, json.dumps(report.as_json(measured, found, suggestions), indent=1))


def _measured(info: VideoInfo, settings: Settings, seconds: float) -> Measured:
    console = Console(stderr=True)
    try:
        with _progress(console, f"bench of {shown(Path(info.path.name))}") as say:
            return measure_all(info, settings, seconds, say)
    except KeyboardInterrupt:
        say_line("dashcam: stopped before all was measured; nothing of it is left")
        raise


@contextmanager
def _progress(console: Console, title: str) -> Iterator[Say]:
    """A bar on a terminal, a line a step elsewhere."""
    if not console.is_terminal:
        yield lambda what, done: say_line(f"{done:4.0%} {what}")
        return
    columns = (BarColumn(bar_width=20), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(title), total=1.0)
        yield lambda what, done: progress.update(task, completed=done, description=escape(what))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DiskUnavailable(f"--output {path} can't be written ({error.strerror})") from error
