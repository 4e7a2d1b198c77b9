"""A small world for tests of the engine: categories, tasks, a clock to turn, and rules that bind nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.task import Category, Outcome, Task, WorkerClass, pack

WIDE = Limits(10**9, 10**9, 10**9)
RULES = QueueRules(gpu=WIDE, cpu=WIDE, writer=WIDE, store=WIDE)

READ = Category(name="READ", worker_class=WorkerClass.SOURCE, keyed=True, on_dead="READ")
SEARCH = Category(name="SEARCH", worker_class=WorkerClass.GPU, batch=4, rank=1, on_dead="ORDER")
ORDER = Category(name="ORDER", worker_class=WorkerClass.CPU, batch=4, rank=2, ordered=True)
GATHER = Category(name="GATHER", worker_class=WorkerClass.CPU, batch=4, rank=3, keyed=True)
CLOSE = Category(name="CLOSE", worker_class=WorkerClass.CPU, rank=4)
CATEGORIES = (READ, SEARCH, ORDER, GATHER, CLOSE)


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s

    def turn(self, seconds: float) -> None:
        self.now_s += seconds


class World:
    """A queue with a clock to turn and a store that remembers what was deleted."""

    def __init__(self, categories: tuple[Category, ...] = CATEGORIES, **rules: Any) -> None:
        self.clock = Clock()
        self.deleted: list[str] = []
        self.free = 10**12
        self.rules = replace(RULES, **rules)
        self.queue = CentralTaskQueue(
            categories,
            self.rules,
            delete_frame=self.deleted.append,
            free_bytes=lambda: self.free,
            clock=self.clock,
        )

    def push(self, *tasks: Task) -> None:
        for one in tasks:
            self.queue.push(one.task_id, one)

    def lease_ids(self, category: str, n: int | None = None, owner: str = "w") -> list[str]:
        """The ids of the next batch, or an empty list."""
        batch = self.queue.lease(owner, [category], n)
        return [] if batch is None else list(batch.task_ids)

    def read(self, source: str = "s", owner: str = "r") -> str:
        """Push and lease a reading task; its id."""
        self.push(task(f"read-{source}", "READ", source=source, key=source))
        (task_id,) = self.lease_ids("READ", owner=owner)
        return task_id

    def bring_in(self, frames: dict[str, int], *pushed: Task, source: str = "s", owner: str = "r") -> None:
        """Frames come in through the reading task of a source."""
        self.queue.progress(owner, f"read-{source}", Outcome(push=pushed, new_frames=frames))

    def load(self, category: str) -> Any:
        return self.queue.snapshot().category(category)


def task(
    task_id: str,
    category: str = "SEARCH",
    *,
    source: str = "s",
    key: str = "",
    order: int = 0,
    frames: tuple[str, ...] = (),
    record: object = None,
) -> Task:
    """A task; by default an independent one of the source `s`."""
    return Task(
        task_id=task_id,
        category=category,
        source_id=source,
        key=key,
        order=order,
        dependencies=frames,
        payload=pack(record),
    )
