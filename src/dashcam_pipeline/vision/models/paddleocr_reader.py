"""PaddleOCR's text recogniser as plate reader."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dashcam_pipeline.errors import EngineUnavailable, WeightsMissing
from dashcam_pipeline.vision.models.plate_reader import NOTHING_READ, as_plate_read
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image, PlateRead

INSTALL = "pip install 'dashcam-pipeline[paddle]'"
MODEL_NAME = "en_PP-OCRv5_mobile_rec"
LIBRARY_LOGGER = "paddlex"
TRIAL_PICTURE: Image = np.full((48, 160, 3), 114, dtype=np.uint8)


class PaddleOcrReader:
    """The recogniser alone, on the plate picture as one line of text; one confidence for the whole line."""

    def __init__(self, model: Path | None, options: RuntimeOptions) -> None:
        """Load the recogniser and try it on a grey picture; see `plate_reader.open_plate_reader`.

        Raises:
            EngineUnavailable: the library is missing, or it can't fetch, load or run the model.
            WeightsMissing: there is no such folder.
        """
        if model is not None and not model.is_dir():
            raise WeightsMissing(f"PaddleOCR's model folder {model} is not there: name a folder, or none")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of compilers and caches that reading plates doesn't need
            self._load(_text_recognition(), model, options)

    def _load(self, recognition: Any, model: Path | None, options: RuntimeOptions) -> None:
        device = f"gpu:{options.device_index}" if options.on_cuda else "cpu"
        arguments: dict[str, Any] = {"device": device, "cpu_threads": options.threads}
        # oneDNN breaks paddlepaddle 3.3 at the first picture: github.com/PaddlePaddle/Paddle/issues/77340
        arguments["enable_mkldnn"] = False
        if model is None:
            arguments["model_name"] = MODEL_NAME
        else:
            # A folder made by PaddleX carries the name of its model in inference.yml.
            arguments |= {"model_dir": str(model), "model_name": _model_name(model)}
        try:
            self._recogniser: Any = recognition(**arguments)
            self._read_one(TRIAL_PICTURE)  # what would fail every plate is to be found now
        except Exception as error:  # the library raises whatever its downloads and loaders raise
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            cure = "" if model else _cure()
            raise EngineUnavailable(
                f"PaddleOCR can't load {model or MODEL_NAME} on {device}: {reason.rstrip('.')}{cure}"
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
        return as_plate_read(text, [score] * len(text), "paddleocr")


def models_folder() -> Path:
    """Where PaddleX keeps the models that it has fetched; what lies there is used without a network."""
    home = os.environ.get("PADDLE_PDX_CACHE_HOME") or Path.home() / ".paddlex"
    return Path(home) / "official_models"


def _text_recognition() -> Any:
    try:
        from paddleocr import TextRecognition
    except ImportError as error:
        raise EngineUnavailable(f"reader paddleocr is not installed: {INSTALL}") from error
    # It says in colours on the terminal what its exceptions say too.
    logging.getLogger(LIBRARY_LOGGER).setLevel(logging.CRITICAL)
    return TextRecognition


def _cure() -> str:
    return (
        f". The model is fetched at its first use: run once with a network, or copy {MODEL_NAME} from a host that "
        f"has it into {models_folder()}, or set models.plate_reader to rapidocr"
    )


def _model_name(folder: Path) -> str:
    description = folder / "inference.yml"
    if not description.is_file():
        raise WeightsMissing(f"{description} is not there: {folder} is not a PaddleOCR 3 recognition model")
    config = yaml.safe_load(description.read_text(encoding="utf-8"))
    return str(config.get("Global", {}).get("model_name", MODEL_NAME))
