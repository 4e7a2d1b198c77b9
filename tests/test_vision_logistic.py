"""The fitted models: what is read of their files, and what they make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashcam_pipeline.errors import BadInput, ConfigError
from dashcam_pipeline.vision.logistic import LogisticModel, read_logistic

FEATURES = {"width": 0.0, "sharpness": 0.0}
NUMBERS = "\n".join(f"  {name}: 1.5" for name in FEATURES)


def test_chance_stays_a_chance_whatever_is_measured() -> None:
    model = LogisticModel(0.0, {"width": 1e6})
    assert 0.0 <= model.chance({"width": -50.0}) < model.chance({"width": 50.0}) <= 1.0
    assert LogisticModel(0.0, {"width": 1e6}, most=0.97).chance({"width": 50.0}) == pytest.approx(0.97)


def test_model_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(f"intercept: -2\nweights:\n{NUMBERS}\nmost: 0.9\n")
    assert read_logistic(path, FEATURES) == LogisticModel(-2.0, dict.fromkeys(FEATURES, 1.5), 0.9)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("", "weights", id="empty"),
        pytest.param("intercept: 1\nweights: {width: 2.0}\n", "weights", id="a feature is missing"),
        pytest.param(f"intercept: 1\nweights:\n{NUMBERS}\n  more: 1\n", "weights", id="unknown feature"),
        pytest.param(f"weights:\n{NUMBERS}\n", "intercept", id="no intercept"),
        pytest.param(f"intercept: .nan\nweights:\n{NUMBERS}\n", "intercept", id="not a number"),
        pytest.param(f"intercept: 1\nweights:\n{NUMBERS}\nmost: much\n", "most", id="text"),
    ],
)
def test_damaged_model_is_one_clear_line(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_logistic(path, FEATURES)
    assert str(path) in str(raised.value)
    assert f"`{named}`" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_model_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        read_logistic(tmp_path / "nowhere.yaml", FEATURES)
