"""`dashcam where`: when a video was recorded and where the camera was, without reading its pictures."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated

import typer

from dashcam_pipeline.cli.options import AsJson, Config
from dashcam_pipeline.configuration import load
from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.sources.discover import discover
from dashcam_pipeline.sources.journey import Journey, journey_of
from dashcam_pipeline.sources.positions.track import Fix, PositionTrack
from dashcam_pipeline.storage.whole_file import whole_file
from dashcam_pipeline.user_paths import expanded, shown

WIDTH = 100  # columns, also through a pipe
NAME_WIDTH = 11


def where(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="One video; files beside it count.")],
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone", metavar="ZONE", help="The camera's: Europe/Berlin, +02:00; else journey.zone."
        ),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the track as GPX.")
    ] = None,
) -> None:
    """Show when a video was recorded and where the camera was, as a run would have it.

    Example: dashcam where NO20240131-142233.mp4 --zone Europe/Berlin
    """
    settings = load(config, {"journey.zone": zone}).settings
    found = discover([video])
    if len(found.videos) != 1 or video.is_dir():
        raise BadInput(f"{shown(video)} is a folder: name one video")
    pattern = settings.trips.pattern
    with open_video(found.videos[0]) as opened:
        created_at, duration_s = opened.created_at, opened.duration_s
    journey = journey_of(
        found.videos[0],
        settings.journey,
        container_time=created_at,
        duration_s=duration_s,
        name_pattern=re.compile(pattern) if pattern else None,
    )
    if output is not None:
        _write(journey, output, found.videos[0])
    if as_json:
        print(json.dumps(asdict(journey), ensure_ascii=False, indent=2, default=datetime.isoformat))
        return
    print(shown(found.videos[0].name))
    for name, value in _facts(journey):
        print(
            textwrap.fill(
                value,
                WIDTH,
                initial_indent=f"  {name:<{NAME_WIDTH}} ",
                subsequent_indent=" " * (NAME_WIDTH + 3),
                break_long_words=False,
                break_on_hyphens=False,
            )
        )


def _write(journey: Journey, output: Path, video: Path) -> None:
    from dashcam_pipeline.sources.positions.found import beside
    from dashcam_pipeline.sources.positions.gpx import as_gpx

    if expanded(output).resolve() in [found.resolve() for found in beside(video)]:
        raise BadInput(f"-o {shown(output)}: lies beside the video as its own track; name another file")
    if journey.track is None or journey.clock is None:
        what = "position" if journey.track is None else "time"
        raise BadInput(f"{shown(video.name)} has no {what}: there is no track to write")
    with whole_file(output) as file:
        file.write(as_gpx(journey.track, journey.clock.started_at, shown(video.stem)))


def _facts(journey: Journey) -> Iterator[tuple[str, str]]:
    clock, track = journey.clock, journey.track
    if clock is None:
        yield "began", "not known"
    else:
        zone = timezone(timedelta(minutes=clock.utc_offset_min or 0))
        yield "began", f"{clock.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S %z}"
        by = f", its zone by {clock.zone_source}" if clock.zone_source else ", in UTC: its zone is not known"
        yield "known by", f"{clock.time_source}{by}"
    if journey.time_note:
        yield "", journey.time_note
    if track is None:
        yield "positions", "none"
    else:
        yield "positions", _summary(track)
        yield "from", _place(track.fixes[0])
        yield "to", _place(track.fixes[-1])
    if journey.position_note:
        yield "", journey.position_note


def _summary(track: PositionTrack) -> str:
    first, last = track.fixes[0], track.fixes[-1]
    return f"{len(track.fixes)} fixes of {track.source}, from second {first.t_s:.1f} to {last.t_s:.1f}"


def _place(fix: Fix) -> str:
    speed = f", {fix.speed_kmh:.0f} km/h" if fix.speed_kmh is not None else ""
    heading = f", heading {fix.heading_deg:.0f}°" if fix.heading_deg is not None else ""
    return f"{fix.latitude:.6f}, {fix.longitude:.6f}{speed}{heading}"
