"""Many reads of one vehicle become one plate, or a reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.plates.grammar import Grammar, region_of
from dashcam_pipeline.vision.types import NoPlateReason
from dashcam_pipeline.vision.vote.ballots import Ballot, LookResult, ballots_of
from dashcam_pipeline.vision.vote.confidence import Grounds, confidence_of
from dashcam_pipeline.vision.vote.pooling import Candidate, Pool, pool

CONTESTED = 0.5
"""A text that has less than this share of the weight of all reads is one of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The plate of one vehicle."""

    plate: str | None  # a claim
    best_guess: str | None  # the text of a vote that makes no claim
    confidence: float | None  # 0..1, of the claim or the guess
    reason: NoPlateReason | None  # set exactly when there is no claim
    grounds: Grounds | None = None  # what the confidence was made of
    region: str | None = None  # the readers' guess at the plate's country
    format: str | None = None  # the format that the text has, as "ro/standard"; None: none that is known
    looks: int = 0  # that voted
    agreeing_looks: int = 0  # of these, with a read that is equal to the winner
    char_votes: tuple[dict[str, float], ...] = ()  # a position of the winner each: character -> its share
    ballots: tuple[Ballot, ...] = ()  # the reads that voted
    best_read: str | None = None  # the single strongest read, as the reader gave it
    evidence: LookResult | None = None  # the view that best shows the text; without one, the vehicle

    @property
    def text(self) -> str | None:
        """Of the claim or the guess."""
        return self.plate or self.best_guess


def decide(results: Sequence[LookResult], settings: VoteSettings, grammar: Grammar) -> Verdict:
    """Vote on the plate of a vehicle. The order of the results does not matter.

    Args:
        results: what came of all looks at it.
        settings: what votes, and from when on the winner is claimed.
        grammar: the known formats, by which a text that has one of them is a little more likely than one without.

    The reads are pooled (see `pooling.py`); the winner is the likeliest text of those that they allow. It never has a
    character that no reader saw there.
    """
    ballots = ballots_of(results, settings)
    if not ballots:
        return _no_text(results, settings)
    pooled, region = pool(ballots), region_of([ballot.read for ballot in ballots])
    winner = _winner(pooled, grammar, region)
    agreeing = [ballot for ballot in ballots if ballot.text == winner.text]
    match = grammar.judge(winner.text, region)
    grounds = _grounds(winner, ballots, agreeing, match is not None and match.tells)
    confidence = confidence_of(grounds)
    if confidence < settings.guess_confidence:
        return _unreadable(ballots, grounds)
    reason = _objection(grounds, confidence, settings)
    best = _strongest(ballots)
    shown = max(agreeing or [best], key=lambda b: (*picture_rank(b.look), b.weight))
    return Verdict(
        plate=winner.text if reason is None else None,
        best_guess=None if reason is None else winner.text,
        confidence=confidence,
        reason=reason,
        grounds=grounds,
        region=region,
        format=str(match) if match and (match.of_region or region is None) else None,
        looks=grounds.looks,
        agreeing_looks=grounds.agreeing_looks,
        char_votes=_shown(pooled, winner.text),
        ballots=tuple(ballots),
        best_read=best.text,
        evidence=shown.look,
    )


def picture_rank(result: LookResult) -> tuple[float, float, float, int]:
    """How much a look is worth as a picture: the greater, the better; a total order for one vehicle."""
    plate_width = result.plate_box.width if result.plate_box else 0.0
    return (result.confidence * plate_width, plate_width, result.vehicle_box.width, -result.frame_idx)


def _winner(pooled: Pool, grammar: Grammar, region: str | None) -> Candidate:
    """The likeliest text, with its share of all."""
    candidates = pooled.candidates()
    others = max(0.0, 1.0 - sum(one.share for one in candidates))  # texts that nobody would think of
    likely = {one.text: one.share * grammar.factor(one.text, region) for one in candidates}
    text = min(likely, key=lambda text: (-likely[text], text))
    return Candidate(text, likely[text] / (sum(likely.values()) + others))


def _grounds(
    winner: Candidate, ballots: Sequence[Ballot], agreeing: Sequence[Ballot], known: bool
) -> Grounds:
    frames = {ballot.look.frame_idx for ballot in agreeing}
    readers = {ballot.read.reader for ballot in ballots}
    return Grounds(
        share=winner.share,
        looks=len({ballot.look.frame_idx for ballot in ballots}),
        agreeing_looks=len(frames),
        weight=sum(ballot.weight for ballot in ballots),
        length_weight=sum(b.weight for b in ballots if len(b.text) == len(winner.text)),
        agreeing_weight=sum(ballot.weight for ballot in agreeing),
        readers=len(readers),
        agreeing_readers=len({ballot.read.reader for ballot in agreeing}),
        known_format=known,
        whole=not all(_is_cut_off(ballot.look) for ballot in agreeing or ballots),
    )


def _objection(grounds: Grounds, confidence: float, settings: VoteSettings) -> NoPlateReason | None:
    """Why the winner is no claim; None when it is one."""
    if not grounds.whole and not grounds.known_format:
        return NoPlateReason.CUT_OFF
    enough = grounds.agreeing_looks >= settings.min_reads
    if enough and confidence >= settings.claim_confidence:
        return None
    if grounds.looks >= settings.min_reads and grounds.agreeing_weight < CONTESTED * grounds.weight:
        return NoPlateReason.READS_DISAGREE
    return NoPlateReason.LOW_CONFIDENCE if enough else NoPlateReason.TOO_FEW_READS


def _is_cut_off(look: LookResult) -> bool:
    return look.quality is not None and look.quality.cut_off


def _unreadable(ballots: Sequence[Ballot], grounds: Grounds) -> Verdict:
    """Readers make something of every plate; where nothing speaks for it, it is no guess."""
    best = _strongest(ballots)
    return Verdict(
        plate=None,
        best_guess=None,
        confidence=None,
        reason=NoPlateReason.UNREADABLE,
        grounds=grounds,
        looks=grounds.looks,
        ballots=tuple(ballots),
        best_read=best.text,
        evidence=max((ballot.look for ballot in ballots), key=picture_rank),
    )


def _strongest(ballots: Sequence[Ballot]) -> Ballot:
    return max(ballots, key=lambda b: (b.weight, -b.look.frame_idx, b.read.reader))


def _shown(pooled: Pool, text: str) -> tuple[dict[str, float], ...]:
    """The shares worth showing, those of the text among them."""
    return tuple(
        {
            character: round(share, 4)
            for character, share in position.items()
            if share >= 0.01 or character == own
        }
        for position, own in zip(pooled.positions, text, strict=True)
    )


def _no_text(results: Sequence[LookResult], settings: VoteSettings) -> Verdict:
    return Verdict(
        plate=None,
        best_guess=None,
        confidence=None,
        reason=_why_no_text(results, settings),
        evidence=max(results, key=picture_rank, default=None),
    )


def _why_no_text(results: Sequence[LookResult], settings: VoteSettings) -> NoPlateReason:
    """The furthest that any look came."""
    fine = [result for result in results if not result.failed]
    plates = [result for result in fine if result.plate_box is not None]
    large = [one for one in plates if one.plate_box and one.plate_box.width >= settings.min_plate_px]
    if large:
        return NoPlateReason.CUT_OFF if all(_is_cut_off(one) for one in large) else NoPlateReason.UNREADABLE
    if plates:
        return NoPlateReason.PLATE_TOO_SMALL
    if any(result.failed for result in results) or not results:
        return NoPlateReason.ERROR
    if any(result.not_a_plate for result in fine):
        return NoPlateReason.NOT_ITS_PLATE
    if any(result.searched for result in fine):
        return NoPlateReason.NO_PLATE_FOUND
    return NoPlateReason.TOO_SMALL
