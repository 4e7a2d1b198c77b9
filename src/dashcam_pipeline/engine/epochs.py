"""Epochs: stretches of a source, between the cuts that its reader makes, at whose ends it can be gone on with.

A reader marks a cut now and then. Every task belongs to the epoch of the frame that it comes from. When the reader
is past a cut and no task from before it is left, the epoch is over: all that came before is done for good, and the
states of the keyed categories, as they were at the cut, are all that is needed to go on behind it.

For that, each keyed category must have met the cut at a definite point. An ordered one meets it between two tasks.
In any other, where tasks come in any order, those of a later epoch are held back until the epochs before it are over
(`Category.aligned`). Stream processors know the same idea as aligned checkpoint barriers (arXiv:1506.08603).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dashcam_pipeline.engine.buckets import Waiting
from dashcam_pipeline.engine.task import Task


@dataclass(slots=True)
class _Epochs:
    """The epochs of one source."""

    current: int = 0  # in which its reader is
    first_open: int = 0  # the earliest one that is not over
    open: Counter[int] = field(default_factory=Counter)  # epoch -> its tasks that are not done
    held: dict[int, list[Waiting]] = field(default_factory=lambda: defaultdict(list))


class EpochBook:
    """The epochs of all sources."""

    def __init__(self) -> None:
        self._sources: dict[str, _Epochs] = defaultdict(_Epochs)
        self._held: Counter[str] = Counter()  # by category

    def current(self, source_id: str) -> int:
        """The epoch in which the source's reader is."""
        return self._sources[source_id].current

    def first_open(self, source_id: str) -> int:
        """The earliest epoch that is not over."""
        return self._sources[source_id].first_open

    def begin(self, source_id: str, epoch: int) -> None:
        """The source goes on from a checkpoint: this is its first epoch now."""
        self._sources[source_id] = _Epochs(epoch, epoch)

    def cut(self, source_id: str) -> None:
        """The reader marks a cut: what it brings in from now on belongs to the next epoch."""
        self._sources[source_id].current += 1

    def opened(self, tasks: Iterable[Task]) -> None:
        """Tasks of epochs came in."""
        for task in tasks:
            self._sources[task.source_id].open[task.epoch] += 1

    def finished(self, tasks: Iterable[Task]) -> None:
        """Tasks of epochs are done or given up."""
        for task in tasks:
            self._sources[task.source_id].open[task.epoch] -= 1

    def is_early(self, task: Task) -> bool:
        """Whether an epoch before the task's own is not over."""
        return task.epoch > self._sources[task.source_id].first_open

    def hold(self, waiting: Waiting) -> None:
        """Keep a task that is early until `end_next` gives it out."""
        self._sources[waiting.task.source_id].held[waiting.task.epoch].append(waiting)
        self._held[waiting.task.category] += 1

    def held(self, category: str) -> int:
        """Tasks of a category that are held back, of all sources."""
        return self._held[category]

    def next_is_over(self, source_id: str) -> bool:
        """Whether the earliest open epoch is over."""
        source = self._sources[source_id]
        return source.first_open < source.current and not source.open[source.first_open]

    def end_next(self, source_id: str) -> list[Waiting]:
        """End the earliest open epoch; the tasks of the next one, which were held back until now."""
        source = self._sources[source_id]
        del source.open[source.first_open]
        source.first_open += 1
        early = source.held.pop(source.first_open, [])
        self._held.subtract(waiting.task.category for waiting in early)
        return early

    def forget(self, source_id: str) -> None:
        """The source is over."""
        self._sources.pop(source_id, None)
