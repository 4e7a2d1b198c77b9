"""Where the tasks of one category wait: plain first-in-first-out, or one at a time for each key."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dashcam_pipeline.engine.task import Category, Task


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task in a bucket, with the time it came in (seconds of the queue's clock)."""

    task: Task
    since_s: float


class Bucket(Protocol):
    """The waiting tasks of one category."""

    def put(self, item: Waiting) -> None: ...
    def put_back(self, items: Sequence[Waiting]) -> None:
        """Return tasks that had been taken; they are the next of their key to be taken again."""

    def take(self, n: int) -> list[Waiting]: ...
    def oldest_s(self) -> float | None:
        """When the next ready task came in; None when none is ready."""

    @property
    def ready(self) -> int:
        """Tasks that could be taken now."""

    @property
    def next_is_suspect(self) -> bool:
        """Whether the next task to be taken has failed before."""

    def __len__(self) -> int: ...


class FifoBucket:
    """Tasks in the order they came. One that failed before is taken alone, so that it can't pull others down."""

    def __init__(self) -> None:
        self._items: deque[Waiting] = deque()

    def put(self, item: Waiting) -> None:
        self._items.append(item)

    def put_back(self, items: Sequence[Waiting]) -> None:
        self._items.extendleft(reversed(items))

    def take(self, n: int) -> list[Waiting]:
        taken: list[Waiting] = []
        while self._items and len(taken) < n:
            suspect = self._items[0].task.is_suspect
            if suspect and taken:
                break
            taken.append(self._items.popleft())
            if suspect:
                break
        return taken

    def oldest_s(self) -> float | None:
        return self._items[0].since_s if self._items else None

    @property
    def ready(self) -> int:
        return len(self._items)

    @property
    def next_is_suspect(self) -> bool:
        return bool(self._items) and self._items[0].task.is_suspect

    def __len__(self) -> int:
        return len(self._items)


@dataclass(slots=True)
class _Lane:
    """The tasks of one key."""

    heap: list[tuple[int, int, Waiting]] = field(default_factory=list)  # (order, arrival, task)
    next_order: int = 0
    ends: dict[int, int] = field(default_factory=dict)  # epoch -> the order behind its last task so far
    taken: int = 0  # tasks out with a worker; the lane is closed while there are any
    counted: int = 0  # what this lane adds to the bucket's `ready`


class KeyedBucket:
    """A lane a key; a lane's tasks go to one worker at a time, and in contiguous order where `ordered`.

    The tasks of one batch are of one epoch, so that there is a state at the end of each, unless `mixes_epochs`.
    """

    def __init__(self, ordered: bool, mixes_epochs: bool = False) -> None:
        self.ordered = ordered
        self._mixes_epochs = mixes_epochs
        self._lanes: dict[str, _Lane] = {}
        self._open: OrderedDict[str, float] = OrderedDict()  # lanes that can be taken from, with their since
        self._ready = 0
        self._arrivals = 0  # grows with tasks that come in …
        self._returns = 0  # … and falls with tasks that come back, which go first
        self._size = 0

    def put(self, item: Waiting) -> None:
        self._arrivals += 1
        self._insert(item, self._arrivals)
        self._refresh(item.task.key)

    def put_back(self, items: Sequence[Waiting]) -> None:
        for item in reversed(items):
            self._lanes[item.task.key].taken -= 1
            self._returns -= 1
            self._insert(item, self._returns)
        for key in dict.fromkeys(item.task.key for item in items):
            self._refresh(key)

    def take(self, n: int) -> list[Waiting]:
        if not self._open:
            return []
        key = next(iter(self._open))
        lane = self._lanes[key]
        taken: list[Waiting] = []
        due = lane.next_order
        while lane.heap and len(taken) < n and self._is_due(lane, due):
            following = lane.heap[0][2].task
            suspect = following.is_suspect
            if taken and (suspect or not self._fits(following, taken[0].task)):
                break
            taken.append(heapq.heappop(lane.heap)[2])
            due = max(due, taken[-1].task.order + 1)
            if suspect:
                break
        lane.taken += len(taken)
        self._size -= len(taken)
        self._refresh(key)
        return taken

    def finished(self, task: Task) -> None:
        """A taken task is done or given up."""
        lane = self._lanes[task.key]
        lane.taken -= 1
        if self.ordered:
            lane.next_order = lane.ends[task.epoch] = max(lane.next_order, task.order + 1)
        self._refresh(task.key)

    def order_at(self, key: str, epoch: int) -> int:
        """Of an ordered key: the order behind its last task of an epoch that is over. Earlier ones are forgotten."""
        lane = self._lanes[key]
        reached = max((order for end, order in lane.ends.items() if end <= epoch), default=0)
        lane.ends = {end: order for end, order in lane.ends.items() if end > epoch} | {epoch: reached}
        return reached

    def go_on_at(self, key: str, order: int, epoch: int) -> None:
        """Begin an ordered key where a checkpoint at the end of `epoch` left it."""
        self._lanes[key] = _Lane(next_order=order, ends={epoch: order})

    def forget(self, key: str) -> bool:
        """Drop what is known of a key, unless something of it waits or is being worked on; whether it was dropped."""
        lane = self._lanes.get(key)
        if lane is None or lane.heap or lane.taken:
            return False
        del self._lanes[key]
        return True

    def oldest_s(self) -> float | None:
        return next(iter(self._open.values()), None)

    @property
    def ready(self) -> int:
        # In an ordered lane this counts tasks behind a gap too: an upper bound is enough for the policy.
        return self._ready

    @property
    def next_is_suspect(self) -> bool:
        key = next(iter(self._open), None)
        return key is not None and self._lanes[key].heap[0][2].task.is_suspect

    def __len__(self) -> int:
        return self._size

    def _insert(self, item: Waiting, arrival: int) -> None:
        lane = self._lanes.setdefault(item.task.key, _Lane())
        heapq.heappush(lane.heap, (item.task.order if self.ordered else arrival, arrival, item))
        self._size += 1

    def _fits(self, following: Task, first: Task) -> bool:
        return self._mixes_epochs or following.epoch == first.epoch

    def _is_due(self, lane: _Lane, due: int) -> bool:
        return not self.ordered or lane.heap[0][0] <= due

    def _refresh(self, key: str) -> None:
        """Open or close a lane after a change. Lanes are served in the order in which they opened."""
        lane = self._lanes[key]
        can_take = bool(lane.heap) and not lane.taken and self._is_due(lane, lane.next_order)
        if can_take and key not in self._open:
            self._open[key] = lane.heap[0][2].since_s
        elif not can_take:
            self._open.pop(key, None)
        now_counted = len(lane.heap) if can_take else 0
        self._ready += now_counted - lane.counted
        lane.counted = now_counted


def bucket_for(category: Category) -> FifoBucket | KeyedBucket:
    """The kind of bucket that a category asks for."""
    if not category.keyed and not category.ordered:
        return FifoBucket()
    return KeyedBucket(category.ordered, mixes_epochs=not (category.ordered or category.aligned))
