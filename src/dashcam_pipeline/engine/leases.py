"""Who has which task, and since when nobody has heard of the worker, or of the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.engine.buckets import Waiting
from dashcam_pipeline.engine.task import LeaseLost, Task


@dataclass(slots=True)
class _Lease:
    owner: str
    waiting: Waiting
    beat_s: float  # when the owner last said that it is alive
    moved_s: float  # when the task itself last showed that its work goes on


@dataclass(frozen=True, slots=True)
class Silent:
    """A worker whose time is up."""

    owner: str
    stuck: bool  # the process is alive, but the work on one of its tasks does not go on


class LeaseTable:
    """The tasks that are out with workers. Times are seconds of the queue's clock."""

    def __init__(self) -> None:
        self._leases: dict[str, _Lease] = {}

    def grant(self, owner: str, waiting: Iterable[Waiting], now_s: float) -> None:
        """Hand tasks to a worker."""
        for item in waiting:
            self._leases[item.task.task_id] = _Lease(owner, item, now_s, now_s)

    def held(self, owner: str, task_ids: Sequence[str]) -> list[Task]:
        """The tasks, if the owner holds every one of them, each named once; else raises LeaseLost."""
        leases = [self._leases.get(task_id) for task_id in dict.fromkeys(task_ids)]
        mine = [lease.waiting.task for lease in leases if lease is not None and lease.owner == owner]
        if not mine or len(mine) < len(task_ids):
            raise LeaseLost(f"{owner} no longer holds {', '.join(task_ids) or 'any task'}")
        return mine

    def tasks(self, task_ids: Sequence[str]) -> list[Task]:
        """The tasks of these ids, whoever holds them."""
        return [self._leases[task_id].waiting.task for task_id in task_ids]

    def end(self, task_ids: Iterable[str]) -> list[Waiting]:
        """The tasks are no longer out."""
        return [self._leases.pop(task_id).waiting for task_id in task_ids]

    def of(self, owner: str) -> list[str]:
        """What a worker holds, in the order in which it was handed out."""
        return [task_id for task_id, lease in self._leases.items() if lease.owner == owner]

    def is_out(self, task_id: str) -> bool:
        """Whether anyone holds the task."""
        return task_id in self._leases

    def has_suspect(self, owner: str) -> bool:
        """Whether one of the tasks that a worker holds has failed before."""
        return any(lease.owner == owner and lease.waiting.task.is_suspect for lease in self._leases.values())

    def clear(self, task_id: str) -> None:
        """The task got further than it ever was: its failures and interruptions so far count no more."""
        lease = self._leases[task_id]
        fresh = replace(lease.waiting.task, attempts=0, interruptions=0)
        lease.waiting = replace(lease.waiting, task=fresh)

    def renew(self, owner: str, now_s: float) -> None:
        """The worker is alive."""
        for lease in self._leases.values():
            if lease.owner == owner:
                lease.beat_s = now_s

    def moved(self, task_ids: Iterable[str], now_s: float) -> None:
        """The work on these tasks goes on."""
        for task_id in task_ids:
            self._leases[task_id].moved_s = now_s

    def grace(self, now_s: float) -> None:
        """All clocks begin anew, as when the whole run had been stopped for a while."""
        for lease in self._leases.values():
            lease.beat_s = lease.moved_s = now_s

    def silent(self, now_s: float, lease_s: float, stuck_s: float) -> list[Silent]:
        """Workers of which nothing was heard for `lease_s`, and those with a task that has not moved for `stuck_s`."""
        mute = {lease.owner for lease in self._leases.values() if now_s - lease.beat_s > lease_s}
        stuck = {lease.owner for lease in self._leases.values() if now_s - lease.moved_s > stuck_s}
        return [Silent(owner, stuck=owner not in mute) for owner in sorted(mute | stuck)]

    def by_category(self) -> Counter[str]:
        """How many tasks of each category are out."""
        return Counter(lease.waiting.task.category for lease in self._leases.values())
