"""Sightings as CSV, JSON and JSON Lines: a row, an object or a line each."""

from __future__ import annotations

import csv
import json
from typing import IO

from dashcam_pipeline.storage.exporting.columns import NAMES, Plain, plain_values_of
from dashcam_pipeline.storage.exporting.extract import Exported, Extract

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(extract: Extract, file: IO[str]) -> Exported:
    """A header and a line a sighting; what is unknown is empty.

    A text that a spreadsheet would take for a formula (a file may be called `=x.mp4`) gets an
    apostrophe in front, as spreadsheets themselves mark text. The other formats have every text as it is.
    """
    writer = csv.writer(_UnixLines(file), lineterminator="\r\n")
    writer.writerow(NAMES)
    count = 0
    for sighting in extract.sightings:
        count += 1
        writer.writerow([_harmless(value) for value in plain_values_of(sighting).values()])
    return Exported(count, count)


def write_json(extract: Extract, file: IO[str]) -> Exported:
    """A list of objects, one a line; what is unknown is null."""
    count = 0
    file.write("[")
    for count, sighting in enumerate(extract.sightings, start=1):
        file.write(",\n" if count > 1 else "\n")
        file.write(json.dumps(plain_values_of(sighting), ensure_ascii=False))
    file.write("\n]\n")
    return Exported(count, count)


def write_jsonl(extract: Extract, file: IO[str]) -> Exported:
    """An object a line; what is unknown is null."""
    count = 0
    for sighting in extract.sightings:
        count += 1
        file.write(json.dumps(plain_values_of(sighting), ensure_ascii=False) + "\n")
    return Exported(count, count)


class _UnixLines:
    """Ends lines in LF. Told to do so itself, the csv writer would not put a text with a CR in it into quotes."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def _harmless(value: Plain) -> Plain:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
