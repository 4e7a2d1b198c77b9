"""Reading plates."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dashcam_pipeline.errors import ConfigError, EngineUnavailable, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.vision.models.plate_reader import (
    PlateReader,
    ReaderKind,
    as_plate_read,
    open_plate_reader,
    read_plate_config,
)
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image
from vision_data import READER, model, photo

EMPTY: Image = np.zeros((0, 0, 3), np.uint8)


def plate() -> Image:
    """The plate of the car on br/AYO9034.jpg."""
    image = photo("br/AYO9034.jpg")
    label = model("../photos/br/AYO9034.txt").read_text(encoding="utf-8").split("\t")
    x, y, w, h = (int(value) for value in label[1:5])
    return image[y - 4 : y + h + 4, x - 5 : x + w + 5]


def open_reader(kind: ReaderKind) -> PlateReader:
    return open_plate_reader(kind, model(READER) if kind == "fast-plate-ocr" else None, RuntimeOptions())


@pytest.mark.parametrize("kind", ["fast-plate-ocr", "rapidocr"])
def test_a_plate_is_read_with_a_confidence_for_every_character(
    kind: ReaderKind, capfd: pytest.CaptureFixture[str]
) -> None:
    reader = open_reader(kind)
    image = plate()
    nothing, read, again = reader.read([EMPTY, image, image])
    assert (read.text, nothing.text) == ("AYO9034", "")
    assert len(read.char_confidences) == 7 and all(0 < c <= 1 for c in read.char_confidences)
    assert again == read
    assert capfd.readouterr() == ("", "")  # a reader's log would tear the HUD


def test_the_region_is_guessed_where_the_model_can() -> None:
    assert open_reader("fast-plate-ocr").read([plate()])[0].region == "Brazil"


@pytest.mark.parametrize(
    ("line", "text"),
    [("ab 12-cd", "AB12CD"), ("ÄB·12", "B12"), ("京A1234", "A1234"), ("", ""), ("ßx", "X")],
)
def test_lines_of_general_readers_keep_letters_and_digits(line: str, text: str) -> None:
    read = as_plate_read(line, [0.5] * len(line), "any")
    assert read.text == text and len(read.char_confidences) == len(text)


def test_fast_plate_ocr_needs_a_model() -> None:
    with pytest.raises(ConfigError, match="reader_model"):
        open_plate_reader("fast-plate-ocr", None, RuntimeOptions())


def test_a_missing_plate_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"m_plate_config\.yaml"):
        read_plate_config(tmp_path / "m.onnx")


@pytest.mark.parametrize("text", ["just text", "alphabet: AB", "[", "keep_aspect_ratio: true"])
def test_a_wrong_plate_config_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "m_plate_config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match=r"m_plate_config\.yaml"):
        read_plate_config(tmp_path / "m.onnx")


def test_paddleocr_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paddleocr", None)
    with pytest.raises(EngineUnavailable, match=r"\[paddle\]"):
        open_plate_reader("paddleocr", None, RuntimeOptions())


def test_rapidocr_without_its_weights_downloads_nothing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"gone\.onnx"):
        open_plate_reader("rapidocr", tmp_path / "gone.onnx", RuntimeOptions())
