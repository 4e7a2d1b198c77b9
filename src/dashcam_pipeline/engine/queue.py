"""The central task queue: what waits, what is leased to whom, and what each frame is still needed for.

One object, served by the Manager process to all others. Every method is one atomic step. Tasks, key states and
frame references change together, so that a worker may die at any moment: what it had leased is handed out again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from dashcam_pipeline.engine import policy
from dashcam_pipeline.engine.leases import Silent
from dashcam_pipeline.engine.ledger import Ledger
from dashcam_pipeline.engine.pressure import Request
from dashcam_pipeline.engine.rules import QueueRules
from dashcam_pipeline.engine.snapshot import QueueSnapshot
from dashcam_pipeline.engine.task import (
    Admission,
    Batch,
    Category,
    Checkpoint,
    DeadLetter,
    LeaseLost,
    Outcome,
    Task,
)
from dashcam_pipeline.engine.waiters import Waiters
from dashcam_pipeline.engine.work_book import Took


class CentralTaskQueue:
    """The ledger behind a lock, with waiting for work and for room.

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
        self._rules = rules
        self._free_bytes = free_bytes
        self._clock = clock
        self._ledger = Ledger(categories, rules, delete_frame, clock)
        self._lock = threading.Lock()
        self._waiters = Waiters(self._lock)
        self._room = threading.Condition(self._lock)  # readers that wait for it
        self._dead_owners: set[str] = set()
        self._closed = False

    # --- bringing tasks in -------------------------------------------------------------------------------

    def push(self, task_id: str, task: Task) -> None:
        """Add one task. Its dependencies must be stored frames. Raises ValueError for an id that is in use."""
        if task.task_id != task_id:
            raise ValueError(f"task {task.task_id!r} pushed under the id {task_id!r}")
        with self._change() as ledger:
            ledger.add([task])

    def admit(self, task_id: str, frames: int, nbytes: int, wait_s: float = 0.0) -> Admission:
        """Ask, for the reading task `task_id`, to bring in frames; waits up to `wait_s` for room.

        What is admitted is set aside for it until its next `progress`, so the limits hold exactly. Raises
        LeaseLost when nobody holds the task: a dead reader's last call must not set room aside for ever.
        """
        request = Request(task_id, frames, nbytes)
        deadline = self._clock() + wait_s
        with self._lock:
            while True:
                if not self._ledger.leases.is_out(task_id):
                    raise LeaseLost(f"nobody holds {task_id}, which asks for room")
                self._ledger.leases.moved([task_id], self._clock())
                gate = self._ledger.pressure.ask(
                    request, self._ledger.levels(), self._disk_has_room(nbytes), self._clock()
                )
                if gate is None:
                    return Admission(True)
                left = deadline - self._clock()
                if left <= 0 or not self._room.wait(left):
                    return Admission(False, gate)

    # --- taking tasks out --------------------------------------------------------------------------------

    def pop(self, category: str) -> Task | None:
        """Take one task out for good. Its frames are let go with it: who needs them leases instead."""
        with self._change() as ledger:
            task = ledger.take_out(category)
            if task is not None:
                ledger.move_on({task.source_id})
            return task

    def lease(
        self, owner: str, categories: Sequence[str], n: int | None = None, wait_s: float = 0.0
    ) -> Batch | None:
        """Take a batch of the most urgent of `categories`, at most `n` tasks (default: the category's batch).

        The tasks stay the owner's until `complete`, `fail`, `give_back`, or until its lease runs out. Waits up
        to `wait_s` for work; None when there is none. A dead owner gets nothing: its last call may still be here.
        """
        with self._lock:
            batch = self._take(owner, categories, n)
            if batch is not None or wait_s <= 0 or self._has_no_hope(owner):
                return batch
            return self._waiters.wait(owner, categories, n, wait_s)

    def help(self, owner: str, categories: Sequence[str], workers: int) -> Batch | None:
        """Take tasks of another class's categories, where its `workers` are behind; see `policy.choose_help`.

        For a worker that has nothing of its own to do. What comes of it is handed in with `helped`.
        """
        with self._lock:
            if self._has_no_hope(owner):
                return None
            chosen = policy.choose_help(self._ledger.work.offers(self._ledger.loads(categories)), workers)
            if chosen is None or self._ledger.must_wait(owner, chosen.category):
                return None
            return self._ledger.lease(owner, chosen.category, chosen.tasks)

    # --- finishing them ----------------------------------------------------------------------------------

    def complete(
        self,
        owner: str,
        task_ids: Sequence[str],
        outcome: Outcome,
        busy_s: float = 0.0,
        helped: bool = False,
    ) -> None:
        """Finish leased tasks: push what follows, keep the key's new state, release the frames. All or nothing.

        Raises LeaseLost when one of the tasks is no longer the owner's, ValueError when what is pushed is not
        sound. Nothing has changed then, but the new pictures are deleted.
        """
        with self._change() as ledger:
            ledger.complete(owner, task_ids, outcome, Took(busy_s, helped))

    def progress(self, owner: str, task_id: str, outcome: Outcome) -> None:
        """Record what a long task has done so far, as `complete` does, and let it go on. Frames were admitted.

        Earlier failures of the task count no more: it got past them.
        """
        with self._change() as ledger:
            ledger.apply(owner, [task_id], outcome, from_reader=True)
            ledger.pressure.settle(task_id)
            ledger.leases.clear(task_id)
            ledger.leases.moved([task_id], self._clock())
            if outcome.cut:
                ledger.move_on({ledger.leases.tasks([task_id])[0].source_id})

    def restore(self, checkpoint: Checkpoint, frames: Mapping[str, int]) -> None:
        """Take up a source behind a checkpoint of an earlier run, before any task of it is pushed.

        `frames` (id -> bytes) are those that the checkpoint's states name, put into the frame store again.
        """
        with self._change() as ledger:
            ledger.restore(checkpoint, frames)

    def fail(self, owner: str, task_id: str, reason: str) -> bool:
        """A leased task raised: try it again, or after the last attempt give it up. True when it was given up."""
        with self._change() as ledger:
            ledger.leases.held(owner, [task_id])
            return ledger.fail(task_id, reason)

    def give_back(self, owner: str, task_ids: Sequence[str]) -> None:
        """Return leased tasks untried."""
        with self._change() as ledger:
            ledger.put_back(ledger.leases.held(owner, task_ids))

    # --- what the supervisor does ------------------------------------------------------------------------

    def renew(self, owner: str) -> None:
        """The owner is alive: its leases last another `lease_s`."""
        with self._lock:
            self._ledger.leases.renew(owner, self._clock())

    def alive(self, owner: str, task_ids: Sequence[str]) -> None:
        """Work on these leased tasks goes on, though nothing can be handed in yet: they are not stuck.

        Raises LeaseLost when one of them is no longer the owner's.
        """
        with self._lock:
            self._ledger.leases.held(owner, task_ids)
            self._ledger.leases.moved(task_ids, self._clock())

    def requeue_owner(self, owner: str, reason: str, interrupted: bool = False) -> int:
        """The owner died: each of its tasks has failed once, and its name is used up. How many there were.

        A batch that killed its worker comes back task by task (see FifoBucket), so the guilty one stands alone.
        With `interrupted` the owner was ended from outside, and that counts as no attempt.
        """
        with self._change() as ledger:
            self._dead_owners.add(owner)
            lost = ledger.leases.of(owner)
            for task_id in reversed(lost):  # each goes back to the front, so the first of them goes last
                ledger.fail(task_id, reason, interrupted)
            return len(lost)

    def silent_owners(self) -> list[Silent]:
        """Owners of leases that have been silent for `lease_s`, or hold a task that is stuck."""
        with self._lock:
            return self._ledger.leases.silent(self._clock(), self._rules.lease_s, self._rules.stuck_s)

    def grace(self) -> None:
        """The whole run stood still for a while: all leases begin anew, so that nobody is taken for silent."""
        with self._lock:
            self._ledger.leases.grace(self._clock())

    def withdraw(self, category: str) -> list[Task]:
        """Take back every waiting task of a category, as when the user stops a run. Their frames are released."""
        with self._change() as ledger:
            withdrawn: list[Task] = []
            while (task := ledger.take_out(category)) is not None:
                withdrawn.append(task)
            ledger.move_on({task.source_id for task in withdrawn})
            return withdrawn

    def close(self) -> None:
        """Nobody waits for work any more: `lease` answers at once."""
        with self._change():
            self._closed = True

    # --- looking -----------------------------------------------------------------------------------------

    def backlog(self, category: str) -> int:
        """Tasks that wait in a category."""
        with self._lock:
            return self._ledger.backlog([category])

    def total_backlog(self) -> int:
        """Tasks that wait in all categories together."""
        with self._lock:
            return self._ledger.backlog(self._ledger.categories)

    def unfinished(self) -> int:
        """Tasks that wait or are leased, and closers still to come."""
        with self._lock:
            return self._ledger.unfinished

    def tallies(self, source_id: str) -> dict[str, int]:
        """The counts of a source."""
        with self._lock:
            return self._ledger.sources.tallies_of(source_id)

    def dead_letters(self) -> list[DeadLetter]:
        """Tasks that were given up."""
        with self._lock:
            return list(self._ledger.dead)

    def snapshot(self) -> QueueSnapshot:
        """Everything there is to show, at one moment."""
        with self._lock:
            return self._ledger.snapshot()

    @contextmanager
    def _change(self) -> Iterator[Ledger]:
        """The ledger, for one caller; who waits for work or room gets what came free of it."""
        with self._lock:
            yield self._ledger
            self._waiters.serve(self._take, self._has_no_hope)
            if self._ledger.may_have_room():
                self._room.notify_all()

    def _take(self, owner: str, categories: Sequence[str], n: int | None) -> Batch | None:
        """A batch of the most urgent of the categories, if there is one for this owner."""
        if owner in self._dead_owners:
            return None
        chosen = policy.choose(self._ledger.loads(categories))
        if chosen is None or self._ledger.must_wait(owner, chosen):
            return None
        return self._ledger.lease(owner, chosen, n)

    def _has_no_hope(self, owner: str) -> bool:
        """Whether an owner for whom nothing is there need not wait."""
        return self._closed or owner in self._dead_owners

    def _disk_has_room(self, nbytes: int) -> bool:
        return self._free_bytes is None or self._free_bytes() - nbytes >= self._rules.min_free_bytes
