"""What is known of each source: how many of its tasks are left, what closes it, what was counted on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashcam_pipeline.engine.task import Task


@dataclass(frozen=True, slots=True)
class Drained:
    """A source of which no task is left."""

    keys: frozenset[tuple[str, str]]  # (category, key): lanes and states that nobody needs any more
    closer: Task | None  # its last task, if it is still to come


class SourceBook:
    """Open tasks, closers and counts a source."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._keys: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._closers: dict[str, Task] = {}
        self._closing: set[str] = set()  # sources whose closer is under way
        self._tallies: dict[str, dict[int, Counter[str]]] = {}  # source -> epoch -> counts
        self._totals: Counter[str] = Counter()  # of the sources that are over
        self.over = 0  # sources whose closer is done

    def opened(self, tasks: Iterable[Task]) -> None:
        """Tasks came in."""
        for task in tasks:
            self._open[task.source_id] += 1

    def knows(self, source_id: str, category: str, key: str) -> None:
        """A key of the source came in with a task, or out of a checkpoint."""
        self._keys[source_id].add((category, key))

    def forget_key(self, source_id: str, category: str, key: str) -> None:
        """A key of the source is over."""
        self._keys[source_id].discard((category, key))

    def keys(self, source_id: str, category: str) -> list[str]:
        """The source's keys in a category."""
        return [key for name, key in self._keys.get(source_id, ()) if name == category]

    def finished(self, tasks: Iterable[Task]) -> None:
        """Tasks are done, given up or withdrawn."""
        for task in tasks:
            self._open[task.source_id] -= 1

    def close_with(self, closer: Task) -> None:
        """This task is to be pushed when nothing else of its source is left."""
        self._closers[closer.source_id] = closer

    def tally(self, source_id: str, counts: Mapping[str, int], epoch: int) -> None:
        """Add to the source's counts what work of an epoch found."""
        self._tallies.setdefault(source_id, {}).setdefault(epoch, Counter()).update(counts)

    def settle(self, source_id: str, epoch: int) -> dict[str, int]:
        """The source's counts up to the end of an epoch that is over; from now on they are kept as one."""
        by_epoch = self._tallies.setdefault(source_id, {})
        settled = _sum(by_epoch.pop(number) for number in sorted(by_epoch) if number <= epoch)
        by_epoch[epoch] = settled
        return dict(settled)

    def drain(self, source_id: str) -> Drained | None:
        """What is to be done for a source when its last task is finished; None while others are left.

        After its closer, the source is over: only its counts stay, in the totals.
        """
        if self._open[source_id]:
            return None
        closer = self._closers.pop(source_id, None)
        if closer is not None:
            self._closing.add(source_id)
        else:
            del self._open[source_id]
            self._totals.update(_sum(self._tallies.pop(source_id, {}).values()))
            if source_id in self._closing:
                self._closing.discard(source_id)
                self.over += 1
        return Drained(frozenset(self._keys.pop(source_id, set())), closer)

    @property
    def closers_to_come(self) -> int:
        """Closers that are not pushed yet."""
        return len(self._closers)

    def tallies_of(self, source_id: str) -> dict[str, int]:
        """The counts of one source."""
        return dict(_sum(self._tallies.get(source_id, {}).values()))

    def tallies(self) -> dict[str, dict[str, int]]:
        """The counts of every source under way."""
        return {source: self.tallies_of(source) for source in self._tallies}

    def totals(self) -> dict[str, int]:
        """The counts of all sources together."""
        under_way = (counts for by_epoch in self._tallies.values() for counts in by_epoch.values())
        return dict(_sum((self._totals, *under_way)))


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total
