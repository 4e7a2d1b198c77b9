"""Sees a drive through the real stages, and keeps what each of them found."""

from __future__ import annotations

from pathlib import Path

from accuracykit.one_process import bench
from accuracykit.one_trip import joined
from accuracykit.seen import ReadSeen, SearchSeen, Seen, TrackSeen, ViewSeen, row_of_stage
from dashcam_pipeline.config import Settings
from dashcam_pipeline.stages.records import LookDone, RowToWrite, SearchedFrame, VehiclePassed
from dashcam_pipeline.storage.rows import SightingRow, VideoRow
from dashcam_pipeline.vision.vote.ballots import LookResult
from score import plain


def see(video: Path, settings: Settings) -> Seen:
    """What every stage found in a video.

    Raises:
        BenchTrouble: a part of it could not be worked off.
    """
    watcher = SeenWatcher()
    with bench(settings, watcher) as one:
        one.read(video)
    if watcher.video is not None:
        watcher.seen.rows = joined(watcher.rows, watcher.video, settings)
    return watcher.seen


class SeenWatcher:
    """Turns records between the stages into what they tell."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.rows: list[SightingRow] = []
        self.video: VideoRow | None = None  # once it is over

    def __call__(self, record: object) -> None:
        if isinstance(record, SearchedFrame):
            self.seen.vehicles[record.frame_idx] = tuple(found.box for found in record.vehicles)
        elif isinstance(record, VehiclePassed):
            passing = record.passing
            views = tuple(
                ViewSeen(
                    track_id=passing.track_id,
                    frame_idx=look.frame_idx,
                    vehicle=look.box,
                    searchable=look.search,
                )
                for look in passing.looks
            )
            self.seen.tracks.append(
                TrackSeen(
                    track_id=passing.track_id, first=passing.first_frame, last=passing.last_frame, views=views
                )
            )
        elif isinstance(record, LookDone):
            self.seen.searches.append(search_of(record.result))
        elif isinstance(record, RowToWrite):
            if isinstance(record.row, SightingRow):
                self.rows.append(record.row)
                self.seen.rows.append(row_of_stage(record.row))
            else:
                self.video = record.row
                self.seen.frames = record.row.frames_decoded


def search_of(result: LookResult) -> SearchSeen:
    """What came of one search."""
    return SearchSeen(
        track_id=result.track_id,
        frame_idx=result.frame_idx,
        vehicle=result.vehicle_box,
        plate=result.plate_box,
        reads=tuple(ReadSeen(plain(read.text), read.confidence, read.reader) for read in result.reads),
        note=result.not_a_plate,
    )
