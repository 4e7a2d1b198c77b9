"""Options that several commands share: where results lie, and how a run is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def preset_names(incomplete: str) -> list[str]:
    """The presets that a half-typed word can become, for a shell that completes it."""
    from dashcam_pipeline.configuration import presets  # most commands with options know no settings

    return [name for name in presets() if name.startswith(incomplete)]


Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A YAML file, or the name of a preset.",
        autocompletion=preset_names,
    ),
]
Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="DSN",
        help="Postgres connection string, else DASHCAM_DSN, else the last run's, else the embedded database.",
    ),
]
WorkDir = Annotated[
    Path | None,
    typer.Option(
        "--work-dir",
        metavar="DIR",
        help="Folder of the embedded database and the evidence, else DASHCAM_WORK_DIR, else the last run's.",
    ),
]
NoHud = Annotated[bool, typer.Option("--no-hud", help="Plain lines instead of the live screen.")]
LogJson = Annotated[bool, typer.Option("--log-json", help="Log as JSON, a line a record.")]
