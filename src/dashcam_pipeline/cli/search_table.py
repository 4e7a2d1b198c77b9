"""What a search has found, as a table: a line a sighting, and where the picture lies that proves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashcam_pipeline.cli.tables import print_with_paths
from dashcam_pipeline.cli.trips import where_seen
from dashcam_pipeline.storage.results.searching import Hit
from dashcam_pipeline.storage.retention.plate_hash import shown

PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cell: Callable[[Hit], str | Text]
    always: bool = True  # also where no row has anything in it


def print_hits(console: Console, hits: Sequence[Hit]) -> None:
    """Print them all; a path stays in one line, below the table where it does not fit into it."""

    def table(with_pictures: bool) -> Table:
        return _table(hits, [*_COLUMNS, *([_Column(PICTURE, _picture)] if with_pictures else [])])

    pictures = {hit.sighting.id: _picture(hit) for hit in hits}
    print_with_paths(console, table, PICTURE, {name: path for name, path in pictures.items() if path})


def _table(hits: Sequence[Hit], columns: Sequence[_Column]) -> Table:
    shown_columns = [column for column in columns if column.always or any(map(column.cell, hits))]
    table = Table(*(column.name for column in shown_columns), box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"  # nothing is cut off on a narrow terminal
    for hit in hits:
        cells = (column.cell(hit) for column in shown_columns)
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return table


def _plate(hit: Hit) -> Text:
    """A claim stands out from a guess, without colours too."""
    seen = hit.sighting
    if seen.plate is not None:
        return Text(shown(seen.plate), style="bold green")
    return Text(f"{shown(seen.best_guess)} (guess)" if seen.best_guess else "-", style="dim")


def _when(hit: Hit) -> str:
    """When the picture was taken, in the camera's own time."""
    moment = hit.sighting.ts
    return moment.isoformat(" ", "seconds") if moment is not None else ""


def _known_by(hit: Hit) -> str:
    """What the time goes by: that of a file is worth less than that of GPS, and looks the same."""
    return (hit.sighting.time_source or "") if hit.sighting.ts is not None else ""


def _place(hit: Hit) -> str:
    seen = hit.sighting
    if seen.latitude is None or seen.longitude is None:
        return ""
    return f"{seen.latitude:.5f}, {seen.longitude:.5f}"


def _picture(hit: Hit) -> str:
    return hit.sighting.plate_evidence or hit.sighting.evidence or ""


_COLUMNS = (
    _Column("plate", _plate),
    _Column("sure", lambda hit: "" if hit.sighting.confidence is None else f"{hit.sighting.confidence:.2f}"),
    _Column("distance", lambda hit: "" if hit.distance is None else f"{hit.distance:g}", always=False),
    _Column("vehicle", lambda hit: hit.sighting.vehicle_class),
    _Column("when", _when, always=False),
    _Column("by", _known_by, always=False),
    _Column("place", _place, always=False),
    _Column("video", lambda hit: where_seen(hit.sighting)),
    _Column("from", lambda hit: f"{hit.sighting.first_s:.1f} s"),
    _Column("id", lambda hit: hit.sighting.id),
)
