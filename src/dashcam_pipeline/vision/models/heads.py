"""What goes into the known kinds of detection models, and how their outputs become boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.errors import EngineUnavailable
from dashcam_pipeline.vision.types import Box, Detection, Image

Floats = NDArray[np.float32]
Labels = Mapping[int, str]
"""Class number of the model -> our label; other classes are dropped."""

COCO_VEHICLES: Labels = {2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
SAME_OBJECT_IOU = 0.5
"""Boxes of any class that overlap by more are one object, which keeps its strongest label."""

PICODET_STRIDES = (8, 16, 32, 64)  # pixels of the input a cell, per level
LETTERBOX_GREY = 114
END_TO_END_COLUMNS = 7  # batch, x1, y1, x2, y2, class, score
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # RGB
IMAGENET_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_IMAGENET_SCALE = 1 / (255 * IMAGENET_STD)
_IMAGENET_SHIFT = IMAGENET_MEAN / IMAGENET_STD


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture lies in the model's input: input = picture * scale + offset."""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    width: int  # of the picture, pixels
    height: int

    def to_picture(self, x1: float, y1: float, x2: float, y2: float) -> Box:
        """A box of the input in pixels of the picture, cut at its edges."""
        return Box(
            min(max((x1 - self.offset_x) / self.scale_x, 0.0), float(self.width)),
            min(max((y1 - self.offset_y) / self.scale_y, 0.0), float(self.height)),
            min(max((x2 - self.offset_x) / self.scale_x, 0.0), float(self.width)),
            min(max((y2 - self.offset_y) / self.scale_y, 0.0), float(self.height)),
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as the model takes it."""

    batch: Floats  # (1, 3, height, width)
    placement: Placement


class Head(Protocol):
    """One kind of detection model."""

    def prepare(self, image: Image) -> Prepared:
        """Turn a picture into the model's input."""
        ...

    def decode(self, outputs: Sequence[Floats], placement: Placement, min_score: float) -> list[Detection]:
        """Turn the model's outputs for one picture into detections, strongest first."""
        ...


@dataclass(frozen=True, slots=True)
class SsdHead:
    """SSD with its DetectionOutput layer: one output (1, 1, n, 7) of batch, class, score, x1, y1, x2, y2 in 0..1.

    The models of Open Model Zoo take BGR in 0..255, plainly resized:
    https://docs.openvino.ai/2023.3/omz_models_model_vehicle_detection_0202.html
    """

    width: int
    height: int
    labels: Labels

    def prepare(self, image: Image) -> Prepared:
        resized = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        batch = resized.transpose(2, 0, 1)[None].astype(np.float32)
        return Prepared(batch, _stretched(image, self.width, self.height))

    def decode(self, outputs: Sequence[Floats], placement: Placement, min_score: float) -> list[Detection]:
        rows = outputs[0].reshape(-1, 7)
        ends = np.flatnonzero(rows[:, 0] < 0)  # the first row after the last detection has batch -1
        rows = rows[: ends[0]] if len(ends) else rows
        rows = rows[rows[:, 2] >= min_score]
        boxes = rows[:, 3:7] * np.array([self.width, self.height] * 2, dtype=np.float32)
        return _detections(boxes, rows[:, 2], rows[:, 1].astype(int), self.labels, placement)


@dataclass(frozen=True, slots=True)
class PicoDetHead:
    """PP-PicoDet without its post-processing: per stride class scores (1, cells, classes) and box distributions.

    A box is four distances from the cell's centre to its sides in strides, each the mean of a discrete
    distribution (Generalized Focal Loss, arXiv:2006.04388). Takes RGB, normalised as for ImageNet,
    plainly resized.
    """

    width: int
    height: int
    labels: Labels

    def prepare(self, image: Image) -> Prepared:
        resized = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        blue, green, red = cv2.split(resized)
        batch = np.empty((1, 3, self.height, self.width), np.float32)
        # Plane by plane: a third of the time that arithmetic on the interleaved picture takes.
        for channel, plane in enumerate((red, green, blue)):
            np.multiply(plane, _IMAGENET_SCALE[channel], out=batch[0, channel], dtype=np.float32)
            batch[0, channel] -= _IMAGENET_SHIFT[channel]
        return Prepared(batch, _stretched(image, self.width, self.height))

    def decode(self, outputs: Sequence[Floats], placement: Placement, min_score: float) -> list[Detection]:
        levels = len(outputs) // 2
        boxes, scores, classes = [], [], []
        for stride, class_scores, distances in zip(
            PICODET_STRIDES, outputs[:levels], outputs[levels:], strict=True
        ):
            level = self._decode_level(stride, class_scores[0], distances[0], min_score)
            boxes.append(level[0])
            scores.append(level[1])
            classes.append(level[2])
        return _detections(
            np.concatenate(boxes), np.concatenate(scores), np.concatenate(classes), self.labels, placement
        )

    def _decode_level(
        self, stride: int, class_scores: Floats, distances: Floats, min_score: float
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Boxes (n, 4) in input pixels, scores (n,) and classes (n,) of one stride."""
        wanted = np.array(sorted(self.labels))
        cells = np.flatnonzero(class_scores[:, wanted].max(axis=1) >= min_score)
        best = class_scores[cells][:, wanted].argmax(axis=1)
        columns = -(-self.width // stride)
        centres = np.stack([cells % columns, cells // columns], axis=1) * stride + stride / 2
        bins = distances[cells].reshape(len(cells), 4, distances.shape[1] // 4)
        weights = np.exp(bins - bins.max(axis=2, keepdims=True))
        weights /= weights.sum(axis=2, keepdims=True)
        sides = (weights * np.arange(bins.shape[2])).sum(axis=2) * stride
        boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
        return boxes.astype(np.float32), class_scores[cells, wanted[best]], wanted[best]


@dataclass(frozen=True, slots=True)
class EndToEndHead:
    """YOLO exported with its suppression: one output (n, 7) of batch, x1, y1, x2, y2, class, score in input pixels.

    Takes RGB in 0..1, letterboxed on grey.
    """

    width: int
    height: int
    labels: Labels

    def prepare(self, image: Image) -> Prepared:
        height, width = image.shape[:2]
        scale = min(self.width / width, self.height / height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        left, top = (self.width - inner[0]) // 2, (self.height - inner[1]) // 2
        canvas = np.full((self.height, self.width, 3), LETTERBOX_GREY, dtype=np.uint8)
        canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
            image, inner, interpolation=cv2.INTER_LINEAR
        )
        batch = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB).transpose(2, 0, 1)[None].astype(np.float32)
        batch *= 1 / 255
        placement = Placement(inner[0] / width, inner[1] / height, left, top, width, height)
        return Prepared(np.ascontiguousarray(batch), placement)

    def decode(self, outputs: Sequence[Floats], placement: Placement, min_score: float) -> list[Detection]:
        if outputs[0].shape[-1] != END_TO_END_COLUMNS:
            raise EngineUnavailable(
                f"the detector's output has the shape {outputs[0].shape}, not (n, {END_TO_END_COLUMNS}): it was "
                "exported without its suppression inside; export it with it, or name a model of `dashcam weights list`"
            )
        rows = outputs[0].reshape(-1, END_TO_END_COLUMNS)
        rows = rows[rows[:, 6] >= min_score]
        return _detections(rows[:, 1:5], rows[:, 6], rows[:, 5].astype(int), self.labels, placement)


def _stretched(image: Image, width: int, height: int) -> Placement:
    return Placement(
        width / image.shape[1], height / image.shape[0], 0.0, 0.0, image.shape[1], image.shape[0]
    )


def _detections(
    boxes: Floats, scores: Floats, classes: NDArray[np.int64], labels: Labels, placement: Placement
) -> list[Detection]:
    """Boxes in input pixels as detections of known classes, one an object, strongest first."""
    found = [
        Detection(placement.to_picture(*map(float, box)), labels[int(number)], float(score))
        for box, score, number in zip(boxes, scores, classes, strict=True)
        if int(number) in labels
    ]
    found = [detection for detection in found if detection.box.area > 0]
    if not found:
        return []
    rectangles = [(d.box.x1, d.box.y1, d.box.width, d.box.height) for d in found]
    kept = cv2.dnn.NMSBoxes(rectangles, [d.score for d in found], 0.0, SAME_OBJECT_IOU)
    return [found[int(index)] for index in np.asarray(kept).reshape(-1)]
