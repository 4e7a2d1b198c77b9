"""The peer: fast-alpr asked for every frame of a video, one after another, as its own examples do.

    .venv-peer/bin/python benchmarks/peer.py DETECTOR.onnx READER.onnx VIDEO ROWS.json

It has an environment of its own (`make peer`; benchmarks/peer-requirements.txt), since it wants other libraries than
the project, and is given the same two models. The reader's `_plate_config.yaml` lies beside it. A text counts when it
was read on at least two frames less than a second apart. Rows are written as benchmarks/score.py takes them; printed
is one JSON object with the seconds of the loop over the frames, without imports and loading.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
from fast_alpr import ALPR
from fast_alpr.base import BaseDetector, DetectionResult
from fast_alpr.default_ocr import DefaultOCR
from open_image_models.detection.core.yolo_v9.inference import YoloV9Detector

MIN_SCORE = 0.4  # the library's default
MIN_CHARS = 4
MIN_READS = 2
USUAL_FPS = 30.0  # of a file that does not say
SIGN_S = 2.0  # between two signs of life


@dataclass(frozen=True)
class Row:
    """A plate that was read often enough."""

    plate: str
    first_frame: int
    last_frame: int
    reads: int


class FileDetector(BaseDetector):
    """The library's detector on a model file, where the library itself would download one by name."""

    def __init__(self, model: Path) -> None:
        self._model = YoloV9Detector(
            str(model),
            class_labels=["License Plate"],
            conf_thresh=MIN_SCORE,
            providers=["CPUExecutionProvider"],
        )

    def predict(self, frame: cv2.typing.MatLike) -> list[DetectionResult]:
        return self._model.predict(frame)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("detector", type=Path)
    parser.add_argument("reader", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("rows", type=Path)
    given = parser.parse_args()
    config = given.reader.with_name(f"{given.reader.stem}_plate_config.yaml")
    reader = DefaultOCR(device="cpu", model_path=given.reader, config_path=config)
    alpr = ALPR(detector=FileDetector(given.detector), ocr=reader)
    clip = cv2.VideoCapture(str(given.video))
    if not clip.isOpened():
        print(f"{given.video} can't be opened as a video", file=sys.stderr)
        return 2
    fps = clip.get(cv2.CAP_PROP_FPS) or USUAL_FPS
    read_on: dict[str, list[int]] = defaultdict(list)
    frames, started, told_s = 0, time.perf_counter(), 0.0
    while True:
        more, frame = clip.read()
        if not more:
            break
        for result in alpr.predict(frame):
            if result.ocr is not None and len(result.ocr.text) >= MIN_CHARS:
                read_on[result.ocr.text].append(frames)
        frames += 1
        seconds = time.perf_counter() - started
        if seconds >= told_s + SIGN_S:
            told_s = seconds
            print(f"peer: {frames} frames, {frames / seconds:.1f} a second", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - started
    rows = [row for text, seen in read_on.items() for row in passages(text, seen, fps)]
    given.rows.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    print(json.dumps({"frames": frames, "seconds": seconds, "rows": len(rows)}))
    return 0


def passages(text: str, frames: Sequence[int], fps: float) -> Iterator[Row]:
    """The stretches in which a text was read without a gap of more than a second, and at least twice."""
    first, reads = frames[0], 0
    for index, following in zip(frames, [*frames[1:], None], strict=True):
        reads += 1
        if following is None or following - index > fps:
            if reads >= MIN_READS:
                yield Row(text, first, index, reads)
            first, reads = following or 0, 0


if __name__ == "__main__":
    sys.exit(main())
