"""Which sightings of a trip are one vehicle: decided from what is known of each, without a picture."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dashcam_pipeline.vision.geometry import iou
from dashcam_pipeline.vision.plates.lookalikes import confusable, differ_only_by_confusion
from dashcam_pipeline.vision.types import Box

TOGETHER_S = 0.05
"""Two sightings that share more time than this are two vehicles: they were seen at once."""

EDGE_S = 0.3
"""A vehicle whose last sight is this near to the end of its file was in sight when the file ended."""

SURE = 0.9
"""From this confidence on, a claim stands against a guess that differs in a whole character."""

WEAK = 0.3
"""A guess of less confidence speaks against nothing."""

NEARLY_SAME_S = 30.0
"""Texts that only nearly agree are the same vehicle's within this time."""

CUT_GAP_S = 1.0
"""Where boxes alone say that it is one vehicle across the cut between two files, no more than this lies between."""

CUT_IOU = 0.4
BROKEN_GAP_S = 2.0
"""A track that broke: its parts lie no more than this apart …"""

BROKEN_IOU = 0.3
"""… at nearly the same place, and what was read on both is alike."""

UNREAD_GAP_S = 0.3
UNREAD_IOU = 0.8
"""Without a text on one of the parts: at once, and at the very same place."""

ALIKE_SHARE = 0.7
"""Of two guesses that are alike, so many characters agree."""

MIN_NEAR_CHARS = 5
"""Shorter texts that differ are different."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One sighting as it was written, on the clock of its trip."""

    key: str  # names it
    video: int  # its file's number within the trip, from 0
    first_s: float  # on the clock of the trip
    last_s: float
    vehicle_class: str
    plate: str | None  # a claim
    best_guess: str | None  # a text that is none
    confidence: float | None  # of either
    first_box: Box | None  # of the vehicle at first sight, in shares of the frame's width and height
    last_box: Box | None  # at last sight
    from_start: bool = False  # it was in sight when its file began
    to_end: bool = False  # it was in sight when its file ended
    shot: int = 0  # shot cuts of its file before it
    hashed: bool = False  # its text is a hash: equal to another one or not, and never like it

    @property
    def text(self) -> str | None:
        return self.plate or self.best_guess

    @property
    def order(self) -> tuple[float, float, str]:
        return (self.first_s, self.last_s, self.key)


@dataclass(frozen=True, slots=True)
class _Link:
    """Two parts that look like one vehicle; the lower the rank, the surer."""

    rank: tuple[int, float]
    before: Part
    after: Part


def join(parts: Iterable[Part], same_plate_s: float) -> list[tuple[Part, ...]]:
    """Group the sightings of a trip by vehicle.

    Three things make two sightings one: the same plate again within `same_plate_s`; a vehicle in sight at the end
    of one file and at the beginning of the next, in the same place; a track that broke and went on at the same place.
    The surest links are taken first. Never in one group: two that were seen at once, and two whose plates contradict
    each other, and two of different shots: scenes that were put together, in which a car may come twice.

    Args:
        same_plate_s: the same text after a longer time out of sight is another sighting.

    Returns:
        All parts, each in one group; groups and their parts in the order of time. The order of the input makes no
        difference.
    """
    ordered = sorted(parts, key=lambda part: part.order)
    shots: dict[int, list[Part]] = {}
    for part, shot in zip(ordered, _shots(ordered), strict=True):
        shots.setdefault(shot, []).append(part)
    found = [group for shot in shots.values() for group in _join_shot(shot, same_plate_s)]
    return sorted(found, key=lambda group: group[0].order)


def _shots(parts: Sequence[Part]) -> list[int]:
    """The shot of each part, counted through the trip: the last one of a file goes on in the next file."""
    cuts: dict[int, int] = {}  # of each video
    for part in parts:
        cuts[part.video] = max(cuts.get(part.video, 0), part.shot)
    before, counted = {}, 0
    for video in sorted(cuts):
        before[video] = counted
        counted += cuts[video]
    return [before[part.video] + part.shot for part in parts]


def _join_shot(ordered: Sequence[Part], same_plate_s: float) -> list[tuple[Part, ...]]:
    """Group the sightings of one shot."""
    groups = {part.key: [part] for part in ordered}
    for link in sorted(
        _links(ordered, same_plate_s), key=lambda one: (one.rank, one.before.key, one.after.key)
    ):
        one, other = groups[link.before.key], groups[link.after.key]
        if one is other or not _fit(one, other):
            continue
        one += other
        for part in other:
            groups[part.key] = one
    found = {id(group): tuple(sorted(group, key=lambda part: part.order)) for group in groups.values()}
    return list(found.values())


def _links(ordered: Sequence[Part], same_plate_s: float) -> Iterator[_Link]:
    """All pairs that look like one vehicle."""
    yield from _same_plate(ordered, same_plate_s)
    reach_s = max(NEARLY_SAME_S, BROKEN_GAP_S, CUT_GAP_S)
    for index, before in enumerate(ordered):
        for after in _until(ordered, index + 1, before.last_s + reach_s):
            gap_s = after.first_s - before.last_s
            if gap_s < -TOGETHER_S:
                continue
            if gap_s <= min(NEARLY_SAME_S, same_plate_s) and _nearly_same_plate(before, after):
                yield _Link((1, gap_s), before, after)
            elif (rank := _rank_by_place(before, after, gap_s)) is not None:
                yield _Link(rank, before, after)


