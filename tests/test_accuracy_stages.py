"""The stages in one process see what a run sees."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from accuracykit.ablations import ABLATIONS
from accuracykit.model_cache import ModelCache, cached_models
from accuracykit.one_trip import joined
from accuracykit.settings import changed, is_known
from accuracykit.stills import read_folder
from accuracykit.watching import see
from dashcam_pipeline.config import Settings
from dashcam_pipeline.storage.rows import LookRow, ReadRow, SightingRow, VideoRow, VideoStatus
from sources_clips import real_clip
from vision_data import PICODET, PLATE_DETECTOR, READER, model

FRAME_BOX = (0.0, 0.0, 640.0, 480.0)


@pytest.fixture
def _models() -> None:
    for name in (PICODET, PLATE_DETECTOR, READER):
        model(name)


def row(track_id: int, first: int, last: int, plate: str | None) -> SightingRow:
    """A vehicle that was read twice."""
    reads = (ReadRow(reader="toy", text=plate, char_confidences=(0.99,) * len(plate)),) if plate else ()
    looks = tuple(
        LookRow(
            frame_idx=frame,
            ts_s=frame / 10,
            car_bbox=FRAME_BOX,
            plate_bbox=(10.0, 10.0, 110.0, 40.0),
            plate_score=0.9,
            reads=reads,
        )
        for frame in (first, last)
    )
    return SightingRow(
        run_id="run",
        video_id="video",
        track_id=track_id,
        vehicle_class="car",
        first_frame=first,
        last_frame=last,
        first_s=first / 10,
        last_s=last / 10,
        final_plate=plate,
        best_guess=None,
        plate_confidence=0.9 if plate else None,
        no_plate_reason=None,
        frame_idx=first,
        video_ts_frame=first / 10,
        ts=None,
        car_bbox=FRAME_BOX,
        plate_bbox=(10.0, 10.0, 110.0, 40.0),
        reads=2,
        agreeing_reads=2,
        char_votes=[],
        best_read=plate,
        vehicle_picture=None,
        plate_picture=None,
        looks=looks,
    )


VIDEO = VideoRow(
    run_id="run",
    video_id="video",
    path="video.mp4",
    filename="video.mp4",
    status=VideoStatus.DONE,
    duration_s=60.0,
    width=640,
    height=480,
)


def test_rows_of_one_vehicle_are_one_sighting_as_after_a_run() -> None:
    rows = [row(1, 10, 20, "ABC1234"), row(2, 40, 50, "ABC1234"), row(3, 80, 90, "XYZ9876")]
    found = joined(rows, VIDEO, Settings())
    assert [(one.plate, one.first, one.last) for one in found] == [("ABC1234", 10, 50), ("XYZ9876", 80, 90)]


def test_rows_stay_as_they_are_where_nothing_is_joined() -> None:
    settings = Settings()
    apart = settings.model_copy(update={"trips": settings.trips.model_copy(update={"join": False})})
    rows = [row(1, 10, 20, "ABC1234"), replace(row(2, 40, 50, None), no_plate_reason=None)]
    assert [one.plate for one in joined(rows, VIDEO, apart)] == ["ABC1234", None]


@pytest.mark.usefixtures("_models")
def test_photo_is_read_through_the_stages_and_then_from_the_cache(tmp_path: Path) -> None:
    photos = tmp_path / "br"
    photos.mkdir()
    for name in ("AYO9034.jpg", "AYO9034.txt"):
        shutil.copy(real_clip("photos", "br", name), photos / name)
    cache = ModelCache(tmp_path / "cache")
    with cached_models(cache):
        first, again = (read_folder(photos, Settings()) for _ in range(2))
    assert [(one.plate, one.read, one.cause) for one in first.stills] == [("AYO9034", "AYO9034", None)]
    assert again == first


@pytest.mark.slow
@pytest.mark.usefixtures("_models")
def test_clip_is_seen_by_every_stage() -> None:
    seen = see(real_clip("videos", "uk_mercedes_LS15EBC_720p.mp4"), Settings())
    assert seen.frames > len(seen.vehicles) > 0
    assert any(read.text == "LS15EBC" for search in seen.searches for read in search.reads)
    assert "LS15EBC" in [one.plate for one in seen.rows]
    tracks = {track.track_id for track in seen.tracks}
    assert {search.track_id for search in seen.searches} <= tracks


def test_parts_are_switched_off_by_settings_that_there_are(tmp_path: Path) -> None:
    for part in ABLATIONS:
        assert all(is_known(change) for change in part.changes), part.name
        whole, _ = changed((), tmp_path)
        without, _ = changed(part.changes, tmp_path)
        assert (without == whole) is not bool(part.changes), part.name
