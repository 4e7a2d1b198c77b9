"""The books of the queue: buckets, leases, states, frame references and counts, which change together.

No locks and no waiting here: `queue.py` lets one caller in at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from dashcam_pipeline.engine.buckets import Bucket, KeyedBucket, Waiting, bucket_for
from dashcam_pipeline.engine.checkpoints import CheckpointMaker, checkpoint_task
from dashcam_pipeline.engine.entrance import Entrance
from dashcam_pipeline.engine.epochs import EpochBook
from dashcam_pipeline.engine.frames import FrameLedger
from dashcam_pipeline.engine.given_up import for_keeping, tombstone
from dashcam_pipeline.engine.leases import LeaseTable
from dashcam_pipeline.engine.policy import Load
from dashcam_pipeline.engine.pressure import Levels, Pressure
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.snapshot import QueueSnapshot
from dashcam_pipeline.engine.source_book import SourceBook
from dashcam_pipeline.engine.states import Slot, StateBook
from dashcam_pipeline.engine.task import (
    Batch,
    Category,
    Checkpoint,
    DeadLetter,
    KeyState,
    LeaseLost,
    Outcome,
    Task,
    WorkerClass,
)
from dashcam_pipeline.engine.work_book import Took, WorkBook

MOST_INTERRUPTIONS = 10  # a task that loses its worker more often than this is given up
POPPED = "popped"
"""The owner of tasks that are taken out for good."""

DEAD_LETTERS = "dead_letters"
"""The count of a source's tasks that were given up."""


