"""Where the tasks of one category wait."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from dashcam_pipeline.engine.buckets import Bucket, FifoBucket, KeyedBucket, Waiting, bucket_for
from dashcam_pipeline.engine.task import Category
from engine_toys import GATHER, ORDER, SEARCH, task


def item(name: str, key: str = "", order: int = 0, since_s: float = 0.0, attempts: int = 0) -> Waiting:
    return Waiting(replace(task(name, key=key, order=order), attempts=attempts), since_s)


def ids(taken: list[Waiting]) -> list[str]:
    return [one.task.task_id for one in taken]


def finish(bucket: Bucket, taken: list[Waiting]) -> None:
    for one in taken:
        bucket.finished(one.task)


@pytest.mark.parametrize(
    ("category", "kind"), [(SEARCH, FifoBucket), (ORDER, KeyedBucket), (GATHER, KeyedBucket)]
)
def test_a_category_gets_the_bucket_it_asks_for(category: Category, kind: type) -> None:
    assert isinstance(bucket_for(category), kind)


@pytest.mark.parametrize("bucket", [FifoBucket(), KeyedBucket(ordered=False), KeyedBucket(ordered=True)])
def test_an_empty_bucket_gives_nothing(bucket: Bucket) -> None:
    assert bucket.take(3) == []
    assert (bucket.ready, len(bucket), bucket.oldest_s()) == (0, 0, None)


class TestFifo:
    def test_first_in_first_out(self) -> None:
        bucket = FifoBucket()
        for name in "abcde":
            bucket.put(item(name))
        assert [ids(bucket.take(2)) for _ in range(4)] == [["a", "b"], ["c", "d"], ["e"], []]

    def test_what_comes_back_goes_first_in_its_old_order(self) -> None:
        bucket = FifoBucket()
        for name in "abcd":
            bucket.put(item(name))
        bucket.put_back(bucket.take(3))
        assert ids(bucket.take(9)) == ["a", "b", "c", "d"]

    @pytest.mark.parametrize(
        ("attempts", "batches"),
        [
            ((0, 0, 0), ["abc"]),
            ((1, 0, 0), ["a", "bc"]),
            ((0, 1, 0), ["a", "b", "c"]),
            ((0, 0, 1), ["ab", "c"]),
            ((1, 1, 1), ["a", "b", "c"]),
        ],
    )
    def test_a_suspect_is_taken_alone(self, attempts: tuple[int, ...], batches: list[str]) -> None:
        bucket = FifoBucket()
        for name, tried in zip("abc", attempts, strict=True):
            bucket.put(item(name, attempts=tried))
        assert ["".join(ids(bucket.take(9))) for _ in batches] == batches
        assert bucket.ready == 0

    def test_the_oldest_is_the_next(self) -> None:
        bucket = FifoBucket()
        bucket.put(item("a", since_s=5.0))
        bucket.put(item("b", since_s=7.0))
        assert bucket.oldest_s() == 5.0
        bucket.take(1)
        assert bucket.oldest_s() == 7.0


class TestKeyed:
    def test_one_batch_of_a_key_is_out_at_a_time(self) -> None:
        bucket = KeyedBucket(ordered=False)
        for name, key in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a")):
            bucket.put(item(name, key))
        first = bucket.take(2)
        assert ids(first) == ["a1", "a2"]
        assert ids(bucket.take(9)) == ["b1"]
        assert (bucket.take(9), bucket.ready, len(bucket)) == ([], 0, 1)
        finish(bucket, first[:1])
        assert bucket.ready == 0  # the other one is still out
        finish(bucket, first[1:])
        assert ids(bucket.take(9)) == ["a3"]

    def test_keys_take_turns(self) -> None:
        bucket = KeyedBucket(ordered=False)
        for turn in range(3):
            for key in "ab":
                bucket.put(item(f"{key}{turn}", key))
        turns = []
        for _ in range(6):
            taken = bucket.take(1)
            turns += ids(taken)
            finish(bucket, taken)
        assert turns == ["a0", "b0", "a1", "b1", "a2", "b2"]

    def test_a_part_of_a_batch_can_come_back_before_the_rest_is_done(self) -> None:
        bucket = KeyedBucket(ordered=False)
        for name in ("a1", "a2", "a3", "a4"):
            bucket.put(item(name, "a"))
        taken = bucket.take(3)
        bucket.put_back(taken[1:])
        assert bucket.ready == 0
        bucket.put_back([replace(taken[0], task=replace(taken[0].task, attempts=1))])
        assert ids(bucket.take(9)) == ["a1"]  # it failed: alone
        finish(bucket, taken[:1])
        assert ids(bucket.take(9)) == ["a2", "a3", "a4"]

    def test_a_forgotten_key_begins_anew(self) -> None:
        bucket = KeyedBucket(ordered=True)
        bucket.put(item("a0", "a", 0))
        finish(bucket, bucket.take(1))
        bucket.forget("a")
        bucket.forget("never seen")
        bucket.put(item("again", "a", 0))
        assert ids(bucket.take(1)) == ["again"]

    def test_a_key_in_use_is_not_forgotten(self) -> None:
        bucket = KeyedBucket(ordered=True)
        bucket.put(item("a0", "a", 0))
        bucket.forget("a")
        taken = bucket.take(1)
        bucket.forget("a")
        finish(bucket, taken)
        bucket.put(item("a1", "a", 1))
        assert ids(bucket.take(1)) == ["a1"]


class TestOrdered:
    @pytest.mark.parametrize(
        ("arrived", "taken"),
        [
            ((0, 1, 2), [0, 1, 2]),
            ((2, 1, 0), [0, 1, 2]),
            ((1, 2), []),
            ((0, 2, 3), [0]),
            ((3, 0, 1, 5), [0, 1]),
        ],
    )
    def test_tasks_leave_in_contiguous_order_whatever_order_they_come_in(
        self, arrived: tuple[int, ...], taken: list[int]
    ) -> None:
        bucket = KeyedBucket(ordered=True)
        for order in arrived:
            bucket.put(item(f"t{order}", "a", order))
        assert [one.task.order for one in bucket.take(9)] == taken

    def test_a_gap_is_waited_for(self) -> None:
        bucket = KeyedBucket(ordered=True)
        bucket.put(item("t0", "a", 0))
        bucket.put(item("t2", "a", 2))
        finish(bucket, bucket.take(9))
        assert (bucket.ready, bucket.take(9), len(bucket)) == (0, [], 1)
        bucket.put(item("t1", "a", 1))
        assert ids(bucket.take(9)) == ["t1", "t2"]

    def test_a_gap_is_waited_for_also_behind_one_that_came_back(self) -> None:
        """5 and 6 are tried again after 7 was given up; 8 is not here yet, so 9 must wait."""
        bucket = KeyedBucket(ordered=True)
        for order in range(8):
            bucket.put(item(f"t{order}", "a", order))
        finish(bucket, bucket.take(5))
        taken = bucket.take(3)
        bucket.finished(taken[2].task)
        bucket.put_back(taken[:2])
        bucket.put(item("t9", "a", 9))
        assert ids(bucket.take(9)) == ["t5", "t6"]


class _Model:
    """What a keyed bucket must do, written down naively."""

    def __init__(self, ordered: bool) -> None:
        self.ordered = ordered
        self.waiting: dict[str, list[Waiting]] = {}
        self.out: dict[str, list[Waiting]] = {}
        self.done: dict[str, int] = {}

    def takeable(self, key: str) -> list[Waiting]:
        """What one take of this key would give at most."""
        if self.out.get(key):
            return []
        line = self.waiting.get(key, [])
        if self.ordered:
            line = sorted(line, key=lambda one: one.task.order)
            first = self.done.get(key, 0)
            line = [one for place, one in enumerate(line) if one.task.order == first + place]
        head = line[:1] if line and line[0].task.attempts else line
        for place, one in enumerate(head[1:], start=1):
            if one.task.attempts:
                return head[:place]
        return head


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_random_operations_agree_with_a_naive_model(ordered: bool, seed: int) -> None:
    chance = random.Random(seed)
    bucket, model = KeyedBucket(ordered), _Model(ordered)
    to_come = {key: [item(f"{key}{n}", key, n) for n in range(30)] for key in "abc"}
    for line in to_come.values():  # they arrive a little out of order
        line.sort(key=lambda one: one.task.order + chance.uniform(0, 4))
    for _ in range(600):
        act = chance.choice(["put", "put", "take", "take", "finish", "back", "fail"])
        key = chance.choice("abc")
        if act == "put" and to_come[key]:
            one = to_come[key].pop(0)
            bucket.put(one)
            model.waiting.setdefault(key, []).append(one)
        elif act == "take":
            n = chance.randint(1, 5)
            taken = bucket.take(n)
            takeable = {k: model.takeable(k) for k in "abc"}
            if not taken:
                assert not any(takeable.values())
                continue
            key = taken[0].task.key
            assert ids(taken) == ids(takeable[key][:n])
            model.waiting[key] = [one for one in model.waiting[key] if one not in taken]
            model.out[key] = taken
        elif model.out.get(key) and act != "put":
            taken = model.out.pop(key)
            if act == "finish":
                finish(bucket, taken)
                model.done[key] = taken[-1].task.order + 1
            else:
                if act == "fail":  # its worker died: all of them are suspects
                    taken = [replace(one, task=replace(one.task, attempts=1)) for one in taken]
                bucket.put_back(taken)
                model.waiting[key] = taken + model.waiting[key]
        open_keys = [k for k in "abc" if model.takeable(k)]
        assert len(bucket) == sum(map(len, model.waiting.values()))
        assert bucket.ready == sum(len(model.waiting[k]) for k in open_keys)
        assert (bucket.oldest_s() is None) == (not open_keys)
