"""PLATE_SMOOTH: all looks at one vehicle become one plate, one row, and the pictures that prove it.

One batch of one vehicle at a time. What came in so far is the vehicle's state, beside the queue; it holds the best
pictures until the vote. The order in which looks come in makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, pack
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.records import LookDone, PlateToRead, RowToWrite, VehicleLook, VehiclePassed
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.evidence import EvidenceFolder, EvidencePaths
from dashcam_pipeline.storage.rows import SightingRow
from dashcam_pipeline.vision.crops import plate_picture
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.voting import LookResult, Verdict, decide, picture_rank
from dashcam_pipeline.vision.watch import Passing

VEHICLES = "vehicles"
PLATES = "plates"
REASON = "reason:"  # tallies of sightings without a plate are named with this before the reason


@dataclass(frozen=True, slots=True)
class _Vehicle:
    """What is known of one vehicle so far."""

    looks: tuple[LookDone, ...] = ()
    passing: Passing | None = None

    @property
    def complete(self) -> bool:
        return self.passing is not None and len(self.looks) >= self.passing.looks

    def best_pictures(self, count: int) -> tuple[LookDone, ...]:
        """The looks whose pictures are worth keeping: the best `count`, and the best one of every text."""
        ranked = sorted(
            (look for look in self.looks if look.picture is not None),
            key=lambda look: picture_rank(look.result),
            reverse=True,
        )
        first_of_text = {_text(look.result): look for look in reversed(ranked)}
        return tuple(
            look
            for rank, look in enumerate(ranked)
            if rank < count or first_of_text[_text(look.result)] is look
        )


class PlateSmooth:
    """The processor of PLATE_SMOOTH. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._evidence = EvidenceFolder(context.job.work_dir, context.settings.storage.evidence_quality)

    def process(self, batch: Batch, /) -> Outcome:
        vehicle: _Vehicle = batch.state.load() if batch.state else _Vehicle()
        for task in batch.tasks:
            record = task.load()
            if isinstance(record, VehiclePassed):
                vehicle = replace(vehicle, passing=record.passing)
            else:
                look = _as_done(record)
                if task.tombstone_of is not None:  # its picture is gone
                    look = replace(look, picture=None)
                vehicle = replace(vehicle, looks=(*vehicle.looks, look))
        pictured = vehicle.best_pictures(self._context.settings.looks.kept_pictures)
        if any(task.tombstone_of == task.category for task in batch.tasks):
            pictured = ()  # they may be what it failed on; the vehicle's row matters more
        if not vehicle.complete:
            return Outcome(state=_state(vehicle, pictured))
        return self._close(batch, vehicle, pictured)

    def _close(self, batch: Batch, vehicle: _Vehicle, pictured: tuple[LookDone, ...]) -> Outcome:
        """The vehicle has passed and all its looks are in: vote, write the pictures, make the row."""
        assert vehicle.passing is not None
        task = batch.tasks[0]
        results = [look.result for look in vehicle.looks]
        verdict = decide(vehicle.passing, results, self._context.settings.vote)
        shown = _shown(verdict, pictured)
        paths = None if shown is None else self._write_pictures(batch, shown)
        row = self._row(task.source_id, vehicle.passing, verdict, shown, paths)
        outcome = PLATES if verdict.plate else f"{REASON}{verdict.reason}"
        return Outcome(
            push=(self._context.route.task(RowToWrite(row), task, f"sighting-{row.track_id}"),),
            tallies={VEHICLES: 1, outcome: 1},
        )

    def _write_pictures(self, batch: Batch, shown: LookDone) -> EvidencePaths:
        assert shown.picture is not None
        vehicle = self._context.tools.store.get(shown.picture.frame_id)
        plate_box = shown.result.plate_box
        plate = None
        if plate_box is not None:
            local = plate_box.shifted(-shown.picture.left, -shown.picture.top)
            plate = plate_picture(vehicle, local, self._context.settings.detection)
        video_id, track_id = batch.tasks[0].source_id, shown.result.track_id
        return when_disk_allows(
            self._context,
            batch.task_ids,
            lambda: self._evidence.write(video_id, track_id, vehicle, plate),
        )

    def _row(
        self,
        video_id: str,
        passing: Passing,
        verdict: Verdict,
        shown: LookDone | None,
        paths: EvidencePaths | None,
    ) -> SightingRow:
        view = shown.result if shown else verdict.evidence
        return SightingRow(
            run_id=self._context.job.run_id,
            video_id=video_id,
            track_id=passing.track_id,
            vehicle_class=passing.vehicle_class,
            first_frame=passing.first_frame,
            last_frame=passing.last_frame,
            first_s=passing.first_s,
            last_s=passing.last_s,
            final_plate=verdict.plate,
            best_guess=verdict.best_guess,
            plate_confidence=verdict.confidence,
            no_plate_reason=verdict.reason,
            frame_idx=view.frame_idx if view else passing.first_frame,
            video_ts_frame=view.ts_s if view else passing.first_s,
            ts=None,
            car_bbox=_corners(view.vehicle_box if view else None),
            plate_bbox=_corners(view.plate_box if view else None),
            reads=verdict.reads,
            agreeing_reads=verdict.agreeing_reads,
            char_votes=verdict.char_votes,
            best_read=verdict.best_read,
            vehicle_picture=paths.vehicle if paths else None,
            plate_picture=paths.plate if paths else None,
        )


def _as_done(record: LookDone | PlateToRead | VehicleLook) -> LookDone:
    """A look that came through, or what is left of one that was given up on the way."""
    if isinstance(record, LookDone):
        return record
    if isinstance(record, PlateToRead):
        return LookDone(replace(record.result, failed=True), None)
    look = record.look
    result = LookResult(
        track_id=look.track_id,
        frame_idx=look.frame_idx,
        ts_s=look.ts_s,
        vehicle_box=look.box,
        searched=look.search,
        failed=True,
    )
    return LookDone(result, None)


def _state(vehicle: _Vehicle, pictured: Iterable[LookDone]) -> KeyState:
    """The state, without the pictures that have no chance any more."""
    kept = {look.picture.frame_id for look in pictured if look.picture is not None}
    looks = tuple(
        look if look.picture is not None and look.picture.frame_id in kept else replace(look, picture=None)
        for look in vehicle.looks
    )
    return KeyState(pack(replace(vehicle, looks=looks)), tuple(sorted(kept)))


def _shown(verdict: Verdict, pictured: tuple[LookDone, ...]) -> LookDone | None:
    """The picture that proves the verdict: of the very look, else of the best one with the same text."""
    wanted = verdict.evidence
    if wanted is None or not pictured:
        return pictured[0] if pictured else None
    exact = [look for look in pictured if look.result.frame_idx == wanted.frame_idx]
    same_text = [look for look in pictured if _text(look.result) == _text(wanted)]
    return (exact or same_text or list(pictured))[0]


def _text(result: LookResult) -> str:
    return result.read.text if result.read else ""


def _corners(box: Box | None) -> tuple[float, float, float, float] | None:
    return None if box is None else (box.x1, box.y1, box.x2, box.y2)
