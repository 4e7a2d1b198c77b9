"""`dashcam export`: the sightings of a run as a file for another program."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dashcam_pipeline.cli.counting import Counting
from dashcam_pipeline.cli.moments import moment
from dashcam_pipeline.cli.options import (
    Classes,
    Db,
    MinConfidence,
    PlatesOnly,
    RunId,
    Since,
    Until,
    VideoName,
    WorkDir,
)
from dashcam_pipeline.cli.results import open_results, warn_of_replaced
from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.exporting.extract import (
    Chosen,
    Exported,
    Extract,
    Selection,
    boxes_of,
    exported_videos,
    tracks_of,
)
from dashcam_pipeline.storage.exporting.formats import WITH_POSITION, Format, format_of
from dashcam_pipeline.storage.exporting.writing import check_writable, write
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.results import reading
from dashcam_pipeline.storage.results.reading import LATEST


def export(
    run: RunId = LATEST,
    format: Annotated[
        Format | None, typer.Option("--format", help="Else by the ending of the file, else csv.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else standard output.")
    ] = None,
    video: VideoName = None,
    since: Since = None,
    until: Until = None,
    vehicle_class: Classes = None,
    plates_only: PlatesOnly = False,
    min_confidence: MinConfidence = 0.0,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Print or save the sightings in the videos of a run, one row a vehicle.

    Tables: csv, json, jsonl, parquet. Boxes of vehicles and plates, for training: coco.

    Maps, with the sightings whose position is known: geojson, kml, gpx.

    `plate` holds only what the run claims; weaker texts stand in `best_guess`.

    Evidence paths are those in the run's work dir, or in --work-dir where it was moved to.

    Example: dashcam export --run latest --plates-only -o plates.parquet
    """
    format = format or format_of(output)
    check_writable(format, output)
    if format is Format.COCO and (since is not None or until is not None):
        raise BadInput(
            "coco has frames and no times of day: leave out --since and --until, or choose by --video"
        )
    now = datetime.now().astimezone()
    selection = Selection(
        since=moment(since, "--since", now) if since is not None else None,
        until=moment(until, "--until", now, day_is_over=True) if until is not None else None,
        vehicle_classes=frozenset(one.value for one in vehicle_class or ()),
        plates_only=plates_only,
        min_confidence=min_confidence,
    )
    location = resolve_location(db, work_dir)
    with open_results(location) as connection, Counting(sys.stderr, silent=output is None) as counting:
        found = reading.find_run(connection, run)
        video_ids = reading.find_videos(connection, found.run_id, video) if video is not None else None
        warn_of_replaced(connection, found)
        videos = exported_videos(connection, found.run_id, video_ids)
        sightings = reading.iterate_sightings(connection, found, video_ids, location.work_dir)
        chosen = Chosen(sightings, selection)
        extract = Extract(
            sightings=counting.over(chosen, "sightings"),
            tracks=counting.over(tracks_of(connection, videos), "tracks"),
            boxes=counting.over(boxes_of(connection, videos, selection), "videos"),
        )
        exported = write(extract, format, output)
    if output is not None:
        print(f"{exported.written} sightings of run {found.run_id} in {output}", file=sys.stderr)
    for note in _left_out(format, exported, chosen.timeless):
        print(note, file=sys.stderr)


def _left_out(format: Format, exported: Exported, timeless: int) -> Iterator[str]:
    """What was wanted and is not in the file, and why."""
    if timeless:
        yield f"left out: {timeless} more that {_have(timeless)} no time of day"
    without = exported.found - exported.written
    if not without:
        return
    what = "position" if format in WITH_POSITION else "box"
    hint = ": see docs/gps.md" if format in WITH_POSITION else ""
    if exported.written:
        yield f"{without} more {_have(without)} no {what}{hint}"
    else:
        yield f"none of the {exported.found} sightings has a {what}{hint}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
