"""A track that went over from one vehicle to another becomes two, and no other does."""

from __future__ import annotations

import pytest

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.tracking.watch import Passing
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.splitting import Part, parts_of
from vision_data import looks

VOTE = VoteSettings()
BOX = Box(0, 0, 400, 300)
ONE, OTHER, LIKE_ONE = "AB12CDE", "XK55ZZT", "AB12COE"


def parts(texts: list[str | None]) -> tuple[Part, ...]:
    passing = Passing(1, "car", 0, 40, 0.0, 4.0, (), first_box=BOX, last_box=BOX)
    return parts_of(passing, looks(texts), VOTE, open_grammar(VOTE))


@pytest.mark.parametrize(
    ("texts", "plates"),
    [
        ([ONE, ONE, OTHER, OTHER], [ONE, OTHER]),
        ([ONE, ONE, None, None, OTHER, OTHER, OTHER], [ONE, OTHER]),
        ([ONE, ONE, OTHER, OTHER, "BV63PQR", "BV63PQR"], [ONE, OTHER, "BV63PQR"]),
        ([ONE, ONE, ONE, OTHER], [ONE]),  # a single read is a misread
        ([ONE, ONE, LIKE_ONE, LIKE_ONE], [ONE]),  # one plate, read in two ways
        ([ONE, ONE, None, None], [ONE]),
        ([None, None], [None]),
    ],
)
def test_a_track_is_split_where_its_plate_changes(texts: list[str | None], plates: list[str | None]) -> None:
    found = [part.verdict.plate for part in parts(texts)]
    if plates == [ONE] and LIKE_ONE in texts:
        assert len(found) == 1
    else:
        assert found == plates


def test_two_plates_in_turn_are_no_two_vehicles_one_after_the_other() -> None:
    assert len(parts([ONE, OTHER, ONE, OTHER])) == 1


def test_parts_share_the_time_of_the_track_without_overlap() -> None:
    first, second = (part.passing for part in parts([ONE, ONE, ONE, OTHER, OTHER]))
    assert (first.first_frame, first.last_frame, first.last_s) == (0, 2, 0.2)
    assert (second.first_frame, second.last_frame, second.first_s) == (3, 40, 0.3)
    assert first.track_id == second.track_id == 1


def test_every_look_belongs_to_one_part() -> None:
    found = parts([ONE, ONE, None, OTHER, OTHER])
    assert [result.frame_idx for part in found for result in part.results] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("hidden", ["20WTW", "B320", "320W"])
def test_a_plate_that_is_partly_hidden_for_a_while_is_no_other_plate(hidden: str) -> None:
    found = parts([hidden, hidden, "B320WTW", "B320WTW", "B320WTW", "B320WTW"])
    assert [part.verdict.text for part in found] == ["B320WTW"]


def test_a_track_that_goes_over_again_and_again_is_taken_apart_in_a_moment() -> None:
    texts: list[str | None] = [ONE, ONE, OTHER, OTHER] * 12
    assert [part.verdict.plate for part in parts(texts)] == [ONE, OTHER] * 12
