"""What a run does with the rows of a video once they are stored: those of one vehicle are joined. Here without a
database, by the same rules and the same vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from accuracykit.seen import RowSeen, row_of_stage
from dashcam_pipeline.batch.revote import Seen, vote_again
from dashcam_pipeline.config import Settings
from dashcam_pipeline.storage.joining import FileBox, StoredPart, StoredVote
from dashcam_pipeline.storage.rows import SightingRow, VideoRow
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.joining import EDGE_S, Part, join


def joined(rows: Sequence[SightingRow], video: VideoRow, settings: Settings) -> list[RowSeen]:
    """The sightings of one video as a run lists them, in the order of time."""
    if not settings.trips.join:
        return [row_of_stage(row) for row in rows]
    by_key = {_key(row): row for row in rows}
    groups = join([_part(row, video) for row in rows], settings.trips.same_plate_s)
    return [_one_row([by_key[part.key] for part in group], settings) for group in groups]


def _one_row(rows: Sequence[SightingRow], settings: Settings) -> RowSeen:
    """One sighting of several, which are in the order of time."""
    if len(rows) == 1:
        return row_of_stage(rows[0])
    seen = [Seen(part=_stored(row), vote=_vote(row), start_s=0.0, first_frame=0) for row in rows]
    vote = vote_again(seen, settings.vote)
    return replace(
        row_of_stage(rows[0]),
        plate=vote.final_plate,
        best_guess=vote.best_guess,
        confidence=vote.plate_confidence,
        reason=None if vote.no_plate_reason is None else str(vote.no_plate_reason),
        last=max(row.last_frame for row in rows),
        best_read=vote.best_read,
    )


def _key(row: SightingRow) -> str:
    return f"{row.track_id}-{row.part}"


def _part(row: SightingRow, video: VideoRow) -> Part:
    return Part(
        key=_key(row),
        video=0,
        first_s=row.first_s,
        last_s=row.last_s,
        vehicle_class=row.vehicle_class,
        plate=row.final_plate,
        best_guess=row.best_guess,
        confidence=row.plate_confidence,
        first_box=_shares(row.first_bbox, video),
        last_box=_shares(row.last_bbox, video),
        from_start=row.first_s <= EDGE_S,
        shot=row.shot,
        to_end=video.duration_s is not None and row.last_s >= video.duration_s - EDGE_S,
    )


def _shares(box: FileBox | None, video: VideoRow) -> Box | None:
    """A box as shares of the frame."""
    if box is None or not video.width or not video.height:
        return None
    x1, y1, x2, y2 = box
    return Box(x1 / video.width, y1 / video.height, x2 / video.width, y2 / video.height)


def _stored(row: SightingRow) -> StoredPart:
    box = row.plate_bbox
    return StoredPart(
        id=_key(row),
        video_id=row.video_id,
        vehicle_class=row.vehicle_class,
        first_frame=row.first_frame,
        last_frame=row.last_frame,
        first_s=row.first_s,
        last_s=row.last_s,
        final_plate=row.final_plate,
        best_guess=row.best_guess,
        plate_confidence=row.plate_confidence,
        no_plate_reason=None if row.no_plate_reason is None else str(row.no_plate_reason),
        first_bbox=row.first_bbox,
        last_bbox=row.last_bbox,
        shot=row.shot,
        agreeing_reads=row.agreeing_reads,
        plate_width=None if box is None else box[2] - box[0],
    )


def _vote(row: SightingRow) -> StoredVote:
    return StoredVote(
        id=_key(row),
        looks=[asdict(look) for look in row.looks],
        reads=row.reads,
        agreeing_reads=row.agreeing_reads,
        char_votes=row.char_votes,
        best_read=row.best_read,
        plate_region=row.plate_region,
        plate_format=row.plate_format,
        confidence_parts=row.confidence_parts,
    )
