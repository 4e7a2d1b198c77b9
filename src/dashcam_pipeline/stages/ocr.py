"""OCR: a plate in the picture of a vehicle becomes text, with a confidence for every character."""

from __future__ import annotations

from dataclasses import replace

from dashcam_pipeline.engine.task import Batch, Outcome, Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.counts import INFERENCES_TEXT
from dashcam_pipeline.stages.frames import stored_frame
from dashcam_pipeline.stages.records import LookDone, PlateToRead
from dashcam_pipeline.vision.crops import plate_picture
from dashcam_pipeline.vision.plate_reader import open_plate_reader
from dashcam_pipeline.vision.types import Image, PlateRead
from dashcam_pipeline.vision.voting import search_name
from dashcam_pipeline.weights import Role


class Ocr:
    """The processor of OCR: the reader, and what follows a read."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        models = context.settings.models
        own_model = models.plate_reader == "fast-plate-ocr"
        self._reader = open_plate_reader(
            models.plate_reader,
            context.weights(models.reader_model, Role.PLATE_READER) if own_model else None,
            context.runtime_options(),
        )

    def process(self, batch: Batch, /) -> Outcome:
        plates: list[PlateToRead] = [task.load() for task in batch.tasks]
        images = [self._cut(task, plate) for task, plate in zip(batch.tasks, plates, strict=True)]
        reads = self._reader.read(images)
        return Outcome(
            push=tuple(self._follow(*one) for one in zip(batch.tasks, plates, images, reads, strict=True)),
            tallies={INFERENCES_TEXT: len(images)},
        )

    def _cut(self, task: Task, plate: PlateToRead) -> Image:
        assert plate.result.plate_box is not None
        vehicle = stored_frame(self._context.tools.store, task)
        box = plate.result.plate_box.shifted(-plate.picture.left, -plate.picture.top)
        return plate_picture(vehicle, box, self._context.settings.detection)

    def _follow(self, task: Task, plate: PlateToRead, image: Image, read: PlateRead) -> Task:
        result = replace(plate.result, read=read)
        return self._context.route.task(
            LookDone(result, plate.picture),
            task,
            search_name(result.track_id, result.frame_idx, result.in_full),
            key=task.key,
            frames=task.dependencies,
        )
