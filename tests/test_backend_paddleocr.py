"""PaddleOCR as plate reader. Most of it needs the extra `paddle`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from dashcam_pipeline.errors import EXIT_ENVIRONMENT, EngineUnavailable, WeightsMissing
from dashcam_pipeline.vision.models import paddleocr_reader
from dashcam_pipeline.vision.models.paddleocr_reader import MODEL_NAME, PaddleOcrReader, models_folder
from dashcam_pipeline.vision.models.plate_reader import open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image

PICTURE: Image = np.random.default_rng(1).integers(0, 255, (30, 120, 3), dtype=np.uint8)
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Recorded(ModuleType):
    """Stands for paddleocr: records what is asked for, reads one text, and may fail."""

    def __init__(self, error: Exception | None = None, fails_at: str = "load") -> None:
        super().__init__("paddleocr")
        self.asked: dict[str, Any] = {}
        self._error, self._fails_at = error, fails_at

    def TextRecognition(self, **asked: Any) -> Recorded:  # noqa: N802
        self.asked = asked
        self._fail("load")
        return self

    def predict(self, image: Image, batch_size: int) -> Iterator[dict[str, Any]]:
        self._fail("predict")
        yield {"rec_text": "ab-12 c", "rec_score": 0.75}

    def _fail(self, where: str) -> None:
        if self._error and where == self._fails_at:
            raise self._error


def recorded(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> Recorded:
    module = Recorded(*arguments)
    monkeypatch.setitem(sys.modules, "paddleocr", module)
    return module


def test_a_line_is_read_as_a_plate(monkeypatch: pytest.MonkeyPatch) -> None:
    module = recorded(monkeypatch)
    reader = open_plate_reader("paddleocr", None, RuntimeOptions(threads=2))
    nothing, read = reader.read([PICTURE[:0], PICTURE])
    assert (nothing.text, read.text, set(read.char_confidences)) == ("", "AB12C", {0.75})
    assert module.asked["model_name"] == MODEL_NAME and module.asked["cpu_threads"] == 2
    assert module.asked["device"] == "cpu" and module.asked["enable_mkldnn"] is False
    assert reader.name == "paddleocr:cpu"


def test_a_gpu_is_handed_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = recorded(monkeypatch)
    assert PaddleOcrReader(None, RuntimeOptions(device="cuda:1")).name == "paddleocr:gpu:1"
    assert module.asked["device"] == "gpu:1"


@pytest.mark.parametrize("fails_at", ["load", "predict"])
def test_a_model_that_cannot_be_had_is_one_line_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails_at: str
) -> None:
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path))
    recorded(monkeypatch, OSError("No hub answers.\nTraceback of it"), fails_at)
    with pytest.raises(EngineUnavailable, match=r"No hub answers\. The model is fetched") as caught:
        PaddleOcrReader(None, RuntimeOptions())
    assert "\n" not in str(caught.value) and str(models_folder()) in str(caught.value)
    assert caught.value.exit_code == EXIT_ENVIRONMENT


@pytest.mark.parametrize(("make", "words"), [(False, "is not there"), (True, r"inference\.yml")])
def test_a_folder_without_a_model_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: bool, words: str
) -> None:
    recorded(monkeypatch)
    folder = tmp_path / "model"
    if make:
        folder.mkdir()
    with pytest.raises(WeightsMissing, match=words):
        PaddleOcrReader(folder, RuntimeOptions())


# --- with the library itself -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser in PaddleX's layout with random weights: good to be loaded and run, not to read."""
    reason = "needs the extra paddle"
    pytest.importorskip("paddleocr", reason=reason)
    paddle = pytest.importorskip("paddle", reason=reason)

    class Recogniser(paddle.nn.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.columns = paddle.nn.Conv2D(3, 32, (48, 8), stride=(48, 8))
            self.classes = paddle.nn.Linear(32, len(CHARACTERS) + 2)

        def forward(self, x: Any) -> Any:
            seen = paddle.nn.functional.relu(self.columns(x)).squeeze(2).transpose([0, 2, 1])
            return paddle.nn.functional.softmax(self.classes(seen), axis=-1)

    paddle.seed(0)
    folder = tmp_path_factory.mktemp("paddlex") / "official_models" / MODEL_NAME
    model = Recogniser()
    model.eval()
    spec = paddle.static.InputSpec([None, 3, 48, None], "float32", "x")
    paddle.jit.save(model, str(folder / "inference"), input_spec=[spec])
    operations: list[dict[str, Any]] = [
        {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
        {"RecResizeImg": {"image_shape": [3, 48, 320]}},
        {"KeepKeys": {"keep_keys": ["image"]}},
    ]
    description = {
        "Global": {"model_name": MODEL_NAME},
        "PreProcess": {"transform_ops": operations},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(CHARACTERS)},
    }
    (folder / "inference.yml").write_text(yaml.safe_dump(description), encoding="utf-8")
    return folder


def test_a_model_folder_is_loaded_and_run(random_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reader = PaddleOcrReader(random_model, RuntimeOptions())
    nothing, first, again = reader.read([PICTURE[:0], PICTURE, PICTURE])
    assert nothing.text == "" and first == again
    assert first.text and set(first.text) <= set(CHARACTERS)
    assert capfd.readouterr().out == ""


def test_a_model_that_was_fetched_before_needs_no_network(
    random_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from paddlex.inference.utils import official_models

    manager = official_models.official_models
    monkeypatch.setattr(manager, "_save_dir", random_model.parent)
    monkeypatch.setattr(manager, "_get_hosters", lambda: pytest.fail("a hub was asked"))
    assert PaddleOcrReader(None, RuntimeOptions()).read([PICTURE])[0].text


def test_without_any_hub_the_error_says_what_to_do(
    random_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from paddlex.inference.utils import official_models

    manager = official_models.official_models
    monkeypatch.setattr(manager, "_save_dir", tmp_path)
    monkeypatch.setattr(manager, "_get_hosters", list)
    with pytest.raises(EngineUnavailable, match=rf"{MODEL_NAME}.*network.*official_models.*rapidocr"):
        PaddleOcrReader(None, RuntimeOptions())
    assert capfd.readouterr() == ("", "")


def test_the_models_folder_is_the_librarys(random_model: Path) -> None:
    from paddlex.inference.utils import official_models

    assert paddleocr_reader.models_folder() == official_models.official_models._save_dir
