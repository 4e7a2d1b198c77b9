"""Which views of a vehicle are searched next, and when there were enough."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from dashcam_pipeline.config import LookSettings, VoteSettings
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.plates.plate_quality import PlateQuality
from dashcam_pipeline.vision.tracking.watch import Look, Passing, Segment
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.rounds import Search, next_round
from dashcam_pipeline.vision.vote.voting import decide
from vision_data import read

LOOKS, VOTE = LookSettings(), VoteSettings()
GRAMMAR = open_grammar(VOTE)
SHRUNK_PX = 192
SMALL = Box(0, 0, 300, 200)  # a shrunk search shows as much of it as one in full, or nearly so
LARGE = Box(0, 0, 500, 300)
TALL = Box(0, 0, 200, 500)


def passing_of(*boxes: Box, small_ones: int = 0) -> Passing:
    """A vehicle with views of these boxes, the best first, and some that are too small to be searched."""
    looks = [
        Look(1, frame_idx, frame_idx / 10, box, frame_idx < len(boxes) - small_ones, 100.0 - frame_idx)
        for frame_idx, box in enumerate(boxes)
    ]
    return Passing(1, "car", 0, 30, 0.0, 3.0, tuple(looks))


@dataclass(frozen=True)
class Sees:
    """What a search comes to: a text, "" for a plate that can't be read, None for no plate."""

    text: str | None
    confidence: float = 0.98
    px: float = 60.0
    failed: bool = False

    def of(self, search: Search) -> LookResult:
        return LookResult(
            track_id=1,
            frame_idx=search.look.frame_idx,
            ts_s=search.look.ts_s,
            vehicle_box=search.look.box,
            searched=True,
            in_full=search.in_full,
            plate_box=None if self.text is None else Box(50, 60, 50 + self.px, 80),
            reads=() if self.text is None else (read(self.text, self.confidence),) * 2,
            failed=self.failed,
        )


PLATE, NOTHING, BROKEN = Sees("AB12CDE"), Sees(None), Sees(None, failed=True)
TINY = Sees("", px=20.0)
UNREADABLE = Sees("")
UNSURE = Sees("AB12CDE", confidence=0.4)

Answers = Callable[[Search], Sees]


def always(sees: Sees) -> Answers:
    return lambda search: sees


def by_frame(*sees: Sees) -> Answers:
    """Of the views in their order."""
    return lambda search: sees[search.look.frame_idx]


def only_in_full(sees: Sees) -> Answers:
    return lambda search: sees if search.in_full else NOTHING


def rounds(
    passing: Passing,
    answers: Answers,
    looks: LookSettings = LOOKS,
    shrunk_px: int | None = SHRUNK_PX,
    shuffle: random.Random | None = None,
) -> list[list[str]]:
    """All rounds until there is none, as the names of their searches without the vehicle's number."""
    asked: list[list[str]] = []
    results: list[LookResult] = []
    while searches := next_round(passing, results, looks, VOTE, GRAMMAR, shrunk_px):
        assert len(asked) < 20
        asked.append([search.name.removeprefix("1-") for search in searches])
        results += [answers(search).of(search) for search in searches]
        if shuffle is not None:
            shuffle.shuffle(results)
    names = list(itertools.chain.from_iterable(asked))
    assert len(names) == len(set(names))
    return asked


def names(*numbers: int, full: bool = False) -> list[str]:
    return [f"{number}{'-in-full' if full else ''}" for number in numbers]


