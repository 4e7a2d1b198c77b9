"""A fitted logistic model: its coefficients, as a script of benchmarks/ has written them into configs/fitted/."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.errors import ConfigError
from dashcam_pipeline.yaml_file import read_yaml_file

MOST_LOGIT = 30.0


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """The chance of something, by named features."""

    intercept: float
    weights: Mapping[str, float]
    most: float = 1.0  # no chance is greater

    def chance(self, features: Mapping[str, float]) -> float:
        """0..`most`."""
        logit = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return self.most / (1.0 + math.exp(-max(-MOST_LOGIT, min(MOST_LOGIT, logit))))


def read_logistic(path: Path, features: Mapping[str, float]) -> LogisticModel:
    """Read what a fit wrote.

    Args:
        path: a YAML file with `intercept`, `weights` and, where chances have a limit, `most`.
        features: any, for their names.

    Raises:
        BadInput: it can't be read.
        ConfigError: it is no such file, or of a model of other features.
    """
    values = read_yaml_file(path).values
    weights = values.get("weights")
    if not isinstance(weights, dict) or weights.keys() != features.keys():
        raise ConfigError(f"{path}: `weights` needs a number each for {', '.join(features)}: fit it again")
    return LogisticModel(
        _number(path, "intercept", values.get("intercept")),
        {name: _number(path, name, weights[name]) for name in features},
        _number(path, "most", values.get("most", 1.0)),
    )


def _number(path: Path, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{path}: `{name}` is {value!r}, not a number: fit it again")
    return float(value)
