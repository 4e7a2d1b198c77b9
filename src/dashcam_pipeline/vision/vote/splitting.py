"""A track that went over from one vehicle to another is taken apart again where its plate changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.plates.grammar import Grammar
from dashcam_pipeline.vision.tracking.watch import Passing
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.pooling import edits
from dashcam_pipeline.vision.vote.voting import Verdict, decide

OTHER_PLATE_EDITS = 3
"""Texts that differ in so many characters are two plates, and not one that was misread."""


@dataclass(frozen=True, slots=True)
class Part:
    """One vehicle of a track."""

    passing: Passing
    results: tuple[LookResult, ...]
    verdict: Verdict


def parts_of(
    passing: Passing, results: Sequence[LookResult], settings: VoteSettings, grammar: Grammar
) -> tuple[Part, ...]:
    """The vehicles of a track, in their order; nearly always one.

    Where looks before some moment claim one plate and those after it claim quite another, the track is two vehicles:
    each claim has the agreeing looks that any claim needs, so a single misread splits nothing.
    """
    ordered = tuple(sorted(results, key=lambda result: (result.frame_idx, result.in_full)))
    verdict = decide(ordered, settings, grammar)
    whole = (Part(passing, ordered, verdict),)
    if not _may_be_two(verdict):
        return whole
    splits = [split for at in _moments(ordered) if (split := _split(passing, ordered, at, settings, grammar))]
    return max(splits, key=_agreeing_looks, default=whole)


def _split(
    passing: Passing, ordered: tuple[LookResult, ...], at: int, settings: VoteSettings, grammar: Grammar
) -> tuple[Part, ...] | None:
    """The track taken apart before the look `at`; None when the two sides don't claim different plates."""
    before, after = ordered[:at], ordered[at:]
    first = decide(before, settings, grammar)
    if first.plate is None:
        return None
    left, right = _halves(passing, before[-1], after[0])
    others = parts_of(right, after, settings, grammar)
    second = others[0].verdict.plate
    if second is None or edits(first.plate, second) < OTHER_PLATE_EDITS:
        return None
    return (Part(left, before, first), *others)


def _agreeing_looks(parts: tuple[Part, ...]) -> int:
    return sum(part.verdict.agreeing_looks for part in parts)


def _may_be_two(verdict: Verdict) -> bool:
    """Whether two looks read something quite other than the winner, or than the strongest read where nothing won."""
    text = verdict.text or verdict.best_read
    if text is None:
        return False
    others = {b.look.frame_idx for b in verdict.ballots if edits(b.text, text) >= OTHER_PLATE_EDITS}
    return len(others) > 1


def _moments(ordered: Sequence[LookResult]) -> Iterator[int]:
    """Places between two looks."""
    return (at for at in range(1, len(ordered)) if ordered[at].frame_idx != ordered[at - 1].frame_idx)


def _halves(passing: Passing, last: LookResult, first: LookResult) -> tuple[Passing, Passing]:
    """The track before and after: each ends at its own last look there, and begins at its first."""
    left = replace(
        passing,
        last_frame=last.frame_idx,
        last_s=last.ts_s,
        last_box=last.vehicle_box,
        looks=tuple(look for look in passing.looks if look.frame_idx <= last.frame_idx),
    )
    right = replace(
        passing,
        first_frame=first.frame_idx,
        first_s=first.ts_s,
        first_box=first.vehicle_box,
        looks=tuple(look for look in passing.looks if look.frame_idx >= first.frame_idx),
    )
    return left, right
