"""Which category a free worker pulls."""

from __future__ import annotations

import random

import pytest

from dashcam_pipeline.engine.policy import PATIENCE_S, Load, choose, urgency


def load(name: str, ready: int, *, rank: int = 0, batch: int = 1, age_s: float = 0.0) -> Load:
    return Load(name, ready, batch, rank, age_s)


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([], None),
        ([load("a", 0), load("b", 0, age_s=9.0)], None),
        ([load("a", 0, rank=9), load("b", 1)], "b"),
        ([load("a", 5), load("b", 4)], "a"),
        ([load("far", 4, rank=1), load("near", 7)], "far"),  # 4 × 2 against 7 × 1
        ([load("far", 4, rank=1), load("near", 9)], "near"),
        ([load("small", 8, batch=8), load("big", 2, batch=1)], "big"),  # batches count, not tasks
        ([load("new", 1, rank=1), load("old", 1, age_s=10 * PATIENCE_S)], "old"),
        ([load("a", 2, rank=0), load("b", 1, rank=1)], "b"),  # as urgent as the other, nearer to the end
    ],
)
def test_the_busiest_goes_first_weighed_by_nearness_to_the_end(
    loads: list[Load], expected: str | None
) -> None:
    assert choose(loads) == expected


def test_the_order_in_which_loads_are_listed_makes_no_difference() -> None:
    shuffler = random.Random(7)
    loads = [load(f"c{n}", n % 5, rank=n % 4, age_s=n % 3) for n in range(12)]
    expected = choose(loads)
    for _ in range(50):
        shuffler.shuffle(loads)
        assert choose(loads) == expected


def test_more_tasks_or_more_age_never_lower_the_urgency() -> None:
    for ready in range(1, 20):
        for rank in range(8):
            here = load("a", ready, rank=rank, batch=8, age_s=1.0)
            assert urgency(load("a", ready + 1, rank=rank, batch=8, age_s=1.0)) > urgency(here)
            assert urgency(load("a", ready, rank=rank, batch=8, age_s=2.0)) > urgency(here)


@pytest.mark.parametrize("refilled", [1, 16, 64, 512])
def test_a_downstream_category_that_is_always_full_does_not_starve_the_source(refilled: int) -> None:
    """One worker, one turn a tenth of a second; downstream is refilled before every turn."""
    turn_s, batch, rank = 0.1, 8, 4
    bound_s = PATIENCE_S * (refilled / batch * (1 + rank) + 1)
    waiting_since, longest, now_s = 0.0, 0.0, 0.0
    for _ in range(int(5 * bound_s / turn_s)):
        now_s += turn_s
        up = load("up", 1, batch=batch, age_s=now_s - waiting_since)
        down = load("down", refilled, batch=batch, rank=rank, age_s=turn_s)
        if choose([up, down]) == "up":
            longest = max(longest, now_s - waiting_since)
            waiting_since = now_s
    assert 0 < longest <= bound_s


def test_every_one_of_many_categories_gets_its_turn() -> None:
    """Eight categories of all ranks, each refilled at once: within a bounded time each was served."""
    now_s, served = 0.0, {f"c{rank}": 0.0 for rank in range(8)}
    longest = dict.fromkeys(served, 0.0)
    for _ in range(3000):
        now_s += 0.1
        loads = [
            load(name, 64, batch=8, rank=rank, age_s=now_s - served[name]) for rank, name in enumerate(served)
        ]
        chosen = choose(loads)
        assert chosen is not None
        longest[chosen] = max(longest[chosen], now_s - served[chosen])
        served[chosen] = now_s
    assert all(0 < seconds <= PATIENCE_S * (64 / 8 * 8 + 1) for seconds in longest.values())
