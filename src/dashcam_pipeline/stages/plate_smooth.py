"""PLATE_SMOOTH: the best views of a vehicle are searched in rounds, and become one plate, one row, and its proof.

One batch of one vehicle at a time. What came in so far is the vehicle's state, beside the queue; it holds the pictures
until the vote. The order in which the results of a round come in makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, Task, pack
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.records import (
    LookDone,
    PlateToRead,
    RowToWrite,
    VehiclePassed,
    VehiclePicture,
    ViewToSearch,
)
from dashcam_pipeline.stages.waiting import when_disk_allows
from dashcam_pipeline.storage.evidence import EvidenceFolder, EvidencePaths
from dashcam_pipeline.storage.rows import SightingRow
from dashcam_pipeline.vision.crops import plate_picture
from dashcam_pipeline.vision.rounds import Search, next_round
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.voting import LookResult, Verdict, decide
from dashcam_pipeline.vision.watch import Look, Passing

VEHICLES = "vehicles"
PLATES = "plates"
REASON = "reason:"  # tallies of sightings without a plate are named with this before the reason


@dataclass(frozen=True, slots=True)
class _Vehicle:
    """What is known of one vehicle so far."""

    passing: Passing
    pictures: tuple[VehiclePicture, ...]  # of its looks
    asked: int = 0  # searches
    results: tuple[LookResult, ...] = ()  # of those that are done

    def state(self) -> KeyState:
        return KeyState(pack(self), tuple(sorted(picture.frame_id for picture in self.pictures)))

    def picture_of(self, look: Look) -> VehiclePicture:
        return self.pictures[self.passing.looks.index(look)]


class PlateSmooth:
    """The processor of PLATE_SMOOTH. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._evidence = EvidenceFolder(context.job.work_dir, context.settings.storage.evidence_quality)

    def process(self, batch: Batch, /) -> Outcome:
        vehicle: _Vehicle | None = batch.state.load() if batch.state else None
        for task in batch.tasks:
            record = task.load()
            if isinstance(record, VehiclePassed):
                vehicle = _Vehicle(record.passing, record.pictures)
            elif vehicle is not None:
                vehicle = replace(vehicle, results=(*vehicle.results, _result(record)))
        if vehicle is None:
            raise ValueError(f"{batch.tasks[0].task_id} came before its vehicle")
        if len(vehicle.results) < vehicle.asked:
            return Outcome(state=vehicle.state())
        if any(task.tombstone_of == task.category for task in batch.tasks):
            # The pictures may be what it failed on; the vehicle's row matters more.
            return self._close(batch, replace(vehicle, pictures=()))
        settings = self._context.settings
        searches = next_round(
            vehicle.passing, vehicle.results, settings.looks, settings.vote, settings.models.plate_input_px
        )
        return self._ask(batch.tasks[0], vehicle, searches) if searches else self._close(batch, vehicle)

    def _ask(self, task: Task, vehicle: _Vehicle, searches: tuple[Search, ...]) -> Outcome:
        """Have the next views searched."""
        asked = replace(vehicle, asked=vehicle.asked + len(searches))
        return Outcome(
            push=tuple(self._search(task, search, vehicle.picture_of(search.look)) for search in searches),
            state=asked.state(),
        )

    def _search(self, task: Task, search: Search, picture: VehiclePicture) -> Task:
        return self._context.route.task(
            ViewToSearch(search, picture),
            task,
            search.name,
            key=task.key,
            payload_ref=picture.frame_id,
            frames=(picture.frame_id,),
        )

    def _close(self, batch: Batch, vehicle: _Vehicle) -> Outcome:
        """Vote, write the pictures, make the row."""
        task = batch.tasks[0]
        results = vehicle.results or tuple(
            replace(_unsearched(look), failed=look.search) for look in vehicle.passing.looks
        )
        verdict = decide(vehicle.passing, results, self._context.settings.vote)
        paths = self._write_pictures(batch, vehicle, verdict.evidence)
        row = self._row(task.source_id, vehicle.passing, verdict, paths)
        outcome = PLATES if verdict.plate else f"{REASON}{verdict.reason}"
        return Outcome(
            push=(self._context.route.task(RowToWrite(row), task, f"sighting-{row.track_id}"),),
            tallies={VEHICLES: 1, outcome: 1},
        )

    def _write_pictures(
        self, batch: Batch, vehicle: _Vehicle, view: LookResult | None
    ) -> EvidencePaths | None:
        """The picture of the view that best shows the verdict, and of the plate in it."""
        frames = [look.frame_idx for look in vehicle.passing.looks]
        if view is None or not vehicle.pictures:
            return None
        picture = vehicle.pictures[frames.index(view.frame_idx)]
        image = self._context.tools.store.get(picture.frame_id)
        plate = None
        if view.plate_box is not None:
            local = view.plate_box.shifted(-picture.left, -picture.top)
            plate = plate_picture(image, local, self._context.settings.detection)
        video_id, track_id = batch.tasks[0].source_id, vehicle.passing.track_id
        return when_disk_allows(
            self._context,
            batch.task_ids,
            lambda: self._evidence.write(video_id, track_id, vehicle=image, plate=plate),
        )

    def _row(
        self,
        video_id: str,
        passing: Passing,
        verdict: Verdict,
        paths: EvidencePaths | None,
    ) -> SightingRow:
        view = verdict.evidence
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


def _result(record: LookDone | PlateToRead | ViewToSearch) -> LookResult:
    """What came of a search, or what is left of one that was given up on the way."""
    if isinstance(record, LookDone):
        return record.result
    if isinstance(record, PlateToRead):
        return replace(record.result, failed=True)
    search = record.search
    return replace(_unsearched(search.look), searched=True, in_full=search.in_full, failed=True)


def _unsearched(look: Look) -> LookResult:
    return LookResult(
        track_id=look.track_id,
        frame_idx=look.frame_idx,
        ts_s=look.ts_s,
        vehicle_box=look.box,
        searched=False,
    )


def _corners(box: Box | None) -> tuple[float, float, float, float] | None:
    return None if box is None else (box.x1, box.y1, box.x2, box.y2)
