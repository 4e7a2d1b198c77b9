"""Which sightings of a trip are one vehicle, by what is known of each."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.joining import Part, contradict, edits, join, likeness

HERE = Box(0.4, 0.4, 0.6, 0.6)
BESIDE = Box(0.42, 0.41, 0.62, 0.61)  # the same place, nearly
THERE = Box(0.0, 0.4, 0.2, 0.6)


def part(key: str, first_s: float, last_s: float, plate: str | None = None, **more: object) -> Part:
    usual = Part(
        key=key,
        video=0,
        first_s=first_s,
        last_s=last_s,
        vehicle_class="car",
        plate=plate,
        best_guess=None,
        confidence=0.95 if plate else None,
        first_box=None,
        last_box=None,
    )
    return replace(usual, **more)  # type: ignore[arg-type]


def guess(
    key: str, first_s: float, last_s: float, text: str, confidence: float = 0.5, **more: object
) -> Part:
    return part(key, first_s, last_s, best_guess=text, confidence=confidence, **more)


def groups(*parts: Part) -> list[str]:
    """The keys of each group, joined."""
    return ["".join(one.key for one in group) for group in join(parts, 120.0)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([part("a", 0, 5, "LS15EBC"), part("b", 30, 40, "LS15EBC")], ["ab"], id="met again soon"),
        pytest.param([part("a", 0, 5, "LS15EBC"), part("b", 126, 130, "LS15EBC")], ["a", "b"], id="met again later"),
        pytest.param(
            [part(key, at, at + 10, "LS15EBC") for key, at in (("a", 0), ("b", 100), ("c", 220), ("d", 340))],
            ["abcd"],
            id="followed for minutes",
        ),
        pytest.param([part("a", 0, 5, "LS15EBC"), part("b", 6, 9, "LS15XYZ")], ["a", "b"], id="another plate"),
        pytest.param([part("a", 0, 5, "LS15EBC"), part("b", 3, 9, "LS15EBC")], ["a", "b"], id="seen at once"),
        pytest.param([part("a", 0, 5, "LS15EBC"), part("b", 4.97, 9, "LS15EBC")], ["ab"], id="at once for a frame"),
        pytest.param([part("a", 0, 5, "LS15EBC"), guess("b", 9, 12, "LS15EBC")], ["ab"], id="claimed, then guessed"),
        pytest.param([guess("a", 0, 5, "LS15EBC"), guess("b", 9, 12, "LS15EBC")], ["a", "b"], id="only guessed"),
        pytest.param([part("a", 0, 5, "LS15EBC"), guess("b", 9, 12, "L515E8C")], ["ab"], id="look-alike characters"),
        pytest.param([part("a", 0, 5, "RK605AB"), part("b", 9, 12, "RK6O5AB")], ["ab"], id="claimed, O for 0"),
        pytest.param([part("a", 0, 5, "RK605AB"), part("b", 9, 12, "RKGO5AB")], ["a", "b"], id="claimed, two others"),
        pytest.param([part("a", 0, 5, "B100TAX"), part("b", 9, 12, "B102TAX")], ["a", "b"], id="plates that count on"),
        pytest.param([part("a", 0, 5, "LS15EBC"), guess("b", 9, 12, "LS15EBH")], ["ab"], id="one character misread"),
        pytest.param(
            [part("a", 0, 5, "LS15EBC", confidence=0.75), guess("b", 9, 12, "LS15EBH")],
            ["a", "b"],
            id="one character, a weak claim",
        ),
        pytest.param([part("a", 0, 5, "LS15EBC"), part("b", 9, 12, "LS15EBH")], ["a", "b"], id="both claimed"),
        pytest.param([part("a", 0, 5, "LS15EBC"), guess("b", 50, 52, "LS15EBH")], ["a", "b"], id="nearly, too late"),
        pytest.param([part("a", 0, 5, "B15"), guess("b", 6, 8, "B17")], ["a", "b"], id="short texts that differ"),
        pytest.param([part("a", 0, 5), part("b", 6, 8)], ["a", "b"], id="nothing read, no boxes"),
    ],
)  # fmt: skip
def test_the_same_plate_is_the_same_vehicle(parts: list[Part], expected: list[str]) -> None:
    assert groups(*parts) == expected


def test_two_cars_with_one_plate_seen_at_once_stay_two_whoever_comes_after() -> None:
    seen = [part("a", 0, 10, "LS15EBC"), part("b", 5, 12, "LS15EBC"), part("c", 20, 30, "LS15EBC")]
    assert groups(*seen) == ["a", "bc"]


@pytest.mark.parametrize(
    ("shots", "expected"),
    [
        pytest.param([(0, 0), (0, 1)], ["a", "b"], id="a cut between them"),
        pytest.param([(0, 1), (0, 1)], ["ab"], id="a cut before both"),
        pytest.param([(0, 2), (1, 0)], ["ab"], id="the last shot of a file goes on in the next"),
        pytest.param([(0, 0), (1, 1)], ["a", "b"], id="a cut in the next file"),
    ],
)
def test_scenes_that_were_put_together_are_not_one_trip(
    shots: list[tuple[int, int]], expected: list[str]
) -> None:
    (video, shot), (next_video, next_shot) = shots
    before = part("a", 0, 5, "LS15EBC", video=video, shot=shot, last_box=HERE)
    after = part("b", 6, 9, "LS15EBC", video=next_video, shot=next_shot, first_box=HERE)
    assert groups(before, after) == expected


LEAVES = {"last_box": HERE, "to_end": True}
ENTERS = {"first_box": BESIDE, "from_start": True, "video": 1}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(part("a", 50, 60, **LEAVES), part("b", 60.1, 65, **ENTERS), ["ab"], id="in sight on both sides"),
        pytest.param(
            part("a", 50, 60, "LS15EBC", **LEAVES), part("b", 60.1, 65, **ENTERS), ["ab"], id="read before only"
        ),
        pytest.param(
            guess("a", 50, 60, "XX99ABC", 0.6, **LEAVES), part("b", 60.1, 65, "LS15EBC", **ENTERS), ["a", "b"],
            id="plates that contradict",
        ),
        pytest.param(
            guess("a", 50, 60, "XX99ABC", 0.2, **LEAVES), part("b", 60.1, 65, "LS15EBC", **ENTERS), ["ab"],
            id="a guess too weak to contradict",
        ),
        pytest.param(
            part("a", 50, 60, **LEAVES), part("b", 60.1, 65, **{**ENTERS, "first_box": THERE}), ["a", "b"],
            id="somewhere else",
        ),
        pytest.param(
            part("a", 50, 60, **{**LEAVES, "to_end": False}), part("b", 60.1, 65, **ENTERS), ["a", "b"],
            id="gone before the end",
        ),
        pytest.param(
            part("a", 50, 60, **LEAVES), part("b", 60.9, 65, **{**ENTERS, "from_start": False}), ["a", "b"],
            id="not there at the start",
        ),
        pytest.param(
            part("a", 50, 60, **LEAVES), part("b", 62.5, 65, **ENTERS), ["a", "b"], id="a gap between the files"
        ),
        pytest.param(
            part("a", 50, 60, **LEAVES), part("b", 60.1, 65, **{**ENTERS, "video": 2}), ["a", "b"],
            id="not the next file",
        ),
        pytest.param(
            part("a", 50, 60, **LEAVES), part("b", 60.1, 65, vehicle_class="motorcycle", **ENTERS), ["a", "b"],
            id="a motorcycle is no car",
        ),
        pytest.param(
            part("a", 50, 60, **LEAVES), part("b", 60.1, 65, vehicle_class="truck", **ENTERS), ["ab"],
            id="a truck may be",
        ),
    ],
)  # fmt: skip
def test_a_vehicle_crosses_the_cut_between_two_files(before: Part, after: Part, expected: list[str]) -> None:
    assert groups(before, after) == expected


def test_of_two_cars_at_a_cut_each_is_joined_to_itself() -> None:
    left, right = Box(0.1, 0.4, 0.3, 0.6), Box(0.2, 0.4, 0.4, 0.6)
    before = [part("a", 50, 60, last_box=left, to_end=True), part("b", 50, 60, last_box=right, to_end=True)]
    after = [
        part("c", 60.1, 61, first_box=right, from_start=True, video=1),
        part("d", 60.1, 61, first_box=left, from_start=True, video=1),
    ]
    assert groups(*before, *after) == ["ad", "bc"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            guess("a", 0, 5, "LS15EBC", last_box=HERE), guess("b", 6.5, 9, "LS15FBC", first_box=BESIDE), ["ab"],
            id="alike, at the same place",
        ),
        pytest.param(
            guess("a", 0, 5, "LS15EBC", last_box=HERE), guess("b", 6.5, 9, "LS15FBC", first_box=THERE), ["a", "b"],
            id="alike, elsewhere",
        ),
        pytest.param(
            guess("a", 0, 5, "LS15EBC", last_box=HERE), guess("b", 7.5, 9, "LS15FBC", first_box=BESIDE), ["a", "b"],
            id="alike, too late",
        ),
        pytest.param(
            guess("a", 0, 5, "LS15EBC", last_box=HERE), guess("b", 6, 9, "KX77ABC", first_box=HERE), ["a", "b"],
            id="another text at the same place",
        ),
        pytest.param(
            part("a", 0, 5, last_box=HERE), part("b", 5.2, 9, first_box=HERE), ["ab"], id="nothing read, at once"
        ),
        pytest.param(
            part("a", 0, 5, "LS15EBC", last_box=HERE), part("b", 6, 9, first_box=HERE), ["a", "b"],
            id="where another car appears a second later",
        ),
        pytest.param(
            part("a", 0, 5, last_box=HERE), part("b", 5.2, 9, first_box=THERE), ["a", "b"],
            id="nothing read, elsewhere",
        ),
    ],
)  # fmt: skip
def test_a_broken_track_is_mended_where_it_is_sure(before: Part, after: Part, expected: list[str]) -> None:
    assert groups(before, after) == expected


def test_no_group_holds_two_that_contradict_each_other_or_were_seen_at_once() -> None:
    chance = random.Random(5)
    texts = ["LS15EBC", "LS15E8C", "LS15EBH", "KX77ABC", "KX77A8C", None]
    boxes = [HERE, BESIDE, THERE, None]
    for _ in range(200):
        seen = []
        for number in range(12):
            start = chance.uniform(0, 60)
            text = chance.choice(texts)
            claimed = chance.random() < 0.5
            seen.append(
                part(
                    str(number),
                    start,
                    start + chance.uniform(0, 10),
                    text if claimed else None,
                    best_guess=None if claimed else text,
                    confidence=chance.random(),
                    first_box=chance.choice(boxes),
                    last_box=chance.choice(boxes),
                )
            )
        found = join(seen, 120.0)
        assert sorted(one.key for group in found for one in group) == sorted(one.key for one in seen)
        for group in found:
            for index, one in enumerate(group):
                for other in group[index + 1 :]:
                    assert other.first_s >= one.last_s - 0.05 - 1e-9
                    assert not contradict(one, other)
        chance.shuffle(seen)
        assert join(seen, 120.0) == found


@pytest.mark.parametrize(
    ("one", "other", "distance"), [("ABC", "ABC", 0), ("ABC", "AXC", 1), ("ABC", "AC", 1), ("ABC", "", 3)]
)
def test_edits_are_counted(one: str, other: str, distance: int) -> None:
    assert edits(one, other) == edits(other, one) == distance


def test_look_alikes_count_as_the_same() -> None:
    assert likeness("RK605AB", "RK6O5A8") == 1.0
    assert likeness("AAAA", "XXXX") == 0.0
