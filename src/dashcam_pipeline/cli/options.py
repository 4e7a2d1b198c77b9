"""Options that several commands share: where results lie, and how a run is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
