"""Who waits at the queue: woken when there is something for them, in the order in which they came, and not before."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dashcam_pipeline.engine.pressure import Levels, Limits, Pressure, Request
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.task import Batch
from dashcam_pipeline.engine.waiters import Waiters
from engine_toys import CATEGORIES, RULES, WIDE, task

LONG_S = 30.0
EMPTY = Levels(gpu_tasks=0, cpu_tasks=0, writer_tasks=0, stored_bytes=0)


class Line:
    """Owners that wait, a thread each, and what each came away with."""

    def __init__(self, *owners: str) -> None:
        self.lock = threading.Lock()
        self.waiters = Waiters(self.lock)
        self.got: dict[str, Batch | None] = {}
        self.threads = {owner: threading.Thread(target=self._wait, args=(owner,)) for owner in owners}
        for thread in self.threads.values():
            thread.start()
        while len(self.waiters) < len(owners):
            assert all(thread.is_alive() for thread in self.threads.values())

    def serve(self, batches: dict[str, Batch], hopeless: Sequence[str] = ()) -> list[str]:
        """Hand out; who was asked about, in order."""
        asked: list[str] = []

        def take(owner: str, categories: Sequence[str], n: int | None) -> Batch | None:
            asked.append(owner)
            return batches.pop(owner, None)

        with self.lock:
            self.waiters.serve(take, lambda owner: owner in hopeless)
        return asked

    def _wait(self, owner: str) -> None:
        with self.lock:
            batch = self.waiters.wait(owner, ["SEARCH"], None, LONG_S)
            self.got[owner] = batch


def test_only_who_is_served_or_has_no_hope_goes() -> None:
    line, batch = Line("a", "b", "c"), Batch("SEARCH", (task("t"),))
    assert sorted(line.serve({"b": batch}, hopeless=["c"])) == ["a", "b", "c"]
    for owner in "bc":
        line.threads[owner].join(LONG_S / 3)
    assert line.got == {"b": batch, "c": None}
    assert line.serve({}) == ["a"]
    assert line.serve({"a": batch}) == ["a"]
    line.threads["a"].join(LONG_S / 3)
    assert line.got["a"] == batch
    assert line.serve({}) == []


def test_who_waited_long_enough_leaves_with_nothing_and_is_given_nothing_any_more() -> None:
    queue = CentralTaskQueue(CATEGORIES, RULES)
    assert queue.lease("late", ["SEARCH"], None, 0.01) is None
    queue.push("a", task("a"))
    assert queue.backlog("SEARCH") == 1


def test_one_task_goes_to_one_of_two_who_wait_and_the_next_to_the_other() -> None:
    queue = CentralTaskQueue(CATEGORIES, RULES)
    got: list[Batch | None] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(queue.lease(f"w{n}", ["SEARCH"], None, LONG_S)))
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for name in "ab":
        queue.push(name, task(name))
    for thread in threads:
        thread.join(LONG_S / 3)
    assert sorted(batch.task_ids[0] for batch in got if batch) == ["a", "b"]


@pytest.mark.parametrize(
    ("waiting_tasks", "stays_closed"),
    [(6, True), (3, True), (2, False), (0, False)],
)
def test_readers_are_left_alone_until_the_gate_would_open(waiting_tasks: int, stays_closed: bool) -> None:
    pressure = Pressure(Limits(3, 5, 9), WIDE, WIDE, WIDE)
    assert not pressure.anyone_waits
    refused = pressure.ask(Request("r", 1, 1), replace(EMPTY, gpu_tasks=5), True, 0.0)
    assert refused == "gpu"
    assert pressure.anyone_waits
    levels = replace(EMPTY, gpu_tasks=waiting_tasks)
    assert pressure.stays_closed(levels) == stays_closed
    assert (pressure.ask(Request("r", 1, 1), levels, True, 0.0) is None) == (not stays_closed)
    assert pressure.anyone_waits == stays_closed
