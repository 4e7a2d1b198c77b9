"""Boxes of vehicles and plates as COCO annotations, for training and for annotation tools."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from typing import IO

from dashcam_pipeline.storage.exporting.columns import CONFIDENCE_DIGITS, SECONDS_DIGITS
from dashcam_pipeline.storage.exporting.extract import Exported, ExportedVideo, Extract, VideoBoxes
from dashcam_pipeline.storage.results.paths import SightingPath
from dashcam_pipeline.storage.rows import BoxRow
from dashcam_pipeline.storage.text import storable

PLATE = "license_plate"
CATEGORIES = {"car": 1, "truck": 2, "bus": 3, "motorcycle": 4, PLATE: 5}
"""Their ids are the same in every export; other classes get the next ones."""
PIXEL_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an annotation says beside its box."""

    sighting: str  # as `dashcam explain` takes it
    track_id: int  # counts from 1 within the video
    part: int
    plate: str | None  # only a claim
    best_guess: str | None
    confidence: float | None  # of the plate, or else of the best guess
    reason: str | None  # why there is no plate


@dataclass(frozen=True, slots=True)
class _Boxed:
    """A box in one frame."""

    category: str
    box: BoxRow
    track: int  # counts the vehicles from 1 over the whole file
    attributes: Attributes
    score: float | None = None  # of a plate's box


@dataclass(slots=True)
class _Frame:
    time_s: float
    boxes: list[_Boxed]


def write_coco(extract: Extract, file: IO[str]) -> Exported:
    """Images are the frames in which something has a box; annotations the boxes of vehicles and of their plates.

    A video at a time is in memory. The list of images waits in a temporary file until that of annotations is written.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as images:
        writer = _Writer(file, images)
        for video in extract.boxes:
            writer.add(video)
        return writer.end()


class _Writer:
    def __init__(self, file: IO[str], images: IO[str]) -> None:
        self._file = file
        self._images = images
        self._videos: list[dict[str, object]] = []
        self._categories = dict(CATEGORIES)
        self._image_count = self._annotation_count = self._tracks = self._with_boxes = 0
        file.write('{"info": {"description": "dashcam sightings"},\n"annotations": [')

    def add(self, found: VideoBoxes) -> None:
        """Write the annotations of a video, and keep its images for later."""
        video_id = len(self._videos) + 1
        size = _size(found.video)
        name = storable(found.video.filename)
        self._videos.append({"id": video_id, "name": name, **size})
        frames: dict[int, _Frame] = {}
        for seen in found.sightings:
            self._tracks += 1
            self._with_boxes += _collect(seen, self._tracks, frames)
        for frame_idx in sorted(frames):
            self._image_count += 1
            frame = frames[frame_idx]
            image = {
                "id": self._image_count,
                "file_name": f"{name}/{frame_idx:06d}.jpg",
                **size,
                "video_id": video_id,
                "frame_id": frame_idx,
                "time_s": round(frame.time_s, SECONDS_DIGITS),
            }
            _write_item(self._images, image, self._image_count)
            for boxed in frame.boxes:
                self._annotate(boxed)

    def end(self) -> Exported:
        """Write what follows the annotations."""
        self._file.write('\n],\n"images": [')
        self._images.seek(0)
        while piece := self._images.read(1 << 20):
            self._file.write(piece)
        categories = [
            {"id": number, "name": name, "supercategory": PLATE if name == PLATE else "vehicle"}
            for name, number in self._categories.items()
        ]
        self._file.write(f'\n],\n"videos": {_json(self._videos)},\n"categories": {_json(categories)},\n')
        self._file.write('"licenses": []\n}\n')
        return Exported(self._tracks, self._with_boxes)

    def _annotate(self, boxed: _Boxed) -> None:
        self._annotation_count += 1
        x1, y1, x2, y2 = (round(corner, PIXEL_DIGITS) for corner in boxed.box)
        width, height = round(x2 - x1, PIXEL_DIGITS), round(y2 - y1, PIXEL_DIGITS)
        score = {} if boxed.score is None else {"score": round(boxed.score, CONFIDENCE_DIGITS)}
        annotation = {
            "id": self._annotation_count,
            "image_id": self._image_count,
            "category_id": self._categories.setdefault(boxed.category, len(self._categories) + 1),
            "bbox": [x1, y1, width, height],
            "area": round(width * height, PIXEL_DIGITS),
            "iscrowd": 0,
            "track_id": boxed.track,
            **score,
            "attributes": asdict(boxed.attributes),
        }
        _write_item(self._file, annotation, self._annotation_count)


def _collect(seen: SightingPath, track: int, frames: dict[int, _Frame]) -> bool:
    """Put the boxes of a sighting into its frames, one of the vehicle in a frame. Tells whether it has any."""
    attributes = _attributes(seen)
    vehicle = {point.frame_idx: (point.ts_s, point.box) for point in seen.path}
    if seen.first_bbox is not None:
        vehicle.setdefault(seen.first_frame, (seen.first_s, seen.first_bbox))
    if seen.last_bbox is not None:
        vehicle.setdefault(seen.last_frame, (seen.last_s, seen.last_bbox))
    vehicle.update({look.frame_idx: (look.ts_s, look.car_bbox) for look in seen.looks})
    for frame_idx, (time_s, box) in vehicle.items():
        boxed = _Boxed(seen.vehicle_class, box, track, attributes)
        frames.setdefault(frame_idx, _Frame(time_s, [])).boxes.append(boxed)
    for look in seen.looks:
        if look.plate_bbox is not None:
            plate = _Boxed(PLATE, look.plate_bbox, track, attributes, look.plate_score)
            frames[look.frame_idx].boxes.append(plate)
    return bool(vehicle)


def _attributes(seen: SightingPath) -> Attributes:
    return Attributes(
        sighting=seen.id,
        track_id=seen.track_id,
        part=seen.part,
        plate=None if seen.plate is None else storable(seen.plate),
        best_guess=None if seen.best_guess is None else storable(seen.best_guess),
        confidence=None if seen.confidence is None else round(seen.confidence, CONFIDENCE_DIGITS),
        reason=seen.reason,
    )


def _size(video: ExportedVideo) -> dict[str, int]:
    """Empty where the video could not be opened, and nothing knows its size."""
    if video.width is None or video.height is None:
        return {}
    return {"width": video.width, "height": video.height}


def _write_item(file: IO[str], item: object, number: int) -> None:
    file.write(",\n" if number > 1 else "\n")
    file.write(_json(item))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
