"""How the opinions of several readers on several pictures become one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashcam_pipeline.vision.types import PlateRead, Shares
from dashcam_pipeline.vision.vote.ballots import Ballot
from dashcam_pipeline.vision.vote.pooling import Pool, aligned, edits, pool
from vision_data import looked

TEXTS = st.text(alphabet="ABO018", min_size=1, max_size=9)


def ballot(text: str, sure: float = 0.95, weight: float = 0.9, **alternatives: float) -> Ballot:
    """A read; `alternatives` says what else its last character may be."""
    others: Shares = tuple(alternatives.items())
    shares = tuple(((character, sure),) for character in text)
    read = PlateRead(text, (sure,) * len(text), alternatives=(*shares[:-1], (*shares[-1], *others)))
    return Ballot(looked(0, text), read, weight)


def best(pooled: Pool) -> str:
    return max(pooled.candidates(), key=lambda one: one.share).text


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (["AB12CDE"], "AB12CDE"),
        (["XB12CDE", "AX12CDE", "ABX2CDE", "AB12CDX"], "AB12CDE"),  # nobody read it, and all agree on it
        (["AB12CDE", "AB12CDE", "B12CDE"], "AB12CDE"),  # a missing character does not shift the rest
        (["AB12CDE", "AB12CDE", "AAB12CDE"], "AB12CDE"),  # nor a doubled one
    ],
)
def test_what_most_of_the_weight_says_at_each_position_wins(texts: list[str], text: str) -> None:
    assert best(pool([ballot(one) for one in texts])) == text


def test_a_reader_that_is_torn_gives_way_to_one_that_is_not() -> None:
    torn, sure = ballot("AB1O", 0.5, **{"0": 0.45}), ballot("AB10", 0.7, 0.7)
    assert best(pool([torn, torn, sure])) == "AB10"


def test_many_reads_that_err_alike_count_like_a_few() -> None:
    few, many = pool([ballot("AB12")] * 6), pool([ballot("AB12")] * 60)
    for fewer, more in zip(few.positions, many.positions, strict=True):
        assert more == pytest.approx(fewer)


def test_a_read_without_weight_changes_nothing() -> None:
    assert pool([ballot("AB12"), ballot("XY89", weight=0.0)]).positions[0].keys() == {"A", "X"}
    assert best(pool([ballot("AB12"), ballot("XY89", weight=0.0)])) == "AB12"


def test_candidates_have_only_characters_that_a_reader_saw_there() -> None:
    pooled = pool([ballot("AB12"), ballot("A812"), ballot("AB1Z")])
    seen = [{"A"}, {"B", "8"}, {"1"}, {"2", "Z"}]
    assert all(
        character in seen[place] for one in pooled.candidates() for place, character in enumerate(one.text)
    )


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_shares_are_shares_whatever_was_read(texts: list[str]) -> None:
    pooled = pool([ballot(text) for text in texts])
    assert all(sum(position.values()) <= 1.0 + 1e-9 for position in pooled.positions)
    assert sum(one.share for one in pooled.candidates()) <= 1.0 + 1e-9
    assert len(best(pooled)) in {len(text) for text in texts}


@pytest.mark.parametrize(
    ("text", "other", "different"),
    [
        ("AB12", "AB12", 0),
        ("AB12", "A812", 1),
        ("AB12", "B12", 1),
        ("AB12", "AAB12", 1),
        ("AB12", "XY89", 4),
        ("", "AB", 2),
    ],
)
def test_edits_between_texts(text: str, other: str, different: int) -> None:
    assert edits(text, other) == edits(other, text) == different


@given(TEXTS, TEXTS)
def test_an_alignment_goes_forward_in_both_texts(text: str, other: str) -> None:
    pairs = aligned(text, other)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


def test_a_reader_that_knows_nothing_of_a_position_leaves_it_open() -> None:
    unsure = ballot("AB12", sure=0.01)
    assert best(pool([unsure])) == "AB12"
