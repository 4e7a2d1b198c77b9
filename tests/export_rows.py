"""What the tests of exports write: sightings with and without a position, odd texts, a track, boxes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import IO

from dashcam_pipeline.storage.exporting.extract import (
    Exported,
    ExportedVideo,
    Extract,
    Fix,
    VideoBoxes,
    VideoTrack,
)
from dashcam_pipeline.storage.exporting.formats import Format
from dashcam_pipeline.storage.exporting.writing import write
from dashcam_pipeline.storage.results.paths import PathPoint, SightingPath
from dashcam_pipeline.storage.results.reading import Sighting
from dashcam_pipeline.storage.rows import LookRow

CLAIM = Sighting(
    id="abcdef-1",
    plate="LS15EBC",
    confidence=0.912345,
    region="gb",
    format="gb/standard",
    video="drive.mp4",
    first_frame=10,
    last_frame=60,
    first_s=0.40004,
    last_s=2.4,
    vehicle_class="car",
    reads=7,
    agreeing_reads=6,
    best_guess=None,
    reason=None,
    best_read="LS15EBC",
    frame=30,
    frame_s=1.2,
    ts=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    time_source="gps",
    latitude=51.50735092,
    longitude=-0.12775826,
    speed_kmh=48.25,
    heading_deg=270.5,
    position_source="gpx",
    evidence="/work/evidence/ab/abcdef/1_vehicle.jpg",
    plate_evidence=None,
    frame_evidence="/work/evidence/ab/abcdef/1_frame.jpg",
    strip_evidence=None,
    last_video="drive.mp4",
    frame_video="drive.mp4",
    span_s=1.99996,
    parts=1,
    video_path="/videos/drive.mp4",
    video_id="abcdef",
    track_id=1,
    part=0,
    uuid="1771c0a2-2e49-5800-9763-a2f7b2485c7c",
    run_id="run-1",
)
GUESS = replace(
    CLAIM,
    id="abcdef-2",
    plate=None,
    best_guess="LS15E8C",
    reason="low_confidence",
    confidence=0.4,
    track_id=2,
    ts=datetime(2026, 1, 2, 10, 4, 6, 250_000, tzinfo=timezone(timedelta(hours=7))),
    latitude=-33.8688197,
    longitude=151.2092955,
)
ODD = replace(
    GUESS,
    id="abcdef-3",
    video='<b>"Tom & Jerry\'s"</b>, ünï 駐車.mp4',
    best_guess="=A\r\n\x01\x1b]]>",
    video_path="/videos/\udcff\x00.mp4",
    evidence="@evidence",
    speed_kmh=float("nan"),
    track_id=3,
)
NOWHERE = replace(
    CLAIM,
    id="abcdef-4",
    plate=None,
    confidence=None,
    reason="too_small",
    ts=None,
    time_source=None,
    latitude=None,
    longitude=None,
    speed_kmh=None,
    heading_deg=None,
    position_source=None,
    track_id=4,
)
ALL = (CLAIM, GUESS, ODD, NOWHERE)

VIDEO = ExportedVideo(
    video_id="abcdef", filename="drive & co.mp4", width=1280, height=720, started_at=CLAIM.ts
)
TRACK = VideoTrack(
    VIDEO,
    (
        Fix(0.0, 51.5, -0.1, 36.0, 0.0),
        Fix(1.0, 51.5001, -0.1, None, None),
        Fix(31.5, 51.51, 180.0, 72.0, 359.999),
    ),
)
BOXED = SightingPath(
    id="abcdef-1",
    uuid="1771c0a2-2e49-5800-9763-a2f7b2485c7c",
    track_id=1,
    part=0,
    plate="LS15EBC",
    best_guess=None,
    confidence=0.912345,
    reason=None,
    vehicle_class="car",
    first_frame=10,
    last_frame=60,
    first_s=0.4,
    last_s=2.4,
    first_bbox=(10.0, 20.0, 30.0, 40.0),
    last_bbox=(400.0, 20.0, 700.0, 340.0),
    path=(PathPoint(10, 0.4, (10, 20, 30, 40)), PathPoint(30, 1.2, (100, 50, 300, 200))),
    looks=(
        LookRow(frame_idx=20, ts_s=0.8, car_bbox=(90.0, 40.0, 210.0, 130.0)),
        LookRow(
            frame_idx=30,
            ts_s=1.2,
            car_bbox=(100.0, 50.5, 300.25, 200.0),
            plate_bbox=(150.0, 150.0, 220.5, 170.0),
            plate_score=0.88,
        ),
    ),
)
OLD = replace(
    BOXED, id="abcdef-2", track_id=2, plate=None, vehicle_class="tram", path=(), looks=(), last_bbox=None
)
WITHOUT = replace(OLD, id="abcdef-3", track_id=3, first_bbox=None)
BOXES = VideoBoxes(VIDEO, (BOXED, OLD, WITHOUT))
EXTRACT = Extract(sightings=ALL, tracks=(TRACK,), boxes=(BOXES,))
EMPTY = Extract()


def written(extract: Extract, format: Format, folder: Path) -> Path:
    """The file of an export."""
    path = folder / f"sightings.{format}"
    write(extract, format, path)
    return path


def as_text(writer: Callable[[Extract, IO[str]], Exported], *sightings: Sighting) -> str:
    """What a writer makes of these sightings."""
    file = io.StringIO(newline="")
    writer(Extract(sightings=sightings), file)
    return file.getvalue()
