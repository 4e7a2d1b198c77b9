"""VEHICLE_DETECT: a stored frame becomes the boxes and classes of the vehicles in it."""

from __future__ import annotations

from dashcam_pipeline.engine.task import Batch, Outcome, Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.counts import INFERENCES_VEHICLE
from dashcam_pipeline.stages.frames import stored_frame
from dashcam_pipeline.stages.records import SampledFrame, SearchedFrame
from dashcam_pipeline.vision.models.detector import open_vehicle_detector
from dashcam_pipeline.vision.types import Detection
from dashcam_pipeline.weights import Role


class VehicleDetect:
    """The processor of VEHICLE_DETECT: the model, and what follows a frame."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        settings = context.settings
        self._detector = open_vehicle_detector(
            context.weights(settings.models.vehicle_detector, Role.VEHICLE_DETECTOR),
            context.runtime_options(),
            settings.detection.vehicle_min_score,
            fitted=settings.models.vehicle_input == "fitted",
        )

    def process(self, batch: Batch, /) -> Outcome:
        store = self._context.tools.store
        found = self._detector.detect([stored_frame(store, task) for task in batch.tasks])
        return Outcome(
            push=tuple(
                self._follow(task, vehicles) for task, vehicles in zip(batch.tasks, found, strict=True)
            ),
            tallies={INFERENCES_VEHICLE: len(batch.tasks)},
        )

    def _follow(self, task: Task, vehicles: list[Detection]) -> Task:
        frame: SampledFrame = task.load()
        return self._context.route.task(
            SearchedFrame(frame.frame_idx, frame.ts_s, tuple(vehicles)),
            task,
            str(task.order),
            key=task.key,
            order=task.order,
            payload_ref=task.payload_ref,
            frames=task.dependencies,
        )
