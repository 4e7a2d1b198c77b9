"""What a call costs the Manager and its caller: one process plays all workers of a run against the real Manager.

Only CPU time is counted, so other load on the host makes little difference.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.manager import ManagerProcess
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Outcome, Task
from dashcam_pipeline.stages.pipeline import CHECKPOINT, DEAD_LETTER, Stage, stages
from simulation.flow import END, Flow
from simulation.params import ManagerCost, Measured

OWNER = "w"
FRAMES = 1200  # of the video that is played
BATCHES = (1, 4, 16)  # tasks a call, in one play each
EPOCH_FRAMES = 20  # between two cuts
PAYLOAD = bytes(300)  # about what the records of the stages take
WAITING = 48  # callers that wait while changes are made
CHANGES = 400
PAUSE_S = 0.003  # between two changes, so that all who were woken have looked
WIDE = Limits(10**15, 10**15, 10**15)


@dataclass(frozen=True, slots=True)
class Play:
    """What one play came to."""

    calls: int
    tasks: int
    manager_s: float
    client_s: float


def manager_cost(params: Measured) -> ManagerCost:
    """Measure it with the tasks of `params`."""
    plays = [_play(params, batch) for batch in BATCHES]
    server = _fit(plays, [play.manager_s for play in plays])
    client = _fit(plays, [play.client_s for play in plays])
    return ManagerCost(
        call_s=server[0],
        task_s=server[1],
        wake_s=_wake_s(),
        client_call_s=client[0],
        client_task_s=client[1],
    )


def _fit(plays: Sequence[Play], seconds: Sequence[float]) -> list[float]:
    """Seconds a call and a task that explain the plays best."""
    counts = np.array([[play.calls, play.tasks] for play in plays], float)
    solved = np.linalg.lstsq(counts, np.array(seconds), rcond=None)[0]
    return [round(max(0.0, float(value)), 8) for value in solved]


def _play(params: Measured, batch: int) -> Play:
    """A whole video, with `batch` tasks a call."""
    table = tuple(replace(stage, category=replace(stage.category, batch=batch)) for stage in stages())
    flow = Flow(table, params, random.Random(1))
    others = [stage.category.name for stage in table if stage.category.name != flow.reading.name]
    with _manager(table) as (manager, shared):
        queue, video = shared.queue, flow.video(0)
        queue.push(video.task_id, video)
        queue.lease(OWNER, [flow.reading.name])
        calls = tasks = 0
        server_s, client_s = _cpu_s(manager), time.process_time()

        def work_off() -> None:
            nonlocal calls, tasks
            while leased := queue.lease(OWNER, others):
                outcome = _with_payload(flow.outcome(leased))
                queue.complete(OWNER, leased.task_ids, outcome)
                calls += 2
                tasks += 2 * len(leased.tasks) + len(outcome.push)
            calls += 1

        for first in range(0, FRAMES, batch):
            number = min(batch, FRAMES - first)
            queue.admit(video.task_id, number, number * params.video.frame_bytes)
            cut = first // EPOCH_FRAMES != (first + number) // EPOCH_FRAMES
            outcome = replace(_with_payload(flow.frames(video, first, number)), cut=cut)
            queue.progress(OWNER, video.task_id, outcome)
            calls += 2
            tasks += number
            if not first % (4 * batch):
                work_off()
        queue.complete(OWNER, [video.task_id], flow.end_of_video(video, FRAMES))
        work_off()
        return Play(calls, tasks, _cpu_s(manager) - server_s, time.process_time() - client_s)


def _wake_s() -> float:
    """CPU seconds of the Manager for each waiting caller at each change."""
    taken = []
    for waiting in (0, WAITING):
        with _manager(stages()) as (manager, shared):
            shared.queue.push("file", Task(task_id="file", category="READ", source_id="v"))
            shared.queue.lease(OWNER, ["READ"])
            callers = [
                threading.Thread(
                    target=shared.queue.lease, args=(f"idle-{n}", [CHECKPOINT, DEAD_LETTER], None, 60.0)
                )
                for n in range(waiting)
            ]
            for caller in callers:
                caller.start()
            time.sleep(1.0)  # all of them wait by now
            before_s = _cpu_s(manager)
            for _ in range(CHANGES):
                shared.queue.progress(OWNER, "file", Outcome())
                time.sleep(PAUSE_S)
            taken.append(_cpu_s(manager) - before_s)
            shared.queue.close()
            for caller in callers:
                caller.join()
    return round(max(0.0, taken[1] - taken[0]) / CHANGES / WAITING, 8)


def _with_payload(outcome: Outcome) -> Outcome:
    return replace(
        outcome,
        push=tuple(task if task.payload == END else replace(task, payload=PAYLOAD) for task in outcome.push),
    )


def _cpu_s(manager: ManagerProcess) -> float:
    return float(sum(psutil.Process(manager.pid).cpu_times()[:2]))


@contextmanager
def _manager(table: Sequence[Stage]) -> Iterator[tuple[ManagerProcess, Shared]]:
    rules = QueueRules(
        gpu=WIDE, cpu=WIDE, writer=WIDE, store=WIDE, lease_s=1e9, stuck_s=1e9, checkpoints_to=CHECKPOINT
    )
    with tempfile.TemporaryDirectory() as folder:
        manager = ManagerProcess()
        try:
            yield manager, manager.start([stage.category for stage in table], rules, FrameStore(Path(folder)))
        finally:
            manager.shutdown()
