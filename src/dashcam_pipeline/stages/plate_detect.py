"""PLATE_DETECT: a picture of a vehicle becomes the plate on it, or none."""

from __future__ import annotations

from dashcam_pipeline.engine.task import Batch, Outcome, Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.counts import INFERENCES_PLATE, INFERENCES_PLATE_IN_FULL
from dashcam_pipeline.stages.frames import stored_frame
from dashcam_pipeline.stages.records import LookDone, PlateToRead, ViewToSearch
from dashcam_pipeline.vision.models.detector import Detector, open_plate_detector
from dashcam_pipeline.vision.plates.crops import SearchPicture, judge_in_frame
from dashcam_pipeline.vision.plates.plate_gates import Judgement
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.weights import Role


class PlateDetect:
    """The processor of PLATE_DETECT: the model at two input sizes, and what follows a search."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._shrunk = self._open(context.settings.models.plate_input_px)
        self._in_full: Detector | None = None  # few vehicles ask for it

    def process(self, batch: Batch, /) -> Outcome:
        views: list[ViewToSearch] = [task.load() for task in batch.tasks]
        cuts = [self._cut(task, view) for task, view in zip(batch.tasks, views, strict=True)]
        judged: dict[int, Judgement] = {}
        for in_full in (False, True):
            wanted = [place for place, view in enumerate(views) if view.search.in_full is in_full]
            if wanted:
                found = self._detector(in_full).detect([cuts[place].image for place in wanted])
                for place, detections in zip(wanted, found, strict=True):
                    judged[place] = judge_in_frame(cuts[place], detections, views[place].around)
        return Outcome(
            push=tuple(
                self._follow(task, view, judged[place])
                for place, (task, view) in enumerate(zip(batch.tasks, views, strict=True))
            ),
            tallies=self._tallies(views),
        )

    def _tallies(self, views: list[ViewToSearch]) -> dict[str, int]:
        """How many searches at which size there were."""
        twice = self._context.settings.models.plate_input_px is not None
        in_full = sum(view.search.in_full for view in views) if twice else 0
        return {INFERENCES_PLATE: len(views) - in_full, INFERENCES_PLATE_IN_FULL: in_full}

    def _detector(self, in_full: bool) -> Detector:
        if not in_full or self._context.settings.models.plate_input_px is None:
            return self._shrunk
        if self._in_full is None:
            self._in_full = self._open(None)
        return self._in_full

    def _open(self, input_px: int | None) -> Detector:
        settings = self._context.settings
        return open_plate_detector(
            self._context.weights(settings.models.plate_detector, Role.PLATE_DETECTOR),
            self._context.runtime_options(),
            settings.detection.plate_min_score,
            input_px,
        )

    def _cut(self, task: Task, view: ViewToSearch) -> SearchPicture:
        picture = view.picture
        vehicle = view.search.look.box.shifted(-picture.left, -picture.top)
        return SearchPicture(
            stored_frame(self._context.tools.store, task), vehicle, picture.left, picture.top
        )

    def _follow(self, task: Task, view: ViewToSearch, judged: Judgement) -> Task:
        look, plate = view.search.look, judged.plate
        result = LookResult(
            track_id=look.track_id,
            frame_idx=look.frame_idx,
            ts_s=look.ts_s,
            vehicle_box=look.box,
            searched=True,
            in_full=view.search.in_full,
            plate_box=plate.box if plate else None,
            plate_score=plate.score if plate else 0.0,
            not_a_plate=judged.reason,
        )
        readable = plate is not None and plate.box.width >= self._context.settings.vote.min_plate_px
        return self._context.route.task(
            PlateToRead(result, view.picture) if readable else LookDone(result, view.picture),
            task,
            view.search.name,
            key=task.key,
            payload_ref=task.payload_ref if readable else None,
            frames=task.dependencies,
        )
