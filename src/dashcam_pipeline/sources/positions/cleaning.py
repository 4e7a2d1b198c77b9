"""From the fixes of a file to a track that can be trusted: what can't be true is dropped and counted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from dashcam_pipeline.sources.positions.earth import bearing_deg, distance_m, whole_turn
from dashcam_pipeline.sources.positions.raw import RawFix, is_somewhere
from dashcam_pipeline.sources.positions.track import KMH_PER_MPS, Dropped, Fix

NOISE_M = 20.0
"""Fixes of a camera that stands are so far apart; a jump is further."""
MOST_CHAINS = 12
"""Places that a track may seem to be at the same time."""
MOVED_M = 3.0
"""Below, the direction between two fixes is noise."""
SPACING_S = 0.5
ROUNDING_S = 1e-3
MOST_FIXES = 20_000


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Fixes that can be true, in the order of time, and how many can't."""

    fixes: tuple[Fix, ...]
    dropped: Dropped


def clean(raw: Sequence[RawFix], void: int, max_speed_kmh: float) -> Cleaned:
    """Drop what is nowhere, repeated, out of order, or could not be reached.

    One wrong fix costs one fix, wherever it stands: what is kept is the longest part that agrees with itself.

    Args:
        raw: in the order of the file.
        void: entries that were dropped before, to be counted.
        max_speed_kmh: no camera is faster.
    """
    somewhere = [fix for fix in raw if isfinite(fix.t_s) and is_somewhere(fix.latitude, fix.longitude)]
    growing = _growing(somewhere)
    kept = {fix.t_s for fix in growing}
    repeated = sum(fix.t_s in kept for fix in somewhere) - len(growing)
    reached = _reachable(growing, max_speed_kmh)
    dropped = Dropped(
        void=void + len(raw) - len(somewhere),
        repeated=repeated,
        backwards=len(somewhere) - len(growing) - repeated,
        jumps=len(growing) - len(reached),
    )
    return Cleaned(tuple(_fix(fix, max_speed_kmh) for fix in reached), dropped)


def thinned(fixes: Sequence[Fix]) -> tuple[Fix, ...]:
    """No more than about two a second, and `MOST_FIXES` in all; the first and the last stay."""
    if len(fixes) < 2:
        return tuple(fixes)
    spacing_s = max(SPACING_S - ROUNDING_S, (fixes[-1].t_s - fixes[0].t_s) / (MOST_FIXES - 2))
    kept = [fixes[0]]
    for fix in fixes[1:-1]:
        if fix.t_s - kept[-1].t_s >= spacing_s:
            kept.append(fix)
    kept.append(fixes[-1])
    return tuple(kept)


def with_motion(fixes: Sequence[Fix], max_gap_s: float) -> tuple[Fix, ...]:
    """Speed and heading, where a fix has none, out of the fixes around it."""
    done = []
    for index, fix in enumerate(fixes):
        near = [
            other
            for other in (*fixes[max(0, index - 1) : index], fix, *fixes[index + 1 : index + 2])
            if abs(other.t_s - fix.t_s) <= max_gap_s
        ]
        done.append(_moving(fix, near[0], near[-1]) if len(near) > 1 else fix)
    return tuple(done)


def _moving(fix: Fix, before: Fix, after: Fix) -> Fix:
    metres = distance_m(before.latitude, before.longitude, after.latitude, after.longitude)
    if fix.speed_kmh is None:
        fix = replace(fix, speed_kmh=metres / (after.t_s - before.t_s) * KMH_PER_MPS)
    if fix.heading_deg is None and metres >= MOVED_M:
        heading = bearing_deg(before.latitude, before.longitude, after.latitude, after.longitude)
        fix = replace(fix, heading_deg=heading)
    return fix


def _growing(fixes: Sequence[RawFix]) -> list[RawFix]:
    """The most fixes whose times grow strictly: the longest increasing subsequence, by patience sorting."""
    ends: list[float] = []  # the smallest time that ends a subsequence of each length
    holders: list[int] = []
    before: list[int] = []
    for index, fix in enumerate(fixes):
        length = bisect_left(ends, fix.t_s)
        before.append(holders[length - 1] if length else -1)
        if length == len(ends):
            ends.append(fix.t_s)
            holders.append(index)
        elif fix.t_s < ends[length]:  # an equal one later is a repetition
            ends[length] = fix.t_s
            holders[length] = index
    chosen, at = [], holders[-1] if holders else -1
    while at >= 0:
        chosen.append(fixes[at])
        at = before[at]
    return chosen[::-1]


def _reachable(fixes: Sequence[RawFix], max_speed_kmh: float) -> list[RawFix]:
    """The longest chain in which each fix can be reached from the one before.

    A fix goes to the chain that was added to last of those that it can be reached from, and begins a new one where
    there is none. So a wrong first fix is a chain of its own, which the right ones soon outgrow.
    """
    chains: list[list[RawFix]] = []  # the one added to last is the last
    for fix in fixes:
        index = next(
            (at for at in reversed(range(len(chains))) if _can_reach(chains[at][-1], fix, max_speed_kmh)),
            None,
        )
        chain = chains.pop(index) if index is not None else []
        chain.append(fix)
        chains.append(chain)
        if len(chains) > MOST_CHAINS:
            chains.pop(min(range(MOST_CHAINS), key=lambda at: len(chains[at])))
    return max(chains, key=len, default=[])


def _can_reach(before: RawFix, after: RawFix, max_speed_kmh: float) -> bool:
    metres = distance_m(before.latitude, before.longitude, after.latitude, after.longitude)
    return metres <= NOISE_M + max_speed_kmh / KMH_PER_MPS * (after.t_s - before.t_s)


def _fix(raw: RawFix, max_speed_kmh: float) -> Fix:
    """Speeds and headings that can't be are none."""
    speed, heading = raw.speed_kmh, raw.heading_deg
    return Fix(
        raw.t_s,
        raw.latitude,
        raw.longitude,
        speed if speed is not None and 0.0 <= speed <= max_speed_kmh else None,
        whole_turn(heading) if heading is not None and isfinite(heading) else None,
    )
