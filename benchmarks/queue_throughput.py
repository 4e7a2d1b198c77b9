"""How many small tasks a second several processes take out of the task queue and finish, beside other queues.

Every queue is filled with the same tasks first; then the processes start together, take batches, and finish them.
Ours is the real Manager with everything it does: leases, ids, epochs, frame counts. A Redis list does the least that
loses nothing: a batch moves to a list of its own for as long as it is worked on. multiprocessing.Queue loses what a
dead process had taken. CPU time is that of the measured stretch, of the process that serves and of those that take.

Example: python benchmarks/queue_throughput.py --tasks 200000 --batches 256 512 1024 --json queue.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.manager import ManagerProcess
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Batch, Category, Outcome, Task, WorkerClass, pack
from queue_rivals import Contender, RedisMissing, mp_queue, redis_list

FILL = 1000  # tasks a call while a queue is filled
SOURCES = 8  # videos that the tasks come from …
CHUNK = 4  # … so many of one in a row, as readers bring them in
FRAME_BYTES = 1280 * 720 * 3
SINGLES = 3000  # calls timed one by one …
WAITING = 20_000  # … while so many tasks wait
OURS = "CentralTaskQueue"
WIDE = Limits(10**15, 10**15, 10**15)
RULES = QueueRules(gpu=WIDE, cpu=WIDE, writer=WIDE, store=WIDE)


@dataclass(frozen=True, slots=True)
class SmallRecord:
    """What a stage might say of a frame."""

    index: int
    pts_s: float


@dataclass(frozen=True, slots=True)
class Share:
    """What one process did."""

    tasks: int
    began_s: float  # of the clock that all processes share
    ended_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    queue: str
    work: str
    batch: int
    tasks: int
    tasks_s: float  # tasks a second
    server_us: float  # CPU time a task of the process that serves
    clients_us: float  # CPU time a task of the processes that take, together


def main() -> None:
    arguments = _arguments()
    rows: list[Row] = []
    notes: list[str] = []
    for size in arguments.batches:
        rows += _ours(arguments, size)
        for open_rival in (mp_queue, redis_list):
            try:
                rows.append(_rival(open_rival, arguments, size))
            except RedisMissing as missing:
                notes.append(str(missing))
    rows.append(_rival(mp_queue, arguments, 1))
    singles = _singles()
    print(_table(rows))
    print(
        f"\nOne by one, {WAITING} tasks waiting: push {singles['push_us']:.0f} µs, lease and complete together"
    )
    print(
        f"{singles['lease_complete_us']:.0f} µs, of which {singles['server_us']:.0f} µs are CPU of the Manager"
    )
    print(*dict.fromkeys(notes), sep="\n")
    if arguments.json:
        saved = {"rows": [asdict(row) for row in rows], "singles": singles, "load": psutil.getloadavg()}
        arguments.json.write_text(json.dumps(saved, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=200_000, help="tasks in the queue at the start")
    parser.add_argument("--batches", type=int, nargs="+", default=[512], help="tasks taken at once")
    parser.add_argument("--processes", type=int, default=4, help="processes that take tasks")
    parser.add_argument("--repeat", type=int, default=3, help="runs a row, of which the median counts")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser.parse_args()


def _ours(arguments: argparse.Namespace, size: int) -> Iterator[Row]:
    """The three rows of the Manager's queue."""
    for work, frames, chained in (
        ("tasks alone", False, False),
        ("with a frame each", True, False),
        ("each pushes another", False, True),
    ):
        tasks = arguments.tasks // 2 if chained else arguments.tasks
        yield _measured(partial(_manager_queue, tasks, size, frames, chained), work, arguments, size)


