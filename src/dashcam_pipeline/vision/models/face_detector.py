"""Finding faces with YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.vision.models.input_size import InputSize
from dashcam_pipeline.vision.models.runtime import Runtime, RuntimeOptions, open_runtime
from dashcam_pipeline.vision.types import Box, Detection, Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACE = "face"

STRIDES = (8, 16, 32)
"""Pixels between the places at which each of the model's three heads looks."""

OUTPUTS = 12
"""Class, objectness, box and landmarks, each of all strides."""

LONGEST_PX = 1920
"""Larger pictures are shrunk to this."""

SAME_FACE_IOU = 0.3
"""Of two boxes that overlap by more, the weaker one is dropped."""


class FaceDetector:
    """Faces in pictures of any size, from about 6 pixels on; not for two threads at once.

    Args:
        model: the `.onnx` file, whose input may have any size.
        options: engine, device and threads.
        min_score: weaker detections are dropped.

    Raises:
        WeightsMissing, EngineUnavailable: see `runtime.open_runtime`; also when the file is no such model.
    """

    def __init__(self, model: Path, options: RuntimeOptions, min_score: float) -> None:
        self._model, self._options, self._min_score = model, options, min_score
        self._size = InputSize(1280, 736)
        self._runtime = self._open(self._size)

    def detect(self, image: Image) -> list[Detection]:
        """The faces of a picture, strongest first, with boxes in its pixels."""
        if not image.size:
            return []
        scale = min(1.0, LONGEST_PX / max(image.shape[:2]))
        if scale < 1.0:
            shrunk = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            image = shrunk.astype(np.uint8, copy=False)
        height, width = image.shape[:2]
        size = InputSize(_padded(width), _padded(height))
        if size != self._size:
            self._runtime, self._size = self._open(size), size
        batch = np.zeros((1, 3, size.height, size.width), np.float32)
        batch[0, :, :height, :width] = np.moveaxis(image, -1, 0)
        found = decode(self._runtime.infer(batch), size, self._min_score)
        return [Detection(Box(*(edge / scale for edge in one.box)), FACE, one.score) for one in found]

    def _open(self, size: InputSize) -> Runtime:
        runtime = open_runtime(self._model, self._options, (1, 3, size.height, size.width))
        if len(runtime.output_names) != OUTPUTS:
            raise EngineUnavailable(
                f"{self._model.name} has {len(runtime.output_names)} outputs; YuNet, the one face detector that is "
                f"known here, has {OUTPUTS}"
            )
        return runtime


def decode(outputs: list[NDArray[np.float32]], size: InputSize, min_score: float) -> list[Detection]:
    """Faces of the outputs of one picture: a score is the geometric mean of class and objectness; the centre of a
    box is told from its place, its size in powers of e, both in strides."""
    boxes: list[Box] = []
    scores: list[float] = []
    for number, stride in enumerate(STRIDES):
        first, second, shifts = (outputs[number + 3 * kind][0] for kind in range(3))
        score = np.sqrt(np.clip(first[:, 0], 0, 1) * np.clip(second[:, 0], 0, 1))
        for place in np.flatnonzero(score >= min_score):
            row, column = divmod(int(place), size.width // stride)
            dx, dy, wide, high = map(float, shifts[place])
            x, y = (column + dx) * stride, (row + dy) * stride
            half_width, half_height = math.exp(wide) * stride / 2, math.exp(high) * stride / 2
            boxes.append(Box(x - half_width, y - half_height, x + half_width, y + half_height))
            scores.append(float(score[place]))
    if not boxes:
        return []
    rectangles = [(box.x1, box.y1, box.width, box.height) for box in boxes]
    kept = cv2.dnn.NMSBoxes(rectangles, scores, 0.0, SAME_FACE_IOU)
    return [Detection(boxes[place], FACE, scores[place]) for place in np.ravel(np.asarray(kept))]


def _padded(length: int) -> int:
    return -(-length // STRIDES[-1]) * STRIDES[-1]
