"""`dashcam doctor`: what this host has for a run, and what to do about what is missing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from dashcam_pipeline.cli.options import AsJson, Config
from dashcam_pipeline.configuration import load
from dashcam_pipeline.doctor import Finding, Level, can_run, examine
from dashcam_pipeline.errors import EXIT_ENVIRONMENT
from dashcam_pipeline.storage.location import resolve_location

_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.BAD: "bold red"}


def doctor(
    config: Config = None,
    db: Annotated[
        str | None, typer.Option("--db", metavar="DSN", help="Your own Postgres, to see whether it answers.")
    ] = None,
    work_dir: Annotated[
        Path | None, typer.Option("--work-dir", metavar="DIR", help="Where a run would keep its files.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what this host has for a run, and what to do about what is missing.

    Ends with 0 when a run with these settings can work, else with 3. Starts and changes nothing.

    Example: dashcam doctor --config weak-laptop
    """
    loaded = load(config)
    location = resolve_location(db, work_dir, configured_dsn=loaded.settings.storage.dsn, use_last_run=False)
    findings = examine(loaded.settings, location.work_dir, location.dsn)
    if as_json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        _print_lines(findings)
    if not can_run(findings):
        raise typer.Exit(EXIT_ENVIRONMENT)


def _print_lines(findings: tuple[Finding, ...]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = f"[{_STYLES[finding.level]}]{finding.level:4}[/]"
        advice = f" → {escape(finding.advice)}" if finding.advice else ""
        console.print(f"{mark}  {finding.name:{width}}  {escape(finding.value)}{advice}")
