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
    return _Track(passing, ordered, settings, grammar).parts_from(0)


class _Track:
    """A track that may be several vehicles."""

    def __init__(
        self, passing: Passing, ordered: tuple[LookResult, ...], settings: VoteSettings, grammar: Grammar
    ) -> None:
        self._passing, self._ordered = passing, ordered
        self._settings, self._grammar = settings, grammar
        self._known: dict[int, tuple[Part, ...]] = {}

    def parts_from(self, start: int) -> tuple[Part, ...]:
        """The vehicles from a look on."""
        if start not in self._known:
            passing = _from(self._passing, self._ordered[start]) if start else self._passing
            self._known[start] = self._parts(passing, start)
        return self._known[start]

    def _parts(self, passing: Passing, start: int) -> tuple[Part, ...]:
        results = self._ordered[start:]
        verdict = decide(results, self._settings, self._grammar)
        whole = (Part(passing, results, verdict),)
        if not _may_be_two(verdict):
            return whole
        splits = [split for at in self._moments(start) if (split := self._split(passing, start, at))]
        return max(splits, key=_agreeing_looks, default=whole)

    def _moments(self, start: int) -> Iterator[int]:
        """Places between two looks."""
        frames = [result.frame_idx for result in self._ordered]
        return (at for at in range(start + 1, len(frames)) if frames[at] != frames[at - 1])

    def _split(self, passing: Passing, start: int, at: int) -> tuple[Part, ...] | None:
        """The track taken apart before the look `at`; None when the two sides don't claim different plates."""
        before = self._ordered[start:at]
        first = decide(before, self._settings, self._grammar)
        if first.plate is None:
            return None
        others = self.parts_from(at)
        second = others[0].verdict.plate
        if second is None or not _are_two(first.plate, second):
            return None
        return (Part(_until(passing, before[-1]), before, first), *others)


def _are_two(plate: str, other: str) -> bool:
    """Whether two texts are two plates. One that is in the other is the same plate, partly hidden for a while."""
    return edits(plate, other) >= OTHER_PLATE_EDITS and plate not in other and other not in plate


def _agreeing_looks(parts: tuple[Part, ...]) -> int:
    return sum(part.verdict.agreeing_looks for part in parts)


def _may_be_two(verdict: Verdict) -> bool:
    """Whether two looks read something quite other than the winner, or than the strongest read where nothing won."""
    text = verdict.text or verdict.best_read
    if text is None:
        return False
    others = {b.look.frame_idx for b in verdict.ballots if edits(b.text, text) >= OTHER_PLATE_EDITS}
    return len(others) > 1


def _until(passing: Passing, last: LookResult) -> Passing:
    """The track up to a look."""
    return replace(
        passing,
        last_frame=last.frame_idx,
        last_s=last.ts_s,
        last_box=last.vehicle_box,
        path=passing.path.between(passing.first_frame, last.frame_idx),
        looks=tuple(look for look in passing.looks if look.frame_idx <= last.frame_idx),
    )


def _from(passing: Passing, first: LookResult) -> Passing:
    """The track from a look on."""
    return replace(
        passing,
        first_frame=first.frame_idx,
        first_s=first.ts_s,
        first_box=first.vehicle_box,
        path=passing.path.between(first.frame_idx, passing.last_frame),
        looks=tuple(look for look in passing.looks if look.frame_idx >= first.frame_idx),
    )
