"""How sure a vote is of its winner: the share of right ones among votes that stood like it.

A logistic model, whose coefficients are in `configs/fitted/confidence.yaml`: `benchmarks/fit_confidence.py` fits them
on drives with known plates and writes them there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.yaml_file import read_yaml_file

MODEL_FILE = Path("fitted", "confidence.yaml")  # in the folder of the presets

MOST_LOGIT = 7.0
"""Of a share of nearly 0 or 1: what is beyond is not told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """How a vote stands."""

    share: float  # 0..1, of the winner among the texts that the reads allow
    looks: int  # that voted
    agreeing_looks: int  # with a read that is equal to the winner
    weight: float  # of all reads
    agreeing_weight: float  # of those that are equal to the winner
    readers: int  # that voted
    agreeing_readers: int  # of which a read is equal to the winner
    known_format: bool  # it has a format of its region that few other texts have

    @classmethod
    def nothing(cls) -> Grounds:
        """Of a vote that nobody took part in."""
        return cls(
            share=0.0,
            looks=0,
            agreeing_looks=0,
            weight=0.0,
            agreeing_weight=0.0,
            readers=0,
            agreeing_readers=0,
            known_format=False,
        )

    def features(self) -> dict[str, float]:
        """What the model sees, by name."""
        agreeing_share = self.agreeing_weight / self.weight if self.weight else 0.0
        return {
            "share": _logit(self.share),
            "agreeing_share": agreeing_share,
            "mean_weight": self.agreeing_weight / max(1, self.agreeing_looks) / max(1, self.readers),
            "readers_agree": float(self.agreeing_readers == self.readers and self.readers > 1),
            "known_format": float(self.known_format),
        }


@dataclass(frozen=True, slots=True)
class Model:
    """The coefficients."""

    intercept: float
    weights: Mapping[str, float]
    most: float  # no vote is surer than this: unanimous texts that were wrong nevertheless

    def confidence(self, grounds: Grounds) -> float:
        """0..1."""
        features = grounds.features()
        logit = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return self.most / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))


def confidence_of(grounds: Grounds) -> float:
    """How likely it is that the winner is the plate."""
    return _model().confidence(grounds)


@cache
def _model() -> Model:
    data = read_yaml_file(configs_folder() / MODEL_FILE).values
    return Model(float(data["intercept"]), dict(data["weights"]), float(data["most"]))


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-9), 1 - 1e-9)
    return max(-MOST_LOGIT, min(MOST_LOGIT, math.log(bounded / (1 - bounded))))
