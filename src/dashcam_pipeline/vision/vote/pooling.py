"""Many reads of one plate become one: what may stand at each of its positions, and which whole texts are likely.

A logarithmic opinion pool (Genest and Zidek, "Combining probability distributions: a critique and an annotated
bibliography", Statistical Science 1986): the readers' probabilities are multiplied, each to the power of its weight.
So a reader that is torn between O and 0 gives way to one that is not, which a sum of votes would not do.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.vision.vote.ballots import Ballot

FLOOR = 0.02
"""The least probability that a reader is taken to give a character: it may always have been wrong."""

CHARACTERS = 36
"""Latin letters and digits."""

INDEPENDENT_READS = 4.0
"""All reads of one plate together count for no more: they err alike, an O is an O in every frame."""

SHIFTED_WEIGHT = 0.5
"""What a read of another length weighs once it is aligned: which of its characters is missing is a guess."""

EDIT_GAP = 0.9
"""A missing or doubled character, against 1 for a wrong one, in the alignment of two texts."""

BEAM = 16  # likely texts that are followed from position to position
ALTERNATIVES = 3  # characters that may stand at one position of a likely text


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that the plate may have."""

    text: str
    share: float  # 0..1, among all texts of that length


@dataclass(frozen=True, slots=True)
class Pool:
    """What all ballots say together."""

    positions: tuple[dict[str, float], ...]  # the likely characters at each, most likely first: share, 0..1

    def candidates(self) -> list[Candidate]:
        """Likely texts, the most likely one first. Each character of them was seen there by a reader."""
        beam = {"": 1.0}
        for position in self.positions:
            grown = {
                text + character: share * likely
                for text, share in beam.items()
                for character, likely in list(position.items())[:ALTERNATIVES]
            }
            best = sorted(grown, key=lambda text: (-grown[text], text))[:BEAM]
            beam = {text: grown[text] for text in best}
        return [Candidate(text, share) for text, share in beam.items()]


def pool(ballots: Sequence[Ballot]) -> Pool:
    """Pool the ballots, of which there is at least one.

    First they settle the length of the text, by weight; then each says, position by position, what stands there.
    Those of another length are aligned with the text that is most like all those of the winning length.
    """
    length = _length(ballots)
    pivot = _pivot([ballot for ballot in ballots if len(ballot.text) == length])
    evidence: list[dict[str, float]] = [defaultdict(float) for _ in range(length)]
    weights = [0.0] * length
    for ballot in ballots:
        fits = len(ballot.text) == length
        pairs = [(at, at) for at in range(length)] if fits else aligned(ballot.text, pivot)
        weight = ballot.weight if fits else ballot.weight * SHIFTED_WEIGHT
        for own, at in pairs:
            weights[at] += weight
            for character, probability in ballot.read.shares[own]:
                evidence[at][character] += weight * math.log(max(probability, FLOOR) / FLOOR)
    return Pool(tuple(_shares(one, weight) for one, weight in zip(evidence, weights, strict=True)))


def aligned(text: str, other: str) -> list[tuple[int, int]]:
    """Which position of a text is which one of another, by the least number of edits (Levenshtein, with gaps a little
    cheaper than changes)."""
    rows, columns = len(text), len(other)
    cost = [[EDIT_GAP * (i + j) for j in range(columns + 1)] for i in range(rows + 1)]
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            change = cost[i - 1][j - 1] + (text[i - 1] != other[j - 1])
            cost[i][j] = min(change, cost[i - 1][j] + EDIT_GAP, cost[i][j - 1] + EDIT_GAP)
    pairs, i, j = [], rows, columns
    while i > 0 and j > 0:
        if cost[i][j] == cost[i - 1][j - 1] + (text[i - 1] != other[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif cost[i][j] == cost[i - 1][j] + EDIT_GAP:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def edits(text: str, other: str) -> int:
    """How many characters of two texts are not the same, once they are aligned."""
    pairs = aligned(text, other)
    return max(len(text), len(other)) - sum(text[i] == other[j] for i, j in pairs)


def _length(ballots: Sequence[Ballot]) -> int:
    weights: dict[int, float] = defaultdict(float)
    for ballot in ballots:
        weights[len(ballot.text)] += ballot.weight
    return max(sorted(weights), key=weights.__getitem__)


def _pivot(ballots: Sequence[Ballot]) -> str:
    """The text that has most in common with the others, by weight."""
    weights: dict[str, float] = defaultdict(float)
    for ballot in ballots:
        weights[ballot.text] += ballot.weight

    def in_common(text: str) -> float:
        return sum(
            weight * sum(a == b for a, b in zip(text, other, strict=True))
            for other, weight in weights.items()
        )

    return max(sorted(weights), key=in_common)


def _shares(evidence: dict[str, float], weight: float) -> dict[str, float]:
    """The likely characters of one position, the most likely one first."""
    power = min(1.0, INDEPENDENT_READS / weight) if weight else 1.0
    odds = {character: math.exp(power * said) for character, said in evidence.items()}
    total = sum(odds.values()) + CHARACTERS - len(odds)
    best = sorted(odds, key=lambda character: (-odds[character], character))
    return {character: odds[character] / total for character in best}
