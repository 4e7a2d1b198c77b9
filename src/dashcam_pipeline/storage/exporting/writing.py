"""One export: the writer of its format, into a file that appears whole or not at all, or to standard output."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.exporting.coco import write_coco
from dashcam_pipeline.storage.exporting.extract import Exported, Extract
from dashcam_pipeline.storage.exporting.formats import Format
from dashcam_pipeline.storage.exporting.geojson import write_geojson
from dashcam_pipeline.storage.exporting.gpx import write_gpx
from dashcam_pipeline.storage.exporting.kml import write_kml
from dashcam_pipeline.storage.exporting.parquet import require_pyarrow, write_parquet
from dashcam_pipeline.storage.exporting.tables import write_csv, write_json, write_jsonl
from dashcam_pipeline.storage.whole_file import whole_binary_file, whole_file

TEXT_WRITERS: dict[Format, Callable[[Extract, IO[str]], Exported]] = {
    Format.CSV: write_csv,
    Format.JSON: write_json,
    Format.JSONL: write_jsonl,
    Format.GEOJSON: write_geojson,
    Format.KML: write_kml,
    Format.GPX: write_gpx,
    Format.COCO: write_coco,
}
BINARY_WRITERS: dict[Format, Callable[[Extract, IO[bytes]], Exported]] = {Format.PARQUET: write_parquet}


def check_writable(format: Format, path: Path | None) -> None:
    """What can be said before anything is read.

    Raises:
        LibraryMissing: the format needs a library that is not installed.
        BadInput: bytes would go to a terminal.
    """
    if format is Format.PARQUET:
        require_pyarrow()
    if format in BINARY_WRITERS and path is None and sys.stdout.isatty():
        raise BadInput(f"{format} is not for reading on a terminal: name a file with -o, or a pipe behind |")


def write(extract: Extract, format: Format, path: Path | None) -> Exported:
    """Write an extract to a file, or to standard output where `path` is None.

    Raises:
        BadInput: the path is a folder, or lies in none.
        DiskUnavailable: it can't be written.
        LibraryMissing: the format needs a library that is not installed.
    """
    if format in BINARY_WRITERS:
        return _write_bytes(extract, format, path)
    if path is not None:
        with whole_file(path) as file:
            return TEXT_WRITERS[format](extract, file)
    if isinstance(sys.stdout, io.TextIOWrapper):  # the formats are UTF-8, whatever the terminal is
        sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    return TEXT_WRITERS[format](extract, sys.stdout)


def _write_bytes(extract: Extract, format: Format, path: Path | None) -> Exported:
    if path is not None:
        with whole_binary_file(path) as file:
            return BINARY_WRITERS[format](extract, file)
    return BINARY_WRITERS[format](extract, sys.stdout.buffer)
