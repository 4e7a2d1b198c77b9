"""The options that say where results lie, the same for every command that reads them."""

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
