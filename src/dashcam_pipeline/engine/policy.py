"""Which category a free worker should pull: a pure function of what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE_S = 2.0
"""Waiting this long weighs as much as one full batch of the category nearest to the source."""


@dataclass(frozen=True, slots=True)
class Load:
    """What waits in one category."""

    category: str
    ready: int  # tasks that could be leased now
    batch: int  # tasks that one lease takes
    rank: int  # distance from the source, from 0
    oldest_age_s: float  # how long the oldest ready task has waited


def urgency(load: Load) -> float:
    """How much a category wants a worker: batches that wait, weighed by nearness to the end, plus an age term.

    The first term is the busiest category, downstream first, so that frames leave the store before new
    ones come in. The second grows without bound, so that nothing starves.
    """
    return load.ready / load.batch * (1 + load.rank) + load.oldest_age_s / PATIENCE_S


def choose(loads: Sequence[Load]) -> str | None:
    """The category to pull next, or None when nothing is ready. Equal urgency: the one nearest to the end."""
    ready = [load for load in loads if load.ready > 0]
    if not ready:
        return None
    return max(ready, key=lambda load: (urgency(load), load.rank, load.category)).category
