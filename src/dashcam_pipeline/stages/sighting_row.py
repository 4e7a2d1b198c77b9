"""What became of a vehicle, as the row that the database keeps: the verdict, and every look with its reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.sources.journey import Moment
from dashcam_pipeline.storage.rows import BoxRow, LookRow, PathRow, ReadRow, SightingRow
from dashcam_pipeline.vision.tracking.box_path import PathPoint
from dashcam_pipeline.vision.types import Box, PlateRead
from dashcam_pipeline.vision.vote.ballots import LookResult, why_not
from dashcam_pipeline.vision.vote.splitting import Part
from dashcam_pipeline.vision.vote.voting import Verdict


def sighting_row(
    run_id: str,
    video_id: str,
    number: int,
    part: Part,
    settings: VoteSettings,
    moment_at: Callable[[float], Moment],
) -> SightingRow:
    """The row of one vehicle of a track, the `number`th from 0, without the paths of its pictures.

    Args:
        moment_at: when and where the camera was at a second of the video.
    """
    passing, verdict = part.passing, part.verdict
    view = verdict.evidence
    shown_s = view.ts_s if view else passing.first_s
    moment = moment_at(shown_s)
    return SightingRow(
        run_id=run_id,
        video_id=video_id,
        track_id=passing.track_id,
        part=number,
        vehicle_class=passing.vehicle_class,
        first_frame=passing.first_frame,
        last_frame=passing.last_frame,
        first_s=passing.first_s,
        last_s=passing.last_s,
        first_bbox=_corners(passing.first_box),
        last_bbox=_corners(passing.last_box),
        shot=passing.shot,
        path=tuple(map(_path_row, passing.path)),
        final_plate=verdict.plate,
        best_guess=verdict.best_guess,
        plate_confidence=verdict.confidence,
        confidence_parts=verdict.grounds.features() if verdict.grounds else None,
        no_plate_reason=verdict.reason,
        plate_region=verdict.region,
        plate_format=verdict.format,
        frame_idx=view.frame_idx if view else passing.first_frame,
        video_ts_frame=shown_s,
        ts=moment.ts,
        utc_offset_min=moment.utc_offset_min,
        time_source=moment.time_source,
        latitude=moment.latitude,
        longitude=moment.longitude,
        speed_kmh=moment.speed_kmh,
        heading_deg=moment.heading_deg,
        position_source=moment.position_source,
        car_bbox=_corners(view.vehicle_box if view else None),
        plate_bbox=_corners(view.plate_box if view else None),
        reads=verdict.looks,
        agreeing_reads=verdict.agreeing_looks,
        char_votes=list(verdict.char_votes),
        best_read=verdict.best_read,
        looks=tuple(_look(result, verdict, settings) for result in part.results),
        vehicle_picture=None,
        plate_picture=None,
    )


def _look(result: LookResult, verdict: Verdict, settings: VoteSettings) -> LookRow:
    weights = {ballot.read: ballot.weight for ballot in verdict.ballots if ballot.look == result}
    return LookRow(
        frame_idx=result.frame_idx,
        ts_s=result.ts_s,
        car_bbox=_corner_row(result.vehicle_box),
        plate_bbox=_corners(result.plate_box),
        plate_score=result.plate_score if result.plate_box else None,
        in_full=result.in_full,
        quality={name: float(value) for name, value in asdict(result.quality).items()}
        if result.quality
        else None,
        reads=tuple(_read(read, weights.get(read, 0.0), read.text == verdict.text) for read in result.reads),
        note=why_not(result, settings),
    )


def _read(read: PlateRead, weight: float, agrees: bool) -> ReadRow:
    return ReadRow(
        reader=read.reader,
        text=read.text,
        char_confidences=read.char_confidences,
        alternatives=read.alternatives,
        region=read.region,
        region_confidence=read.region_confidence,
        weight=weight,
        agrees=agrees and weight > 0.0,
    )


def _path_row(point: PathPoint) -> PathRow:
    x1, y1, x2, y2 = map(int, _corner_row(point.box))  # whole already
    return (point.frame_idx, point.ts_s, x1, y1, x2, y2)


def _corners(box: Box | None) -> BoxRow | None:
    return None if box is None else _corner_row(box)


def _corner_row(box: Box) -> BoxRow:
    return (box.x1, box.y1, box.x2, box.y2)
