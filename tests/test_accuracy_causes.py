"""Every missed plate and every wrong row has exactly one cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accuracykit.causes import Cause, Failure, failures_of
from accuracykit.seen import ReadSeen, RowSeen, SearchSeen, Seen, TrackSeen, ViewSeen
from accuracykit.truth import TruePlate, alike, iou, plate_under
from dashcam_pipeline.vision.types import Box

MIN_PLATE_PX = 32
CAR_BOX = Box(100, 100, 400, 400)
PLATE_BOX = Box(200, 300, 280, 330)
ELSEWHERE = Box(110, 110, 190, 140)
FRAMES = range(10, 20)
CAR = TruePlate("ABC123", 10, 19, True, dict.fromkeys(FRAMES, PLATE_BOX))
NEXT = TruePlate("XYZ789", 30, 39, True, dict.fromkeys(range(30, 40), PLATE_BOX))
BOXES = dict.fromkeys(FRAMES, (CAR_BOX,))


def track(track_id: int = 1, *frames: int, searchable: bool = True) -> TrackSeen:
    """A vehicle with views in these frames."""
    views = tuple(
        ViewSeen(track_id=track_id, frame_idx=frame, vehicle=CAR_BOX, searchable=searchable)
        for frame in frames
    )
    return TrackSeen(track_id=track_id, first=min(frames), last=max(frames), views=views)


def searches(track_id: int, first: int, *texts: str, box: Box | None = PLATE_BOX) -> list[SearchSeen]:
    """A search a frame, each with a read."""
    return [
        SearchSeen(
            track_id=track_id,
            frame_idx=first + number,
            vehicle=CAR_BOX,
            plate=box,
            reads=(ReadSeen(text, 0.9),) if text else (),
        )
        for number, text in enumerate(texts)
    ]


def row(
    plate: str | None, guess: str | None = None, *, first: int = 10, last: int = 19, track_id: int = 1
) -> RowSeen:
    return RowSeen(
        plate=plate,
        best_guess=guess,
        confidence=0.8,
        reason=None if plate else "low_confidence",
        first=first,
        last=last,
        track_id=track_id,
    )


def seen(tracks: list[TrackSeen], found: list[SearchSeen], rows: list[RowSeen]) -> Seen:
    return Seen(vehicles=BOXES, tracks=tracks, searches=found, rows=rows)


def failures(what: Seen, *plates: TruePlate) -> list[Failure]:
    return failures_of(plates or (CAR,), what.rows, what, MIN_PLATE_PX)


NARROW = replace(CAR, boxes=dict.fromkeys(FRAMES, Box(200, 300, 220, 308)))

MISSES = [
    pytest.param(CAR, Seen(), Cause.NOT_DETECTED, id="nothing was looked at"),
    pytest.param(CAR, Seen(vehicles=dict.fromkeys(FRAMES, ())), Cause.NOT_DETECTED, id="no box at all"),
    pytest.param(
        CAR, Seen(vehicles=dict.fromkeys((10, 11), (CAR_BOX,))), Cause.NOT_DETECTED, id="in two frames"
    ),
    pytest.param(CAR, Seen(vehicles=BOXES), Cause.NOT_TRACKED, id="boxes, but no track"),
    pytest.param(CAR, seen([track(1, 25, 26)], [], []), Cause.NOT_TRACKED, id="a track of later frames"),
    pytest.param(
        NARROW, seen([track(1, 10, 11)], searches(1, 10, "", box=None), []), Cause.TOO_SMALL, id="narrow"
    ),
    pytest.param(
        CAR, seen([track(1, 10, searchable=False)], [], []), Cause.TOO_SMALL, id="vehicle too small"
    ),
    pytest.param(
        CAR,
        seen([track(1, 10)], searches(1, 10, "", box=PLATE_BOX), []),
        Cause.TOO_SMALL,
        id="found, not read",
    ),
    pytest.param(
        CAR,
        seen([track(1, 10)], searches(1, 10, "", box=None), []),
        Cause.NO_PLATE_FOUND,
        id="searched in vain",
    ),
    pytest.param(
        CAR,
        seen([track(1, 10)], searches(1, 10, "NOISE1", box=ELSEWHERE), []),
        Cause.NO_PLATE_FOUND,
        id="only something else was found",
    ),
    pytest.param(
        CAR,
        seen([track(1, 10, 11)], [replace(searches(1, 10, "", box=None)[0], note="overlay")], []),
        Cause.NO_PLATE_FOUND,
        id="found and put aside",
    ),
    pytest.param(
        CAR,
        seen([track(1, 10, 11)], searches(1, 10, "ABC128", "ABC128"), [row(None, "ABC128")]),
        Cause.MISREAD,
        id="never read right",
    ),
    pytest.param(
        CAR,
        seen(
            [track(1, 10, 11)], searches(1, 10, "ABC123", "ABC128", "ABC128", "ABC128"), [row(None, "ABC128")]
        ),
        Cause.MISREAD,
        id="read right once of four times",
    ),
    pytest.param(
        CAR,
        seen([track(1, 10, 11)], searches(1, 10, "ABC123", "ABC123", "ABC128"), [row(None, "ABC128")]),
        Cause.VOTE_WRONG,
        id="right reads lost",
    ),
    pytest.param(
        CAR,
        seen([track(1, 10, 11)], searches(1, 10, "ABC123"), [row(None, "ABC123")]),
        Cause.NOT_CLAIMED,
        id="a best guess only",
    ),
    pytest.param(
        CAR,
        seen(
            [track(1, 10, 11), track(2, 15, 16)],
            searches(1, 10, "ABC123") + searches(2, 15, "ABC123"),
            [row(None, "ABC123", last=14), row(None, "ABC123", first=15, track_id=2)],
        ),
        Cause.SPLIT,
        id="a right read in each of two tracks",
    ),
    pytest.param(
        replace(CAR, text="AOC123"),
        seen([track(1, 10, 11)], searches(1, 10, "A0C123", "A0C123"), [row(None, "A0C123")]),
        Cause.LABEL_DOUBTFUL,
        id="O or 0",
    ),
]


@pytest.mark.parametrize(("plate", "what", "cause"), MISSES)
def test_missed_plate_is_explained_by_the_first_stage_that_lost_it(
    plate: TruePlate, what: Seen, cause: Cause
) -> None:
    [failure] = failures(what, plate)
    assert (failure.plate, failure.cause, failure.is_row) == (plate.text, cause, False)
    assert failure.detail


def test_plate_whose_reads_are_in_the_row_of_the_next_one_was_joined() -> None:
    both = searches(1, 10, "ABC123", "ABC123") + searches(1, 30, "XYZ789", "XYZ789", "XYZ789")
    what = seen([track(1, 10, 11, 30, 31, 32)], both, [row("XYZ789", last=39)])
    [failure] = failures(what, CAR, NEXT)
    assert (failure.plate, failure.cause) == ("ABC123", Cause.JOINED)


def test_plate_whose_track_kept_only_views_of_the_next_one_was_joined() -> None:
    what = seen(
        [replace(track(1, 30, 31), first=10)], searches(1, 30, "XYZ789", "XYZ789"), [row("XYZ789", last=39)]
    )
    [failure] = failures(what, CAR, NEXT)
    assert (failure.plate, failure.cause) == ("ABC123", Cause.JOINED)
    assert "XYZ789" in failure.detail


RIGHT = searches(1, 10, "ABC123", "ABC123")
ROWS = [
    pytest.param(row("ABC128"), searches(1, 10, "ABC128"), Cause.MISREAD, id="another text"),
    pytest.param(
        row("NOISE1"), searches(1, 10, "NOISE1", box=ELSEWHERE), Cause.NOT_A_PLATE, id="over nothing"
    ),
    pytest.param(row("NOISE1"), [], Cause.NOT_A_PLATE, id="nobody knows where from"),
    pytest.param(
        row("XYZ78", last=39),
        searches(1, 10, "XYZ78") + searches(1, 30, "XYZ78"),
        Cause.JOINED,
        id="reads of two known plates",
    ),
]


@pytest.mark.parametrize(("wrong", "found", "cause"), ROWS)
def test_wrong_row_is_explained_by_what_its_reads_show(
    wrong: RowSeen, found: list[SearchSeen], cause: Cause
) -> None:
    what = seen([track(1, 10, 11)], found, [wrong])
    [failure] = [one for one in failures(what, CAR, NEXT) if one.is_row]
    assert (failure.plate, failure.cause) == (wrong.plate, cause)


def test_second_row_of_a_sighting_is_a_split_and_nothing_is_missed() -> None:
    what = seen([track(1, 10, 11)], RIGHT, [row("ABC123"), row("ABC123", track_id=2)])
    [failure] = failures(what)
    assert (failure.cause, failure.is_row) == (Cause.SPLIT, True)


def test_row_that_differs_by_a_letter_that_looks_the_same_is_told_with_its_label() -> None:
    plate = replace(CAR, text="AOC123")
    what = seen([track(1, 10)], searches(1, 10, "A0C123"), [row("A0C123")])
    found = failures(what, plate)
    assert [one.cause for one in found] == [Cause.LABEL_DOUBTFUL, Cause.LABEL_DOUBTFUL]
    assert "AOC123" in found[1].detail


def test_nothing_is_told_where_all_is_right() -> None:
    assert failures(seen([track(1, 10, 11)], RIGHT, [row("ABC123")])) == []


def test_doubtful_plate_is_neither_missed_nor_wrong() -> None:
    doubtful = replace(CAR, scored=False)
    assert failures(seen([track(1, 10)], searches(1, 10, "ABC128"), [row("ABC128")]), doubtful) == []


@pytest.mark.parametrize(
    ("box", "plate"),
    [(PLATE_BOX, CAR), (Box(190, 290, 290, 340), CAR), (ELSEWHERE, None), (Box(0, 0, 1000, 1000), None)],
)
def test_found_box_shows_the_known_plate_that_it_overlaps(box: Box, plate: TruePlate | None) -> None:
    assert plate_under((CAR, NEXT), 10, box) is plate


def test_overlap_is_shared_area_over_all_area() -> None:
    assert iou(Box(0, 0, 2, 1), Box(1, 0, 3, 1)) == pytest.approx(1 / 3)
    assert iou(Box(0, 0, 1, 1), Box(5, 5, 6, 6)) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("RK6O5AB", "RK605AB", True), ("I1", "1I", True), ("ABC", "ABC", False), ("8AB", "BAB", False)],
)
def test_texts_that_look_the_same(one: str, other: str, expected: bool) -> None:
    assert alike(one, other) is expected


def test_right_reads_that_had_no_vote_are_told_with_the_row_s_reason() -> None:
    nothing = replace(row(None), reason="cut_off")
    [failure] = failures(seen([track(1, 10, 11)], searches(1, 10, "ABC123", "ABC123"), [nothing]))
    assert failure.cause is Cause.VOTE_WRONG
    assert "no text: cut_off" in failure.detail
