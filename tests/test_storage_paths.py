"""Where the vehicles of a video were, as stored, with what is known of the whole vehicle."""

from __future__ import annotations

from dataclasses import replace

from dashcam_pipeline.storage import joining
from dashcam_pipeline.storage.joining import JoinedRow
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.results.paths import PathPoint, sightings_of_video
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from dashcam_pipeline.vision.types import NoPlateReason
from storage_rows import SIGHTING, VIDEO

PATH = ((10, 0.4, 1, 2, 30, 40), (12, 0.5, 2, 2, 31, 40))
UNREAD = replace(
    SIGHTING,
    track_id=2,
    first_frame=70,
    last_frame=90,
    final_plate=None,
    best_guess=None,
    plate_confidence=None,
    no_plate_reason=NoPlateReason.TOO_SMALL,
)


def test_a_path_comes_back_as_it_was_stored(dsn: str) -> None:
    with ResultWriter(dsn) as writer:
        writer.write([replace(SIGHTING, path=PATH, first_bbox=(1.0, 2.0, 30.0, 40.0)), UNREAD], [VIDEO])
    with connect(dsn) as connection:
        first, second = sightings_of_video(connection, SIGHTING.video_id)
    assert first.path == (
        PathPoint(10, 0.4, (1, 2, 30, 40)),
        PathPoint(12, 0.5, (2, 2, 31, 40)),
    )
    assert (first.id, first.plate, first.first_bbox) == ("abcdef-1", "LS15EBC", (1.0, 2.0, 30.0, 40.0))
    assert first.looks == SIGHTING.looks
    assert (second.path, second.reason, second.first_bbox) == ((), "too_small", None)


def test_a_part_of_a_vehicle_has_the_plate_of_the_whole(dsn: str) -> None:
    with ResultWriter(dsn) as writer:
        writer.write([SIGHTING, UNREAD], [VIDEO])
    head, other = (sighting_id("abcdef", number, 0) for number in (1, 2))
    joined = JoinedRow(
        id=str(head),
        parts=2,
        until_id=str(other),
        shown_id=str(head),
        span_s=3.0,
        final_plate="LS15EBD",
        best_guess=None,
        plate_confidence=0.99,
        no_plate_reason=None,
        reads=7,
        agreeing_reads=6,
        char_votes=[],
        best_read="LS15EBD",
        plate_region=None,
        plate_format=None,
        confidence_parts=None,
    )
    with connect(dsn) as connection:
        joining.write_joined(connection, joined, [str(head), str(other)])
        found = sightings_of_video(connection, "abcdef")
    assert [(one.id, one.plate, one.confidence, one.track_id) for one in found] == [
        ("abcdef-1", "LS15EBD", 0.99, 1),
        ("abcdef-1", "LS15EBD", 0.99, 2),
    ]


def test_a_video_that_nobody_read_has_none(dsn: str) -> None:
    with connect(dsn) as connection:
        assert sightings_of_video(connection, "nobody") == []
