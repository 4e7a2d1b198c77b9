"""What was done of each category: tasks, failures, and the worker time that they took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.engine.pace import Pace
from dashcam_pipeline.engine.snapshot import CategoryLoad
from dashcam_pipeline.engine.task import Category, Task


@dataclass(slots=True)
class Done:
    """What one kind of workers did of a category."""

    tasks: int = 0
    busy_s: float = 0.0

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

    def completed(self, tasks: Sequence[Task], busy_s: float, helped: bool) -> None:
        """A batch is done, in so much worker time, by the category's own class or `helped` by another."""
        (self._helped if helped else self._own)[tasks[0].category].add(len(tasks), busy_s)
        for task in tasks:
            self._done[task.category] += 1
        self._pace[tasks[0].category].completed(busy_s)

    def failed(self, category: str) -> None:
        """An attempt failed."""
        self._failed[category] += 1

    def task_s(self, category: str, helped: bool) -> float | None:
        """What a task took on average, the category's own class or helpers; None = there was none."""
        done = (self._helped if helped else self._own)[category]
        return done.busy_s / done.tasks if done.tasks else None

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
