"""OCR: a plate in the picture of a vehicle becomes text, by each reader, with a confidence for every character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from dashcam_pipeline.engine.task import Batch, Outcome, Task
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.counts import INFERENCES_TEXT
from dashcam_pipeline.stages.frames import stored_frame
from dashcam_pipeline.stages.records import LookDone, PlateToRead
from dashcam_pipeline.vision.models.plate_reader import PlateReader, open_plate_reader
from dashcam_pipeline.vision.plates.plate_pictures import PlatePictures, most_certain, plate_pictures
from dashcam_pipeline.vision.types import Image, PlateRead
from dashcam_pipeline.vision.vote.ballots import LookResult, search_name
from dashcam_pipeline.weights import Role


class Ocr:
    """The processor of OCR: the readers, and what follows a read."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._readers = _open_readers(context)

    def process(self, batch: Batch, /) -> Outcome:
        plates: list[PlateToRead] = [task.load() for task in batch.tasks]
        ready = [self._pictures(task, plate) for task, plate in zip(batch.tasks, plates, strict=True)]
        pictures = [picture for one in ready for picture in one.pictures]
        by_reader = [self._read(reader, ready, pictures) for reader in self._readers]
        return Outcome(
            push=tuple(
                self._follow(task, replace(plate.result, quality=one.quality, reads=reads), plate)
                for task, plate, one, reads in zip(
                    batch.tasks, plates, ready, zip(*by_reader, strict=True), strict=True
                )
            ),
            tallies={INFERENCES_TEXT: len(pictures) * len(self._readers)},
        )

    def _pictures(self, task: Task, plate: PlateToRead) -> PlatePictures:
        assert plate.result.plate_box is not None
        vehicle = stored_frame(self._context.tools.store, task)
        box = plate.result.plate_box.shifted(-plate.picture.left, -plate.picture.top)
        return plate_pictures(vehicle, box, self._context.settings.detection)

    def _read(
        self, reader: PlateReader, ready: Sequence[PlatePictures], pictures: Sequence[Image]
    ) -> list[PlateRead]:
        """What one reader makes of each plate."""
        reads = iter(reader.read(pictures))
        return [most_certain(list(islice(reads, len(one.pictures)))) for one in ready]

    def _follow(self, task: Task, result: LookResult, plate: PlateToRead) -> Task:
        return self._context.route.task(
            LookDone(result, plate.picture),
            task,
            search_name(result.track_id, result.frame_idx, result.in_full),
            key=task.key,
            frames=task.dependencies,
        )


def _open_readers(context: StageContext) -> tuple[PlateReader, ...]:
    """The readers that the settings name."""
    models, options = context.settings.models, context.runtime_options()
    if models.plate_reader != "fast-plate-ocr":
        return (open_plate_reader(models.plate_reader, None, options),)
    return tuple(
        open_plate_reader(models.plate_reader, context.weights(name, Role.PLATE_READER), options)
        for name in models.reader_models
    )
