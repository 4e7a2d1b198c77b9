"""Claims held against a drive's truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from score import Shown, Standing, Truth, claims, edits, judged, read_truth, score

CAR = Shown("ABC123", 100, 200)
OTHER = Shown("XYZ789", 300, 400)
TRUTH = Truth(scored=(CAR, OTHER), doubtful=(Shown("DUB1TE", 500, 600),))


@pytest.mark.parametrize(
    ("claimed", "recall", "precision", "f1", "duplicates"),
    [
        pytest.param([], 0.0, 0.0, 0.0, 0, id="nothing claimed"),
        pytest.param([CAR, OTHER], 1.0, 1.0, 1.0, 0, id="all right"),
        pytest.param([Shown("ABC123", 200, 250)], 0.5, 1.0, 0.6667, 0, id="one frame of overlap"),
        pytest.param([Shown("ABC123", 201, 250)], 0.0, 0.0, 0.0, 0, id="right text, too late"),
        pytest.param([Shown("ABC128", 100, 200)], 0.0, 0.0, 0.0, 0, id="one letter wrong"),
        pytest.param([CAR, OTHER, Shown("NOISE1", 0, 9)], 1.0, 0.6667, 0.8, 0, id="one claim too many"),
        pytest.param([CAR, CAR, OTHER], 1.0, 1.0, 1.0, 1, id="the same car twice"),
        pytest.param([CAR, Shown("DUBITE", 510, 520)], 0.5, 1.0, 0.6667, 0, id="like a doubtful plate"),
        pytest.param([CAR, Shown("DXXXTE", 510, 520)], 0.5, 0.5, 0.5, 0, id="not like a doubtful plate"),
        pytest.param([CAR, Shown("DUB1TE", 610, 620)], 0.5, 0.5, 0.5, 0, id="doubtful plate at another time"),
    ],
)
def test_claims_are_counted(
    claimed: list[Shown], recall: float, precision: float, f1: float, duplicates: int
) -> None:
    found = score(TRUTH, claimed)
    assert (found.recall, found.precision, found.f1, found.duplicates) == (recall, precision, f1, duplicates)


def test_missed_plates_are_named() -> None:
    assert score(TRUTH, [CAR]).missed == ("XYZ789",)


def test_one_car_is_not_found_by_the_plate_of_another_that_shares_its_frames() -> None:
    both = Truth(scored=(CAR, Shown("OTHER1", 100, 200)), doubtful=())
    assert score(both, [CAR]).found == 1


def test_rows_are_read_as_they_are_exported() -> None:
    rows = [
        {"plate": "ab-c 123", "first_frame": 5, "last_frame": 9, "reason": None},
        {"plate": None, "first_frame": 1, "last_frame": 2, "reason": "too small"},
        {"plate": "", "first_frame": 1, "last_frame": 2},
    ]
    assert claims(rows) == [Shown("ABC123", 5, 9)]


def test_truth_tells_doubtful_sightings_apart(tmp_path: Path) -> None:
    path = tmp_path / "drive.json"
    sightings = [
        {"plate": "B-101", "first": 3, "last": 8},
        {"plate": "B-102", "first": 3, "last": 8, "scored": False},
    ]
    path.write_text(json.dumps({"sightings": sightings}))
    assert read_truth(path) == Truth((Shown("B101", 3, 8),), (Shown("B102", 3, 8),))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 0),
        ("ABC", "", 3),
        ("ABC", "ABC", 0),
        ("ABC", "ABD", 1),
        ("ABC", "BC", 1),
        ("ABCD", "BADC", 3),
    ],
)
def test_edits_between_texts(one: str, other: str, expected: int) -> None:
    assert edits(one, other) == edits(other, one) == expected


def test_every_claim_is_judged() -> None:
    claimed = [CAR, CAR, Shown("NOISE1", 0, 9), Shown("DUBITE", 510, 520), OTHER]
    found = [(one.standing, one.sighting) for one in judged(TRUTH, claimed)]
    assert found == [
        (Standing.RIGHT, 0),
        (Standing.DUPLICATE, 0),
        (Standing.WRONG, None),
        (Standing.DOUBTFUL, None),
        (Standing.RIGHT, 1),
    ]
