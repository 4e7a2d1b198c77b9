"""The records of the scheduler: a task, a category of tasks, a leased batch, and what a worker gives back for it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dashcam_pipeline.engine.wire import Columns, Light, columns_of, record_of, records_of

SUSPECT_INTERRUPTIONS = 3


class WorkerClass(StrEnum):
    """What kind of process works on a category."""

    SOURCE = "source"  # decodes video; the only class that backpressure slows down
    GPU = "gpu"  # runs models; on a host without a GPU it runs them on the CPU
    CPU = "cpu"  # tracks, votes, writes pictures
    WRITER = "writer"  # writes to the database; one process


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """How the tasks of one name are queued, and by whom they are done."""

    name: str
    worker_class: WorkerClass
    batch: int = 1  # most tasks leased at once
    rank: int = 0  # distance from the source; higher goes first, so that the run drains before it fills
    keyed: bool = False  # one worker at a time for each `Task.key`, with a state kept beside the queue
    ordered: bool = False  # keyed, and in the contiguous order of `Task.order`, counting from 0
    aligned: bool = False  # keyed; tasks of an epoch wait until the epochs before it are over, see epochs.py
    on_dead: str | None = None  # the category that is told, by a tombstone, of a task that was given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Light):
    """One piece of work. Small: pixels stay in the frame store and are named by `dependencies`."""

    task_id: str
    category: str
    source_id: str
    key: str = ""
    order: int = 0
    epoch: int = 0  # the stretch of its source that it belongs to, see epochs.py
    payload: bytes = b""  # a packed record of the stage; the queue never opens it
    payload_ref: str | None = None  # the stored frame to work on
    dependencies: tuple[str, ...] = ()  # frames that are kept as long as this task lives
    attempts: int = 0  # how often it was tried and failed
    interruptions: int = 0  # how often its worker was ended from outside while it had the task
    tombstone_of: str | None = None  # the category in which its forerunner was given up

    @property
    def is_suspect(self) -> bool:
        """Whether it may pull others down with it, so that it is worked on alone. One that lost its worker again
        and again may be what makes its worker too big for the host."""
        return self.attempts > 0 or self.interruptions >= SUSPECT_INTERRUPTIONS

    def load(self) -> Any:
        """The record inside the payload."""
        return pickle.loads(self.payload)


def pack(record: object) -> bytes:
    """A record as the bytes that travel in `Task.payload` or `KeyState.data`."""
    return pickle.dumps(record, protocol=pickle.HIGHEST_PROTOCOL)


@dataclass(frozen=True, slots=True)
class KeyState(Light):
    """What a keyed stage remembers between two batches of one key, and the frames it still needs."""

    data: bytes
    frames: tuple[str, ...] = ()

    def load(self) -> Any:
        """The record inside."""
        return pickle.loads(self.data)


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks of one category, leased to one worker. Of one key where the category is keyed."""

    category: str
    tasks: tuple[Task, ...]
    state: KeyState | None = None

    @property
    def task_ids(self) -> tuple[str, ...]:
        return tuple([task.task_id for task in self.tasks])

    def __reduce__(self) -> tuple[Any, ...]:  # see wire.py
        return _batch_of, (self.category, columns_of(Task, self.tasks), self.state)


def _batch_of(category: str, tasks: Columns, state: KeyState | None) -> Batch:
    return record_of(Batch, (category, records_of(Task, tasks), state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that finishing a batch changes; applied at once or not at all."""

    push: tuple[Task, ...] = ()
    new_frames: Mapping[str, int] = field(default_factory=dict)  # pictures written on the way: id -> bytes
    state: KeyState | None = None  # the key's new state; None drops it
    closer: Task | None = None  # pushed when no other task of the source is left
    tallies: Mapping[str, int] = field(default_factory=dict)  # added to the source's counts
    cut: bool = False  # of a reader: the source's epoch ends with this, see epochs.py

    def __reduce__(self) -> tuple[Any, ...]:  # see wire.py
        others = (self.new_frames, self.state, self.closer, self.tallies, self.cut)
        return _outcome_of, (columns_of(Task, self.push), *others)


def _outcome_of(pushed: Columns, *others: Any) -> Outcome:
    return record_of(Outcome, (records_of(Task, pushed), *others))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A task that was given up after its last attempt."""

    task: Task
    reason: str  # the traceback, or how its worker died


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """What a keyed category remembers of one key at the end of an epoch."""

    category: str
    key: str
    state: KeyState | None
    next_order: int = 0  # where an ordered category goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """All that is needed to go on with a source behind one of its epochs. Everything before is done for good."""

    source_id: str
    epoch: int
    states: tuple[KeptState, ...]
    tallies: Mapping[str, int]

    @property
    def frames(self) -> tuple[str, ...]:
        """The stored frames that its states need."""
        return tuple(sorted({frame for kept in self.states if kept.state for frame in kept.state.frames}))


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a reader that wants to bring in frames."""

    admitted: bool
    waits_for: str | None = None  # which limit is past: "gpu", "cpu", "writer", "store" or "disk"


class LeaseLost(Exception):
    """The tasks were taken away from this worker, which had been silent for too long. Its work is void."""
