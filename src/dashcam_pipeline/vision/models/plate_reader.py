"""Reading the text of a plate picture, with a confidence for every character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from dashcam_pipeline.errors import ConfigError, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.vision.models.batches import chunks, of_picture, stacked
from dashcam_pipeline.vision.models.runtime import RuntimeOptions, open_runtime
from dashcam_pipeline.vision.types import Image, PlateRead, Shares

ReaderKind = Literal["fast-plate-ocr", "rapidocr", "paddleocr"]

NOTHING_READ = PlateRead("", ())
UNLIKELY = 0.02
"""A character of a lower probability is not worth being told."""
_NOT_PLATE_CHARACTER = re.compile(r"[^A-Z0-9]")


class PlateReader(Protocol):
    """Reads plates."""

    name: str
    """Engine and device that really run it, such as `openvino:CPU`."""

    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        """What stands on every plate picture; an empty text where nothing was read.

        The result for one picture does not depend on the others.
        """
        ...


def open_plate_reader(kind: ReaderKind, model: Path | None, options: RuntimeOptions) -> PlateReader:
    """Load a plate reader.

    Args:
        kind: which reader.
        model: fast-plate-ocr: its `.onnx`, with `NAME_plate_config.yaml` beside it. rapidocr: None
            (its weights come with the package) or an `.onnx` of its kind. paddleocr: the folder of a
            recognition model, or None for the one that the library fetches by itself.
        options: engine, device and threads.

    Raises:
        WeightsMissing, WeightsCorrupt, EngineUnavailable: see `runtime.open_runtime`.
        ConfigError: fast-plate-ocr without a model.
    """
    if kind == "rapidocr":
        from dashcam_pipeline.vision.models.rapidocr_reader import RapidOcrReader

        return RapidOcrReader(model, options)
    if kind == "paddleocr":
        from dashcam_pipeline.vision.models.paddleocr_reader import PaddleOcrReader

        return PaddleOcrReader(model, options)
    if model is None:
        raise ConfigError("models.reader_model names no file: fast-plate-ocr needs its .onnx model")
    return FastPlateReader(model, options)


def as_plate_read(text: str, confidences: Sequence[float], reader: str) -> PlateRead:
    """A general reader's line as a plate read: upper case, letters and digits only.

    Args:
        text: the line.
        confidences: 0..1, one a character of `text`.
        reader: name of the reader.
    """
    kept = [
        (character.upper(), float(confidence))
        for character, confidence in zip(text, confidences, strict=True)
        if not _NOT_PLATE_CHARACTER.search(character.upper()) and len(character.upper()) == 1
    ]
    return PlateRead("".join(c for c, _ in kept), tuple(p for _, p in kept), reader=reader)


@dataclass(frozen=True, slots=True)
class PlateConfig:
    """How a fast-plate-ocr model wants its pictures, and what its outputs mean."""

    slots: int
    alphabet: str
    pad: str
    height: int
    width: int
    channels: int
    regions: tuple[str, ...]


def read_plate_config(model: Path) -> PlateConfig:
    """Read `NAME_plate_config.yaml` beside the model `NAME.onnx`.

    Raises:
        WeightsMissing: it is not there.
        WeightsCorrupt: a key is missing, or it asks for what this reader can't do.
    """
    path = model.with_name(f"{model.stem}_plate_config.yaml")
    if not path.is_file():
        raise WeightsMissing(
            f"{path} is not there, and {model.name} can't be read without it: dashcam weights fetch"
        )
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        if config.get("keep_aspect_ratio"):
            raise WeightsCorrupt(f"{path}: keep_aspect_ratio is not supported, use a model without it")
        return PlateConfig(
            slots=int(config["max_plate_slots"]),
            alphabet=str(config["alphabet"]),
            pad=str(config["pad_char"]),
            height=int(config["img_height"]),
            width=int(config["img_width"]),
            channels=3 if config.get("image_color_mode", "grayscale") == "rgb" else 1,
            regions=tuple(config.get("plate_regions") or ()),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsCorrupt(
            f"{path} is not a plate config ({error!r}): fetch it again with `dashcam weights fetch`"
        ) from error


class FastPlateReader:
    """A fast-plate-ocr model: one softmax over the alphabet a slot, unused slots padded.

    https://github.com/ankandrew/fast-plate-ocr; models with a second output also guess the region.
    """

    def __init__(self, model: Path, options: RuntimeOptions) -> None:
        self._config = read_plate_config(model)
        config = self._config
        self._model = model.stem
        self._runtime = open_runtime(model, options, (1, config.height, config.width, config.channels))
        self._batch = self._runtime.input_shapes[0][0]
        self.name = self._runtime.name

    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        """See `PlateReader.read`. One inference a batch of the runtime."""
        reads = [NOTHING_READ] * len(images)
        seen = [place for place, image in enumerate(images) if image.size]
        for places in chunks(seen, self._batch):
            pictures = [self._prepare(images[place]) for place in places]
            outputs = self._runtime.infer(stacked(pictures, self._batch))
            for slot, place in enumerate(places):
                own = of_picture(outputs, slot, self._batch)
                slots = own[0].reshape(self._config.slots, len(self._config.alphabet))
                reads[place] = self._decode(slots, own[1].reshape(-1) if len(own) > 1 else None)
        return reads

    def _prepare(self, image: Image) -> NDArray[np.uint8]:
        config = self._config
        code = cv2.COLOR_BGR2RGB if config.channels == 3 else cv2.COLOR_BGR2GRAY
        converted = cv2.cvtColor(image, code)
        resized = cv2.resize(converted, (config.width, config.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, dtype=np.uint8).reshape(1, config.height, config.width, config.channels)

    def _decode(self, slots: NDArray[np.float32], regions: NDArray[np.float32] | None) -> PlateRead:
        alphabet, pad = self._config.alphabet, self._config.alphabet.index(self._config.pad)
        written = [slot for slot in slots if slot.argmax() != pad]
        alternatives = tuple(_shares(slot, alphabet, pad) for slot in written)
        read = PlateRead(
            "".join(shares[0][0] for shares in alternatives),
            tuple(shares[0][1] for shares in alternatives),
            reader=self._model,
            alternatives=alternatives,
        )
        if regions is None or len(regions) != len(self._config.regions):
            return read
        best = int(regions.argmax())
        return replace(read, region=self._config.regions[best], region_confidence=float(regions[best]))


def _shares(slot: NDArray[np.float32], alphabet: str, pad: int) -> Shares:
    """The characters of one slot that are not out of the question."""
    likely = [int(index) for index in np.flatnonzero(slot >= UNLIKELY) if index != pad]
    likely.sort(key=lambda index: (-slot[index], index))
    return tuple((alphabet[index], round(float(slot[index]), 4)) for index in likely)