class Ledger:
    """See the module. Each public method leaves the books in order, or raises and has changed nothing."""

    def __init__(
        self,
        categories: Sequence[Category],
        rules: QueueRules,
        delete_frame: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._categories = {category.name: category for category in categories}
        self._rules = rules
        self._clock = clock
        self._buckets: dict[str, Bucket] = {category.name: bucket_for(category) for category in categories}
        self._keyed = {name: one for name, one in self._buckets.items() if isinstance(one, KeyedBucket)}
        self._classes = {
            worker_class: frozenset(one.name for one in categories if one.worker_class is worker_class)
            for worker_class in WorkerClass
        }
        self._readers = self._classes[WorkerClass.SOURCE]
        # A reader goes through all epochs, and a checkpoint comes behind its own.
        self._beside_epochs = {*self._readers, rules.checkpoints_to}
        self._live: set[str] = set()  # ids of all waiting and leased tasks
        self.work = WorkBook()
        self.leases = LeaseTable()
        self.sources = SourceBook()
        self.epochs = EpochBook()
        self.frames = FrameLedger(delete_frame)
        self._states = StateBook(self.frames)
        self._entrance = Entrance(self._categories, self._live, self.frames)
        self._checkpoints = CheckpointMaker(self._buckets, self._states, self.sources)
        self.pressure = Pressure(rules.gpu, rules.cpu, rules.writer, rules.store)
        self.dead: list[DeadLetter] = []

    def add(self, tasks: Sequence[Task]) -> None:
        """Bring in tasks. Raises ValueError for an unknown category, an id in use, or a frame not stored."""
        self._entrance.check(tasks)
        self._add(tasks)

    def lease(self, owner: str, category: str, n: int | None) -> Batch:
        """Hand out the next batch of a category, which must have something ready."""
        size = self._categories[category].batch
        waiting = self._buckets[category].take(size if n is None else min(n, size))
        self.leases.grant(owner, waiting, self._clock())
        first = waiting[0].task
        state = self._states.get(first.source_id, Slot(category, first.key))
        return Batch(category, tuple(item.task for item in waiting), state)

    def take_out(self, category: str) -> Task | None:
        """Finish the next task of a category without work; what its frames are, the caller must know."""
        waiting = self._buckets[category].take(1)
        if not waiting:
            return None
        self.leases.grant(POPPED, waiting, self._clock())
        self._finish([waiting[0].task])
        return waiting[0].task

    def complete(self, owner: str, task_ids: Sequence[str], outcome: Outcome, took: Took) -> None:
        """Finish leased tasks with all that follows."""
        tasks = self.apply(owner, task_ids, outcome, from_reader=False)
        self._finish(tasks)
        if outcome.state is None and not self._categories[tasks[0].category].ordered:
            self._forget_lane(tasks[0])  # an ordered one must know where it was
        self.work.completed(tasks, took)
        self.move_on({task.source_id for task in tasks})

    def fail(self, task_id: str, reason: str, interrupted: bool = False) -> bool:
        """Put a leased task back, or give it up after its last attempt and tell the category that comes next.

        A task that was `interrupted` is not to blame, and has more lives than one that failed.
        """
        (task,) = self.leases.tasks([task_id])
        if interrupted:
            tried = replace(task, interruptions=task.interruptions + 1)
        else:
            self.work.failed(task.category)
            tried = replace(task, attempts=task.attempts + 1)
        if tried.attempts < self._rules.max_attempts and tried.interruptions <= MOST_INTERRUPTIONS:
            self.put_back([tried])
            return False
        self.dead.append(DeadLetter(tried, reason))
        tried = replace(tried, epoch=self._epoch_of(task))
        self.sources.tally(task.source_id, {DEAD_LETTERS: 1}, tried.epoch)
        keeper = self._rules.dead_letters_to
        if keeper is not None and task.category != keeper:
            self._add([for_keeping(tried, keeper, reason)])
        heir = self._categories[task.category].on_dead
        if heir is not None and task.tombstone_of != task.category:  # that one has told it already
            self._add([tombstone(task, heir)])
        self._finish([task])
        self.move_on({task.source_id})
        return True

    def put_back(self, tasks: Sequence[Task]) -> None:
        """Return leased tasks, as they are given here, to the front of their bucket."""
        by_category: dict[str, list[Waiting]] = defaultdict(list)
        for task in tasks:
            self.pressure.settle(task.task_id)
            (waited,) = self.leases.end([task.task_id])
            by_category[task.category].append(replace(waited, task=task))
        for category, waiting in by_category.items():
            self._buckets[category].put_back(waiting)

    def apply(self, owner: str, task_ids: Sequence[str], outcome: Outcome, from_reader: bool) -> list[Task]:
        """The part of an outcome that is the same whether it finishes the tasks or not."""
        try:
            tasks = self.leases.held(owner, task_ids)
            self._entrance.check_outcome(tasks, outcome)
        except (LeaseLost, ValueError):
            self.frames.discard(outcome.new_frames)
            raise
        self.work.handed_in(tasks[0].category, self._clock())
        source_id, epoch = tasks[0].source_id, self._epoch_of(tasks[0])
        push = outcome.push
        if self._is_reader(tasks[0]):
            push = tuple(task if task.epoch == epoch else replace(task, epoch=epoch) for task in push)
        self.frames.register(outcome.new_frames, source=from_reader)
        if push:
            self._add(push)
        self._put_state(tasks[0], outcome.state, epoch)
        self.frames.sweep(outcome.new_frames)
        if outcome.tallies:
            self.sources.tally(source_id, outcome.tallies, epoch)
        if outcome.closer is not None:
            self.sources.close_with(replace(outcome.closer, epoch=epoch))
        if outcome.cut:
            self.epochs.cut(source_id)
        return tasks

    def move_on(self, source_ids: set[str]) -> None:
        """End the epochs of which nothing is left, and the sources; push what comes then."""
        for source_id in source_ids:
            while self.epochs.next_is_over(source_id):
                self._end_epoch(source_id)
            self._close(source_id)

    def restore(self, checkpoint: Checkpoint, frames: Mapping[str, int]) -> None:
        """Take up a source where an earlier run left it. `frames` (id -> bytes) are stored again already."""
        self.frames.register(frames, source=False)
        self.epochs.begin(checkpoint.source_id, checkpoint.epoch + 1)
        self._checkpoints.put_back(checkpoint)
        self.frames.sweep(frames)

    def must_wait(self, owner: str, category: str) -> bool:
        """Whether a worker must not take the next task of a category now.

        Two suspects in one process would both be blamed when it dies, again and again until both are given up.
        """
        return self._buckets[category].next_is_suspect and self.leases.has_suspect(owner)

    def loads(self, categories: Sequence[str]) -> list[Load]:
        """What waits in those of the categories that have something ready, for the policy."""
        return [self._load(name) for name in categories if self._buckets[name].ready]

    def backlog(self, categories: Iterable[str]) -> int:
        """Tasks that wait in the categories together."""
        return sum(self._waiting(name) for name in categories)

    def levels(self) -> Levels:
        """How full the pipeline is."""
        waiting = {worker_class: self.backlog(names) for worker_class, names in self._classes.items()}
        return Levels(
            gpu_tasks=waiting[WorkerClass.GPU],
            cpu_tasks=waiting[WorkerClass.CPU],
            writer_tasks=waiting[WorkerClass.WRITER],
            stored_bytes=self.frames.source_bytes,
        )

    def may_have_room(self) -> bool:
        """Whether a reader waits that might be let in now."""
        return self.pressure.anyone_waits and not self.pressure.stays_closed(self.levels())

    @property
    def categories(self) -> list[str]:
        """The names of all categories."""
        return list(self._categories)

    @property
    def unfinished(self) -> int:
        """Tasks that wait or are leased, and closers still to come."""
        return len(self._live) + self.sources.closers_to_come

    def snapshot(self) -> QueueSnapshot:
        """Everything there is to show."""
        leased, now = self.leases.by_category(), self._clock()
        return QueueSnapshot(
            clock_s=now,
            categories=tuple(
                self.work.load(category, self._waiting(name), leased[name])
                for name, category in self._categories.items()
            ),
            frames=self.frames.use(),
            pressure=self.pressure.load(now),
            tallies=self.sources.tallies(),
            totals=self.sources.totals(),
            sources_done=self.sources.over,
            dead_letters=len(self.dead),
            unfinished=self.unfinished,
        )

    def _add(self, tasks: Sequence[Task]) -> None:
        now_s = self._clock()
        self._live.update([task.task_id for task in tasks])
        self.sources.opened(tasks)
        self.epochs.opened(self._of_epochs(tasks))
        for task in tasks:
            self.frames.retain(task.dependencies)
            if task.category in self._keyed:
                self.sources.knows(task.source_id, task.category, task.key)
            waiting = Waiting(task, now_s)
            if self._categories[task.category].aligned and self.epochs.is_early(task):
                self.epochs.hold(waiting)
            else:
                self._buckets[task.category].put(waiting)

    def _put_state(self, task: Task, state: KeyState | None, epoch: int) -> None:
        """Put the new state of a keyed task in the place of the old one, with the frames that each holds."""
        if task.category in self._keyed:
            first_open = self.epochs.first_open(task.source_id)
            self._states.put(task.source_id, Slot(task.category, task.key), state, epoch, first_open)

    def _finish(self, tasks: Sequence[Task]) -> None:
        """Forget leased tasks and what they needed."""
        task_ids = [task.task_id for task in tasks]
        self.leases.end(task_ids)
        self._live.difference_update(task_ids)
        self.sources.finished(tasks)
        self.epochs.finished(self._of_epochs(tasks))
        for task in tasks:
            if task.category in self._keyed:
                self._keyed[task.category].finished(task)
            if task.category in self._readers:
                self.pressure.forget(task.task_id, self._clock())
            self.frames.release(task.dependencies)

    def _forget_lane(self, task: Task) -> None:
        """A key has no state any more: unless something of it waits, its lane is not needed either."""
        bucket = self._keyed.get(task.category)
        if bucket is not None and bucket.forget(task.key):
            self.sources.forget_key(task.source_id, task.category, task.key)

    def _is_reader(self, task: Task) -> bool:
        return task.category in self._readers

    def _epoch_of(self, task: Task) -> int:
        """To which epoch work belongs: a reader's own task goes through all of them."""
        return self.epochs.current(task.source_id) if self._is_reader(task) else task.epoch

    def _of_epochs(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of the tasks that an epoch is not over without."""
        return [task for task in tasks if task.category not in self._beside_epochs]

    def _end_epoch(self, source_id: str) -> None:
        """Hand out the checkpoint of the earliest open epoch, and let the tasks in that waited for its end."""
        epoch = self.epochs.first_open(source_id)
        early = self.epochs.end_next(source_id)
        keeper = self._rules.checkpoints_to
        if keeper is not None:
            self._add([checkpoint_task(self._checkpoints.take(source_id, epoch), keeper)])
        self._states.prune(source_id, epoch)
        for waiting in early:
            self._buckets[waiting.task.category].put(waiting)

    def _close(self, source_id: str) -> None:
        """Push the closer of a source that has nothing else left, and forget its keys."""
        drained = self.sources.drain(source_id)
        if drained is None:
            return
        for category, key in drained.keys:
            self._keyed[category].forget(key)
        self._states.forget(source_id)
        if drained.closer is not None:
            self._add([drained.closer])
        else:
            self.epochs.forget(source_id)

    def _waiting(self, name: str) -> int:
        return len(self._buckets[name]) + self.epochs.held(name)

    def _load(self, name: str) -> Load:
        bucket, category = self._buckets[name], self._categories[name]
        oldest = bucket.oldest_s()
        age = 0.0 if oldest is None else max(0.0, self._clock() - oldest)
        return Load(name, bucket.ready, category.batch, category.rank, age)
