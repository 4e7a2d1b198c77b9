"""Whether a confidence means what it says: rows by confidence, and how many of each are right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from accuracykit.seen import RowSeen
from accuracykit.truth import alike
from score import Shown, Standing, Truth, judged

EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
Z_95 = 1.959964
"""Of the normal distribution, for an interval that holds the true share 95 times of 100."""

SURE = 0.9
"""Rows from here on are the ones that users take without looking."""


@dataclass(frozen=True, slots=True)
class Point:
    """A text with its confidence."""

    confidence: float  # 0..1
    right: bool
    claimed: bool  # else a best guess
    label_doubtful: bool = False  # wrong, but by nothing other than O/0 or I/1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The rows of one range of confidence: from `low` to below `high`, the last one with its upper end."""

    low: float
    high: float
    rows: int
    right: int
    confidence: float  # the mean

    @property
    def share(self) -> float | None:
        """Of right ones; None without rows."""
        return self.right / self.rows if self.rows else None


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a share may lie."""

    low: float
    high: float


def points_of(truth: Truth, rows: Sequence[RowSeen]) -> list[Point]:
    """The rows with a text and a confidence, claims and guesses; those about doubtful readings are left out.

    A guess that is right about a sighting which has a right row already is right all the same.
    """
    told = [row for row in rows if row.text and row.confidence is not None]
    judgements = judged(truth, [row.shown for row in told])
    return [
        Point(
            float(row.confidence or 0.0),
            one.standing is not Standing.WRONG,
            row.plate is not None,
            one.standing is Standing.WRONG and _is_alike(truth, one.claim),
        )
        for row, one in zip(told, judgements, strict=True)
        if one.standing is not Standing.DOUBTFUL
    ]


def _is_alike(truth: Truth, claim: Shown) -> bool:
    return any(alike(claim.text, known.text) and known.overlaps(claim) for known in truth.scored)


def binned(points: Sequence[Point]) -> list[Bin]:
    """The points by `EDGES`."""
    bins = []
    for low, high in pairwise(EDGES):
        inside = [p for p in points if low <= p.confidence and (p.confidence < high or high == EDGES[-1])]
        mean = sum(p.confidence for p in inside) / len(inside) if inside else 0.0
        right = sum(p.right for p in inside)
        bins.append(Bin(low=low, high=high, rows=len(inside), right=right, confidence=mean))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error: how far confidence and share are apart, by rows (Naeini et al., AAAI 2015)."""
    total = sum(one.rows for one in bins)
    if not total:
        return None
    return sum(abs(one.right - one.rows * one.confidence) for one in bins) / total


def sure_ones(points: Sequence[Point]) -> Bin:
    """The points of at least `SURE`."""
    inside = [point for point in points if point.confidence >= SURE]
    mean = sum(p.confidence for p in inside) / len(inside) if inside else 0.0
    return Bin(low=SURE, high=1.0, rows=len(inside), right=sum(p.right for p in inside), confidence=mean)


def wilson(right: int, rows: int) -> Interval:
    """The 95 % interval of a share (Wilson, JASA 1927); all of 0..1 without rows."""
    if not rows:
        return Interval(0.0, 1.0)
    share, z2 = right / rows, Z_95**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = Z_95 / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))
