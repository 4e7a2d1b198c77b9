"""What was done of each category: tasks, failures, and the worker time that they took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.engine.pace import Pace
from dashcam_pipeline.engine.policy import Load, Offer
from dashcam_pipeline.engine.snapshot import CategoryLoad
from dashcam_pipeline.engine.task import Category, Task


@dataclass(frozen=True, slots=True)
class Took:
    """What a batch took."""

    busy_s: float  # worker time
    helped: bool = False  # of a worker of another class


@dataclass(slots=True)
class Done:
    """What one kind of workers did of a category."""

    tasks: int = 0
    busy_s: float = 0.0

    @property
    def task_s(self) -> float | None:
        """Seconds a task, on average; None before the first."""
        return self.busy_s / self.tasks if self.tasks else None

    def add(self, tasks: int, busy_s: float) -> None:
        self.tasks += tasks
        self.busy_s += busy_s


class WorkBook:
    """Counts since the start of the queue."""

    def __init__(self) -> None:
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._pace: dict[str, Pace] = defaultdict(Pace)
        self._own: dict[str, Done] = defaultdict(Done)
        self._helped: dict[str, Done] = defaultdict(Done)

    def handed_in(self, category: str, now_s: float) -> None:
        """A result of a batch, or a part of one, has come in."""
        self._pace[category].handed_in(now_s)

    def completed(self, tasks: Sequence[Task], took: Took) -> None:
        """A batch is done."""
        (self._helped if took.helped else self._own)[tasks[0].category].add(len(tasks), took.busy_s)
        for task in tasks:
            self._done[task.category] += 1
        self._pace[tasks[0].category].completed(took.busy_s)

    def failed(self, category: str) -> None:
        """An attempt failed."""
        self._failed[category] += 1

    def offers(self, loads: Sequence[Load]) -> list[Offer]:
        """What waits, with what a task took its own class and what it took helpers so far."""
        return [
            Offer(one, self._own[one.category].task_s, self._helped[one.category].task_s) for one in loads
        ]

    def load(self, category: Category, waiting: int, in_flight: int) -> CategoryLoad:
        """What there is to show of a category."""
        pace = replace(self._pace[category.name])  # as it is now
        return CategoryLoad(
            name=category.name,
            worker_class=category.worker_class,
            waiting=waiting,
            in_flight=in_flight,
            done=self._done[category.name],
            failed=self._failed[category.name],
            busy_s=pace.busy_s,
            pace=pace,
        )
