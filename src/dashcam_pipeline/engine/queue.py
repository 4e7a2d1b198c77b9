"""The central task queue: what waits, what is leased to whom, and what each frame is still needed for.

One object, served by the Manager process to all others. Every method is one atomic step. Tasks, key states and
frame references change together, so that a worker may die at any moment: what it had leased is handed out again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.engine import policy
from dashcam_pipeline.engine.buckets import Bucket, KeyedBucket, Waiting, bucket_for
from dashcam_pipeline.engine.frames import FrameLedger
from dashcam_pipeline.engine.pressure import Limits, Pressure
from dashcam_pipeline.engine.snapshot import CategoryLoad, PressureLoad, QueueSnapshot
from dashcam_pipeline.engine.task import (
    Admission,
    Batch,
    Category,
    DeadLetter,
    KeyState,
    LeaseLost,
    Outcome,
    Task,
    WorkerClass,
)

POPPED = "popped"
"""The owner of tasks taken by `pop`, which nobody acknowledges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """The limits of a queue."""

    gpu: Limits  # tasks that wait for the GPU class
    cpu: Limits  # tasks that wait for the CPU class
    store: Limits  # bytes of frames brought in by readers
    min_free_bytes: int = 0  # readers wait while the frame store's disk has less
    max_attempts: int = 3
    lease_s: float = 60.0


@dataclass(slots=True)
class _Lease:
    owner: str
    waiting: Waiting
    deadline_s: float