def _until(ordered: Sequence[Part], start: int, end_s: float) -> Iterator[Part]:
    for part in ordered[start:]:
        if part.first_s > end_s:
            return
        yield part


def _same_plate(ordered: Sequence[Part], same_plate_s: float) -> Iterator[_Link]:
    """Each sighting of a text with the next one, where any of them claims it."""
    by_text: dict[str, list[Part]] = {}
    for part in ordered:
        if part.text is not None:
            by_text.setdefault(part.text, []).append(part)
    for same in by_text.values():
        if not any(part.plate for part in same):
            continue
        for before, after in pairwise(same):
            gap_s = after.first_s - before.last_s
            if -TOGETHER_S <= gap_s <= same_plate_s:
                yield _Link((0, gap_s), before, after)


def _rank_by_place(before: Part, after: Part, gap_s: float) -> tuple[int, float] | None:
    """How sure it is that a vehicle went on where another was seen last; None: it isn't."""
    if gap_s > BROKEN_GAP_S or not _same_kind(before, after):
        return None
    if before.last_box is None or after.first_box is None:
        return None
    overlap = iou(before.last_box, after.first_box)
    if after.video == before.video + 1:
        crosses = before.to_end and after.from_start
        return (2, -overlap) if crosses and gap_s <= CUT_GAP_S and overlap >= CUT_IOU else None
    if after.video != before.video:
        return None
    if before.text is not None and after.text is not None:
        alike = before.text == after.text or (
            _comparable(before, after) and likeness(before.text, after.text) >= ALIKE_SHARE
        )
        return (3, -overlap) if alike and gap_s <= BROKEN_GAP_S and overlap >= BROKEN_IOU else None
    return (4, -overlap) if gap_s <= UNREAD_GAP_S and overlap >= UNREAD_IOU else None


def _nearly_same_plate(before: Part, after: Part) -> bool:
    """Whether a text is the other one misread: by a character that looks alike, or a guess by one that doesn't."""
    one, other = before.text, after.text
    if one is None or other is None or not (before.plate or after.plate) or one == other:
        return False
    if not _comparable(before, after):
        return False
    if min(len(one), len(other)) < MIN_NEAR_CHARS:
        return False
    if _misread(before, after):
        return True
    claim, guess = (before, after) if before.plate else (after, before)
    return guess.plate is None and (claim.confidence or 0.0) >= SURE and edits(one, other) == 1


def _same_kind(one: Part, other: Part) -> bool:
    """Cars, trucks and buses are taken for each other; two wheels are not."""
    return (one.vehicle_class == "motorcycle") == (other.vehicle_class == "motorcycle")


def _fit(group: Sequence[Part], other: Sequence[Part]) -> bool:
    """Whether two groups can be one vehicle."""
    return not any(_seen_at_once(one, two) or contradict(one, two) for one in group for two in other)


def _seen_at_once(one: Part, other: Part) -> bool:
    return min(one.last_s, other.last_s) - max(one.first_s, other.first_s) > TOGETHER_S


def contradict(one: Part, other: Part) -> bool:
    """Whether the texts of two sightings say that they are two vehicles."""
    if one.text is None or other.text is None or one.text == other.text or _misread(one, other):
        return False
    if one.plate and other.plate:
        return True
    if not _comparable(one, other):
        return False  # a guess may be off by one character, which a hash does not tell
    weaker = min(part.confidence or 0.0 for part in (one, other))
    return weaker >= WEAK and likeness(one.text, other.text) < ALIKE_SHARE


def _misread(one: Part, other: Part) -> bool:
    """Whether two texts differ only in characters that look alike.

    Of two claims, in one that is a letter in one and a digit in the other: plates that count on (…0 and …2) are met
    one after the other.
    """
    if one.text is None or other.text is None or not _comparable(one, other):
        return False
    if not differ_only_by_confusion(one.text, other.text):
        return False
    if not (one.plate and other.plate):
        return True
    differing = [(a, b) for a, b in zip(one.text, other.text, strict=True) if a != b]
    return len(differing) == 1 and differing[0][0].isdigit() != differing[0][1].isdigit()


def _comparable(one: Part, other: Part) -> bool:
    """Whether it means anything in what characters their texts differ."""
    return not (one.hashed or other.hashed)


def likeness(one: str, other: str) -> float:
    """The share of characters on which two texts agree, look-alikes taken for the same: 0..1."""
    longest = max(len(one), len(other))
    return 1.0 - edits(one, other, lambda a, b: a == b or confusable(a, b)) / longest if longest else 1.0


def edits(one: str, other: str, same: Callable[[str, str], bool] = operator.eq) -> int:
    """Characters to change, leave out or put in that make one text the other (Levenshtein's distance)."""
    costs = list(range(len(other) + 1))
    for row, mine in enumerate(one, 1):
        corner, costs[0] = costs[0], row
        for column, theirs in enumerate(other, 1):
            cost = min(corner + (not same(mine, theirs)), costs[column] + 1, costs[column - 1] + 1)
            corner, costs[column] = costs[column], cost
    return costs[-1]
