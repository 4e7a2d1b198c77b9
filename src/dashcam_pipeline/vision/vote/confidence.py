"""How sure a vote is of its winner: the share of right ones among votes that stood like it.

A logistic model, whose coefficients are in `configs/fitted/confidence.yaml`: `benchmarks/fit_confidence.py` fits them
on drives with known plates and writes them there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.vision.logistic import LogisticModel, read_logistic

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
    length_weight: float  # of those that have as many characters as the winner
    agreeing_weight: float  # of those that are equal to the winner
    readers: int  # that voted
    agreeing_readers: int  # of which a read is equal to the winner
    whole: bool  # a look that agrees shows a plate that does not end at the edge of the picture
    known_format: bool  # it has a format of its region that few other texts have

    @classmethod
    def nothing(cls) -> Grounds:
        """Of a vote that nobody took part in."""
        return cls(
            share=0.0,
            looks=0,
            agreeing_looks=0,
            weight=0.0,
            length_weight=0.0,
            agreeing_weight=0.0,
            readers=0,
            agreeing_readers=0,
            known_format=False,
            whole=True,
        )

    def features(self) -> dict[str, float]:
        """What the model sees, by name."""
        weight = self.weight or 1.0
        return {
            "share": _logit(self.share),
            "length_share": self.length_weight / weight,
            "agreeing_share": self.agreeing_weight / weight,
            "mean_weight": self.agreeing_weight / max(1, self.agreeing_looks) / max(1, self.readers),
            "readers_agree": float(self.agreeing_readers == self.readers and self.readers > 1),
            "known_format": float(self.known_format),
        }


def confidence_of(grounds: Grounds) -> float:
    """How likely it is that the winner is the plate.

    Raises ConfigError where the fitted model is damaged.
    """
    return _model().chance(grounds.features())


@cache
def _model() -> LogisticModel:
    return read_logistic(configs_folder() / MODEL_FILE, Grounds.nothing().features())


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-9), 1 - 1e-9)
    return max(-MOST_LOGIT, min(MOST_LOGIT, math.log(bounded / (1 - bounded))))