def _rival(open_rival: Callable[[Sequence[Task], int], Any], arguments: argparse.Namespace, size: int) -> Row:
    tasks = list(_tasks(arguments.tasks if size > 1 else arguments.tasks // 4, frames=False))
    return _measured(partial(open_rival, tasks, size), "tasks alone", arguments, size)


def _measured(opened: Callable[[], Any], work: str, arguments: argparse.Namespace, size: int) -> Row:
    """Drain a fresh queue as often as asked, and take the median run."""
    runs = []
    for _ in range(arguments.repeat):
        with opened() as contender:
            runs.append(_drained(contender, arguments.processes, work, size))
    return sorted(runs, key=lambda row: row.tasks_s)[len(runs) // 2]


def _drained(contender: Contender, processes: int, work: str, size: int) -> Row:
    """Let the processes empty the queue."""
    context = get_context("spawn")
    barrier, shares = context.Barrier(processes + 1), context.Queue()
    crowd = [
        context.Process(target=_take_all, args=(contender.take, f"w{n}", barrier, shares))
        for n in range(processes)
    ]
    for process in crowd:
        process.start()
    barrier.wait()
    before_s = contender.server_cpu_s()
    done: list[Share] = [shares.get() for _ in crowd]
    server_s = contender.server_cpu_s() - before_s
    for process in crowd:
        process.join()
    tasks = sum(share.tasks for share in done)
    if tasks != contender.tasks:
        raise SystemExit(f"{contender.name}: {contender.tasks} tasks went in, {tasks} came out")
    took_s = max(share.ended_s for share in done) - min(share.began_s for share in done)
    return Row(
        queue=contender.name,
        work=work,
        batch=size,
        tasks=tasks,
        tasks_s=tasks / took_s,
        server_us=server_s / tasks * 1e6,
        clients_us=sum(share.cpu_s for share in done) / tasks * 1e6,
    )


def _take_all(take: Callable[[str], Iterator[int]], owner: str, barrier: Any, shares: Any) -> None:
    """One process: all that it can get. Its clock ends with its last batch."""
    barrier.wait()
    began_s, cpu_s, tasks = time.perf_counter(), time.process_time(), 0
    ended_s = began_s
    for number in take(owner):
        tasks += number
        ended_s = time.perf_counter()
    shares.put(Share(tasks, began_s, ended_s, time.process_time() - cpu_s))


def _tasks(number: int, frames: bool) -> Iterator[Task]:
    for n in range(number):
        source = f"{n // CHUNK % SOURCES:016x}"
        yield Task(
            task_id=f"{source}:FIRST:{n}",
            category="FIRST",
            source_id=source,
            payload=pack(SmallRecord(n, n / 30)),
            payload_ref=f"frame-{n}.raw" if frames else None,
            dependencies=(f"frame-{n}.raw",) if frames else (),
        )


@contextmanager
def _manager_queue(number: int, size: int, frames: bool, chained: bool) -> Iterator[Contender]:
    with tempfile.TemporaryDirectory() as folder:
        manager = ManagerProcess()
        shared = _started(manager, size, Path(folder))
        try:
            _fill(shared, number, frames)
            yield Contender(
                name=OURS,
                tasks=number * 2 if chained else number,
                take=partial(_lease_all, shared, chained),
                server_cpu_s=_cpu_of(manager.pid),
            )
        finally:
            manager.shutdown()


def _started(manager: ManagerProcess, size: int, folder: Path) -> Shared:
    categories = (
        Category(name="READ", worker_class=WorkerClass.SOURCE),
        Category(name="FIRST", worker_class=WorkerClass.GPU, batch=size, rank=1),
        Category(name="SECOND", worker_class=WorkerClass.CPU, batch=size, rank=2),
    )
    return manager.start(categories, RULES, FrameStore(folder))


def _fill(shared: Shared, number: int, frames: bool) -> None:
    """Bring the tasks in as a reader does. The frames are names only: deleting them finds no file."""
    shared.queue.push("reader", Task(task_id="reader", category="READ", source_id="reader"))
    shared.queue.lease("filler", ["READ"])
    tasks = list(_tasks(number, frames))
    for start in range(0, number, FILL):
        part = tuple(tasks[start : start + FILL])
        stored = {frame: FRAME_BYTES for task in part for frame in task.dependencies}
        shared.queue.progress("filler", "reader", Outcome(push=part, new_frames=stored))


def _lease_all(shared: Shared, chained: bool, owner: str) -> Iterator[int]:
    while batch := shared.queue.lease(owner, ["FIRST", "SECOND"]):
        push = _second(batch) if chained and batch.category == "FIRST" else ()
        shared.queue.complete(owner, batch.task_ids, Outcome(push=push))
        yield len(batch.tasks)


def _second(batch: Batch) -> tuple[Task, ...]:
    return tuple(
        Task(
            task_id=f"{task.source_id}:SECOND:{n}:{task.task_id}",
            category="SECOND",
            source_id=task.source_id,
            payload=task.payload,
        )
        for n, task in enumerate(batch.tasks)
    )


def _singles() -> dict[str, float]:
    """Microseconds a call where every call carries one task."""
    with tempfile.TemporaryDirectory() as folder:
        manager = ManagerProcess()
        shared = _started(manager, 1, Path(folder))
        try:
            queue, cpu_s = shared.queue, _cpu_of(manager.pid)
            _fill(shared, WAITING, frames=False)
            more = [
                Task(
                    task_id=f"one-{n}",
                    category="FIRST",
                    source_id="one",
                    payload=pack(SmallRecord(n, n / 30)),
                )
                for n in range(SINGLES)
            ]
            push_us = _timed(lambda n: queue.push(more[n].task_id, more[n]))
            before_s = cpu_s()

            def lease_and_complete(_: int) -> None:
                batch = queue.lease("one", ["FIRST"])
                assert batch is not None
                queue.complete("one", batch.task_ids, Outcome())

            lease_complete_us = _timed(lease_and_complete)
            server_us = (cpu_s() - before_s) / SINGLES * 1e6
        finally:
            manager.shutdown()
    return {"push_us": push_us, "lease_complete_us": lease_complete_us, "server_us": server_us}


def _timed(call: Callable[[int], None]) -> float:
    """The median of many calls, in microseconds."""
    taken = []
    for n in range(SINGLES):
        began = time.perf_counter()
        call(n)
        taken.append((time.perf_counter() - began) * 1e6)
    return median(taken)


def _cpu_of(pid: int | None) -> Callable[[], float]:
    process = psutil.Process(pid)
    return lambda: float(sum(process.cpu_times()[:2]))


def _table(rows: Sequence[Row]) -> str:
    ours = {row.batch: row.tasks_s for row in rows if (row.queue, row.work) == (OURS, "tasks alone")}
    most = max(ours.values())
    head = (
        "| queue | work | batch | tasks/s | CPU µs a task: server | clients | ours is faster by |",
        "|---|---|--:|--:|--:|--:|--:|",
    )
    lines = (
        f"| {row.queue} | {row.work} | {row.batch} | {row.tasks_s:,.0f} | {row.server_us:.1f} | {row.clients_us:.1f} "
        f"| {'' if row.queue == OURS else f'{ours.get(row.batch, most) / row.tasks_s:.2f} ×'} |"
        for row in rows
    )
    return "\n".join((*head, *lines))


if __name__ == "__main__":
    main()
