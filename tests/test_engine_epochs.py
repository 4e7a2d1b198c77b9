"""Epochs and checkpoints: whatever order things happen in, a source that is gone on with gives the same result."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from dashcam_pipeline.engine.task import (
    Batch,
    Category,
    Checkpoint,
    KeyState,
    Outcome,
    Task,
    WorkerClass,
    pack,
)
from engine_toys import World

READ = Category(name="READ", worker_class=WorkerClass.SOURCE, keyed=True)
SEARCH = Category(name="SEARCH", worker_class=WorkerClass.GPU, batch=3, rank=1, on_dead="ORDER")
ORDER = Category(name="ORDER", worker_class=WorkerClass.CPU, batch=3, rank=2, ordered=True)
LOOK = Category(name="LOOK", worker_class=WorkerClass.GPU, batch=2, rank=3)
GATHER = Category(name="GATHER", worker_class=WorkerClass.CPU, batch=4, rank=4, keyed=True, aligned=True)
WRITE = Category(name="WRITE", worker_class=WorkerClass.WRITER, batch=4, rank=5)
KEEP = Category(name="KEEP", worker_class=WorkerClass.WRITER, batch=4, rank=6, keyed=True)
CLOSE = Category(name="CLOSE", worker_class=WorkerClass.CPU, rank=5)
CATEGORIES = (READ, SEARCH, ORDER, LOOK, GATHER, WRITE, KEEP, CLOSE)

FRAMES = 40
LIFE = 7  # frames from a thing's first sight to its last
LOOKED_AT = 3  # of its frames


@dataclass
class Disk:
    """What outlives a kill: the rows, and the last checkpoint with the frames that it names."""

    rows: dict[str, object] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    kept: Checkpoint | None = None
    frames_read: int = 0


class Run:
    """One source worked off step by step, by toys, in an order that a dice decides.

    A thing is in sight for `LIFE` frames; every third frame brings a new one. ORDER sees who is there and asks for
    looks, GATHER collects the looks of a thing until it has passed and all of them are in, WRITE makes its row.
    """

    def __init__(self, disk: Disk, dice: random.Random, cut_every: int) -> None:
        self.disk, self.dice, self.cut_every = disk, dice, cut_every
        self.world = World(CATEGORIES, checkpoints_to="KEEP", max_attempts=2)
        self.queue = self.world.queue
        if disk.kept is not None:
            self.queue.restore(disk.kept, dict.fromkeys(disk.kept.frames, 1))
        self.queue.push("READ", Task(task_id="READ", category="READ", source_id="s", key="s"))
        batch = self.queue.lease("reader", ["READ"])
        assert batch is not None
        self.position: int = batch.state.load() if batch.state else 0
        self.reading = True
        self.in_hand: Batch | None = None  # a look that takes long, so that later ones come in before it
        self.slow = dice.choice(
            ["SEARCH", "ORDER", "LOOK", "GATHER", "WRITE", "KEEP"]
        )  # tasks pile up before it

    def step(self) -> bool:
        """Do one thing; False when nothing is left to do."""
        if self.queue.unfinished() == 0:
            return False
        names = ["SEARCH", "ORDER", "LOOK", "GATHER", "WRITE", "KEEP", "CLOSE"]
        self.dice.shuffle(names)
        if self.dice.random() < 0.9:
            names.remove(self.slow)
        if self.in_hand is None:
            self.in_hand = self.queue.lease("slow", ["LOOK"], 1)
        elif self.dice.random() < 0.05:
            self.queue.complete("slow", self.in_hand.task_ids, self.look(self.in_hand))
            self.in_hand = None
        if self.reading and self.dice.random() < 0.4:
            self.read()
            return True
        for name in names:
            batch = self.queue.lease("w", [name], self.dice.choice([1, 2, None]))
            if batch is not None:
                if self.dice.random() < 0.1:
                    self.queue.give_back("w", batch.task_ids)
                else:
                    outcome = getattr(self, name.lower())(batch)
                    self.queue.complete("w", batch.task_ids, outcome)
                return True
        if self.reading:
            self.read()
        return True

    def read(self) -> None:
        if self.position == FRAMES:
            self.reading = False
            end = self.task("ORDER", "end", None, key="s", order=FRAMES)
            closer = Task(task_id="CLOSE", category="CLOSE", source_id="s")
            self.queue.complete("reader", ["READ"], Outcome(push=(end,), closer=closer))
            return
        n = self.position
        self.position += 1
        self.disk.frames_read += 1
        search = self.task("SEARCH", str(n), n, key="s", order=n, dependencies=(f"frame-{n}",))
        cut = self.position % self.cut_every == 0
        state = KeyState(pack(self.position))
        outcome = Outcome(push=(search,), new_frames={f"frame-{n}": 1}, state=state, cut=cut)
        self.queue.progress("reader", "READ", outcome)

    def search(self, batch: Batch) -> Outcome:
        return Outcome(
            push=tuple(replace(task, task_id=f"ORDER:{task.order}", category="ORDER") for task in batch.tasks)
        )

    def order(self, batch: Batch) -> Outcome:
        """The state: the things in sight, with the looks asked for so far."""
        things: dict[int, int] = batch.state.load() if batch.state else {}
        push: list[Task] = []
        for task in batch.tasks:
            n = task.load()
            if n is None or n % 3 == 0:
                leaving = [thing for thing in things if n is None or n - thing >= LIFE]
                for thing in leaving:
                    looks = things.pop(thing)
                    push.append(
                        self.follow(task, "GATHER", f"{thing}-passed", (thing, looks), key=f"t{thing}")
                    )
            if n is not None:
                if n % 3 == 0:
                    things[n] = 0
                for thing in things:
                    if (n - thing) % 2 == 0 and things[thing] < LOOKED_AT:
                        things[thing] += 1
                        push.append(
                            self.follow(
                                task, "LOOK", f"{thing}-{n}", (thing, n), key=f"t{thing}", frames=True
                            )
                        )
        over = batch.tasks[-1].load() is None
        return Outcome(push=tuple(push), state=None if over else KeyState(pack(things)))

    def look(self, batch: Batch) -> Outcome:
        push, new = [], {}
        for task in batch.tasks:
            picture = f"picture-{task.task_id}-{self.dice.random()}"
            new[picture] = 1
            push.append(
                replace(
                    task,
                    task_id=f"GATHER:{task.task_id}",
                    category="GATHER",
                    dependencies=(picture,),
                    payload=pack((*task.load(), picture)),
                )
            )
        return Outcome(push=tuple(push), new_frames=new)

    def gather(self, batch: Batch) -> Outcome:
        """The state: the frames looked at, with their pictures, and how many looks there must be."""
        seen, wanted = batch.state.load() if batch.state else ({}, None)
        for task in batch.tasks:
            thing, n, *picture = task.load()
            if picture:
                assert n not in seen
                seen[n] = picture[0]
            else:
                wanted = n
        if wanted is not None and len(seen) == wanted:
            row = self.follow(batch.tasks[0], "WRITE", str(thing), (thing, sorted(seen)))
            return Outcome(push=(row,), tallies={"things": 1, "looks": len(seen)})
        return Outcome(state=KeyState(pack((seen, wanted)), tuple(sorted(seen.values()))))

    def write(self, batch: Batch) -> Outcome:
        for task in batch.tasks:
            thing, frames = task.load()
            self.disk.rows[thing] = frames
        return Outcome()

    def keep(self, batch: Batch) -> Outcome:
        latest = max((task.load() for task in batch.tasks), key=lambda kept: kept.epoch)
        stored = self.queue._ledger.frames
        assert stored.unknown(latest.frames) == []
        self.disk.kept = pickle.loads(pickle.dumps(latest))
        return Outcome()

    def close(self, batch: Batch) -> Outcome:
        self.disk.counts = self.queue.tallies("s")
        return Outcome()

    def follow(
        self, task: Task, category: str, name: str, record: object, key: str = "", frames: bool = False
    ) -> Task:
        return self.task(
            category,
            name,
            record,
            key=key,
            epoch=task.epoch,
            dependencies=task.dependencies if frames else (),
        )

    def task(self, category: str, name: str, record: object, **more: object) -> Task:
        return Task(
            task_id=f"{category}:{name}", category=category, source_id="s", payload=pack(record), **more
        )  # type: ignore[arg-type]


def finish(disk: Disk, seed: int, cut_every: int, kills: Callable[[random.Random], bool]) -> Run:
    """Run the source to its end, from its checkpoint after every kill."""
    dice = random.Random(seed)
    while True:
        run = Run(disk, dice, cut_every)
        while run.step():
            if kills(dice):
                break
        else:
            return run


def undisturbed() -> Disk:
    disk = Disk()
    finish(disk, 0, 10**6, lambda dice: False)
    return disk


@pytest.mark.parametrize("cut_every", [1, 3, 8])
@pytest.mark.parametrize("seed", range(25))
def test_a_source_that_is_killed_again_and_again_gives_the_same_rows_and_counts(
    seed: int, cut_every: int
) -> None:
    disk, expected = Disk(), undisturbed()
    run = finish(disk, seed, cut_every, lambda dice: dice.random() < 0.02)
    assert (disk.rows, disk.counts) == (expected.rows, expected.counts)
    assert run.queue.snapshot().frames.frames == 0


def test_cuts_change_nothing_where_nobody_is_killed() -> None:
    disk, expected = Disk(), undisturbed()
    run = finish(disk, 3, 2, lambda dice: False)
    assert (disk.rows, disk.counts, disk.frames_read) == (expected.rows, expected.counts, FRAMES)
    assert disk.kept is not None and disk.kept.epoch == FRAMES // 2 - 1
    assert run.world.queue.snapshot().frames.frames == 0


def test_after_a_checkpoint_only_what_came_behind_it_is_read_again() -> None:
    disk = Disk()
    run = Run(disk, random.Random(5), cut_every=5)
    while disk.kept is None or disk.kept.epoch < 3:
        run.step()
    before, resumed_at = run.position, 5 * (disk.kept.epoch + 1)
    disk.frames_read = 0
    finish(disk, 6, 5, lambda dice: False)
    assert disk.frames_read == FRAMES - resumed_at
    assert disk.rows == undisturbed().rows
    assert before >= resumed_at


def test_tasks_of_a_later_epoch_wait_for_the_earlier_one_only_where_the_category_is_aligned() -> None:
    run = Run(Disk(), random.Random(1), cut_every=2)
    for _ in range(6):
        run.read()
    queue = run.queue
    while batch := queue.lease("w", ["SEARCH"]):
        queue.complete("w", batch.task_ids, run.search(batch))
    while batch := queue.lease("w", ["ORDER"]):  # runs ahead through all epochs
        assert len({task.epoch for task in batch.tasks}) == 1
        queue.complete("w", batch.task_ids, run.order(batch))
    held_up = queue.lease("slow", ["LOOK"], 1)
    assert held_up is not None and held_up.tasks[0].epoch == 0
    while batch := queue.lease("w", ["LOOK"]):
        queue.complete("w", batch.task_ids, run.look(batch))
    assert queue.backlog("GATHER") > 0 and queue.lease("w", ["GATHER"]) is None and queue.backlog("KEEP") == 0
    queue.complete("slow", held_up.task_ids, run.look(held_up))
    batch = queue.lease("w", ["GATHER"])
    assert batch is not None and batch.tasks[0].epoch == 0


def test_a_task_that_is_given_up_holds_no_epoch_open() -> None:
    run = Run(Disk(), random.Random(1), cut_every=2)
    for _ in range(4):
        run.read()
    for _ in range(2):
        batch = run.queue.lease("w", ["SEARCH"], 1)
        assert batch is not None
        run.queue.fail("w", batch.task_ids[0], "it can't be done")
    assert len(run.queue.dead_letters()) == 1
    while run.step():
        pass
    assert run.disk.kept is not None and run.disk.kept.epoch == FRAMES // 2 - 1


def test_a_reader_that_is_given_up_counts_where_it_was_and_not_before_the_cut() -> None:
    """A checkpoint of what came before must not know of it: a later run may get past that place."""
    run = Run(Disk(), random.Random(1), cut_every=2)
    for _ in range(2):
        run.read()
    run.queue.fail("reader", "READ", "the file can't be read")
    while run.queue.lease("reader", ["READ"]) is not None:
        run.queue.fail("reader", "READ", "the file can't be read")
    run.reading = False
    while batch := run.queue.lease("w", ["SEARCH", "ORDER", "LOOK", "GATHER", "WRITE"]):
        run.queue.complete("w", batch.task_ids, getattr(run, batch.category.lower())(batch))
    (kept,) = [task.load() for task in run.queue.lease("w", ["KEEP"]).tasks]  # type: ignore[union-attr]
    assert len(run.queue.dead_letters()) == 1
    assert "dead_letters" not in kept.tallies
