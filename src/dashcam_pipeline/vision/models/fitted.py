"""A detector whose input has the shape of the pictures that it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dashcam_pipeline.vision.models.detector import Detector
from dashcam_pipeline.vision.models.input_size import InputSize, size_for
from dashcam_pipeline.vision.types import Detection, Image

SIZES_KEPT = 4
"""Loaded models at a time; each takes some tens of megabytes."""


class Shape(NamedTuple):
    """Of a picture, pixels."""

    width: int
    height: int


USUAL_SHAPE = Shape(1280, 720)
"""Most dashcams record 16:9; the model for it is loaded before the first picture comes."""


class FittedDetector:
    """Loads the model once for each input size that its pictures ask for, when the first of them comes."""

    def __init__(self, load: Callable[[Callable[[InputSize], InputSize]], Detector]) -> None:
        """`load`: makes the detector of the size that the function it is given makes of the model's own."""
        self._load = load
        self._own: InputSize | None = None  # known once it was loaded
        self._detectors: dict[InputSize, Detector] = {}  # used last, last
        self.name = self._for(USUAL_SHAPE).name

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """See `Detector.detect`."""
        found: list[list[Detection]] = [[] for _ in images]
        places: dict[Shape, list[int]] = {}
        for place, image in enumerate(images):
            if image.size:
                places.setdefault(Shape(image.shape[1], image.shape[0]), []).append(place)
        for shape, same in places.items():
            results = self._for(shape).detect([images[place] for place in same])
            for place, detections in zip(same, results, strict=True):
                found[place] = detections
        return found

    def _for(self, shape: Shape) -> Detector:
        """The detector for pictures of a shape; the one that was not used for longest makes room."""
        if self._own is not None and (size := size_for(self._own, *shape)) in self._detectors:
            detector = self._detectors.pop(size)
        else:
            detector = self._load(lambda own: self._fit(own, shape))
        if self._own is None:
            raise TypeError("the model was loaded without being asked for its size")
        self._detectors[size_for(self._own, *shape)] = detector
        if len(self._detectors) > SIZES_KEPT:
            del self._detectors[next(iter(self._detectors))]
        return detector

    def _fit(self, own: InputSize, shape: Shape) -> InputSize:
        self._own = own
        return size_for(own, *shape)
