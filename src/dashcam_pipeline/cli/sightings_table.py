"""The claimed sightings as a run prints them at its end: a line each, and where the picture of its plate lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashcam_pipeline.cli.tables import print_with_paths
from dashcam_pipeline.cli.trips import where_seen
from dashcam_pipeline.storage.results.reading import Sighting

MOST_SIGHTINGS = 40
PICTURE = "picture of the plate"


def print_sightings(console: Console, claimed: Sequence[Sighting], work_dir: Path) -> None:
    """Print the first of them; nothing where there are none.

    Pictures are a column of the table, or stand below where it is not wide enough: a path stays in one line.
    """
    shown = claimed[:MOST_SIGHTINGS]
    if not shown:
        return
    print_with_paths(
        console,
        lambda with_pictures: _table(shown, work_dir, with_pictures=with_pictures),
        PICTURE,
        {row.id: _picture(row, work_dir) for row in shown if row.plate_evidence},
    )
    if len(claimed) > MOST_SIGHTINGS:
        console.print(f"… and {len(claimed) - MOST_SIGHTINGS} more: dashcam export")


def _table(found: Sequence[Sighting], work_dir: Path, *, with_pictures: bool) -> Table:
    names = ("plate", "sure", "vehicle", "video", "from", "to", "for", "reads", "id")
    table = Table(*names, *([PICTURE] if with_pictures else []))
    table.box = None
    for column in table.columns:
        column.overflow = "fold"  # nothing is cut off on a narrow terminal
    for row in found:
        cells = (
            Text(row.plate or "", style="bold green"),
            f"{row.confidence:.2f}" if row.confidence is not None else "",
            row.vehicle_class,
            Text(where_seen(row)),
            f"{row.first_s:.1f} s",
            f"{row.last_s:.1f} s{' of the last' if row.last_video != row.video else ''}",
            f"{row.span_s:.1f} s",
            f"{row.agreeing_reads} of {row.reads}",
            row.id,
        )
        table.add_row(*cells, *([Text(_picture(row, work_dir))] if with_pictures else []))
    return table


def _picture(row: Sighting, work_dir: Path) -> str:
    """Below the work dir without its name, which the end of the run tells once."""
    path = Path(row.plate_evidence or "")
    if not row.plate_evidence:
        return ""
    return str(path.relative_to(work_dir) if path.is_relative_to(work_dir) else path)
