"""PLATE_DETECT: a look at a vehicle becomes a stored picture of it, and the plate in it where there is one."""

from __future__ import annotations

from dashcam_pipeline.engine.task import Batch, Outcome, Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.frames import store_frame, stored_frame
from dashcam_pipeline.stages.records import LookDone, PlateToRead, VehiclePicture
from dashcam_pipeline.vision.crops import SearchPicture, plate_in_frame, search_picture
from dashcam_pipeline.vision.detector import open_plate_detector
from dashcam_pipeline.vision.types import Detection
from dashcam_pipeline.vision.voting import LookResult
from dashcam_pipeline.vision.watch import Look
from dashcam_pipeline.weights import Role


class PlateDetect:
    """The processor of PLATE_DETECT: the model, and what follows a look."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        settings = context.settings
        self._detector = open_plate_detector(
            context.weights(settings.models.plate_detector, Role.PLATE_DETECTOR),
            context.runtime_options(),
            settings.detection.plate_min_score,
        )

    def process(self, batch: Batch, /) -> Outcome:
        store, settings = self._context.tools.store, self._context.settings
        looks: list[Look] = [task.load().look for task in batch.tasks]
        pictures = [
            search_picture(stored_frame(store, task), look.box, settings.detection)
            for task, look in zip(batch.tasks, looks, strict=True)
        ]
        searched = [index for index, look in enumerate(looks) if look.search]
        found = self._detector.detect([pictures[index].image for index in searched])
        plates = {
            index: plate_in_frame(pictures[index], plates)
            for index, plates in zip(searched, found, strict=True)
        }
        pushed: list[Task] = []
        stored: dict[str, int] = {}
        for index, (task, look) in enumerate(zip(batch.tasks, looks, strict=True)):
            picture = self._keep(batch, task, pictures[index], stored)
            pushed.append(self._follow(task, look, picture, plates.get(index)))
        return Outcome(push=tuple(pushed), new_frames=stored)

    def _keep(self, batch: Batch, task: Task, cut: SearchPicture, stored: dict[str, int]) -> VehiclePicture:
        """Store the vehicle's picture, a candidate for the evidence."""
        # The worker's name tells this try from another one that is still under way somewhere.
        name = f"{task.task_id.replace(':', '-').replace('/', '-')}-{self._context.tools.worker_id}.jpg"
        quality = self._context.settings.storage.evidence_quality
        stored[name] = store_frame(self._context, batch.task_ids, name, cut.image, quality)
        return VehiclePicture(name, cut.left, cut.top)

    def _follow(self, task: Task, look: Look, picture: VehiclePicture, plate: Detection | None) -> Task:
        result = LookResult(
            track_id=look.track_id,
            frame_idx=look.frame_idx,
            ts_s=look.ts_s,
            vehicle_box=look.box,
            searched=look.search,
            plate_box=plate.box if plate else None,
            plate_score=plate.score if plate else 0.0,
        )
        name = f"{look.track_id}-{look.frame_idx}"
        readable = plate is not None and plate.box.width >= self._context.settings.vote.min_plate_px
        if not readable:
            return self._context.route.task(
                LookDone(result, picture), task, name, key=task.key, frames=(picture.frame_id,)
            )
        return self._context.route.task(
            PlateToRead(result, picture),
            task,
            name,
            key=task.key,
            payload_ref=task.payload_ref,
            frames=(*task.dependencies, picture.frame_id),
        )
