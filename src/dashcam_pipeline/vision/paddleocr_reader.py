"""PaddleOCR's text recogniser as plate reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dashcam_pipeline.errors import EngineUnavailable, WeightsMissing
from dashcam_pipeline.vision.plate_reader import NOTHING_READ, as_plate_read
from dashcam_pipeline.vision.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image, PlateRead

INSTALL = "pip install 'dashcam-pipeline[paddle]'"
MODEL_NAME = "en_PP-OCRv5_mobile_rec"


class PaddleOcrReader:
    """The recogniser alone, on the plate picture as one line of text; one confidence for the whole line."""

    def __init__(self, model: Path | None, options: RuntimeOptions) -> None:
        """Load the recogniser; see `plate_reader.open_plate_reader`.

        Raises:
            EngineUnavailable: the library is missing, or it can't load the model.
            WeightsMissing: there is no such folder.
        """
        try:
            from paddleocr import TextRecognition
        except ImportError as error:
            raise EngineUnavailable(f"reader paddleocr is not installed: {INSTALL}") from error
        if model is not None and not model.is_dir():
            raise WeightsMissing(f"PaddleOCR's model folder {model} is not there: name a folder, or none")
        device = f"gpu:{options.device_index}" if options.on_cuda else "cpu"
        arguments: dict[str, Any] = {"device": device, "cpu_threads": options.threads}
        if model is None:
            arguments["model_name"] = MODEL_NAME
        else:
            # A folder made by PaddleX carries the name of its model in inference.yml.
            arguments |= {"model_dir": str(model), "model_name": _model_name(model)}
        try:
            self._recogniser: Any = TextRecognition(**arguments)
        except Exception as error:  # the library raises whatever its downloads and loaders raise
            raise EngineUnavailable(
                f"PaddleOCR can't load {model or MODEL_NAME} on {device}: {error}"
            ) from error
        self.name = f"paddleocr:{device}"

    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        """See `PlateReader.read`."""
        return [self._read_one(image) if image.size else NOTHING_READ for image in images]

    def _read_one(self, image: Image) -> PlateRead:
        results = list(self._recogniser.predict(image, batch_size=1))
        if not results:
            return NOTHING_READ
        text, score = str(results[0]["rec_text"]), float(results[0]["rec_score"])
        return as_plate_read(text, [score] * len(text))


def _model_name(folder: Path) -> str:
    import yaml

    description = folder / "inference.yml"
    if not description.is_file():
        raise WeightsMissing(f"{description} is not there: {folder} is not a PaddleOCR 3 recognition model")
    config = yaml.safe_load(description.read_text(encoding="utf-8"))
    return str(config.get("Global", {}).get("model_name", MODEL_NAME))
