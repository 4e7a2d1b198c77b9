"""Searching the views of a vehicle in rounds, the best views first, until that is enough for its plate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashcam_pipeline.config import LookSettings, VoteSettings
from dashcam_pipeline.vision.plates.grammar import Grammar
from dashcam_pipeline.vision.tracking.watch import Look, Passing
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.ballots import LookResult, search_name
from dashcam_pipeline.vision.vote.voting import decide

SHRUNK = 2.0
"""Pictures that a shrunk search makes smaller by more than this are worth a search in full when it finds nothing."""


@dataclass(frozen=True, slots=True)
class Search:
    """A view to be searched for the vehicle's plate."""

    look: Look
    in_full: bool  # at the plate detector's own input size; else shrunk to `models.plate_input_px`

    @property
    def name(self) -> str:
        """Tells it from all others of one video."""
        return search_name(self.look.track_id, self.look.frame_idx, self.in_full)


def next_round(
    passing: Passing,
    results: Sequence[LookResult],
    looks: LookSettings,
    vote: VoteSettings,
    grammar: Grammar,
    shrunk_px: int | None,
) -> tuple[Search, ...]:
    """The views of a vehicle to be searched next; none when it is time to vote.

    Args:
        passing: the vehicle, with its views.
        results: what came of all searches that were asked for so far.
        looks, vote: the settings.
        grammar: the known formats.
        shrunk_px: side of the detector's input in a shrunk search; None where all searches are in full.

    The first round has `looks.first_searches` views, the best ones, shrunk; each further one has as many as were
    searched before. While none shows a plate, as many as at first are taken from all over the time that the
    vehicle was in sight, because its plate may have been outside in the best views, and large ones are searched in
    full too. Equal results give equal rounds, so the rows of a run depend on nothing else.
    """
    return tuple(
        search
        for searchable, done in _stretches(passing, results)
        for search in _next(searchable, done, looks, vote, grammar, shrunk_px)
    )


def _stretches(
    passing: Passing, results: Sequence[LookResult]
) -> Iterator[tuple[list[Look], list[LookResult]]]:
    """The views, and what came of them, of each stretch in which the vehicle was in sight all the time.

    What came back after a gap may be another vehicle, so each stretch is asked for its own plate.
    """
    starts = [segment.first_frame for segment in passing.segments[1:]]
    for stretch in range(len(starts) + 1):
        yield (
            [
                look
                for look in passing.looks
                if look.search and bisect_right(starts, look.frame_idx) == stretch
            ],
            [result for result in results if bisect_right(starts, result.frame_idx) == stretch],
        )


def _next(
    searchable: list[Look],
    results: list[LookResult],
    looks: LookSettings,
    vote: VoteSettings,
    grammar: Grammar,
    shrunk_px: int | None,
) -> tuple[Search, ...]:
    """The next round of one stretch."""
    plates = [result.plate_box for result in results if result.plate_box is not None]
    if plates:
        if _is_enough(results, plates, looks, vote, grammar):
            return ()
        in_full = any(result.in_full for result in results if result.plate_box is not None)
        return tuple(Search(look, in_full) for look in _left(searchable, results, in_full)[: len(results)])
    if len(results) >= looks.fruitless_searches:
        return ()
    if not results:
        return tuple(Search(look, shrunk_px is None) for look in searchable[: looks.first_searches])
    others = _spread(_left(searchable, results, shrunk_px is None), looks.first_searches)
    large = [look for look in searchable if shrunk_px is not None and _is_shrunk(look.box, shrunk_px)]
    return (
        *(Search(look, True) for look in _left(large[: looks.first_searches], results, True)),
        *(Search(look, shrunk_px is None) for look in others),
    )


def _left(looks: Sequence[Look], results: Sequence[LookResult], in_full: bool) -> list[Look]:
    """Those that were not searched in this way."""
    searched = {result.frame_idx for result in results if result.in_full == in_full}
    return [look for look in looks if look.frame_idx not in searched]


def _spread(looks: Sequence[Look], count: int) -> list[Look]:
    """Some of the looks, as far from each other in time as can be, the earliest first."""
    ordered = sorted(looks, key=lambda look: look.frame_idx)
    if len(ordered) <= count or count < 2:
        return ordered[:count]
    step = (len(ordered) - 1) / (count - 1)
    return [ordered[round(place * step)] for place in range(count)]


def _is_shrunk(box: Box, shrunk_px: int) -> bool:
    return max(box.width, box.height) > SHRUNK * shrunk_px


def _is_enough(
    results: Sequence[LookResult],
    plates: Sequence[Box],
    looks: LookSettings,
    vote: VoteSettings,
    grammar: Grammar,
) -> bool:
    """Whether the vote is settled, or hopeless."""
    if all(box.width < vote.min_plate_px for box in plates):
        return True  # too small in the widest views: it won't be larger in the others
    verdict = decide(results, vote, grammar)
    return (
        verdict.plate is not None
        and verdict.grounds is not None
        and verdict.grounds.whole  # what is cut off may be whole in another view
        and verdict.agreeing_looks >= looks.enough_reads
        and (verdict.confidence or 0.0) >= looks.enough_confidence
    )
