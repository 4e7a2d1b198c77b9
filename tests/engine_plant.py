"""A whole run of the engine with toys instead of models, as a program: `engine_plant.py FOLDER ORDERS`.

Sources bring in frames, SEARCH looks at them, ORDER counts them in their order, CLOSE writes each source's counts
into FOLDER/results. ORDERS is a `Orders` as JSON; it says where something goes wrong. What the run came to is
printed as JSON.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dashcam_pipeline.engine.board import STARTING
from dashcam_pipeline.engine.monitor import FRAMES_DONE, JobSize, RunSnapshot
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.supervisor import RunPlan, Supervisor
from dashcam_pipeline.engine.task import Batch, Category, KeyState, Outcome, Task, WorkerClass, pack
from dashcam_pipeline.engine.worker import Processor, Tools, WorkerSpec
from dashcam_pipeline.errors import DashcamError

CATEGORIES = (
    Category(name="READ", worker_class=WorkerClass.SOURCE, keyed=True, on_dead="READ"),
    Category(name="SEARCH", worker_class=WorkerClass.GPU, batch=4, rank=1, on_dead="ORDER"),
    Category(name="ORDER", worker_class=WorkerClass.CPU, batch=4, rank=2, ordered=True),
    Category(name="CLOSE", worker_class=WorkerClass.CPU, rank=3),
)
LOOK_S = 0.01  # who waits for a file looks this often
COMPANY_S = 0.5
SEARCH, CLOSE = "SEARCH", "CLOSE"


@dataclass(frozen=True)
class Orders:
    """What to run, and what is to go wrong."""

    frames: dict[str, int] = field(default_factory=lambda: {"s1": 12, "s2": 12})
    readers: int = 1
    max_attempts: int = 3
    lease_s: float = 60.0
    stuck_s: float = 60.0
    max_tasks: int | None = None
    drain_deadline_s: float = 60.0
    search: dict[str, str] = field(default_factory=dict)  # task id -> one of `Search.obey`
    kills_reader_at: dict[str, int] = field(default_factory=dict)  # source -> frame
    waits_for_the_buried_at: dict[str, int] = field(default_factory=dict)  # source -> frame
    start: str = "well"  # how SEARCH starts: "well", "dies", "raises", "says why" or "dies idle"


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(LOOK_S)


@dataclass(frozen=True)
class Floor:
    """Where the toys meet: the folder, the orders, and a worker's tools."""

    folder: Path
    orders: Orders
    tools: Tools

    def mark(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path


@dataclass(frozen=True)
class Read:
    """Brings in the frames of a source one by one, from where its state says."""

    floor: Floor

    def process(self, batch: Batch, /) -> Outcome:
        task, orders, queue = batch.tasks[0], self.floor.orders, self.floor.tools.shared.queue
        source, begun = task.source_id, batch.state.load() if batch.state else 0
        number = begun
        self.floor.mark(f"reading/{os.getpid()}/{source}")
        if task.tombstone_of:
            self.floor.mark("buried")
        while number < orders.frames[source] and not task.tombstone_of:
            if self.floor.tools.shared.stop.is_set():
                break
            if orders.kills_reader_at.get(source) == number:
                self._wait_for_company()
                os.kill(os.getpid(), signal.SIGKILL)
            if number > begun and orders.waits_for_the_buried_at.get(source, number) < number:
                wait_for(self.floor.folder / "buried")
            number = (
                self._bring_in(task, number) if queue.admit(task.task_id, 1, 1000, 0.2).admitted else number
            )
        closer = Task(task_id=f"{source}:CLOSE", category=CLOSE, source_id=source)
        return Outcome(closer=closer, tallies={"frames_in": number})

    def _wait_for_company(self) -> None:
        """Give the reader's other loops the time to begin with the other sources."""
        together, deadline = self.floor.folder / "reading" / str(os.getpid()), time.monotonic() + COMPANY_S
        while len(list(together.iterdir())) < len(self.floor.orders.frames) and time.monotonic() < deadline:
            time.sleep(LOOK_S)

    def _bring_in(self, task: Task, number: int) -> int:
        store, frame = self.floor.tools.store, f"{task.source_id}-{number}.npy"
        size = store.put(frame, np.zeros((8, 8, 3), np.uint8))
        search = Task(
            task_id=f"{task.source_id}:{number}",
            category=SEARCH,
            source_id=task.source_id,
            key=task.source_id,
            order=number,
            payload_ref=frame,
            dependencies=(frame,),
        )
        self.floor.tools.shared.queue.progress(
            self.floor.tools.worker_id,
            task.task_id,
            Outcome(push=(search,), new_frames={frame: size}, state=KeyState(pack(number + 1))),
        )
        self.floor.mark(f"read/{task.source_id}/{number}")
        return number + 1


@dataclass(frozen=True)
class Search:
    """Reads each frame, does as it was told for some tasks, and hands them on."""

    floor: Floor

    def process(self, batch: Batch, /) -> Outcome:
        for task in batch.tasks:
            assert task.payload_ref is not None
            self.floor.tools.store.get(task.payload_ref)
            self.obey(self.floor.orders.search.get(task.task_id), task.task_id)
        return Outcome(
            push=tuple(
                replace(task, category="ORDER", task_id=f"{task.task_id}:ORDER") for task in batch.tasks
            )
        )

    def close(self) -> None:
        self.floor.mark(f"closed/{self.floor.tools.worker_id}")

    def obey(self, order: str | None, task_id: str) -> None:
        """Crash, be killed, be stopped once, raise, or hang until told to go on."""
        with (self.floor.folder / "searched").open("a") as searched:
            searched.write(f"{task_id}\n")
        met = self.floor.folder / "met" / task_id
        again = met.exists()
        if order is not None:
            self.floor.mark(f"met/{task_id}")
        if order == "crash":
            ctypes.string_at(0)
        if order == "kill once" and not again:
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "stop once" and not again:
            os.kill(os.getpid(), signal.SIGSTOP)
        if order == "raise":
            raise RuntimeError("as it was told")
        if order == "hang":
            wait_for(self.floor.folder / "go on")


@dataclass(frozen=True)
class Order:
    """Counts frames; they must come in contiguous order."""

    floor: Floor

    def process(self, batch: Batch, /) -> Outcome:
        due = batch.state.load() if batch.state else 0
        self.floor.mark("ordered")
        for task in batch.tasks:
            if task.order != due:
                raise RuntimeError(f"{task.task_id} came when {due} was due")
            due += 1
        lost = sum(task.tombstone_of is not None for task in batch.tasks)
        return Outcome(
            state=KeyState(pack(due)), tallies={FRAMES_DONE: len(batch.tasks) - lost, "lost": lost}
        )


@dataclass(frozen=True)
class Close:
    """Writes what was counted for a source."""

    floor: Floor

    def process(self, batch: Batch, /) -> Outcome:
        source = batch.tasks[0].source_id
        result = self.floor.mark(f"results/{source}")
        result.write_text(json.dumps(self.floor.tools.shared.queue.tallies(source)))
        return Outcome()


def _die_when_ready(tools: Tools) -> None:
    while True:
        beat = tools.shared.board.worker_status().get(tools.worker_id)
        if beat is not None and beat.category != STARTING:
            os._exit(9)
        time.sleep(LOOK_S)


@dataclass(frozen=True)
class Build:
    """Builds the toys of a worker."""

    folder: Path
    orders: Orders

    def __call__(self, tools: Tools, categories: tuple[str, ...]) -> Mapping[str, Processor]:
        if SEARCH in categories:
            if self.orders.start == "dies":
                os._exit(7)
            if self.orders.start == "raises":
                raise RuntimeError("no model here")
            if self.orders.start == "says why":
                raise DashcamError("put the model there")
            if self.orders.start == "dies idle":
                threading.Thread(target=_die_when_ready, args=(tools,), daemon=True).start()
        floor = Floor(self.folder, self.orders, tools)
        kinds: dict[str, Processor] = {
            "READ": Read(floor),
            SEARCH: Search(floor),
            "ORDER": Order(floor),
            CLOSE: Close(floor),
        }
        return {name: kinds[name] for name in categories}


def plan(folder: Path, orders: Orders) -> RunPlan:
    build, wide = Build(folder, orders), Limits(50, 100, 200)

    def worker(worker_id: str, worker_class: WorkerClass, loops: int = 1) -> WorkerSpec:
        names = tuple(one.name for one in CATEGORIES if one.worker_class is worker_class)
        return WorkerSpec(
            worker_id=worker_id,
            worker_class=worker_class,
            categories=names,
            build=build,
            loops=loops,
            max_tasks=orders.max_tasks,
        )

    return RunPlan(
        run_id="toys",
        categories=CATEGORIES,
        rules=QueueRules(
            gpu=wide,
            cpu=wide,
            writer=wide,
            store=Limits(10**6, 10**6, 10**6),
            max_attempts=orders.max_attempts,
            lease_s=orders.lease_s,
            stuck_s=orders.stuck_s,
        ),
        workers=(
            worker("reader", WorkerClass.SOURCE, orders.readers),
            worker("gpu", WorkerClass.GPU),
            worker("cpu", WorkerClass.CPU),
        ),
        tasks=tuple(
            Task(task_id=f"{source}:READ", category="READ", source_id=source, key=source)
            for source in orders.frames
        ),
        job=JobSize(source_bytes=dict.fromkeys(orders.frames, 1)),
        frames_root=folder / "frames",
        frame_format="raw",
        drain_deadline_s=orders.drain_deadline_s,
    )


def main(folder: Path, orders: Orders) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    snapshots: list[RunSnapshot] = []
    try:
        result = Supervisor(plan(folder, orders), snapshots.append).run()
    except DashcamError as error:
        print(json.dumps({"error": type(error).__name__, "said": str(error), "code": error.exit_code}))
        return
    queue = result.last.queue
    print(
        json.dumps(
            {
                "end": result.end.value,
                "done": {load.name: load.done for load in queue.categories},
                "totals": dict(queue.totals),
                "sources_done": queue.sources_done,
                "dead": sorted(letter.task.task_id for letter in result.dead_letters),
                "reasons": [letter.reason for letter in result.dead_letters],
                "left_frames": list(result.left_frames),
                "unfinished": queue.unfinished,
                "progress": result.last.progress,
                "snapshots": len(snapshots),
            }
        )
    )


if __name__ == "__mp_main__" and "PLANT_GATE" in os.environ:  # every child waits in its first import
    gate = Path(os.environ["PLANT_GATE"])
    (gate / "waits" / str(os.getpid())).touch()
    wait_for(gate / "open" / str(os.getpid()))

if __name__ == "__main__":
    main(Path(sys.argv[1]), Orders(**json.loads(sys.argv[2])))
