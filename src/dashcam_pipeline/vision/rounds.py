"""Searching the views of a vehicle in rounds, the best views first, until that is enough for its plate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.config import LookSettings, VoteSettings
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.voting import LookResult, decide
from dashcam_pipeline.vision.watch import Look, Passing

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
        return f"{self.look.track_id}-{self.look.frame_idx}{'-in-full' if self.in_full else ''}"


def next_round(
    passing: Passing,
    results: Sequence[LookResult],
    looks: LookSettings,
    vote: VoteSettings,
    shrunk_px: int | None,
) -> tuple[Search, ...]:
    """The views of a vehicle to be searched next; none when it is time to vote.

    Args:
        passing: the vehicle, with its views.
        results: what came of all searches that were asked for so far.
        looks, vote: the settings.
        shrunk_px: side of the detector's input in a shrunk search; None where all searches are in full.

    The first round has `looks.first_searches` views, shrunk. Shows none of them a plate, then they are searched in
    full, or, where that can't show more, others instead of them. Otherwise each further round has as many
    views as were searched before. Equal results give equal rounds, so the rows of a run depend on nothing else.
    """
    searchable = [look for look in passing.looks if look.search]
    in_full = shrunk_px is None or any(result.in_full for result in results)
    searched = {(result.frame_idx, result.in_full) for result in results}
    left = [look for look in searchable if (look.frame_idx, in_full) not in searched]
    plates = [result.plate_box for result in results if result.plate_box is not None]
    if results and not plates:
        again = [look for look in searchable[: len(results)] if shrunk_px and _is_shrunk(look.box, shrunk_px)]
        if again and not in_full:
            return tuple(Search(look, True) for look in again)
        if (in_full and shrunk_px) or len(results) >= looks.fruitless_searches:
            return ()
    if plates and _is_enough(passing, results, plates, looks, vote):
        return ()
    count = max(looks.first_searches, len(results))
    return tuple(Search(look, in_full) for look in left[:count])


def _is_shrunk(box: Box, shrunk_px: int) -> bool:
    return max(box.width, box.height) > SHRUNK * shrunk_px


def _is_enough(
    passing: Passing,
    results: Sequence[LookResult],
    plates: Sequence[Box],
    looks: LookSettings,
    vote: VoteSettings,
) -> bool:
    """Whether the vote is settled, or hopeless."""
    if all(box.width < vote.min_plate_px for box in plates):
        return True  # too small in the widest views: it won't be larger in the others
    verdict = decide(passing, results, vote)
    return (
        verdict.plate is not None
        and verdict.agreeing_reads >= looks.enough_reads
        and (verdict.confidence or 0.0) >= looks.enough_confidence
    )