class CentralTaskQueue:
    """Buckets a category, leases, key states, frame references and counts a source, under one lock.

    Args:
        categories: every category there is, by which tasks are queued.
        rules: limits and patience.
        delete_frame: called with the id of every frame that nobody needs any more.
        free_bytes: how much room the frame store's disk has.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        categories: Sequence[Category],
        rules: QueueRules,
        delete_frame: Callable[[str], None] = lambda frame_id: None,
        free_bytes: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._categories = {category.name: category for category in categories}
        self._rules = rules
        self._free_bytes = free_bytes
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False
        self._buckets: dict[str, Bucket] = {category.name: bucket_for(category) for category in categories}
        self._leases: dict[str, _Lease] = {}
        self._states: dict[tuple[str, str], KeyState] = {}  # (category, key)
        self._keys_of: dict[str, set[tuple[str, str]]] = defaultdict(
            set
        )  # source -> keys with a state or a lane
        self._frames = FrameLedger(delete_frame)
        self._live: dict[str, str] = {}  # id of every waiting or leased task -> its category
        self._open_tasks: Counter[str] = Counter()  # source -> live tasks
        self._closers: dict[str, Task] = {}
        self._closing: set[str] = set()  # sources whose closer was pushed
        self._tallies: dict[str, Counter[str]] = defaultdict(Counter)
        self._totals: Counter[str] = Counter()  # of the sources that are over
        self._sources_done = 0
        self._pressure = Pressure({"gpu": rules.gpu, "cpu": rules.cpu, "store": rules.store})
        self._reserved: dict[str, tuple[int, int]] = {}  # READ task -> frames and bytes that it may bring in
        self._waiting_since: dict[str, tuple[str, float]] = {}
        self._wait_s: dict[str, float] = defaultdict(float)
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._busy_s: dict[str, float] = defaultdict(float)
        self._dead: list[DeadLetter] = []

    # --- bringing tasks in -------------------------------------------------------------------------------

    def push(self, task_id: str, task: Task) -> None:
        """Add one task. Its dependencies must be stored frames. Raises ValueError for an id that is in use."""
        if task.task_id != task_id:
            raise ValueError(f"task {task.task_id!r} pushed under the id {task_id!r}")
        with self._changed:
            self._check([task])
            self._add(task)
            self._changed.notify_all()

    def admit(self, task_id: str, frames: int, nbytes: int, wait_s: float = 0.0) -> Admission:
        """Ask, for the reading task `task_id`, to bring in frames; waits up to `wait_s` for room.

        What is admitted is set aside for it until its next `progress`, so the limits hold exactly.
        """
        deadline = self._clock() + wait_s
        with self._changed:
            while True:
                gate = self._closed_gate(frames, nbytes)
                now = self._clock()
                if gate is None:
                    self._reserved[task_id] = (frames, nbytes)
                    self._count_wait(task_id, now)
                    return Admission(True)
                if task_id not in self._waiting_since:
                    self._waiting_since[task_id] = (gate, now)
                    self._pressure.waits[gate] += 1
                if now >= deadline or not self._changed.wait(deadline - now):
                    return Admission(False, gate)

    # --- taking tasks out --------------------------------------------------------------------------------

    def pop(self, category: str) -> Task | None:
        """Take one task out for good. The caller must `release` its dependencies when it is done with them."""
        with self._changed:
            waiting = self._take(category, 1)
            if not waiting:
                return None
            task = waiting[0].task
            self._lease(POPPED, waiting)
            self._frames.retain(task.dependencies)
            self._finish(task.task_id)
            return task

    def release(self, frame_ids: Sequence[str]) -> None:
        """Give up frames that came with a popped task."""
        with self._changed:
            self._frames.release(frame_ids)
            self._changed.notify_all()

    def lease(
        self, owner: str, categories: Sequence[str], n: int | None = None, wait_s: float = 0.0
    ) -> Batch | None:
        """Take a batch of the most urgent of `categories`, at most `n` tasks (default: the category's batch).

        The tasks stay the owner's until `complete`, `fail`, `give_back`, or until its lease runs out. Waits up
        to `wait_s` for work; None when there is none.
        """
        deadline = self._clock() + wait_s
        with self._changed:
            while True:
                chosen = policy.choose([self._load(name) for name in categories])
                if chosen is not None:
                    size = self._categories[chosen].batch
                    waiting = self._take(chosen, size if n is None else min(n, size))
                    self._lease(owner, waiting)
                    return Batch(chosen, tuple(item.task for item in waiting), self._state(waiting[0].task))
                now = self._clock()
                if self._closed or now >= deadline or not self._changed.wait(deadline - now):
                    return None

    # --- finishing them ----------------------------------------------------------------------------------

    def complete(self, owner: str, task_ids: Sequence[str], outcome: Outcome, busy_s: float = 0.0) -> None:
        """Finish leased tasks: push what follows, keep the key's new state, release the frames. All or nothing.

        Raises LeaseLost when one of the tasks is no longer the owner's, ValueError when what is pushed is not
        sound. Nothing has changed then, but the new pictures are deleted.
        """
        with self._changed:
            tasks = self._apply(owner, task_ids, outcome, from_reader=False)
            self._tend_state(tasks[0], outcome.state)
            for task in tasks:
                self._done[task.category] += 1
                self._finish(task.task_id)
            self._frames.sweep(outcome.new_frames)
            if outcome.state is None:
                self._forget_key(tasks[0].category, tasks[0].key)
            self._busy_s[tasks[0].category] += busy_s
            self._close_sources({task.source_id for task in tasks})
            self._changed.notify_all()

    def progress(self, owner: str, task_id: str, outcome: Outcome) -> None:
        """Record what a long task has done so far, as `complete` does, and let it go on. Frames were admitted."""
        with self._changed:
            (task,) = self._apply(owner, [task_id], outcome, from_reader=True)
            self._tend_state(task, outcome.state)
            self._frames.sweep(outcome.new_frames)
            self._changed.notify_all()

    def fail(self, owner: str, task_id: str, reason: str) -> bool:
        """A leased task raised: try it again, or after the last attempt give it up. True when it was given up."""
        with self._changed:
            self._leased(owner, [task_id])
            given_up = self._fail(task_id, reason)
            self._changed.notify_all()
            return given_up

    def give_back(self, owner: str, task_ids: Sequence[str]) -> None:
        """Return leased tasks untried."""
        with self._changed:
            self._leased(owner, task_ids)
            self._put_back(task_ids)
            self._changed.notify_all()

    # --- what the supervisor does ------------------------------------------------------------------------

    def renew(self, owner: str) -> None:
        """The owner is alive: its leases last another `lease_s`."""
        with self._changed:
            deadline = self._clock() + self._rules.lease_s
            for lease in self._leases.values():
                if lease.owner == owner:
                    lease.deadline_s = deadline

    def requeue_owner(self, owner: str, reason: str) -> int:
        """The owner died: each of its tasks has failed once. How many there were.

        A batch that killed its worker comes back task by task (see FifoBucket), so the guilty one stands alone.
        """
        with self._changed:
            lost = [task_id for task_id, lease in self._leases.items() if lease.owner == owner]
            for task_id in reversed(lost):  # each goes back to the front, so the first of them goes last
                self._fail(task_id, reason)
            self._changed.notify_all()
            return len(lost)

    def close(self) -> None:
        """Nobody waits for work any more: `lease` answers at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def silent_owners(self) -> list[str]:
        """Owners with a lease past its deadline."""
        with self._changed:
            now = self._clock()
            return sorted({lease.owner for lease in self._leases.values() if lease.deadline_s < now})

    def withdraw(self, category: str) -> list[Task]:
        """Take back every waiting task of a category, as when the user stops a run. Their frames are released."""
        with self._changed:
            withdrawn: list[Task] = []
            while waiting := self._take(category, 1):
                self._lease(POPPED, waiting)
                self._finish(waiting[0].task.task_id)
                withdrawn.append(waiting[0].task)
            self._close_sources({task.source_id for task in withdrawn})
            self._changed.notify_all()
            return withdrawn

    # --- looking -----------------------------------------------------------------------------------------

    def backlog(self, category: str) -> int:
        """Tasks that wait in a category."""
        with self._changed:
            return len(self._buckets[category])

    def total_backlog(self) -> int:
        """Tasks that wait in all categories together."""
        with self._changed:
            return sum(len(bucket) for bucket in self._buckets.values())

    def unfinished(self) -> int:
        """Tasks that wait or are leased, and closers still to come."""
        with self._changed:
            return len(self._live) + len(self._closers)

    def tallies(self, source_id: str) -> dict[str, int]:
        """The counts of a source."""
        with self._changed:
            return dict(self._tallies.get(source_id, {}))

    def dead_letters(self) -> list[DeadLetter]:
        """Tasks that were given up."""
        with self._changed:
            return list(self._dead)

    def snapshot(self) -> QueueSnapshot:
        """Everything there is to show, at one moment."""
        with self._changed:
            leased = Counter(lease.waiting.task.category for lease in self._leases.values())
            now = self._clock()
            wait_s = defaultdict(float, self._wait_s)
            for gate, since in self._waiting_since.values():
                wait_s[gate] += now - since
            return QueueSnapshot(
                clock_s=now,
                categories=tuple(
                    CategoryLoad(
                        name=name,
                        worker_class=category.worker_class,
                        waiting=len(self._buckets[name]),
                        in_flight=leased[name],
                        done=self._done[name],
                        failed=self._failed[name],
                        busy_s=self._busy_s[name],
                    )
                    for name, category in self._categories.items()
                ),
                frames=self._frames.use(),
                pressure=PressureLoad(
                    closed=self._pressure.closed(),
                    waits=dict(self._pressure.waits),
                    wait_s=dict(wait_s),
                    waiting_readers=len(self._waiting_since),
                ),
                tallies={source: dict(counts) for source, counts in self._tallies.items()},
                totals=dict(sum(self._tallies.values(), self._totals.copy())),
                sources_done=self._sources_done,
                dead_letters=len(self._dead),
                unfinished=len(self._live) + len(self._closers),
            )

    # --- inside; the lock is held ------------------------------------------------------------------------

    def _check(self, tasks: Sequence[Task], new_frames: Iterable[str] = ()) -> None:
        new = set(new_frames)
        seen: set[str] = set()
        for task in tasks:
            if task.category not in self._categories:
                raise ValueError(f"task {task.task_id!r} has the unknown category {task.category!r}")
            if task.task_id in self._live or task.task_id in seen:
                raise ValueError(f"task id {task.task_id!r} is in use")
            seen.add(task.task_id)
            missing = [f for f in self._frames.unknown(task.dependencies) if f not in new]
            if missing:
                raise ValueError(f"task {task.task_id!r} depends on frames that are not stored: {missing}")

    def _add(self, task: Task) -> None:
        self._frames.retain(task.dependencies)
        self._live[task.task_id] = task.category
        self._open_tasks[task.source_id] += 1
        self._buckets[task.category].put(Waiting(task, self._clock()))
        if isinstance(self._buckets[task.category], KeyedBucket):
            self._keys_of[task.source_id].add((task.category, task.key))

    def _take(self, category: str, n: int) -> list[Waiting]:
        return self._buckets[category].take(n)

    def _lease(self, owner: str, waiting: Sequence[Waiting]) -> None:
        deadline = self._clock() + self._rules.lease_s
        for item in waiting:
            self._leases[item.task.task_id] = _Lease(owner, item, deadline)

    def _leased(self, owner: str, task_ids: Sequence[str]) -> list[Task]:
        leases = [self._leases.get(task_id) for task_id in task_ids]
        if not leases or any(lease is None or lease.owner != owner for lease in leases):
            raise LeaseLost(f"{owner} no longer holds {', '.join(task_ids) or 'any task'}")
        return [lease.waiting.task for lease in leases if lease is not None]

    def _apply(self, owner: str, task_ids: Sequence[str], outcome: Outcome, from_reader: bool) -> list[Task]:
        """The part of an outcome that does not depend on whether the tasks are finished by it."""
        held = () if outcome.state is None else outcome.state.frames
        try:
            tasks = self._leased(owner, task_ids)
            self._check(outcome.push, outcome.new_frames)
            unknown = [f for f in self._frames.unknown(held) if f not in outcome.new_frames]
            if unknown:
                raise ValueError(f"the state of {tasks[0].key!r} holds frames that are not stored: {unknown}")
        except (LeaseLost, ValueError):
            self._frames.discard(outcome.new_frames)
            raise
        self._frames.register(outcome.new_frames, source=from_reader)
        for task in outcome.push:
            self._add(task)
        source = tasks[0].source_id
        self._tallies[source].update(outcome.tallies)
        if outcome.closer is not None:
            self._closers[outcome.closer.source_id] = outcome.closer
        for task in tasks:
            self._reserved.pop(task.task_id, None)
        return tasks

    def _state(self, task: Task) -> KeyState | None:
        return self._states.get((task.category, task.key))

    def _tend_state(self, task: Task, state: KeyState | None) -> None:
        """Put the new state of a keyed task in the place of the old one, with the frames that each holds."""
        if not isinstance(self._buckets[task.category], KeyedBucket):
            return
        slot = (task.category, task.key)
        old = self._states.pop(slot, None)
        if state is not None:
            self._frames.retain(state.frames)
            self._states[slot] = state
        if old is not None:
            self._frames.release(old.frames)

    def _finish(self, task_id: str) -> None:
        """Forget a leased task and what it needed."""
        lease = self._leases.pop(task_id)
        task = lease.waiting.task
        del self._live[task_id]
        self._reserved.pop(task_id, None)
        self._count_wait(task_id, self._clock())
        self._open_tasks[task.source_id] -= 1
        self._buckets[task.category].finished(task)
        self._frames.release(task.dependencies)

    def _put_back(self, task_ids: Sequence[str], replacement: Mapping[str, Task] | None = None) -> None:
        by_category: dict[str, list[Waiting]] = defaultdict(list)
        for task_id in task_ids:
            lease = self._leases.pop(task_id)
            self._reserved.pop(task_id, None)
            task = (replacement or {}).get(task_id, lease.waiting.task)
            by_category[task.category].append(replace(lease.waiting, task=task))
        for category, waiting in by_category.items():
            self._buckets[category].put_back(waiting)

    def _fail(self, task_id: str, reason: str) -> bool:
        task = self._leases[task_id].waiting.task
        self._failed[task.category] += 1
        tried = replace(task, attempts=task.attempts + 1)
        if tried.attempts < self._rules.max_attempts:
            self._put_back([task_id], {task_id: tried})
            return False
        self._dead.append(DeadLetter(tried, reason))
        self._tallies[task.source_id]["dead_letters"] += 1
        heir = self._categories[task.category].on_dead
        if heir is not None and task.tombstone_of is None:
            self._add(
                replace(
                    task,
                    task_id=f"{task.task_id}!",
                    category=heir,
                    dependencies=(),
                    payload_ref=None,
                    attempts=0,
                    tombstone_of=task.category,
                )
            )
        self._finish(task_id)
        self._close_sources({task.source_id})
        return True

    def _close_sources(self, source_ids: set[str]) -> None:
        """Push the closer of every source that has nothing left; after the closer is done, forget the source."""
        for source_id in source_ids:
            if self._open_tasks[source_id]:
                continue
            for category, key in self._keys_of.pop(source_id, set()):
                self._forget_key(category, key)
            closer = self._closers.pop(source_id, None)
            if closer is not None:
                self._closing.add(source_id)
                self._add(closer)
                continue
            del self._open_tasks[source_id]
            counts = self._tallies.pop(source_id, Counter())
            if source_id in self._closing:
                self._closing.discard(source_id)
                self._totals.update(counts)
                self._sources_done += 1

    def _forget_key(self, category: str, key: str) -> None:
        state = self._states.pop((category, key), None)
        if state is not None:
            self._frames.release(state.frames)
        bucket = self._buckets[category]
        if isinstance(bucket, KeyedBucket):
            bucket.forget(key)

    def _load(self, name: str) -> policy.Load:
        bucket, category = self._buckets[name], self._categories[name]
        oldest = bucket.oldest_s()
        age = 0.0 if oldest is None else max(0.0, self._clock() - oldest)
        return policy.Load(name, bucket.ready, category.batch, category.rank, age)

    def _closed_gate(self, frames: int, nbytes: int) -> str | None:
        if self._free_bytes is not None and self._free_bytes() - nbytes < self._rules.min_free_bytes:
            return "disk"
        reserved_frames = sum(n for n, _ in self._reserved.values())
        reserved_bytes = sum(b for _, b in self._reserved.values())
        levels = {
            "gpu": self._class_backlog(WorkerClass.GPU) + reserved_frames,
            "cpu": self._class_backlog(WorkerClass.CPU),
            "store": self._frames.source_bytes + reserved_bytes,
        }
        return self._pressure.blocking(levels, {"gpu": frames, "store": nbytes})

    def _class_backlog(self, worker_class: WorkerClass) -> int:
        return sum(
            len(self._buckets[name])
            for name, category in self._categories.items()
            if category.worker_class is worker_class
        )

    def _count_wait(self, task_id: str, now: float) -> None:
        waited = self._waiting_since.pop(task_id, None)
        if waited is not None:
            self._wait_s[waited[0]] += now - waited[1]
