"""Watchlists as files: CSV with a header `plate,note`, or one plate a line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.watching.watchlist import Wanted, wanted

PLATE, NOTE, NEAR_COLUMN = "plate", "note", "near"
YES = frozenset({"1", "yes", "true", "x"})
NO = frozenset({"", "0", "no", "false"})


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that can't be taken."""

    place: str  # file:line
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class WatchlistFile:
    """What stands in a file. Empty lines, and those that begin with #, are nothing."""

    wanted: tuple[Wanted, ...]  # in the order of the file
    bad: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    number: int  # from 1
    cells: tuple[str, ...]


def read_watchlist(path: Path, *, near: bool) -> WatchlistFile:
    """Read a file.

    Args:
        near: of every plate that the file's own column `near` does not say it of.

    Raises:
        BadInput: it can't be read, or is no text.
    """
    lines = list(_lines(path))
    header = _header(lines[0]) if lines else None
    if header is not None and PLATE not in header:
        raise BadInput(f"{path}:{lines[0].number}: its header has no column {PLATE}: {', '.join(header)}")
    good: list[Wanted] = []
    bad: list[BadLine] = []
    for line in lines if header is None else lines[1:]:
        try:
            good.append(_wanted(line, header, near))
        except BadInput as error:
            bad.append(BadLine(f"{path}:{line.number}", str(error)))
    return WatchlistFile(tuple(good), tuple(bad))


def _lines(path: Path) -> Iterator[_Line]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is no UTF-8 text (byte {error.start}): save it as CSV in UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror or error}") from error
    rows = text.splitlines()
    first = next((row for row in rows if row.strip()), "")
    reader = csv.reader(
        rows, delimiter=";" if ";" in first and "," not in first else ",", skipinitialspace=True
    )
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                yield _Line(reader.line_num, tuple(cell.strip() for cell in cells))
    except csv.Error as error:
        raise BadInput(f"{path}:{reader.line_num}: no CSV: {error}") from error


def _header(line: _Line) -> tuple[str, ...] | None:
    """The names of the columns; None where the first line is a plate."""
    names = tuple(cell.lower() for cell in line.cells)
    return names if {PLATE, NOTE} & set(names) else None


def _wanted(line: _Line, header: tuple[str, ...] | None, near: bool) -> Wanted:
    if header is None and len(line.cells) > 1:
        raise BadInput(f"{len(line.cells)} values: one plate a line, or a header such as plate,note above")
    if header is not None and len(line.cells) > len(header):
        raise BadInput(
            f"{len(line.cells)} values for {len(header)} columns: a note with a comma stands in quotes"
        )
    values = dict(zip(header or (PLATE,), line.cells, strict=False))
    near = _yes(values[NEAR_COLUMN]) if NEAR_COLUMN in values else near
    return wanted(values.get(PLATE, ""), values.get(NOTE), near)


def _yes(text: str) -> bool:
    if text.lower() in YES | NO:
        return text.lower() in YES
    raise BadInput(f"near is {text!r}: yes or no")
