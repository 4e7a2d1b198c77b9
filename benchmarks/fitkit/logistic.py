"""Logistic regression on a few features, and how well its scores tell right from wrong."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RIDGE = 1.0
"""Pull towards 0 on the coefficients of standardised features: a sample more or less does not turn a sign."""

ROUNDS = 50
CONVERGED = 1e-9


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model, for features as they come."""

    intercept: float
    weights: Floats  # (features,)

    def logits(self, features: Floats) -> Floats:
        """(samples, features) → (samples,)."""
        return np.asarray(features @ self.weights + self.intercept)


def fit(features: Floats, right: Floats) -> Fit:
    """The most likely coefficients, by Newton's method (iteratively reweighted least squares).

    Args:
        features: (samples, features). One that is the same in all samples gets the coefficient 0.
        right: (samples,), 0 or 1.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < CONVERGED] = 1.0
    design = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    ridge = np.diag([0.0] + [RIDGE] * features.shape[1])
    solution = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        chance = _sigmoid(design @ solution)
        slope = design.T @ (right - chance) - ridge @ solution
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature + CONVERGED * np.eye(len(solution)), slope)
        solution += step
        if np.abs(step).max() < CONVERGED:
            break
    weights = solution[1:] / scale
    return Fit(float(solution[0] - weights @ mean), weights)


def cross_validated(features: Floats, right: Floats, groups: Sequence[str], folds: int) -> Floats:
    """Logits of every sample by a model that has seen no sample of its group: (samples,).

    A group is a plate: pictures of one plate are alike, and a model that has seen some of them knows the others.
    """
    fold = np.array([zlib.crc32(group.encode()) % folds for group in groups])
    logits = np.zeros(len(features))
    for held in range(folds):
        out = fold == held
        if out.any():
            logits[out] = fit(features[~out], right[~out]).logits(features[out])
    return logits


def auc(scores: Floats, right: Floats) -> float:
    """The chance that a right sample has a greater score than a wrong one (Mann and Whitney); nan without both."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives = right > 0.5
    good, bad = int(positives.sum()), int((~positives).sum())
    if not good or not bad:
        return float("nan")
    return float((ranks[positives].sum() - good * (good + 1) / 2) / (good * bad))


def log_loss(logits: Floats, right: Floats) -> float:
    """Mean of -log(chance given to what was so), in nats."""
    return float(np.logaddexp(0.0, np.where(right > 0.5, -logits, logits)).mean())


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(logits / 2)))
