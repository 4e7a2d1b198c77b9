"""How the reads of a sighting voted on its characters, in words: what won, and how many of the reads differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashcam_pipeline.storage.results.explaining import Explanation
from dashcam_pipeline.storage.rows import ReadRow

MOST_SHARES = 5  # characters shown of one position of the vote
UNDISPUTED = 0.995
"""A character with this share of the vote is shown as having all of it."""
VOTES = "share of the vote for each position, after weighing"


@dataclass(frozen=True, slots=True)
class Position:
    """A position of the text, and what the reads voted for there."""

    number: int  # from 1
    shares: str  # "L 0.90, I 0.10", the winner first
    differing: str  # "2 of 7 reads differ"; empty: none does


def voting_reads(explanation: Explanation) -> list[ReadRow]:
    """The reads that have a vote."""
    return [
        read for part in explanation.parts for look in part.looks for read in look.reads if read.weight > 0
    ]


def is_undisputed(explanation: Explanation) -> bool:
    """Whether nothing else was read, and nothing else got a share worth telling."""
    seen = explanation.sighting
    return all(read.text == seen.text for read in voting_reads(explanation)) and all(
        max(votes.values(), default=0.0) >= UNDISPUTED for votes in seen.char_votes
    )


def positions(explanation: Explanation) -> Iterator[Position]:
    """The vote for each position of the text."""
    text = explanation.sighting.text or ""
    for number, votes in enumerate(explanation.sighting.char_votes, start=1):
        own = text[number - 1 : number]
        ordered = sorted(votes.items(), key=lambda item: (item[0] != own, -item[1], item[0]))
        shares = ", ".join(f"{character} {share:.2f}" for character, share in ordered[:MOST_SHARES])
        yield Position(number, shares, _differing(explanation, number - 1))


def disagreement(explanation: Explanation) -> Iterator[str]:
    """How many reads say another text, where they differ most, and the character that is least certain."""
    text = explanation.sighting.text or ""
    reads = voting_reads(explanation)
    if not reads or not text:
        return
    other = sum(read.text != text for read in reads)
    length = sum(len(read.text) != len(text) for read in reads)
    if not other:
        yield f"all {len(reads)} reads that voted are alike"
    else:
        longer = f", {length} of them with another number of characters" if length else ""
        yield f"{other} of the {len(reads)} reads that voted {'has' if other == 1 else 'have'} another text{longer}"
    votes = explanation.sighting.char_votes
    if len(votes) != len(text):
        return
    weakest = min(
        range(len(text)), key=lambda place: (votes[place].get(text[place], 0.0), -_differ(reads, text, place))
    )
    share = votes[weakest].get(text[weakest], 0.0)
    differing = _differing(explanation, weakest)
    if share < UNDISPUTED or differing:
        yield (
            f"its least certain character is {text[weakest]} at position {weakest + 1}, with {share:.2f} of the vote "
            f"after weighing{f'; {differing} there' if differing else ''}"
        )


def _differing(explanation: Explanation, place: int) -> str:
    reads = voting_reads(explanation)
    count = _differ(reads, explanation.sighting.text or "", place)
    return f"{count} of {len(reads)} reads {'differs' if count == 1 else 'differ'}" if count else ""


def _differ(reads: list[ReadRow], text: str, place: int) -> int:
    """How many reads have another character there; those of another length can't be told."""
    return sum(
        len(read.text) == len(text) and read.text[place : place + 1] != text[place : place + 1]
        for read in reads
    )
