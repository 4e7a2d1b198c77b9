"""Rows for the tests of storage: valid ones, of which a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dashcam_pipeline.storage.rows import (
    DeadLetterRow,
    LookRow,
    ReadRow,
    RunRow,
    RunStatus,
    SightingRow,
    VideoRow,
    VideoStatus,
)
from dashcam_pipeline.vision.types import NoPlateReason

RUN = RunRow(
    run_id="run-1",
    started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    status=RunStatus.RUNNING,
    version="0.1.0",
    config={"run": {"device": "cpu"}},
    config_fingerprint="c1",
    model_fingerprint="m1",
    work_dir="/data/work",
)
VIDEO = VideoRow(
    run_id="run-1",
    video_id="abcdef",
    path="/videos/drive.mp4",
    filename="drive.mp4",
    status=VideoStatus.RUNNING,
    frames_decoded=100,
)
SIGHTING = SightingRow(
    run_id="run-1",
    video_id="abcdef",
    track_id=1,
    vehicle_class="car",
    first_frame=10,
    last_frame=60,
    first_s=0.4,
    last_s=2.4,
    final_plate="LS15EBC",
    best_guess=None,
    plate_confidence=0.91,
    no_plate_reason=None,
    frame_idx=30,
    video_ts_frame=1.2,
    ts=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
    car_bbox=(100.0, 50.5, 300.25, 200.0),
    plate_bbox=(150.0, 150.0, 220.0, 170.0),
    reads=7,
    agreeing_reads=6,
    char_votes=[{"L": 0.9, "I": 0.1}, {"S": 1.0}],
    best_read="LS15EBC",
    vehicle_picture="evidence/ab/abcdef/1_vehicle.jpg",
    plate_picture="evidence/ab/abcdef/1_plate.jpg",
)
LOOKS = (
    LookRow(
        frame_idx=20,
        ts_s=0.8,
        car_bbox=(90.0, 40.0, 210.0, 130.0),
        plate_bbox=(120.0, 100.0, 160.0, 112.0),
        plate_score=0.61,
        quality={"sharpness": 14.0, "readable": 0.4},
        reads=(
            ReadRow(
                reader="cct_xs_v2", text="I515EBC", char_confidences=(0.4,) * 7, region="gb", weight=0.16
            ),
        ),
    ),
    LookRow(
        frame_idx=30,
        ts_s=1.2,
        car_bbox=(100.0, 50.5, 300.25, 200.0),
        plate_bbox=(150.0, 150.0, 220.0, 170.0),
        plate_score=0.88,
        in_full=True,
        quality={"sharpness": 60.5, "readable": 0.9},
        reads=(
            ReadRow(
                reader="cct_xs_v2",
                text="LS15EBC",
                char_confidences=(0.99,) * 7,
                region="gb",
                weight=0.98,
                agrees=True,
            ),
            ReadRow(
                reader="cct_xs_v1", text="LS15EBC", char_confidences=(0.9,) * 7, weight=0.81, agrees=True
            ),
        ),
    ),
    LookRow(frame_idx=42, ts_s=1.7, car_bbox=(100.0, 50.0, 310.0, 205.0), note="no plate found"),
)
WELL_KNOWN = replace(
    SIGHTING,
    part=1,
    plate_region="gb",
    plate_format="gb/standard",
    confidence_parts={"agreement": 0.9, "share": 0.95},
    looks=LOOKS,
    frame_picture="evidence/ab/abcdef/1-1_frame.jpg",
    strip_picture="evidence/ab/abcdef/1-1_strip.jpg",
    first_bbox=(10.0, 20.0, 30.0, 40.0),
    last_bbox=(400.0, 20.0, 700.0, 340.0),
)
UNREAD = replace(
    SIGHTING,
    final_plate=None,
    best_guess="LS15E8C",
    plate_confidence=0.4,
    no_plate_reason=NoPlateReason.LOW_CONFIDENCE,
)
DEAD_LETTER = DeadLetterRow(
    run_id="run-1",
    video_id="abcdef",
    task_id="abcdef:OCR:1-30",
    category="OCR",
    attempts=3,
    error="ValueError: no such colour",
    traceback='Traceback (most recent call last):\n  File "ocr.py", line 1\nValueError: no such colour\n',
    frame_idx=30,
    ts_s=1.2,
    frame_picture="dead_letters/run-1/abcdef-0000030-OCR.png",
    failed_at=datetime(2026, 1, 2, 3, 5, 0, tzinfo=UTC),
)


def sighting(track_id: int, **changed: Any) -> SightingRow:
    return replace(SIGHTING, track_id=track_id, **changed)


def video(status: VideoStatus, **changed: Any) -> VideoRow:
    return replace(VIDEO, status=status, **changed)
