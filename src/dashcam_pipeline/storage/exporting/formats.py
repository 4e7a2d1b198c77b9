"""The formats of an export, and the endings of file names that mean them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from dashcam_pipeline.errors import BadInput


class Format(StrEnum):
    """How sightings are exported."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    GEOJSON = "geojson"
    KML = "kml"
    GPX = "gpx"
    COCO = "coco"


ENDINGS = {
    ".coco.json": Format.COCO,  # before .json: the first that fits counts
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".geojson": Format.GEOJSON,
    ".kml": Format.KML,
    ".gpx": Format.GPX,
}
WITH_POSITION = frozenset({Format.GEOJSON, Format.KML, Format.GPX})
"""Formats that hold only sightings whose position is known."""


def format_of(path: Path | None) -> Format:
    """The format that a file's name means; CSV for standard output and for a name without an ending.

    Raises:
        BadInput: the ending means none.
    """
    if path is None or not path.suffix:
        return Format.CSV
    name = path.name.lower()
    found = next((format for ending, format in ENDINGS.items() if name.endswith(ending)), None)
    if found is None:
        raise BadInput(
            f"{path}: {path.suffix} is no format to export to: end the name with {', '.join(ENDINGS)}, or choose with "
            f"--format {'|'.join(Format)}"
        )
    return found
