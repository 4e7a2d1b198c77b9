"""The lines of the bench's table, and the table as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from score import Score

EMPTY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; what does not apply is None."""

    video: str
    what: str
    times: int | None = None  # how often a part was done in a run
    each_ms: float | None = None  # what it takes once
    seconds: float | None = None  # for the whole video
    frames_s: float | None = None  # frames of the video a second
    cpu_ms: float | None = None  # CPU time a frame of the video
    to_peer: float | None = None  # how many times as fast as the peer by the same clock
    of_ideal: float | None = None  # the ideal's seconds / these
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and what stands in it; text stands left, figures stand right."""

    title: str
    text: Callable[[Line], str]
    is_text: bool = False


def figure(value: float | None, digits: int = 1) -> str:
    """A number with so many digits behind the point, more for one that would be nothing but zeros."""
    if value is None:
        return EMPTY
    while digits < 4 and value and abs(value) < 10**-digits:
        digits += 1
    return f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return figure(value, 3)


COLUMNS: tuple[Column, ...] = (
    Column("video", lambda line: line.video, is_text=True),
    Column("what", lambda line: line.what, is_text=True),
    Column("times", lambda line: EMPTY if line.times is None else f"{line.times:,}"),
    Column("ms each", lambda line: figure(line.each_ms, 2)),
    Column("s", lambda line: figure(line.seconds, 2)),
    Column("frames/s", lambda line: figure(line.frames_s)),
    Column("CPU ms/frame", lambda line: figure(line.cpu_ms, 2)),
    Column("× peer", lambda line: figure(line.to_peer, 2)),
    Column("of ideal", lambda line: figure(line.of_ideal, 2)),
    Column("f1", lambda line: _share(line.score.f1 if line.score else None)),
    Column("recall", lambda line: _share(line.score.recall if line.score else None)),
    Column("precision", lambda line: _share(line.score.precision if line.score else None)),
    Column("duplicates", lambda line: str(line.score.duplicates) if line.score else EMPTY),
)


def main_table(lines: Sequence[Line]) -> str:
    """All lines as one Markdown table, its columns aligned for reading as plain text."""
    header = [column.title for column in COLUMNS]
    cells = [[column.text(line) for column in COLUMNS] for line in lines]
    return markdown(header, cells, [column.is_text for column in COLUMNS])


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], is_text: Sequence[bool]) -> str:
    """A Markdown table. `is_text`: for each column, whether it stands left."""
    rows = [list(row) for row in rows]
    widths = [max(3, len(title), *(len(row[index]) for row in rows)) for index, title in enumerate(header)]

    def laid_out(cells: Sequence[str]) -> str:
        places = zip(cells, widths, is_text, strict=True)
        texts = (cell.ljust(width) if left else cell.rjust(width) for cell, width, left in places)
        return f"| {' | '.join(texts)} |"

    rule = (
        "-" * width if left else "-" * (width - 1) + ":" for width, left in zip(widths, is_text, strict=True)
    )
    return "\n".join([laid_out(header), f"| {' | '.join(rule)} |", *map(laid_out, rows)])
