"""A simulated run: the engine's queue under a simulated clock, and the workers that its crew planning gives a host.

What is the engine's own: the queue with its policy, lanes, epochs, leases and gates; the stage table; the numbers of
processes, their threads and limits. What is simulated: the time that work takes, and who waits for whom.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import simpy

from dashcam_pipeline.batch.crew import plan_crew, worker_specs
from dashcam_pipeline.batch.job_plan import queue_rules
from dashcam_pipeline.engine.pulse import HEARTBEAT_S
from dashcam_pipeline.engine.queue import CentralTaskQueue
from dashcam_pipeline.engine.task import Batch, Task, WorkerClass
from dashcam_pipeline.engine.worker import Processor, Tools, WorkerSpec
from dashcam_pipeline.stages.pipeline import stages
from simulation.flow import END, Flow
from simulation.machine import Cores, OneAtATime, Steps
from simulation.manager import Manager
from simulation.params import Params, StageCost
from simulation.scenario import Measured, Scenario

CALLS_A_BEAT = 3  # a heartbeat's calls, see engine/pulse.py
WARM_FRAMES = 400  # looked at before measuring begins, when a steady state is wanted …
WARM_FRAMES_A_WORKER = 8  # … and as many more, because each fills its part of the queue


def simulate(params: Params, scenario: Scenario) -> Measured:
    """Run one scenario to its end."""
    return _Run(params, scenario).measured()


@dataclass(slots=True)
class _Marks:
    """Everything that only grows, at one moment."""

    now_s: float = 0.0
    frames: int = 0
    cores_s: float = 0.0
    manager_s: float = 0.0
    gpus_s: float = 0.0
    classes_s: dict[WorkerClass, float] = field(default_factory=dict)


class _Run:
    def __init__(self, params: Params, scenario: Scenario) -> None:
        self._params, self._scenario = params, scenario
        self._env = simpy.Environment()
        self._rng = random.Random(scenario.seed)
        models = scenario.settings.models
        table = stages(models.vehicle_batch, models.plate_batch, models.reader_batch)
        categories = [stage.category for stage in table]
        devices = [f"cuda:{index}" for index in range(scenario.gpus)] or ["cpu"]
        crew = plan_crew(scenario.settings.run, devices, scenario.cores)
        self._specs = worker_specs(crew, categories, _not_built)
        self._flow = Flow(table, params, random.Random(scenario.seed + 1))
        self._queue = CentralTaskQueue(
            categories,
            queue_rules(scenario.settings, len(crew.model_devices)),
            clock=lambda: float(self._env.now),
        )
        self._cores = Cores(self._env, scenario.cores)
        self._manager = Manager(self._env, self._cores, params.manager)
        self._gpus = {device: OneAtATime(self._env) for device in devices if device != "cpu"}
        self._over = self._env.event()
        self._busy_s = dict.fromkeys(WorkerClass, 0.0)
        self._stage_s: dict[str, float] = dict.fromkeys((stage.category.name for stage in table), 0.0)
        self._tasks: dict[str, int] = dict.fromkeys(self._stage_s, 0)
        self._frames = 0
        self._videos = 0
        self._peak_gpu = 0
        self._gpu_categories = [c.name for c in categories if c.worker_class is WorkerClass.GPU]
        self._warm = WARM_FRAMES + WARM_FRAMES_A_WORKER * len(crew.model_devices)
        self._begin, self._end = _Marks(), _Marks()

    def measured(self) -> Measured:
        """Run, and say what came of it."""
        for _ in range(self._scenario.videos or 2 * self._loops(WorkerClass.SOURCE)):
            self._add_video()
        for spec in self._specs:
            self._env.process(self._beats())
            lock = OneAtATime(self._env)
            for _ in range(spec.loops):
                self._env.process(self._loop(spec, lock))
        self._env.run(until=self._over)
        begin, end = self._begin, self._end
        wall_s = end.now_s - begin.now_s
        video = self._params.video
        return Measured(
            frames_s=(end.frames - begin.frames) * video.frames / video.frames_looked_at / wall_s,
            wall_s=wall_s,
            core_use=(end.cores_s - begin.cores_s) / wall_s / self._scenario.cores,
            manager_use=(end.manager_s - begin.manager_s) / wall_s,
            gpu_use=(end.gpus_s - begin.gpus_s) / wall_s / max(1, len(self._gpus)),
            class_use={
                worker_class: (end.classes_s[worker_class] - begin.classes_s.get(worker_class, 0.0))
                / wall_s
                / self._loops(worker_class)
                for worker_class in WorkerClass
            },
            workers={worker_class: self._loops(worker_class) for worker_class in WorkerClass},
            stage_s=dict(self._stage_s),
            stage_tasks=dict(self._tasks),
            gate_waits=dict(self._queue.snapshot().pressure.waits),
            peak_gpu_tasks=self._peak_gpu,
            unfinished=self._queue.unfinished(),
        )

    # --- the processes of the run ------------------------------------------------------------------------

    def _loop(self, spec: WorkerSpec, lock: OneAtATime) -> Steps[None]:
        """One loop of a worker: engine/worker.py."""
        worker_class, same_call = WorkerClass(spec.worker_class), False
        while True:
            batch = yield from self._manager.ask(
                worker_class.value,
                partial(self._queue.lease, spec.worker_id, spec.categories),
                _size,
                same_call,
            )
            same_call = self._scenario.one_call
            if worker_class is WorkerClass.SOURCE:
                yield from self._read(spec, batch, lock)
            else:
                yield from self._work(spec, batch)

    def _work(self, spec: WorkerSpec, batch: Batch) -> Steps[None]:
        worker_class = WorkerClass(spec.worker_class)
        began_s = self._env.now
        yield from self._spend(spec, batch.category, len(batch.tasks), None)
        self._busy_s[worker_class] += self._env.now - began_s
        outcome = self._flow.outcome(batch)
        yield from self._manager.call(
            lambda: self._queue.complete(spec.worker_id, batch.task_ids, outcome),
            len(batch.tasks) + len(outcome.push),
        )
        self._changed()
        if batch.category == self._flow.tracking.name:
            self._count_frames(sum(task.payload != END for task in batch.tasks))
        self._stop_when_done()

    def _read(self, spec: WorkerSpec, batch: Batch, lock: OneAtATime) -> Steps[None]:
        """A whole video: stages/read.py."""
        task, video = batch.tasks[0], self._params.video
        if self._scenario.videos is None:
            self._add_video()
        every_s = self._scenario.settings.run.checkpoint_s
        frame_s, cut_s, frame = video.seconds / video.frames_looked_at, 0.0, 0
        while frame < video.frames_looked_at:
            number = min(self._scenario.chunk, video.frames_looked_at - frame)
            began_s = self._env.now
            yield from self._spend(spec, task.category, number, lock)
            self._busy_s[WorkerClass.SOURCE] += self._env.now - began_s
            yield from self._enter(task, number)
            outcome = self._flow.frames(task, frame, number)
            frame += number
            if frame * frame_s - cut_s >= every_s:
                cut_s, outcome = frame * frame_s, replace(outcome, cut=True)
            yield from self._manager.call(
                partial(self._queue.progress, spec.worker_id, task.task_id, outcome), number
            )
            self._changed()
        end = self._flow.end_of_video(task, frame)
        yield from self._manager.call(lambda: self._queue.complete(spec.worker_id, batch.task_ids, end), 3)
        self._changed()

    def _enter(self, task: Task, number: int) -> Steps[None]:
        """Wait until the frames may come in."""
        nbytes = number * self._params.video.frame_bytes

        def ask() -> bool | None:
            return self._queue.admit(task.task_id, number, nbytes).admitted or None

        yield from self._manager.ask("admit", ask, _no_tasks)

    def _beats(self) -> Steps[None]:
        """The heartbeat of a process: engine/pulse.py."""
        while True:
            yield self._env.timeout(HEARTBEAT_S)
            for _ in range(CALLS_A_BEAT):
                yield from self._manager.call(lambda: None, 0)

    # --- what they spend ---------------------------------------------------------------------------------

    def _spend(self, spec: WorkerSpec, category: str, tasks: int, lock: OneAtATime | None) -> Steps[None]:
        """The time of one batch, on a core, on the worker's cores, or on its GPU."""
        cost = self._params.stages[category]
        work_s = self._drawn(cost.batch_s + tasks * cost.item_s, cost.spread)
        self._stage_s[category] += work_s
        self._tasks[category] += tasks
        gpu = self._gpus.get(spec.device)
        on_gpu = self._params.gpu.stages.get(category)
        if gpu is not None and on_gpu is not None:
            yield self._cores.run(work_s * (1 - cost.model_share))
            gpu_s = self._drawn(on_gpu.batch_s + tasks * on_gpu.item_s, cost.spread)
            yield from gpu.serve(lambda: self._env.timeout(gpu_s))
        elif lock is not None and cost.lock_share and spec.loops > 1:
            yield from lock.serve(lambda: self._cores.run(work_s * cost.lock_share))
            yield self._cores.run(work_s * (1 - cost.lock_share))
        else:
            yield self._cores.run(work_s, _width(cost, spec.threads))

    def _drawn(self, mean_s: float, spread: float) -> float:
        """A time around its mean, lognormal: never below 0, and some that take much longer."""
        if not spread or not mean_s:
            return mean_s
        sigma = math.sqrt(math.log(1 + spread**2))
        return mean_s * self._rng.lognormvariate(-(sigma**2) / 2, sigma)

    # --- beginning and end -------------------------------------------------------------------------------

    def _add_video(self) -> None:
        task = self._flow.video(self._videos)
        self._queue.push(task.task_id, task)
        self._videos += 1

    def _count_frames(self, number: int) -> None:
        self._frames += number
        if self._scenario.videos is not None:
            return
        if not self._begin.frames and self._frames >= self._warm:
            self._begin = self._marks()
        if self._frames >= 2 * self._warm + self._scenario.measured_frames and not self._over.triggered:
            self._end = self._marks()
            self._over.succeed()

    def _changed(self) -> None:
        self._peak_gpu = max(self._peak_gpu, sum(map(self._queue.backlog, self._gpu_categories)))
        self._manager.changed()

    def _stop_when_done(self) -> None:
        if self._scenario.videos is not None and not self._over.triggered and not self._queue.unfinished():
            self._end = self._marks()
            self._over.succeed()

    def _marks(self) -> _Marks:
        return _Marks(
            float(self._env.now),
            self._frames,
            self._cores.busy_s,
            self._manager.cpu_s,
            sum(gpu.busy_s for gpu in self._gpus.values()),
            dict(self._busy_s),
        )

    def _loops(self, worker_class: WorkerClass) -> int:
        return sum(spec.loops for spec in self._specs if spec.worker_class == worker_class.value)


def _width(cost: StageCost, threads: int) -> float:
    """How many times faster several threads do it (Amdahl's law), taken as the cores that they use."""
    return 1 / (1 - cost.parallel_share + cost.parallel_share / threads)


def _no_tasks(admitted: bool) -> int:
    return 0


def _size(batch: Batch) -> int:
    return len(batch.tasks)


def _not_built(tools: Tools, categories: tuple[str, ...]) -> Mapping[str, Processor]:
    """Simulated workers have no processors."""
    raise NotImplementedError
