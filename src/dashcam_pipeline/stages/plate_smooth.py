"""PLATE_SMOOTH: the best views of a vehicle are searched in rounds, and become one plate, one row, and its proof.

One batch of one vehicle at a time. What came in so far is the vehicle's state, beside the queue; it holds the pictures
until the vote. The order in which the results of a round come in makes no difference.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, Task, pack
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.hiding import plate_key_of, without_plates
from dashcam_pipeline.stages.journeys import Journeys
from dashcam_pipeline.stages.proof import ProofWriter
from dashcam_pipeline.stages.records import (
    LookDone,
    PlateToRead,
    RowToWrite,
    VehiclePassed,
    VehiclePicture,
    ViewToSearch,
    stored_names,
)
from dashcam_pipeline.stages.sighting_row import sighting_row
from dashcam_pipeline.storage.proof.evidence import EvidenceFolder
from dashcam_pipeline.storage.rows import SightingRow
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.tracking.watch import Look, Passing
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.rounds import Search, next_round
from dashcam_pipeline.vision.vote.splitting import parts_of

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
        return KeyState(pack(self), stored_names(self.pictures))

    def picture_by_frame(self) -> dict[int, VehiclePicture]:
        frames = (look.frame_idx for look in self.passing.looks)
        return dict(zip(frames, self.pictures, strict=False))  # none are left where a stage failed on them

    def others_in(self, frame_idx: int) -> tuple[Box, ...]:
        """The other vehicles whose boxes overlap this one's in the frame of a look."""
        return next((look.others for look in self.passing.looks if look.frame_idx == frame_idx), ())

    def picture_of(self, look: Look) -> VehiclePicture:
        return self.pictures[self.passing.looks.index(look)]


class PlateSmooth:
    """The processor of PLATE_SMOOTH. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._vote = context.settings.vote
        self._grammar = open_grammar(self._vote)
        storage = context.settings.storage
        folder = EvidenceFolder(context.job.work_dir, storage.evidence_quality, storage.evidence_bytes)
        self._proof = ProofWriter(context, folder)
        self._key = plate_key_of(context)
        self._journeys = Journeys(context.job.work_dir)

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
            vehicle.passing,
            vehicle.results,
            settings.looks,
            settings.vote,
            self._grammar,
            settings.models.plate_input_px,
        )
        return self._ask(batch.tasks[0], vehicle, searches) if searches else self._close(batch, vehicle)

    def _ask(self, task: Task, vehicle: _Vehicle, searches: tuple[Search, ...]) -> Outcome:
        """Have the next views searched."""
        asked = replace(vehicle, asked=vehicle.asked + len(searches))
        return Outcome(
            push=tuple(self._search(task, vehicle, search) for search in searches),
            state=asked.state(),
        )

    def _search(self, task: Task, vehicle: _Vehicle, search: Search) -> Task:
        picture = vehicle.picture_of(search.look)
        return self._context.route.task(
            ViewToSearch(search, picture, vehicle.passing.around(search.look)),
            task,
            search.name,
            key=task.key,
            payload_ref=picture.frame_id,
            frames=(picture.frame_id,),
        )

    def _close(self, batch: Batch, vehicle: _Vehicle) -> Outcome:
        """Vote, write the pictures, make the row; two of them where the track turns out to be two vehicles."""
        task = batch.tasks[0]
        results = vehicle.results or tuple(
            replace(_unsearched(look), failed=look.search) for look in vehicle.passing.looks
        )
        tallies: Counter[str] = Counter()
        rows = []
        moment_at = partial(self._journeys.moment, task.source_id)
        for number, part in enumerate(parts_of(vehicle.passing, results, self._vote, self._grammar)):
            row = sighting_row(self._context.job.run_id, task.source_id, number, part, self._vote, moment_at)
            if self._key is not None:
                row = without_plates(row, self._key)
            others = vehicle.others_in(row.frame_idx)
            rows.append(self._proof.write(batch.task_ids, row, vehicle.picture_by_frame(), others))
            tallies.update((VEHICLES, PLATES if row.final_plate else f"{REASON}{row.no_plate_reason}"))
        return Outcome(push=tuple(self._write(task, row) for row in rows), tallies=dict(tallies))

    def _write(self, task: Task, row: SightingRow) -> Task:
        name = f"sighting-{row.track_id}" + (f"-{row.part}" if row.part else "")
        return self._context.route.task(RowToWrite(row), task, name)


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
