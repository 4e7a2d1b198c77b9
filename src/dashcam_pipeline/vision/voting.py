"""Many reads of one vehicle become one plate, or a reason why there is none."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.types import Box, NoPlateReason, PlateRead
from dashcam_pipeline.vision.watch import Passing

UNANIMOUS_AND_RIGHT = 0.96
"""A reader can make the same mistake in every frame (O for 0): share of unanimous texts that were right."""

SINGLE_READ_TRUST = 0.5
"""How far one read of full confidence is believed before others confirm it."""


def search_name(track_id: int, frame_idx: int, in_full: bool) -> str:
    """Tells a search, and what came of it, from all others of one video."""
    return f"{track_id}-{frame_idx}{'-in-full' if in_full else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult:
    """What came of one look at a vehicle."""

    track_id: int
    frame_idx: int
    ts_s: float
    vehicle_box: Box  # pixels of the frame, as all boxes here
    searched: bool
    in_full: bool = False  # the search was at the plate detector's own input size
    plate_box: Box | None = None
    plate_score: float = 0.0
    read: PlateRead | None = None
    failed: bool = False  # a stage gave up on this look


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The plate of one vehicle."""

    plate: str | None  # a claim
    best_guess: str | None  # the text of a vote that makes no claim
    confidence: float | None  # 0..1, of the claim or the guess
    reason: NoPlateReason | None  # set exactly when there is no claim
    reads: int  # texts that voted
    agreeing_reads: int  # of these, equal to the winner
    char_votes: list[dict[str, float]]  # a position of the winner each: character -> share of the weight
    best_read: str | None  # the single strongest read, as the reader gave it
    evidence: LookResult | None  # the view that best shows the text; without one, the vehicle


@dataclass(frozen=True, slots=True)
class _Ballot:
    """A read that votes."""

    result: LookResult
    text: str
    weights: tuple[float, ...]  # one a character

    @property
    def weight(self) -> float:
        return sum(self.weights) / len(self.weights)


def decide(passing: Passing, results: Sequence[LookResult], settings: VoteSettings) -> Verdict:
    """Vote on the plate of a vehicle. The order of the results does not matter.

    First the reads vote for the length of the text, then, among those of the winning length, for the
    character at every position. A vote weighs what its character's confidence and its read's weakest
    character say together: on a blurred plate a reader stays sure of most of what it makes up.
    """
    ordered = sorted(results, key=lambda result: (result.frame_idx, result.vehicle_box))
    ballots = [ballot for result in ordered if (ballot := _ballot(result, settings)) is not None]
    if not ballots:
        return _no_text(ordered, settings)
    text, votes = _elect(ballots)
    agreeing = [ballot for ballot in ballots if ballot.text == text]
    confidence = _confidence(text, votes, ballots)
    reason = _objection(text, len(agreeing), confidence, votes, settings)
    best = max(ballots, key=lambda b: (b.weight, -b.result.frame_idx))
    shown = max(agreeing or [best], key=lambda b: (*picture_rank(b.result), b.weight))
    return Verdict(
        plate=text if reason is None else None,
        best_guess=None if reason is None else text,
        confidence=confidence,
        reason=reason,
        reads=len(ballots),
        agreeing_reads=len(agreeing),
        char_votes=votes,
        best_read=best.text,
        evidence=shown.result,
    )


def picture_rank(result: LookResult) -> tuple[float, float, float, int]:
    """How much a look is worth as a picture: the greater, the better; a total order for one vehicle."""
    plate_width = result.plate_box.width if result.plate_box else 0.0
    confidence = result.read.confidence if result.read else 0.0
    return (confidence * plate_width, plate_width, result.vehicle_box.width, -result.frame_idx)


def _ballot(result: LookResult, settings: VoteSettings) -> _Ballot | None:
    read, box = result.read, result.plate_box
    if result.failed or read is None or box is None or box.width < settings.min_plate_px:
        return None
    if len(read.text) < settings.min_chars:
        return None
    weakest = min(read.char_confidences)
    return _Ballot(result, read.text, tuple(c * weakest for c in read.char_confidences))


def _elect(ballots: Sequence[_Ballot]) -> tuple[str, list[dict[str, float]]]:
    """The winning text and the share of every character at each of its positions."""
    lengths: dict[int, float] = defaultdict(float)
    for ballot in ballots:
        lengths[len(ballot.text)] += ballot.weight
    length = max(sorted(lengths), key=lengths.__getitem__)
    votes = []
    for position in range(length):
        weights: dict[str, float] = defaultdict(float)
        for ballot in ballots:
            if len(ballot.text) == length:
                weights[ballot.text[position]] += ballot.weights[position]
        total = sum(weights.values()) or 1.0
        votes.append({character: weights[character] / total for character in sorted(weights)})
    return "".join(max(vote, key=vote.__getitem__) for vote in votes), votes


def _confidence(text: str, votes: Sequence[dict[str, float]], ballots: Sequence[_Ballot]) -> float:
    """How likely the text is the plate.

    The geometric mean of how little its most contested character is contested, and of how unlikely it
    is that all reads of the whole text erred by themselves, times `UNANIMOUS_AND_RIGHT`. On drives with
    known plates (`benchmarks/accuracy.py`) the share of right texts follows this number.
    """
    share = min(vote[character] for vote, character in zip(votes, text, strict=True))
    doubt = 1.0
    for ballot in ballots:
        if ballot.text == text:
            doubt *= 1.0 - SINGLE_READ_TRUST * ballot.weight
    return UNANIMOUS_AND_RIGHT * math.sqrt(share * (1.0 - doubt))


def _objection(
    text: str, agreeing: int, confidence: float, votes: Sequence[dict[str, float]], settings: VoteSettings
) -> NoPlateReason | None:
    """Why the winner is no claim; None when it is one."""
    if agreeing < settings.min_reads:
        return NoPlateReason.TOO_FEW_READS
    if confidence >= settings.claim_confidence:
        return None
    contested = min(vote[character] for vote, character in zip(votes, text, strict=True)) < 0.5
    return NoPlateReason.READS_DISAGREE if contested else NoPlateReason.LOW_CONFIDENCE


def _no_text(results: Sequence[LookResult], settings: VoteSettings) -> Verdict:
    return Verdict(
        plate=None,
        best_guess=None,
        confidence=None,
        reason=_why_no_text(results, settings),
        reads=0,
        agreeing_reads=0,
        char_votes=[],
        best_read=None,
        evidence=max(results, key=picture_rank, default=None),
    )


def _why_no_text(results: Sequence[LookResult], settings: VoteSettings) -> NoPlateReason:
    """The furthest that any look came."""
    fine = [result for result in results if not result.failed]
    plates = [result.plate_box for result in fine if result.plate_box is not None]
    if any(box.width >= settings.min_plate_px for box in plates):
        return NoPlateReason.UNREADABLE
    if plates:
        return NoPlateReason.PLATE_TOO_SMALL
    if any(result.failed for result in results) or not results:
        return NoPlateReason.ERROR
    if any(result.searched for result in fine):
        return NoPlateReason.NO_PLATE_FOUND
    return NoPlateReason.TOO_SMALL
