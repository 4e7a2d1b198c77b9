"""`dashcam explain`: how one sighting came by its plate, or why it has none."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashcam_pipeline.cli.counting import Counting
from dashcam_pipeline.cli.options import Db, WorkDir
from dashcam_pipeline.cli.originals import with_checksums
from dashcam_pipeline.cli.results import open_results
from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.report.origin import Fact
from dashcam_pipeline.report.proof_picture import proof_picture
from dashcam_pipeline.report.sighting_page import page
from dashcam_pipeline.report.sighting_votes import VOTES, is_undisputed, positions
from dashcam_pipeline.report.sighting_words import (
    RIGHT_ALIGNED,
    LooksTable,
    facts,
    legend,
    looks_table,
    readers,
)
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.results import explaining
from dashcam_pipeline.storage.results.explaining import Explanation, LooksOf
from dashcam_pipeline.storage.whole_file import whole_binary_file, whole_file
from dashcam_pipeline.vision.reasons import in_words

WIDTH = 100  # columns, also through a pipe
NAME_WIDTH = 16
PICTURE_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 90


def explain(
    sighting: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="As `dashcam export` lists it (id or uuid), or the plate or best guess of one sighting, in the "
            "latest run that has it.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page with the pictures inside, to hand on."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture",
            metavar="FILE",
            help="Write the proof as one picture, .png or .jpg, to paste into a mail.",
        ),
    ] = None,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Show how a sighting came by its plate, or why it has none: every look, every read, the vote, the pictures.

    Example: dashcam explain LS15EBC --picture proof.png
    """
    kind = None if picture is None else _kind(picture)
    location = resolve_location(db, work_dir)
    with open_results(location) as connection:
        found = explaining.explain(connection, sighting, location.work_dir)
    if found.not_in is not None:
        print(
            f"the latest run {found.not_in} has no {sighting}: this is of run {found.sighting.run_id}",
            file=sys.stderr,
        )
    if html is not None or picture is not None or as_json:
        with Counting(sys.stderr) as counting:
            found = with_checksums(found, counting)
    if html is not None:
        with whole_file(html, "--html") as file:
            file.write(page(found))
        print(f"sighting {found.sighting.id} in {html}", file=sys.stderr)
    if picture is not None:
        with whole_binary_file(picture, "--picture") as pixels:
            proof_picture(found).save(pixels, kind, quality=JPEG_QUALITY)
        print(f"sighting {found.sighting.id} in {picture}", file=sys.stderr)
    missing = _missing_pictures(found)
    if missing is not None and (html is not None or picture is not None):
        print(missing, file=sys.stderr)
    if as_json:
        print(as_json_text(found))
    elif html is None and picture is None:
        _print(found)


def _kind(picture: Path) -> str:
    """What Pillow calls the format of a file of that name."""
    kind = PICTURE_KINDS.get(picture.suffix.lower())
    if kind is None:
        raise BadInput(f"--picture {picture}: name a file that ends in {' or '.join(PICTURE_KINDS)}")
    return kind


def as_json_text(found: Explanation) -> str:
    """All that is stored, and the reason in words; pictures with their full paths."""
    seen = found.sighting
    values = {"id": seen.id, **asdict(seen)}
    values["reason_in_words"] = in_words(seen.no_plate_reason).meaning if seen.no_plate_reason else None
    values["pictures"] = {what: str(path) for what, path in found.pictures().items()}
    values["originals"] = [asdict(original) for original in found.originals]
    values["looks"] = [
        {"sighting": part.id, "video": part.video, **asdict(look)}
        for part in found.parts
        for look in part.looks
    ]
    return json.dumps(values, ensure_ascii=False, indent=2, default=datetime.isoformat)


def _print(found: Explanation) -> None:
    print(f"sighting {found.sighting.id}")
    for fact in facts(found):
        print(_line(fact))
    _print_looks(found.parts)
    _print_votes(found)
    pictures = found.pictures()
    if pictures:
        print("\npictures:")
    for what, path in pictures.items():
        print(f"  {what}: {path}{'' if path.exists() else ' (not on this host)'}")


def _missing_pictures(found: Explanation) -> str | None:
    """What to say of a page that has not all its pictures; None when it has."""
    pictures = found.pictures()
    missing = sum(not path.exists() for path in pictures.values())
    if not missing:
        return None
    looked = " and ".join(str(folder) for folder in found.place.folders())
    return (
        f"{missing} of its {len(pictures)} pictures are not in {looked}: what is written is without them; "
        "--work-dir names the folder that they were moved to"
    )


def _line(fact: Fact) -> str:
    return textwrap.fill(
        fact.value,
        WIDTH,
        initial_indent=f"  {fact.name:<{NAME_WIDTH}}",
        subsequent_indent=" " * (NAME_WIDTH + 2),
        break_long_words=False,  # a path stays whole
        break_on_hyphens=False,
    )


def _print_votes(found: Explanation) -> None:
    if not found.sighting.char_votes:
        return
    if is_undisputed(found):
        print("\nvote for each position: undisputed")
        return
    print(f"\n{VOTES}:")
    for position in positions(found):
        differing = f"; {position.differing}" if position.differing else ""
        print(f"  {position.number:>2}  {position.shares}{differing}")


def _print_looks(parts: tuple[LooksOf, ...]) -> None:
    if not any(part.looks for part in parts):
        print(
            "\nno looks are stored: the sighting is of an older version, or a stage failed on all its frames"
        )
        return
    letters = readers(parts)
    tables = [looks_table(part.looks, letters) for part in parts]
    terminal = Console(highlight=False)
    width = min(terminal.width, WIDTH) if terminal.is_terminal else WIDTH
    for part, table in zip(parts, tables, strict=True):
        whose = f" of {part.id}, {part.video or ''}" if len(parts) > 1 else ""
        print(f"\nlooks{whose}:")
        _print_table(_table(table), width)
    print(textwrap.fill(legend(tables, letters), WIDTH))


def _print_table(table: Table, width: int) -> None:
    """Without the blanks that fill its lines up."""
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def _table(looks: LooksTable) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in looks.columns:
        table.add_column(
            column,
            justify="right" if column in RIGHT_ALIGNED else "left",
            no_wrap=column != looks.columns[-1],
            overflow="fold",
        )
    for row in looks.rows:
        table.add_row(*map(escape, row))
    return table
