"""Which category a free worker should pull, its own or one that it helps with: pure functions of what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE_S = 2.0
"""Waiting this long weighs as much as one full batch of the category nearest to the source."""

HELP_FROM_S = 0.02
"""A class with less work than this in waiting is through with it before help has even fetched some."""

HELP_AT_MOST_S = 0.25
"""Longer than this a helper does not leave its own work alone."""


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


@dataclass(frozen=True, slots=True)
class Offer:
    """A category of another class, in which help may be wanted."""

    load: Load
    task_s: float | None  # what a task takes its own class, as measured; None = not known yet
    helped_task_s: float | None  # what one takes a helper; None = none has done any yet


@dataclass(frozen=True, slots=True)
class Help:
    """What a helper should take."""

    category: str
    tasks: int


def choose_help(offers: Sequence[Offer], workers: int) -> Help | None:
    """What a worker without work of its own should take from another class, or None when it is best left alone.

    A helper takes so many tasks that it is done with them before the class would be with all that waits. So it
    never holds the last tasks of a run while faster workers stand idle. What is not measured yet counts nothing;
    of a category that no helper has done yet, one task is taken, and measured.

    Args:
        offers: the categories of the class.
        workers: how many workers the class has.
    """
    backlog_s = sum(offer.load.ready * (offer.task_s or 0.0) for offer in offers) / max(1, workers)
    if backlog_s < HELP_FROM_S:
        return None
    most = {offer.load.category: _most_tasks(offer, min(backlog_s, HELP_AT_MOST_S)) for offer in offers}
    chosen = choose([offer.load for offer in offers if most[offer.load.category]])
    return None if chosen is None else Help(chosen, most[chosen])


def _most_tasks(offer: Offer, within_s: float) -> int:
    """How many tasks a helper has done within a time; at least to be known, one."""
    if offer.helped_task_s is None:
        return min(1, offer.load.ready)
    if offer.helped_task_s <= 0:
        return min(offer.load.ready, offer.load.batch)
    return min(offer.load.ready, offer.load.batch, int(within_s / offer.helped_task_s))