@pytest.mark.parametrize(
    ("passing", "answers", "wanted"),
    [
        pytest.param(passing_of(), always(PLATE), [], id="no view at all"),
        pytest.param(passing_of(SMALL, small_ones=1), always(PLATE), [], id="no view wide enough"),
        pytest.param(passing_of(SMALL), always(PLATE), [names(0)], id="one view"),
        pytest.param(
            passing_of(*[SMALL] * 3, small_ones=1),
            always(PLATE),
            [names(0, 1)],
            id="too small ones are left out",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            always(PLATE),
            [names(0, 1)],
            id="two that agree and are sure are enough",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            always(UNSURE),
            [names(0, 1), names(2, 3), names(4, 5, 6, 7), names(8, 9, 10, 11)],
            id="as many again as were searched so far, while that is not enough",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            always(UNREADABLE),
            [names(0, 1), names(2, 3), names(4, 5, 6, 7), names(8, 9, 10, 11)],
            id="a plate that can't be read may be readable elsewhere",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            by_frame(PLATE, Sees("XX99XXX"), *[PLATE] * 10),
            [names(0, 1), names(2, 3)],
            id="a contradiction must be outvoted",
        ),
        pytest.param(passing_of(*[SMALL] * 12), always(TINY), [names(0, 1)], id="plates are too small"),
        pytest.param(
            passing_of(*[SMALL] * 12),
            by_frame(TINY, *[PLATE] * 11),
            [names(0, 1), names(2, 3)],
            id="one of the plates is large enough",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            always(NOTHING),
            [names(0, 1), names(2, 11), names(3, 10)],
            id="nothing in the best views: others from all over the time in sight",
        ),
        pytest.param(
            passing_of(*[LARGE] * 12),
            always(NOTHING),
            [names(0, 1), [*names(0, 1, full=True), *names(2, 11)]],
            id="nothing on a large vehicle, not in full either",
        ),
        pytest.param(
            passing_of(*[TALL] * 2),
            always(NOTHING),
            [names(0, 1), names(0, 1, full=True)],
            id="the longer side counts",
        ),
        pytest.param(
            passing_of(SMALL, LARGE, *[SMALL] * 4),
            always(NOTHING),
            [names(0, 1), [*names(1, full=True), *names(2, 5)], names(3, 4)],
            id="only the large view is searched in full",
        ),
        pytest.param(
            passing_of(SMALL, SMALL, LARGE, SMALL, LARGE),
            always(NOTHING),
            [names(0, 1), [*names(2, 4, full=True), *names(2, 4)]],
            id="the best of the large views, also where others are better",
        ),
        pytest.param(
            passing_of(*[LARGE] * 12),
            only_in_full(PLATE),
            [names(0, 1), [*names(0, 1, full=True), *names(2, 11)]],
            id="what a shrunk search misses is found in full",
        ),
        pytest.param(
            passing_of(*[LARGE] * 12),
            by_frame(NOTHING, *[PLATE] * 11),
            [names(0, 1), names(2, 3)],
            id="one plate is enough to go on shrunk",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            always(BROKEN),
            [names(0, 1), names(2, 11), names(3, 10)],
            id="searches that were given up show nothing",
        ),
        pytest.param(
            passing_of(*[SMALL] * 12),
            by_frame(BROKEN, *[PLATE] * 11),
            [names(0, 1), names(2, 3)],
            id="a search that was given up does not count as a read",
        ),
    ],
)
def test_rounds(passing: Passing, answers: Answers, wanted: list[list[str]]) -> None:
    assert rounds(passing, answers) == wanted


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (always(PLATE), [names(0, 1)]),
        (always(NOTHING), [names(0, 1), names(2, 5), names(3, 4)]),
        (always(UNSURE), [names(0, 1), names(2, 3), names(4, 5)]),
    ],
)
def test_without_a_shrunk_size_all_searches_are_in_full_and_none_is_asked_for_twice(
    answers: Answers, wanted: list[list[str]]
) -> None:
    full = [[f"{name}-in-full" for name in some] for some in wanted]
    assert rounds(passing_of(*[LARGE] * 6), answers, shrunk_px=None) == full


def test_a_plate_that_is_outside_of_the_best_views_is_found_in_others() -> None:
    """As at a toll gate: the widest views are of a bonnet, whose plate has left the picture."""
    asked = rounds(passing_of(*[LARGE] * 12), lambda search: PLATE if search.look.frame_idx >= 6 else NOTHING)
    assert names(11)[0] in asked[1]
    assert len(asked) == 3


def test_what_is_only_found_in_full_is_searched_in_full_from_then_on() -> None:
    asked = rounds(passing_of(*[LARGE] * 12), only_in_full(UNSURE))
    assert asked[2] == names(2, 3, 4, 5, 6, 7, full=True)


def test_each_stretch_in_sight_is_asked_for_its_own_plate() -> None:
    """What came back after a gap may be another vehicle."""
    vehicle = passing_of(*[SMALL] * 12)
    broken = replace(vehicle, segments=(Segment(0, 7), Segment(8, 30)))
    assert rounds(vehicle, always(PLATE)) == [names(0, 1)]
    assert rounds(broken, always(PLATE)) == [names(0, 1, 8, 9)]
    before = rounds(broken, lambda search: PLATE if search.look.frame_idx < 8 else NOTHING)
    assert before == [names(0, 1, 8, 9), names(10, 11)]


