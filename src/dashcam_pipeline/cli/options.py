"""Options that several commands share: which results, where they lie, and how a run is shown."""

from __future__ import annotations

from enum import StrEnum
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


class VehicleClass(StrEnum):
    """What kinds of vehicle there are."""

    CAR = "car"
    TRUCK = "truck"
    BUS = "bus"
    MOTORCYCLE = "motorcycle"


VideoName = Annotated[
    str | None, typer.Option("--video", metavar="NAME", help="Only this video: file name, path or id.")
]
Classes = Annotated[
    list[VehicleClass] | None,
    typer.Option("--class", help="Only vehicles of this kind; may be given several times."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="Seen at or after: 2026-01-31, '2026-01-31 18:00', 2h, 3d (ago)."
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Seen before it; a date alone is in it.")
]
MinConfidence = Annotated[
    float,
    typer.Option(
        "--min-confidence", metavar="0..1", min=0.0, max=1.0, help="Only plates or best guesses this sure."
    ),
]
PlatesOnly = Annotated[bool, typer.Option("--plates-only", help="Only sightings with a claimed plate.")]
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
RunId = Annotated[str, typer.Option("--run", metavar="ID", help="A run's id or its beginning, or `latest`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
NoHud = Annotated[bool, typer.Option("--no-hud", help="Plain lines instead of the live screen.")]
LogJson = Annotated[bool, typer.Option("--log-json", help="Log as JSON, a line a record.")]
