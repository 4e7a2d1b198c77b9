"""The records that go into Postgres: a run, a video, a sighting, a dead letter."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dashcam_pipeline.vision.types import NoPlateReason

__all__ = [
    "REFUSED",
    "BoxRow",
    "DeadLetterRow",
    "FixRow",
    "LookRow",
    "NoPlateReason",
    "PathRow",
    "ReadRow",
    "RunRow",
    "RunStatus",
    "SightingRow",
    "VideoRow",
    "VideoStatus",
]


class RunStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"  # every video was read to its end
    PARTIAL = "partial"  # some videos failed or were only partly readable
    STOPPED = "stopped"  # the user stopped it
    FAILED = "failed"  # it ended by an error


class VideoStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # read to its end without an error
    PARTIAL = "partial"  # damaged: what was readable is in the table
    FAILED = "failed"  # nothing could be read
    SKIPPED = "skipped"  # hidden, empty, or the same content as another file of the run
    STOPPED = "stopped"  # the run was stopped before its end


BoxRow = tuple[float, float, float, float]
"""(x1, y1, x2, y2) in pixels of the upright frame, right and bottom exclusive."""


PathRow = tuple[int, float, int, int, int, int]
"""(frame_idx, ts_s, x1, y1, x2, y2): a vehicle's box in one frame, as it stands in JSON."""

FixRow = tuple[float, float, float, float | None, float | None]
"""(second of the video, latitude, longitude, km/h, degrees from north): a position, as it stands in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """What one reader made of one picture of the plate, and what it counted for in the vote."""

    reader: str  # name of the model
    text: str
    char_confidences: tuple[float, ...]  # 0..1, one a character of `text`
    alternatives: tuple[tuple[tuple[str, float], ...], ...] = ()  # a position each: character, probability
    region: str | None = None  # the reader's guess at the plate's country
    region_confidence: float = 0.0  # 0..1
    weight: float = 0.0  # of its vote; 0: it did not vote
    agrees: bool = False  # with the text that won


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRow:
    """One view of a vehicle, and what came of the search for its plate."""

    frame_idx: int
    ts_s: float  # seconds from the start of the video
    car_bbox: BoxRow
    plate_bbox: BoxRow | None = None
    plate_score: float | None = None  # 0..1, of the plate detector; None: no plate box
    in_full: bool = False  # searched at the plate detector's own input size
    quality: dict[str, float] | None = None  # of the plate's picture, by name: sharpness, contrast, …
    reads: tuple[ReadRow, ...] = ()
    note: str | None = None  # why it does not vote; None: it votes


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRow:
    """One vehicle passing one camera. Fields with a default are unknown to rows of older versions."""

    run_id: str
    video_id: str
    track_id: int  # counts from 1 within the video
    vehicle_class: str
    first_frame: int  # frames count from 0 in decode order
    last_frame: int
    first_s: float  # seconds from the start of the video, from the container's timestamps
    last_s: float
    final_plate: str | None  # set only when the vote makes a claim
    best_guess: str | None  # the text of a vote that makes no claim
    plate_confidence: float | None  # 0..1, of the claim or of the guess
    no_plate_reason: NoPlateReason | None
    frame_idx: int  # the frame of the evidence
    video_ts_frame: float  # its second in the video
    ts: datetime | None  # its wall time in UTC where known
    car_bbox: BoxRow | None  # in frame `frame_idx`
    plate_bbox: BoxRow | None  # in frame `frame_idx`
    reads: int  # looks with a read that voted
    agreeing_reads: int  # of these, with a read equal to the winner
    char_votes: list[dict[str, float]]  # a position each: character -> share of the weight
    best_read: str | None  # the single strongest read, as the reader gave it
    vehicle_picture: str | None  # path relative to the work dir
    plate_picture: str | None
    part: int = 0  # counts from 0 within the track, which is split where its plate changes
    plate_region: str | None = None  # the readers' guess at the plate's country
    plate_format: str | None = (
        None  # the format that the text has, as "ro/standard"; None: none that is known
    )
    confidence_parts: dict[str, float] | None = None  # what the confidence was made of, by name
    looks: tuple[LookRow, ...] = ()  # all views that were kept, in the order of their frames
    frame_picture: str | None = None  # the whole frame `frame_idx`, shrunk
    strip_picture: str | None = None  # the plate in all views that were read, side by side
    first_bbox: BoxRow | None = None  # the vehicle in frame `first_frame`
    last_bbox: BoxRow | None = None  # the vehicle in frame `last_frame`
    shot: int = 0  # shot cuts of the video before it: tracks never cross one
    utc_offset_min: int | None = None  # the camera's time of day less UTC, minutes
    time_source: str | None = None  # where `ts` comes from: gps, sidecar, name, container or file
    latitude: float | None = None  # of the camera at `ts`, degrees (WGS84), north and east positive
    longitude: float | None = None
    speed_kmh: float | None = None
    heading_deg: float | None = None  # clockwise from north
    position_source: str | None = None  # where the position comes from: gpx, nmea, srt, …
    path: tuple[PathRow, ...] = ()  # the vehicle in the frames in which it was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRow:
    """One input file of a run."""

    run_id: str
    video_id: str  # by content, not by name
    path: str
    filename: str
    status: VideoStatus
    reason: str | None = None  # why it is not done, in one line
    size_bytes: int | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    codec: str | None = None
    frames_decoded: int = 0
    frames_sampled: int = 0
    decode_errors: int = 0
    dead_letters: int = 0  # tasks of this video that were given up
    vehicles: int = 0
    plates: int = 0
    reasons: dict[str, int] | None = None  # sightings without a plate, by reason
    started_at: datetime | None = None  # wall time of its first frame, UTC
    utc_offset_min: int | None = None  # the camera's time of day less UTC, minutes
    time_source: str | None = None  # where `started_at` comes from: gps, sidecar, name, container or file
    zone_source: str | None = None  # where `utc_offset_min` comes from
    time_note: str | None = None  # what was doubtful about that, in one line
    position_source: str | None = None  # where `track` comes from: gpx, nmea, srt, …
    position_note: str | None = None  # what was dropped of it, and why
    track: tuple[FixRow, ...] | None = None  # where the camera was


REFUSED = "DELIVERY"
"""What stands as the stage of the dead letter of a row that the database refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRow:
    """A piece of work on a video that was given up after its last attempt."""

    run_id: str
    video_id: str
    task_id: str
    category: str  # the stage that gave up
    attempts: int
    error: str  # in one line
    traceback: str  # or how the worker process died
    frame_idx: int | None  # the frame it was about, where it was about one
    ts_s: float | None  # its second in the video
    frame_picture: str | None  # path relative to the work dir
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run; a resumed one keeps its row."""

    run_id: str
    started_at: datetime
    status: RunStatus
    finished_at: datetime | None = None
    error: str | None = None
    version: str = ""
    config: dict[str, object] | None = None  # the effective settings
    config_fingerprint: str = ""  # changes when a setting that can change a row does
    model_fingerprint: str = ""  # the checksums of the models used
    work_dir: str | None = None  # evidence paths are relative to it
    host: str = field(default_factory=platform.node)  # whose work dir that is
