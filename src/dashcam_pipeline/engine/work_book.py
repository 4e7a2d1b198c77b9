"""What was done of each category: tasks, failures, and the worker time that they took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from dashcam_pipeline.engine.pace import Pace
from dashcam_pipeline.engine.snapshot import CategoryLoad
from dashcam_pipeline.engine.task import Category, Task


class WorkBook:
    """Counts since the start of the queue."""

    def __init__(self) -> None:
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._pace: dict[str, Pace] = defaultdict(Pace)

    def handed_in(self, category: str, now_s: float) -> None:
        """A result of a batch, or a part of one, has come in."""
        self._pace[category].handed_in(now_s)

    def completed(self, tasks: Sequence[Task], busy_s: float) -> None:
        """A batch is done, in so much worker time."""
        for task in tasks:
            self._done[task.category] += 1
        self._pace[tasks[0].category].completed(busy_s)

    def failed(self, category: str) -> None:
        """An attempt failed."""
        self._failed[category] += 1

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
