"""How many reads become one plate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.plates.plate_quality import PlateQuality
from dashcam_pipeline.vision.types import Box, NoPlateReason
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.voting import Verdict, decide, picture_rank
from vision_data import looked, looks, read

VOTE = VoteSettings()


def vote(results: Sequence[LookResult], settings: VoteSettings = VOTE) -> Verdict:
    return decide(results, settings, open_grammar(settings))


@pytest.mark.parametrize(
    ("texts", "plate"),
    [
        (["AB12CDE"] * 5, "AB12CDE"),
        (["AB12CDE", "AB12CDE", "AB12CDE", "A812CDE"], "AB12CDE"),
        (["AB12CDE", "AB12CDE", "AB12CDE", "AB12CDE", "B12CDE"], "AB12CDE"),  # a shorter read doesn't vote
        (["AB12CDE", None, "AB12CDE", None, "AB12CDE"], "AB12CDE"),
        (["AB12CDE", "AB12CDE", "AB12CDE", "XX"], "AB12CDE"),  # too short to be a plate
    ],
)
def test_reads_that_agree_make_a_claim(texts: list[str | None], plate: str) -> None:
    verdict = vote(looks(texts))
    assert (verdict.plate, verdict.best_guess, verdict.reason) == (plate, None, None)
    assert verdict.confidence is not None and VOTE.claim_confidence <= verdict.confidence <= 1
    assert verdict.agreeing_looks == texts.count(plate)


def test_characters_are_voted_on_one_by_one() -> None:
    wrong_in_different_places = ["XB12CDE", "AX12CDE", "ABX2CDE", "AB12CDE", "AB12CDX"]
    verdict = vote(looks(wrong_in_different_places))
    assert (verdict.plate or verdict.best_guess) == "AB12CDE"
    assert all(vote[character] > 0.9 for vote, character in zip(verdict.char_votes, "AB12CDE", strict=True))


def test_one_sure_read_outvotes_several_unsure_ones() -> None:
    results = [looked(0, "AB12CDE", 0.99), *(looked(i, "A812CDE", 0.4) for i in range(1, 5))]
    verdict = vote(results)
    assert verdict.best_guess == "AB12CDE"


def test_order_of_results_does_not_matter() -> None:
    results = looks(["AB12CDE", "A812CDE", "AB12CD", None, "AB12CDE"], 0.9)
    verdicts = {repr(vote(order)) for order in itertools.permutations(results)}
    assert len(verdicts) == 1


def test_more_agreement_means_more_confidence() -> None:
    confidences = [vote(looks(["AB12CDE"] * n, 0.9)).confidence or 0.0 for n in (1, 2, 4, 8)]
    assert confidences == sorted(confidences)
    assert confidences[0] < VOTE.claim_confidence < confidences[-1]


SMALL = replace(looked(0, "AB12CDE"), vehicle_box=Box(0, 0, 50, 40))


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([replace(SMALL, searched=False, plate_box=None, reads=())], NoPlateReason.TOO_SMALL),
        (looks([None, None]), NoPlateReason.NO_PLATE_FOUND),
        ([looked(0, "AB12CDE", plate_px=VOTE.min_plate_px - 1)], NoPlateReason.PLATE_TOO_SMALL),
        (looks(["", ""]), NoPlateReason.UNREADABLE),
        (looks(["AB12CDE"]), NoPlateReason.TOO_FEW_READS),
        (looks(["AB12CDE"] * 2, 0.75), NoPlateReason.LOW_CONFIDENCE),
        (looks(["AB12CDE"] * 2, 0.1), NoPlateReason.UNREADABLE),  # readers make something of every plate
        (looks(["AAAA"] * 2 + ["BBBB"] * 2 + ["CCCC"] * 2), NoPlateReason.READS_DISAGREE),
        ([replace(looked(0, None), failed=True)], NoPlateReason.ERROR),
        ([], NoPlateReason.ERROR),
    ],
)
def test_every_vehicle_without_a_plate_has_its_reason(
    results: list[LookResult], reason: NoPlateReason
) -> None:
    verdict = vote(results)
    assert (verdict.plate, verdict.reason) == (None, reason)


def test_one_failed_look_does_not_spoil_the_others() -> None:
    results = [replace(looked(9, None), failed=True), *looks(["AB12CDE"] * 4)]
    assert vote(results).plate == "AB12CDE"


def test_evidence_shows_the_winning_text() -> None:
    wide_but_wrong = looked(7, "XB12CDE", plate_px=300)
    results = [*looks(["AB12CDE"] * 3), looked(5, "AB12CDE", plate_px=150), wide_but_wrong]
    evidence = vote(results).evidence
    assert evidence is not None and evidence.frame_idx == 5


def test_evidence_without_a_text_is_the_best_view() -> None:
    evidence = vote([*looks([None, None]), looked(4, "", plate_px=60)]).evidence
    assert evidence is not None and evidence.frame_idx == 4


def test_pictures_of_one_vehicle_are_totally_ordered() -> None:
    results = looks(["AB12CDE", None, "AB12CDE", "", None])
    assert len({picture_rank(result) for result in results}) == len(results)


CUT_OFF = PlateQuality(90.0, 22.0, 0.4, 0.2, 0.0, 0.0, True, 0.3)


@pytest.mark.parametrize(
    ("text", "plate"),
    [
        ("B61RCV", "B61RCV"),  # all that a plate of Bucharest has
        ("AB12CD", None),  # a character may be missing
    ],
)
def test_what_ends_at_the_edge_of_the_picture_is_claimed_only_in_a_full_format(
    text: str, plate: str | None
) -> None:
    romanian = replace(read(text), region="Romania", region_confidence=0.9)
    results = [
        replace(looked(place, text), quality=CUT_OFF, reads=(romanian, replace(romanian, reader="other")))
        for place in range(4)
    ]
    verdict = vote(results)
    assert (verdict.plate, verdict.text) == (plate, text)
    assert verdict.reason == (None if plate else NoPlateReason.CUT_OFF)
    whole = vote([replace(result, quality=None) for result in results])
    assert whole.plate == text
