"""The section "Scaling" of docs/performance.md, made of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from benchkit.curves import LOOKS
from benchkit.scale_points import Point, Series, further_ms
from benchkit.table import figure, markdown
from benchkit.trouble import BenchTrouble

TITLE = "## Scaling"
SIZE_TITLES: Mapping[Series, str] = {"clips": "clips", "lengths": "seconds of a clip", "cores": "cores"}
TOLD_OF_HOST = ("cpu", "cores", "memory_mb", "load", "python")
WIDTH = 118
ABOUT = (
    "Clips that show the same, cut out of a drive and joined without encoding anew, each a file of its own; in the "
    "series of more clips {clip_s:g} s each. *s* is the whole command, *working* from the first frame read to the last "
    "row handed to the writer, memory the sum over all processes, CPU time that of the whole command without the "
    "database server. *A further frame* is what each frame costs, of the whole command's time, that a line has more "
    "than the one before it: start and end of a run drop out of it. With cores, the command and its children are held "
    "to so many, with as many model workers."
)
HEADER = (
    "frames",
    "s",
    "working s",
    "working ms/frame",
    "CPU ms/frame",
    "first frame, s",
    "memory, MB",
    "frame store, MB",
)


def series_table(points: Sequence[Point], series: Series) -> str:
    """The lines of one series as Markdown, the last column about what came on top: frames, or cores."""
    chosen = [point for point in points if point.series == series]
    if series == "cores":
        title = "share of a core"
        last: list[float | None] = [core_share(chosen[0], point) for point in chosen]
    else:
        title, last = "ms a further frame", further_ms(chosen)
    header = [SIZE_TITLES[series], *HEADER, title]
    rows = [[*_cells(point), figure(value, 2)] for point, value in zip(chosen, last, strict=True)]
    return markdown(header, rows, [False] * len(header))


def core_share(first: Point, point: Point) -> float:
    """What each core gives, as a share of what it gives in the first point: 1 = no loss."""
    return (first.working_s / point.working_s) / (point.size / first.size)


def section(points: Sequence[Point], host: Mapping[str, Any], clip_s: float, images: str) -> str:
    """The section as Markdown.

    Args:
        points: all that was measured.
        host: its description, as `dashcam run --timings` gives it.
        clip_s: seconds of a clip in the series of more clips.
        images: folder of the pictures, as seen from the document.
    """
    about = " ".join(f"{name} {host[name]}," for name in TOLD_OF_HOST if name in host)
    parts = [
        TITLE,
        "",
        fill(ABOUT.format(clip_s=clip_s), WIDTH),
        "",
        fill(f"Host: {about.rstrip(',')}.", WIDTH),
        "",
        "```console",
        "$ make bench-scaling    # or: python benchmarks/scaling.py --write-docs",
        "```",
    ]
    for series, look in LOOKS.items():
        if any(point.series == series for point in points):
            parts += ["", series_table(points, series)]
        if sum(point.series == series for point in points) > 1:
            parts += ["", f"![{look.title}]({images}/{look.file})"]
    return "\n".join(parts) + "\n"


def put_into(document: Path, text: str) -> None:
    """Put the section in the place of the one that is there, else at the end.

    Raises:
        BenchTrouble: the document can't be read or written.
    """
    try:
        document.write_text(replaced(document.read_text(encoding="utf-8"), text), encoding="utf-8")
    except OSError as error:
        raise BenchTrouble(f"{document} can't be written: {error.strerror}") from error


def replaced(document: str, text: str) -> str:
    """The document with the section exchanged."""
    lines = document.splitlines(keepends=True)
    begin = next((index for index, line in enumerate(lines) if line.rstrip() == TITLE), None)
    if begin is None:
        return document.rstrip("\n") + "\n\n" + text
    after = (index for index, line in enumerate(lines) if index > begin and line.startswith("## "))
    end = next(after, len(lines))
    rest = "".join(lines[end:])
    return "".join(lines[:begin]) + text + (f"\n{rest}" if rest else "")


def _cells(point: Point) -> list[str]:
    return [
        f"{point.size:g}",
        f"{point.frames:,}",
        figure(point.wall_s, 1),
        figure(point.working_s, 1),
        figure(point.working_ms, 2),
        figure(point.cpu_ms, 2),
        figure(point.first_frame_s, 2),
        figure(point.peak_memory_mb, 0),
        figure(point.peak_frame_store_mb, 0),
    ]
