"""What is put around the stages of a run from outside: faults at chosen tasks, and a list of the frames read.

`Injected` takes the place of `BuildStages`. The product knows nothing of it.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.pixels import Pixels
from dashcam_pipeline.engine.task import Batch, Outcome, Task
from dashcam_pipeline.engine.worker import Processor, Tools

VARIABLE = "CHAOS_STAGES"
"""The environment variable that carries the faults to every process of a run."""

FRAMES_FILE = "frames_read.txt"
FAULTS_FILE = "stage_faults.txt"
WORK_FILE = "work_done.txt"
CRASHED_FILE = "crashed"
SOURCE_FRAME = re.compile(r"([0-9a-f]{16}-\d{7})-reader")
"""A frame as READ names it, before its reader's own name; the pictures of vehicles are named otherwise."""


class StageFailsOnPurpose(Exception):
    """A trial wants to see what becomes of this task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFaults:
    """Which tasks fail, how often, and where that is noted. The same seed hits the same tasks."""

    folder: str
    seed: int = 0
    raise_share: float = 0.0  # of all tasks
    raise_times: int = 1  # for the same task, before it succeeds
    crash_share: float = (
        0.0  # of all tasks; the first one that is met ends its process, and no other after it
    )
    note_work: bool = False  # when each batch was done
    crash_always: str = ""  # the task whose id ends like this ends its process each time

    def to_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> StageFaults:
        return cls(**json.loads(os.environ[VARIABLE]))

    def raises(self, task: Task) -> bool:
        return task.attempts < self.raise_times and self._chance("raise", task).random() < self.raise_share

    def raises_late(self, task: Task) -> bool:
        """After the work is done, but before anybody has learned of it."""
        return self._chance("late", task).random() < 0.5

    def crashes(self, task: Task) -> bool:
        if self.crash_always and task.task_id.endswith(self.crash_always):
            return True
        if self._chance("crash", task).random() >= self.crash_share:
            return False
        try:
            (Path(self.folder) / CRASHED_FILE).open("x").close()
        except FileExistsError:
            return False
        return True

    def note(self, kind: str, task: Task) -> None:
        append(Path(self.folder) / FAULTS_FILE, f"{kind} {task.category} {task.task_id}")

    def _chance(self, what: str, task: Task) -> random.Random:
        return random.Random(f"{self.seed} {what} {task.task_id}")


def append(path: Path, line: str) -> None:
    """One line, whole, whatever other processes write there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Injected:
    """Builds the stages as the product does, and puts each into a wrapper."""

    arguments: tuple[Any, ...]  # of BuildStages

    def __call__(self, tools: Tools, categories: tuple[str, ...]) -> Mapping[str, Processor]:
        from dashcam_pipeline.stages.pipeline import BuildStages  # in a worker it is the product's own

        faults = StageFaults.from_environment()
        store = NotingStore(
            tools.store.folder, tools.store.frame_format, notes=Path(faults.folder) / FRAMES_FILE
        )
        built = BuildStages(*self.arguments)(replace(tools, store=store), categories)
        return {name: _Wrapped(processor, faults) for name, processor in built.items()}


@dataclass(frozen=True)
class NotingStore(FrameStore):
    """Notes each frame of a video that is stored: one that is noted twice was read twice."""

    notes: Path = Path()

    def put(self, frame_id: str, pixels: Pixels, *rest: Any, **named: Any) -> int:
        size = FrameStore.put(self, frame_id, pixels, *rest, **named)
        if frame := SOURCE_FRAME.match(frame_id):
            append(self.notes, frame[1])
        return size


class _Wrapped:
    """A processor that fails at chosen tasks."""

    def __init__(self, processor: Processor, faults: StageFaults) -> None:
        self._processor = processor
        self._faults = faults

    def process(self, batch: Batch, /) -> Outcome:
        for task in batch.tasks:
            if self._faults.crashes(task):
                self._faults.note("crash", task)
                os.kill(os.getpid(), signal.SIGSEGV)
        failing = [task for task in batch.tasks if self._faults.raises(task)]
        late = [task for task in failing if self._faults.raises_late(task)]
        outcome = None
        if len(late) == len(failing):
            outcome = self._processor.process(batch)
        if failing:
            self._faults.note("raise", failing[0])
            raise StageFailsOnPurpose(failing[0].task_id)
        assert outcome is not None
        if self._faults.note_work:
            line = f"{time.monotonic():.3f} {batch.category} {len(batch.tasks)}"
            append(Path(self._faults.folder) / WORK_FILE, line)
        return outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._processor, name)
