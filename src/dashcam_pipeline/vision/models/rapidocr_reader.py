"""RapidOCR as plate reader: PP-OCR's recogniser, whose weights come inside the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dashcam_pipeline.errors import EngineUnavailable, WeightsMissing
from dashcam_pipeline.vision.models.plate_reader import NOTHING_READ, as_plate_read
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image, PlateRead

BUNDLED_MODEL = "PP-OCRv6_rec_small.onnx"


class RapidOcrReader:
    """The recogniser alone, on the plate picture as one line of text."""

    def __init__(self, model: Path | None, options: RuntimeOptions) -> None:
        """Load the recogniser; see `plate_reader.open_plate_reader`.

        Raises:
            WeightsMissing: the package has no weights inside; nothing is downloaded.
        """
        try:
            import rapidocr
            from rapidocr import EngineType, RapidOCR
        except ImportError as error:
            raise EngineUnavailable("reader rapidocr is not installed: pip install rapidocr") from error
        path = model or Path(rapidocr.__file__).parent / "models" / BUNDLED_MODEL
        if not path.is_file():
            raise WeightsMissing(
                f"RapidOCR's recogniser {path} is not there: reinstall rapidocr, or name a model"
            )
        # Always by OpenVINO on the CPU: the package's wheel brings one small model, and a GPU host has
        # the faster fast-plate-ocr.
        self._ocr: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": 0.0,
                # Versions before 3.10 load detector and classifier too, used or not.
                "Det.engine_type": EngineType.OPENVINO,
                "Cls.engine_type": EngineType.OPENVINO,
                "Rec.engine_type": EngineType.OPENVINO,
                "Rec.model_path": str(path),
                "EngineConfig.openvino.inference_num_threads": options.threads,
                "EngineConfig.openvino.num_streams": 1,
                "EngineConfig.openvino.enable_cpu_pinning": False,
            }
        )
        self.name = "rapidocr:openvino:CPU"

    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        """See `PlateReader.read`."""
        return [self._read_one(image) if image.size else NOTHING_READ for image in images]

    def _read_one(self, image: Image) -> PlateRead:
        result = self._ocr(image, use_det=False, use_cls=False, use_rec=True, return_word_box=True)
        if not result.txts:
            return NOTHING_READ
        text, words = result.txts[0], result.word_results[0]
        confidences = list(getattr(words, "confs", None) or ())
        if len(confidences) != len(text):
            confidences = [float(result.scores[0])] * len(text)
        return as_plate_read(text, confidences, "rapidocr")