def test_settings_say_how_many_are_enough() -> None:
    vehicle = passing_of(*[SMALL] * 12)
    few = LookSettings(first_searches=1, enough_reads=2, enough_confidence=0.5)
    assert rounds(vehicle, always(PLATE), few) == [names(0), names(1)]
    many = LookSettings(first_searches=5, enough_reads=6)
    assert rounds(vehicle, always(PLATE), many) == [names(0, 1, 2, 3, 4), names(5, 6, 7, 8, 9)]
    patient = LookSettings(fruitless_searches=9)
    assert rounds(vehicle, always(NOTHING), patient) == [
        names(0, 1),
        names(2, 11),
        names(3, 10),
        names(4, 9),
        names(5, 8),
    ]


def test_a_settled_vote_is_one_that_makes_a_claim() -> None:
    """Whatever the shares say: a plate that is no claim yet is searched further."""
    vehicle = passing_of(*[SMALL] * 12)
    results = [UNSURE.of(Search(look, False)) for look in vehicle.looks[:4]]
    assert decide(results, VOTE, GRAMMAR).plate is None
    loose = LookSettings(enough_reads=1, enough_confidence=0.0)
    assert next_round(vehicle, results, loose, VOTE, GRAMMAR, SHRUNK_PX) != ()


def some_results(seed: int) -> tuple[Passing, list[LookResult]]:
    """Results as they may come of the first rounds of a vehicle."""
    chance = random.Random(seed)
    vehicle = passing_of(*[chance.choice([SMALL, LARGE]) for _ in range(12)])
    kinds: Sequence[Sees] = chance.choices([PLATE, NOTHING, BROKEN, TINY, UNSURE, Sees("AB12CDF", 0.7)], k=3)
    results: list[LookResult] = []
    for _ in range(chance.randrange(1, 4)):
        asked = next_round(vehicle, results, LOOKS, VOTE, GRAMMAR, SHRUNK_PX)
        results += [chance.choice(kinds).of(search) for search in asked]
    return vehicle, results


@pytest.mark.parametrize("seed", range(40))
def test_the_same_results_in_any_order_give_the_same_round_and_verdict(seed: int) -> None:
    vehicle, results = some_results(seed)
    wanted = next_round(vehicle, results, LOOKS, VOTE, GRAMMAR, SHRUNK_PX)
    verdict = decide(results, VOTE, GRAMMAR)
    for turn in range(6):
        random.Random(turn).shuffle(results)
        assert next_round(vehicle, results, LOOKS, VOTE, GRAMMAR, SHRUNK_PX) == wanted
        again = decide(results, VOTE, GRAMMAR)
        assert replace(again, evidence=None) == replace(verdict, evidence=None)
        assert again.evidence is not None and verdict.evidence is not None
        assert replace(again.evidence, in_full=False) == replace(verdict.evidence, in_full=False)


@pytest.mark.parametrize("seed", range(20))
def test_rounds_end_and_never_ask_twice(seed: int) -> None:
    chance = random.Random(seed)
    vehicle = passing_of(*[chance.choice([SMALL, LARGE]) for _ in range(chance.randrange(13))])
    sees = {
        (frame_idx, in_full): chance.choice([PLATE, NOTHING, BROKEN, TINY, UNSURE])
        for frame_idx in range(12)
        for in_full in (False, True)
    }
    shuffled = rounds(
        vehicle, lambda search: sees[search.look.frame_idx, search.in_full], shuffle=random.Random(seed)
    )
    assert shuffled == rounds(vehicle, lambda search: sees[search.look.frame_idx, search.in_full])


def test_what_was_only_seen_cut_off_is_looked_for_in_other_views() -> None:
    vehicle = passing_of(*[SMALL] * 12)
    cut_off = PlateQuality(90.0, 22.0, 0.4, 0.2, 0.0, 0.0, True, 0.9)
    romanian = replace(read("B61RCV", 0.98), region="Romania", region_confidence=0.9)
    results = [
        replace(
            PLATE.of(Search(look, False)), quality=cut_off, reads=(romanian, replace(romanian, reader="b"))
        )
        for look in vehicle.looks[:2]
    ]
    assert decide(results, VOTE, GRAMMAR).plate == "B61RCV"
    assert next_round(vehicle, results, LOOKS, VOTE, GRAMMAR, SHRUNK_PX) != ()
