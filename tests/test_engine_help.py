"""Helping another class: what a worker without work of its own takes from a class that is behind."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from dashcam_pipeline.engine import worker
from dashcam_pipeline.engine.board import RunBoard
from dashcam_pipeline.engine.policy import HELP_AT_MOST_S, HELP_FROM_S, Help, Load, Offer, choose_help
from dashcam_pipeline.engine.pulse import Pulse
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Batch, Category, Outcome, Task, WorkerClass
from dashcam_pipeline.engine.worker import WorkerSpec
from engine_toys import RULES


def offer(
    name: str,
    ready: int,
    task_s: float | None,
    helped_s: float | None,
    *,
    rank: int = 1,
    batch: int = 8,
) -> Offer:
    return Offer(Load(name, ready, batch, rank, 0.0), task_s, helped_s)


@pytest.mark.parametrize(
    ("offers", "workers", "expected"),
    [
        ([], 1, None),
        ([offer("a", 0, 0.1, 0.1)], 1, None),
        ([offer("a", 9, None, None)], 1, None),  # nobody knows how far behind that is
        ([offer("a", 1, HELP_FROM_S * 0.9, 0.001)], 1, None),  # done before help has fetched it
        ([offer("a", 10, 0.01, None)], 1, Help("a", 1)),  # one, to see what it takes
        ([offer("a", 10, 0.01, 0.02)], 1, Help("a", 5)),  # done together with the others
        ([offer("a", 10, 0.01, 0.02)], 2, Help("a", 2)),  # two workers are done in half of the time
        ([offer("a", 10, 0.01, 0.11)], 1, None),  # the others are faster with all of it than help with one
        ([offer("a", 100, 0.01, 0.001)], 1, Help("a", 8)),  # a batch
        ([offer("a", 100, 0.1, HELP_AT_MOST_S)], 1, Help("a", 1)),  # its own work waits no longer than this
        ([offer("a", 100, 0.1, HELP_AT_MOST_S * 1.1)], 1, None),
        ([offer("a", 8, 0.1, 0.1), offer("b", 8, 0.1, 0.1, rank=3)], 1, Help("b", 2)),  # nearer to the end
        ([offer("a", 8, 0.1, 0.1), offer("b", 8, 0.1, 9.0, rank=3)], 1, Help("a", 2)),  # what it is good at
        ([offer("a", 3, 0.1, 0.0)], 1, Help("a", 3)),  # by a clock too coarse to see it
    ],
)
def test_help_comes_where_it_is_done_before_the_others_would_be(
    offers: list[Offer], workers: int, expected: Help | None
) -> None:
    assert choose_help(offers, workers) == expected


@pytest.mark.parametrize("helpers", [1, 3, 7])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0, 10.0, 60.0])
def test_a_run_with_help_never_ends_much_later_than_without(helpers: int, ratio: float) -> None:
    """One fast worker with a full bucket and slow helpers: simulated in steps of their next free moment."""
    task_s, batch, ready = 0.01, 8, 200
    alone_s = ready * task_s
    free = {"device": 0.0, **{f"helper-{n}": 0.0 for n in range(helpers)}}
    ends = [0.0]
    while ready:
        who = min(free, key=lambda name: (free[name], name))
        now = free[who]
        if who == "device":
            taken, each_s = min(batch, ready), task_s
        else:
            chosen = choose_help([offer("a", ready, task_s, ratio * task_s)], 1)
            taken, each_s = (chosen.tasks if chosen else 0), ratio * task_s
        free[who] = now + taken * each_s if taken else now + 0.05
        ready -= taken
        if taken:
            ends.append(free[who])
    assert max(ends) <= alone_s * 1.001
    assert ratio > 3 or max(ends) < 0.9 * alone_s  # where help is not too slow, it helps


CATEGORIES = (
    Category(name="LOOK", worker_class=WorkerClass.GPU, batch=4, rank=1),
    Category(name="SUM", worker_class=WorkerClass.CPU, rank=2),
)


@pytest.fixture
def queue() -> CentralTaskQueue:
    return CentralTaskQueue(CATEGORIES, RULES, clock=lambda: 0.0)


def push(queue: CentralTaskQueue, *names: str, category: str = "LOOK") -> None:
    for name in names:
        queue.push(name, Task(task_id=name, category=category, source_id="s"))


def test_helped_tasks_do_not_count_as_the_pace_of_the_class(queue: CentralTaskQueue) -> None:
    push(queue, *"abcdefghijkl")
    assert queue.help("helper", ["LOOK"], 1) is None  # no pace is known
    done = queue.lease("device", ["LOOK"])
    assert done is not None
    queue.complete("device", done.task_ids, Outcome(), busy_s=0.4)  # 0.1 s each
    first = queue.help("helper", ["LOOK"], 1)
    assert first is not None and first.task_ids == ("e",)
    queue.complete("helper", first.task_ids, Outcome(), busy_s=0.12, helped=True)
    second = queue.help("helper", ["LOOK"], 1)  # 7 × 0.1 s wait: two of 0.12 s fit into 0.25 s
    assert second is not None and second.task_ids == ("f", "g")
    assert queue.help("helper", ["LOOK"], 8) is None  # eight such workers were done with 5 in 0.06 s
    look = queue.snapshot().category("LOOK")
    assert (look.done, look.in_flight, look.waiting) == (5, 2, 5)
    assert look.busy_s == pytest.approx(0.52)


def test_a_dead_helper_gets_nothing_and_its_tasks_go_back(queue: CentralTaskQueue) -> None:
    push(queue, *"abcdefgh")
    done = queue.lease("device", ["LOOK"])
    assert done is not None
    queue.complete("device", done.task_ids, Outcome(), busy_s=0.4)
    taken = queue.help("helper", ["LOOK"], 1)
    assert taken is not None
    assert queue.requeue_owner("helper", "killed", interrupted=True) == len(taken.tasks)
    assert queue.help("helper", ["LOOK"], 1) is None
    again = queue.lease("device", ["LOOK"])
    assert again is not None and again.task_ids == tuple("efgh")


def test_a_helper_takes_no_second_suspect(queue: CentralTaskQueue) -> None:
    push(queue, "done")
    done = queue.lease("device", ["LOOK"])
    assert done is not None
    queue.complete("device", done.task_ids, Outcome(), busy_s=0.4)
    push(queue, "a", "b")
    for owner in ("w1", "w2", "w3"):  # after which both are suspects
        assert queue.lease(owner, ["LOOK"]) is not None
        queue.requeue_owner(owner, "killed", interrupted=True)
    first = queue.help("helper", ["LOOK"], 1)
    assert first is not None and first.task_ids == ("a",)
    assert queue.help("helper", ["LOOK"], 1) is None  # both would be blamed if it died
    other = queue.lease("device", ["LOOK"])
    assert other is not None and other.task_ids == ("b",)


class Remembers:
    """A processor that notes what it was given."""

    def __init__(self, seen: list[tuple[str, ...]]) -> None:
        self._seen = seen

    def process(self, batch: Batch, /) -> Outcome:
        self._seen.append(batch.task_ids)
        return Outcome()


class UntilDone:
    """A pulse that lets the loop turn as long as anything waits."""

    def __init__(self, queue: CentralTaskQueue) -> None:
        self._queue = queue

    @property
    def leaving(self) -> bool:
        return self._queue.total_backlog() == 0

    def working_on(self, category: str | None, done: int = 0) -> None:
        pass


@pytest.mark.parametrize(
    ("helps", "expected"), [(("LOOK",), [("sum",), ("a",), ("b", "c", "d")]), ((), [("sum",)])]
)
def test_a_helper_does_its_own_work_first_and_others_only_if_it_may(
    queue: CentralTaskQueue, helps: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    push(queue, "done")
    done = queue.lease("device", ["LOOK"])
    assert done is not None
    queue.complete("device", done.task_ids, Outcome(), busy_s=1.0)
    push(queue, *"abcd" if helps else "")
    push(queue, "sum", category="SUM")
    seen: list[tuple[str, ...]] = []
    spec = WorkerSpec(
        worker_id="cpu-0",
        worker_class="cpu",
        categories=("SUM",),
        build=lambda tools, names: {},
        helps=helps,
        helped_workers=1,
    )
    shared = Shared(queue, RunBoard(), threading.Event(), threading.Event())
    processors = {name: Remembers(seen) for name in ("LOOK", "SUM")}
    worker._loop(spec, shared, processors, cast(Pulse, UntilDone(queue)))
    assert seen == expected
    assert queue.unfinished() == 0
