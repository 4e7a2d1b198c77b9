"""Sightings as CSV or JSON, row by row, into a file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.storage.reading import Sighting
from dashcam_pipeline.user_paths import expanded

COLUMNS = tuple(field.name for field in fields(Sighting))
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CONFIDENCE_DIGITS = 4
SECONDS_DIGITS = 3
DEGREES_DIGITS = 7  # of latitude and longitude: a centimetre
DIGITS = {"confidence": CONFIDENCE_DIGITS, "latitude": DEGREES_DIGITS, "longitude": DEGREES_DIGITS}

Value = str | int | float | None


class Format(StrEnum):
    """How sightings are exported."""

    CSV = "csv"
    JSON = "json"


def export(sightings: Iterable[Sighting], format: Format, path: Path | None) -> int:
    """Write sightings to a file, or to standard output where `path` is None. Returns their number.

    Raises:
        BadInput: the path is a folder, or lies in none.
        DiskUnavailable: it can't be written.
    """
    write = WRITERS[format]
    if path is None:
        return write(sightings, sys.stdout)
    with whole_file(path) as file:
        return write(sightings, file)


def write_csv(sightings: Iterable[Sighting], file: IO[str]) -> int:
    """A header and a line a sighting; what is unknown is empty.

    A text that a spreadsheet would take for a formula (a file may be called `=x.mp4`) gets an
    apostrophe in front, as spreadsheets themselves mark text. JSON has every text as it is.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for sighting in sightings:
        count += 1
        writer.writerow([_harmless(value) for value in _values(sighting).values()])
    return count


def write_json(sightings: Iterable[Sighting], file: IO[str]) -> int:
    """A list of objects, one a line; what is unknown is null."""
    count = 0
    file.write("[")
    for count, sighting in enumerate(sightings, start=1):
        file.write(",\n" if count > 1 else "\n")
        file.write(json.dumps(_values(sighting), ensure_ascii=False))
    file.write("\n]\n")
    return count


WRITERS: dict[Format, Callable[[Iterable[Sighting], IO[str]], int]] = {
    Format.CSV: write_csv,
    Format.JSON: write_json,
}


def _values(sighting: Sighting) -> dict[str, Value]:
    return {name: _plain(name, value) for name, value in asdict(sighting).items()}


def _plain(name: str, value: object) -> Value:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, DIGITS.get(name, SECONDS_DIGITS))
    assert value is None or isinstance(value, str | int)
    return value


def _harmless(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


@contextlib.contextmanager
def whole_file(path: Path, option: str = "-o") -> Iterator[IO[str]]:
    """A text file that appears whole or not at all.

    Args:
        path: a device or a pipe is written through.
        option: of the command, which names the path.

    Raises:
        BadInput: the path is a folder, or lies in none.
        DiskUnavailable: it can't be written.
    """
    target = expanded(path).resolve()  # of a link, the file behind it
    if target.is_dir() or not target.parent.is_dir():
        problem = "is a folder" if target.is_dir() else "lies in a folder that is not there"
        raise BadInput(f"can't write to {path}: it {problem}; name a file with {option}")
    through = target.exists() and not target.is_file()  # a pipe or a device: nothing to put in its place
    written = target if through else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with written.open("w", encoding="utf-8", newline="") as file:
            yield file
        if not through:
            written.replace(target)
    except OSError as error:
        raise DiskUnavailable(
            f"can't write {path}: {error.strerror or error}. What to do: name another file with {option}."
        ) from error
    finally:
        if not through:
            with contextlib.suppress(OSError):
                written.unlink()
