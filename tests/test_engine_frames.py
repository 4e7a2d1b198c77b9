"""How long frames live: a model of who needs which frame, beside the queue, over random lives of tasks."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from dashcam_pipeline.engine.frames import FrameLedger
from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, Task
from engine_toys import World, task


def test_a_frame_is_deleted_when_its_last_need_ends_and_only_then() -> None:
    deleted: list[str] = []
    ledger = FrameLedger(deleted.append)
    ledger.register({"f": 10, "p": 4}, source=True)
    ledger.retain(["f", "f", "p"])
    for expected in ([], ["f"]):
        ledger.release(["f"])
        assert deleted == expected
    assert (ledger.unknown(["f", "p"]), ledger.use().source_bytes) == (["f"], 4)


def test_frames_that_nobody_took_up_are_swept_and_others_stay() -> None:
    deleted: list[str] = []
    ledger = FrameLedger(deleted.append)
    ledger.register({"a": 1, "b": 1}, source=False)
    ledger.retain(["a"])
    ledger.sweep(["a", "b", "never there"])
    assert deleted == ["b"]


def test_the_peak_is_kept() -> None:
    ledger = FrameLedger(lambda frame_id: None)
    ledger.register({"f": 100}, source=True)
    ledger.register({"p": 7}, source=False)
    ledger.retain(["f", "p"])
    ledger.release(["f", "p"])
    use = ledger.use()
    assert (use.frames, use.source_bytes, use.picture_bytes, use.peak_bytes) == (0, 0, 0, 107)


class Life:
    """Random work on a queue, with a naive book of who needs what."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(max_attempts=2)
        self.frames = 0
        self.tasks: dict[str, Task] = {}  # all that live
        self.states: dict[tuple[str, str], KeyState] = {}
        self.out: list[tuple[str, Batch]] = []  # owner, batch
        self.owners = 0
        self.left = {name: 25 for name in ("x", "y")}
        for name in self.left:
            self.world.read(name)
            self.tasks[f"read-{name}"] = task(f"read-{name}", "READ", source=name, key=name)

    def bring_in(self) -> None:
        if not self.left:
            return
        source = self.chance.choice(list(self.left))
        frames = self._new_frames(self.chance.randint(1, 3))
        order = 25 - self.left[source]
        new = task(f"{source}{order}", source=source, key=source, order=order, frames=tuple(frames))
        self.world.bring_in(frames, new, source=source)
        self.tasks[new.task_id] = new
        self.left[source] -= 1
        if not self.left[source]:
            del self.left[source], self.tasks[f"read-{source}"]
            self.world.queue.complete("r", [f"read-{source}"], Outcome())

    def lease(self) -> None:
        self.owners += 1
        owner = f"w{self.owners}"
        category = self.chance.choice(["SEARCH", "ORDER", "GATHER", "CLOSE"])
        if batch := self.world.queue.lease(owner, [category]):
            self.out.append((owner, batch))

    def finish(self) -> None:
        """Complete a batch; what follows needs some of its frames, some new ones, and a state holds others."""
        if not self.out:
            return
        owner, batch = self.out.pop(self.chance.randrange(len(self.out)))
        at_hand = sorted({frame for one in batch.tasks for frame in one.dependencies})
        if batch.state:
            at_hand += batch.state.frames
        new = self._new_frames(self.chance.randint(0, 2))
        state = None
        if batch.category in ("ORDER", "GATHER") and self.chance.random() < 0.7:
            state = KeyState(b"", tuple(self._some([*at_hand, *new])))
        follow = [self._follow(one, self._some([*one.dependencies, *new])) for one in batch.tasks]
        pushed = [one for one in follow if one is not None]
        self.world.queue.complete(
            owner, batch.task_ids, Outcome(push=tuple(pushed), new_frames=new, state=state)
        )
        for task_id in batch.task_ids:
            del self.tasks[task_id]
        self.tasks.update({one.task_id: one for one in pushed})
        key = (batch.category, batch.tasks[0].key)
        self.states.pop(key, None)
        if state is not None:
            self.states[key] = state

    def go_wrong(self) -> None:
        if not self.out:
            return
        owner, batch = self.out.pop(self.chance.randrange(len(self.out)))
        dead_before = len(self.world.queue.dead_letters())
        how = self.chance.choice(["fail", "give back", "die", "late"])
        if how == "give back":
            self.world.queue.give_back(owner, batch.task_ids)
            return
        if how == "fail":
            for task_id in reversed(batch.task_ids):
                self.world.queue.fail(owner, task_id, "broken")
        else:
            self.world.queue.requeue_owner(owner, "killed")
        if how == "late":  # its outcome comes after it was declared dead
            new = self._new_frames(2)
            with pytest.raises(Exception, match="no longer holds"):
                self.world.queue.complete(owner, batch.task_ids, Outcome(new_frames=new))
        for letter in self.world.queue.dead_letters()[dead_before:]:
            del self.tasks[letter.task.task_id]
            if letter.task.category == "SEARCH":
                self.tasks[f"{letter.task.task_id}!"] = task(f"{letter.task.task_id}!", "ORDER")

    def check(self) -> None:
        """What is stored is what is needed; nothing was deleted that is needed, nothing twice."""
        needed: Counter[str] = Counter()
        sources = {one.source_id for one in self.tasks.values()}
        for one in self.tasks.values():
            needed.update(one.dependencies)
        for (_, key), state in self.states.items():
            if any(key.startswith(source) for source in sources):  # states end with their source
                needed.update(state.frames)
        entries = self.world.queue._ledger.frames._entries
        assert {name: entry.references for name, entry in entries.items()} == dict(needed)
        deleted = Counter(self.world.deleted)
        assert deleted.keys().isdisjoint(needed)
        assert set(deleted.values()) <= {1}
        assert deleted.keys() | needed.keys() == {f"f{n}" for n in range(self.frames)}

    def _follow(self, one: Task, frames: list[str]) -> Task | None:
        following = {"SEARCH": "ORDER", "ORDER": "GATHER", "GATHER": "CLOSE", "CLOSE": None}[one.category]
        if following is None or (following != "ORDER" and self.chance.random() < 0.3):
            return None
        key = one.source_id if following == "ORDER" else f"{one.source_id}{one.order % 3}"
        name = f"{one.task_id}.{following[0]}"
        return task(name, following, source=one.source_id, key=key, order=one.order, frames=tuple(frames))

    def _some(self, frames: list[str]) -> list[str]:
        return [frame for frame in dict.fromkeys(frames) if self.chance.random() < 0.6]

    def _new_frames(self, count: int) -> dict[str, int]:
        self.frames += count
        return {f"f{n}": 1 for n in range(self.frames - count, self.frames)}


@pytest.mark.parametrize("seed", range(15))
def test_at_any_time_exactly_the_frames_that_are_needed_are_stored(seed: int) -> None:
    life = Life(seed)
    acts = [life.bring_in, life.lease, life.finish, life.finish, life.lease, life.go_wrong]
    for _ in range(500):
        life.chance.choice(acts)()
        life.check()
    acts = [life.bring_in, life.lease, life.finish]
    while life.tasks:
        life.chance.choice(acts)()
    life.check()
    assert life.world.queue.snapshot().frames.frames == 0
    assert len(life.world.deleted) == life.frames
    assert life.world.queue.unfinished() == 0
