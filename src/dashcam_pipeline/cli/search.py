"""`dashcam search`: where a plate was seen, over all runs in the database."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from dashcam_pipeline.cli.moments import moment
from dashcam_pipeline.cli.options import Classes, Db, MinConfidence, Since, Until, WorkDir
from dashcam_pipeline.cli.results import open_results
from dashcam_pipeline.cli.search_table import print_hits
from dashcam_pipeline.cli.tables import standard_output
from dashcam_pipeline.errors import EXIT_NOTHING_FOUND, BadInput
from dashcam_pipeline.storage.exporting.columns import plain_values_of
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.results import searching
from dashcam_pipeline.storage.results.reading import find_run
from dashcam_pipeline.storage.results.searching import DEFAULT_WITHIN, MOST_WITHIN, Found, Hit, Search
from dashcam_pipeline.storage.retention.plate_hash import is_hashed, plate_key

DEFAULT_LIMIT = 50
MOST_NAMED = 5  # near plates, in the line that offers them


def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLATE",
            help="Blanks, dashes and case don't count; * stands for any characters, ? for one. Without it, "
            "every vehicle that the options want.",
        ),
    ] = None,
    near: Annotated[
        bool, typer.Option("--near", help="Also plates that are nearly it, as if it or they were misread.")
    ] = False,
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            metavar="N",
            help=f"How near, up to {MOST_WITHIN:g}: a lookalike (0 for O) counts 0.5, any other character that is "
            f"wrong, missing or too many counts 1. Means --near, which has {DEFAULT_WITHIN:g}.",
        ),
    ] = None,
    guesses: Annotated[
        bool,
        typer.Option(
            "--guesses/--no-guesses", help="Also by the best guess of vehicles without a claimed plate."
        ),
    ] = True,
    since: Since = None,
    until: Until = None,
    video: Annotated[
        str | None,
        typer.Option(
            "--video", metavar="NAME", help="Only videos with this file name, path or id; * and ? as above."
        ),
    ] = None,
    vehicle_class: Classes = None,
    min_confidence: MinConfidence = 0.0,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="ID", help="Only this run: its id or its beginning, or `latest`. Else all."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Show at most so many.")
    ] = DEFAULT_LIMIT,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a list of objects with all columns of an export, and the distance."
        ),
    ] = False,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Find a plate in everything that was ever read into the database, not in one run alone.

    The nearest come first, then plates before guesses, then the latest.

    Ends with 0 when something was found, with 1 when nothing was.

    Example: dashcam search "ls15 ebc" --near --since 3d
    """
    now = datetime.now().astimezone()
    plate = " ".join(words) if words else None
    reach = DEFAULT_WITHIN if near and within is None else within
    if plate is None and reach is not None:
        raise BadInput("near plates are those near a plate: name it, as in `dashcam search LS15EBC --near`")
    wanted = Search(
        plate=searching.wanted_plate(plate, reach) if plate is not None else None,
        guesses=guesses,
        since=moment(since, "--since", now) if since is not None else None,
        until=moment(until, "--until", now, day_is_over=True) if until is not None else None,
        vehicle_classes=tuple(one.value for one in vehicle_class or ()),
        min_confidence=min_confidence or None,
    )
    if wanted == Search(guesses=guesses) and video is None and run is None:
        raise BadInput(
            "nothing to look for: name a plate, or at least one of --since, --until, --video, --class, "
            "--min-confidence, --run"
        )
    location = resolve_location(db, work_dir)
    key = plate_key(location.work_dir, create=False)
    with open_results(location) as connection:
        wanted = replace(
            wanted,
            video_ids=searching.videos_like(connection, video) if video is not None else None,
            run_id=find_run(connection, run).run_id if run is not None else None,
        )
        found = searching.search(connection, wanted, limit, location.work_dir, key)
        notes = _notes(connection, wanted, found, key)
    if as_json:
        print(json.dumps([_values(hit) for hit in found.hits], ensure_ascii=False, indent=2))
    elif found.hits:
        print_hits(standard_output(), found.hits)
    for note in notes:
        print(note, file=sys.stderr)
    if not found.hits:
        raise typer.Exit(EXIT_NOTHING_FOUND)


def _notes(connection: Connection, wanted: Search, found: Found, key: bytes | None) -> list[str]:
    """What is to be said beside the table."""
    notes = []
    if not found.hits:
        notes.append(_nothing(connection, wanted))
    elif found.total > len(found.hits):
        notes.append(f"… and {found.total - len(found.hits)} more: --limit {found.total} shows all")
    if wanted.since is not None or wanted.until is not None:
        timeless = searching.count_timeless(connection, wanted, key)
        if timeless:
            notes.append(f"left out: {timeless} more that {_have(timeless)} no time of day")
    hidden = _hidden(connection, wanted, key)
    return [*notes, hidden] if hidden is not None else notes


def _nothing(connection: Connection, wanted: Search) -> str:
    """One line, which offers what is near."""
    if wanted.plate is None:
        return "nothing was found"
    what = wanted.plate.exact or wanted.plate.pattern or wanted.plate.near
    if wanted.plate.exact is None:
        return f"no plate {'is near' if wanted.plate.near else 'is like'} {what}"
    near = searching.near_plates(connection, wanted)
    if not near:
        return f"no plate {what} was found; '*{what}*' finds it as a part of others"
    named = ", ".join(near[:MOST_NAMED]) + (", …" if len(near) > MOST_NAMED else "")
    many = f"{len(near)} plates are" if len(near) > 1 else "1 plate is"
    return f"no plate {what} was found; {many} near it: {named} (--near lists them)"


def _hidden(connection: Connection, wanted: Search, key: bytes | None) -> str | None:
    """What can't be found by its text, because only hashes are stored of it."""
    plate = wanted.plate
    if plate is None or (plate.exact is not None and (key is not None or is_hashed(plate.exact))):
        return None
    if not searching.has_hashes(connection):
        return None
    if plate.exact is None:
        return "some plates here are stored as hashes: these are found by the whole plate alone"
    return (
        "some plates here are stored as hashes: these are found with the key that made them, in DASHCAM_PLATE_KEY or "
        "as plate.key in --work-dir"
    )


def _values(hit: Hit) -> dict[str, str | int | float | None]:
    return {**plain_values_of(hit.sighting), "distance": hit.distance}


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
