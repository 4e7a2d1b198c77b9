"""How sure a vote is of its winner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashcam_pipeline.vision.vote.confidence import Grounds, confidence_of

UNANIMOUS = Grounds(
    share=0.9999,
    looks=2,
    agreeing_looks=2,
    weight=3.6,
    length_weight=3.6,
    agreeing_weight=3.6,
    readers=2,
    agreeing_readers=2,
    known_format=True,
    whole=True,
)


@pytest.mark.parametrize(
    "worse",
    [
        pytest.param({"share": 0.5}, id="another text is as likely"),
        pytest.param({"weight": 7.2, "length_weight": 7.2}, id="half of the weight is against it"),
        pytest.param({"agreeing_readers": 1, "agreeing_weight": 1.8}, id="one of the readers disagrees"),
        pytest.param(
            {"weight": 0.4, "length_weight": 0.4, "agreeing_weight": 0.4}, id="nobody is sure of it"
        ),
        pytest.param({"known_format": False}, id="no format that is known"),
    ],
)
def test_what_speaks_against_a_text_lowers_its_confidence(worse: dict[str, float]) -> None:
    assert confidence_of(replace(UNANIMOUS, **worse)) < confidence_of(UNANIMOUS)  # type: ignore[arg-type]


def test_no_vote_is_surer_than_unanimous_ones_were_right() -> None:
    assert 0.9 < confidence_of(UNANIMOUS) < 1.0


def test_a_vote_without_anybody_says_nothing() -> None:
    assert confidence_of(Grounds.nothing()) < 0.1
