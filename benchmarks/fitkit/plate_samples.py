"""Plates of a drive as the pipeline would cut them out, measured and read, with whether each read is right."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accuracykit.drives import Drive
from accuracykit.truth import iou
from dashcam_pipeline.config import Settings
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.vision.models.detector import Detector, open_plate_detector
from dashcam_pipeline.vision.models.plate_reader import PlateReader, open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.crops import plate_picture
from dashcam_pipeline.vision.plates.plate_quality import PlateQuality, measured
from dashcam_pipeline.vision.types import Box, Image
from dashcam_pipeline.weights import Role, resolve

AROUND = 1.5  # times the plate's size on every side: about what a vehicle's picture shows around it
SAME_PLATE_IOU = 0.15
CUT_EVERY = 6  # a plate of so many is read once more with a part of it outside its picture
CUT_SHARES = (0.0, 0.3)  # so much of its width
SEED = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One read of one picture of a plate."""

    drive: str
    plate: str
    quality: PlateQuality  # without its chance
    right: bool
    confidence: float  # the reader's own


@dataclass(frozen=True, slots=True)
class Models:
    """What looks at the drives."""

    detector: Detector
    readers: tuple[PlateReader, ...]


def open_models(settings: Settings, options: RuntimeOptions) -> Models:
    """The plate detector and all readers that the settings name. Raises what opening a model raises."""
    models = settings.models
    detector = open_plate_detector(
        resolve(models.plate_detector, Role.PLATE_DETECTOR), options, settings.detection.plate_min_score
    )
    readers = tuple(
        open_plate_reader(models.plate_reader, resolve(name, Role.PLATE_READER), options)
        for name in models.reader_models
    )
    return Models(detector, readers)


def samples_of(drive: Drive, models: Models, settings: Settings) -> Iterator[Sample]:
    """Reads of all scored plates in the frames that a run looks at.

    Raises:
        VideoUnreadable: the drive can't be decoded.
    """
    chance = random.Random(SEED)
    number = 0
    with VideoFile(drive.path, threads=1) as video:
        for frame in video.frames(Sampler(settings.sampling.frames_per_s, settings.sampling.stride)):
            height, width = frame.image.shape[:2]
            for plate in drive.plates:
                truth = plate.boxes.get(frame.index)
                if truth is None or not plate.scored:
                    continue
                around = truth.grown(AROUND, width, height)
                picture = around.crop(frame.image)
                found = _found(picture, truth.shifted(-round(around.x1), -round(around.y1)), models)
                if found is None or found.width < settings.vote.min_plate_px:
                    continue
                yield from _reads(drive.name, plate.text, picture, found, models, settings)
                number += 1
                if number % CUT_EVERY == 0:
                    cut, left = _cut_off(picture, found, chance)
                    yield from _reads(drive.name, plate.text, cut, left, models, settings)


def _found(picture: Image, truth: Box, models: Models) -> Box | None:
    """Where the plate detector sees the known plate."""
    boxes = [one.box for one in models.detector.detect([picture])[0]]
    best = max(boxes, key=lambda box: iou(box, truth), default=None)
    return best if best is not None and iou(best, truth) >= SAME_PLATE_IOU else None


def _cut_off(picture: Image, plate: Box, chance: random.Random) -> tuple[Image, Box]:
    """The picture ends within the plate, on its left or its right."""
    share = chance.uniform(*CUT_SHARES) * plate.width
    if chance.random() < 0.5:
        x = round(plate.x1 + share)
        return picture[:, x:], Box(0, plate.y1, plate.x2 - x, plate.y2)
    x = round(plate.x2 - share)
    return picture[:, :x], Box(plate.x1, plate.y1, x, plate.y2)


def _reads(
    drive: str, text: str, picture: Image, plate: Box, models: Models, settings: Settings
) -> Sequence[Sample]:
    quality = measured(picture, plate)
    crop = plate_picture(picture, plate, settings.detection)
    return [
        Sample(drive, text, quality, read.text == text, read.confidence)
        for reader in models.readers
        for read in reader.read([crop])
    ]
