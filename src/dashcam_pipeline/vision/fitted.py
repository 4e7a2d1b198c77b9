"""A detector whose input has the shape of the pictures that it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dashcam_pipeline.vision.detector import Detector
from dashcam_pipeline.vision.types import Detection, Image

SHAPES_KEPT = 4
"""Loaded models at a time; each takes some tens of megabytes."""


class Shape(NamedTuple):
    """Of a picture, pixels."""

    width: int
    height: int


USUAL_SHAPE = Shape(1280, 720)
"""Most dashcams record 16:9; the model for it is loaded before the first picture comes."""


class FittedDetector:
    """Loads the model once for each shape of pictures, when the first one of it comes."""

    def __init__(self, load: Callable[[Shape], Detector]) -> None:
        """`load`: makes the detector for pictures of a shape."""
        self._load = load
        self._detectors = {USUAL_SHAPE: load(USUAL_SHAPE)}
        self.name = self._detectors[USUAL_SHAPE].name

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """See `Detector.detect`."""
        found: list[list[Detection]] = [[] for _ in images]
        places: dict[Shape, list[int]] = {}
        for place, image in enumerate(images):
            if image.size:
                places.setdefault(Shape(image.shape[1], image.shape[0]), []).append(place)
        for shape, same in places.items():
            for place, detections in zip(
                same, self._for(shape).detect([images[place] for place in same]), strict=True
            ):
                found[place] = detections
        return found

    def _for(self, shape: Shape) -> Detector:
        """The detector for pictures of a shape; of those that are not in use, the one loaded first makes room."""
        if shape not in self._detectors:
            same = next(
                (s for s in self._detectors if s.width * shape.height == s.height * shape.width), None
            )
            self._detectors[shape] = self._load(shape) if same is None else self._detectors[same]
            if len(self._detectors) > SHAPES_KEPT:
                del self._detectors[next(iter(self._detectors))]
        return self._detectors[shape]
