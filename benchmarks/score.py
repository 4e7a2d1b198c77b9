"""Plates that were claimed, held against the known plates of a drive.

    python benchmarks/score.py TRUTH.json ROWS.json

Rows are objects with `plate`, `first_frame` and `last_frame`, as `dashcam export --format json` writes them; frames
count from 0. A row is right when its letters and digits are those of a sighting whose frames it overlaps. Sightings of
the truth with `"scored": false` are doubtful readings: nobody has to find them, and a row that is about as like one
of them as a person would read it counts neither for nor against.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

NOT_OF_A_PLATE = re.compile(r"[^A-Z0-9]")
DOUBT_EDITS = 2
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """A text and the frames over which it is to be seen, both ends included."""

    text: str
    first: int
    last: int

    def overlaps(self, other: Shown) -> bool:
        return self.first <= other.last and self.last >= other.first


@dataclass(frozen=True, slots=True)
class Truth:
    """What a drive shows."""

    scored: tuple[Shown, ...]
    doubtful: tuple[Shown, ...]


class Standing(StrEnum):
    """What a claim is worth."""

    RIGHT = "right"
    DUPLICATE = "duplicate"  # right, but its sighting had a right one already
    WRONG = "wrong"
    DOUBTFUL = "doubtful"  # about as like a doubtful reading as a person would read it: counts for nothing


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim held against the truth."""

    claim: Shown
    standing: Standing
    sighting: int | None  # the place among the scored ones of the one that it is right about


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How rows stand against the truth; shares are 0..1."""

    sightings: int  # to be found
    rows: int  # that count
    right: int  # of these
    found: int  # sightings with a right row
    duplicates: int  # right rows of a sighting that had one already
    recall: float  # found / sightings
    precision: float  # right rows / rows
    f1: float
    missed: tuple[str, ...]


def read_truth(path: Path) -> Truth:
    """The truth of a drive, as it lies beside the video."""
    sightings = json.loads(path.read_text(encoding="utf-8"))["sightings"]
    return Truth(
        scored=tuple(_sighting(one) for one in sightings if one.get("scored", True)),
        doubtful=tuple(_sighting(one) for one in sightings if not one.get("scored", True)),
    )


def claims(rows: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """The rows that claim a plate."""
    return [
        Shown(plain(row["plate"]), int(row["first_frame"]), int(row["last_frame"]))
        for row in rows
        if row["plate"]
    ]


def judged(truth: Truth, claimed: Sequence[Shown]) -> tuple[Judged, ...]:
    """How every claim stands, in the order of the claims."""
    found: set[int] = set()
    judgements = []
    for claim in claimed:
        same = [
            number
            for number, sighting in enumerate(truth.scored)
            if sighting.text == claim.text and sighting.overlaps(claim)
        ]
        if same:
            standing = Standing.DUPLICATE if same[0] in found else Standing.RIGHT
            found.add(same[0])
        else:
            doubtful = any(_may_be(sighting, claim) for sighting in truth.doubtful)
            standing = Standing.DOUBTFUL if doubtful else Standing.WRONG
        judgements.append(Judged(claim, standing, same[0] if same else None))
    return tuple(judgements)


def score(truth: Truth, claimed: Sequence[Shown]) -> Score:
    """Hold claims against the truth."""
    counting = [one for one in judged(truth, claimed) if one.standing is not Standing.DOUBTFUL]
    right = [one for one in counting if one.standing is not Standing.WRONG]
    found = {one.sighting for one in right}
    recall = len(found) / len(truth.scored) if truth.scored else 0.0
    precision = len(right) / len(counting) if counting else 0.0
    return Score(
        sightings=len(truth.scored),
        rows=len(counting),
        right=len(right),
        found=len(found),
        duplicates=len(right) - len(found),
        recall=round(recall, DIGITS),
        precision=round(precision, DIGITS),
        f1=round(2 * recall * precision / (recall + precision), DIGITS) if found else 0.0,
        missed=tuple(
            sorted(sighting.text for number, sighting in enumerate(truth.scored) if number not in found)
        ),
    )


def plain(text: str) -> str:
    """The letters and digits of a plate."""
    return NOT_OF_A_PLATE.sub("", text.upper())


def edits(one: str, other: str) -> int:
    """Characters to insert, delete or replace to make one text the other (Levenshtein)."""
    before = list(range(len(other) + 1))
    for row, left in enumerate(one, start=1):
        now = [row]
        for column, right in enumerate(other, start=1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (left != right)))
        before = now
    return before[-1]


def _sighting(one: Mapping[str, Any]) -> Shown:
    return Shown(plain(one["plate"]), int(one["first"]), int(one["last"]))


def _may_be(doubtful: Shown, claim: Shown) -> bool:
    return doubtful.overlaps(claim) and edits(doubtful.text, claim.text) <= DOUBT_EDITS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("truth", type=Path)
    parser.add_argument("rows", type=Path)
    given = parser.parse_args()
    rows = json.loads(given.rows.read_text(encoding="utf-8"))
    print(json.dumps(asdict(score(read_truth(given.truth), claims(rows)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
