"""What each part of the product is worth: f1 over all drives without it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from accuracykit.drives import Drive, total
from accuracykit.seen import RowSeen, Seen
from accuracykit.settings import changed, is_known
from accuracykit.truth import truth_of
from accuracykit.watching import see
from benchkit.progress import Progress
from dashcam_pipeline.vision.tracking.scene import ShotCuts
from score import Score, score


@dataclass(frozen=True, slots=True)
class Ablation:
    """A part that is switched off."""

    name: str
    changes: tuple[str, ...] = ()  # as for --set
    cuts: bool = True  # shot cuts are found; there is no setting for it


ABLATIONS = (
    Ablation("quality off", ("vote.quality=false",)),
    Ablation("grammar off", ("vote.grammar=false",)),
    Ablation("straightening off", ("detection.straighten=false",)),
    Ablation("second reader off", ("models.second_reader_model=null",)),
    Ablation("joining off", ("trips.join=false",)),
    Ablation("shot cuts off", cuts=False),
    Ablation("appearance off", ("tracking.most_difference=255",)),
)
EVERYTHING = "everything on"
VOTE_OFF = "vote off: the surest single read"


@dataclass(frozen=True, slots=True)
class Ablated:
    """A line of the table."""

    name: str
    changes: tuple[str, ...]
    score: Score | None  # over all drives; None where this version has no such setting


def ablate(
    drives: Sequence[Drive], changes: Sequence[str], folder: Path, progress: Progress
) -> list[Ablated]:
    """Score the stages over all drives, whole and with each part off.

    Args:
        drives: those to be seen.
        changes: made to the settings of every line.
        folder: for config files.
    """
    seen = _see_all(EVERYTHING, drives, changes, folder, progress)
    claim_confidence = changed(changes, folder)[0].vote.claim_confidence
    without_vote = [single_reads(one, claim_confidence) for one in seen]
    lines = [
        Ablated(EVERYTHING, (), _scored(drives, [one.rows for one in seen])),
        Ablated(VOTE_OFF, (), _scored(drives, without_vote)),
    ]
    for part in ABLATIONS:
        found = None
        if all(is_known(change) for change in part.changes):
            with nullcontext() if part.cuts else patch.object(ShotCuts, "step", lambda cuts, image: False):
                ablated = _see_all(part.name, drives, (*changes, *part.changes), folder, progress)
            found = _scored(drives, [one.rows for one in ablated])
        lines.append(Ablated(part.name, part.changes, found))
    return lines


def single_reads(seen: Seen, claim_confidence: float) -> list[RowSeen]:
    """A row a vehicle with the surest of its reads, claimed from the same confidence on as a vote is."""
    rows = []
    for track in seen.tracks:
        reads = [
            read for one in seen.searches if one.track_id == track.track_id for read in one.reads if read.text
        ]
        best = max(reads, key=lambda read: (read.confidence, read.text), default=None)
        if best is not None and best.confidence >= claim_confidence:
            rows.append(
                RowSeen(
                    plate=best.text,
                    best_guess=None,
                    confidence=best.confidence,
                    reason=None,
                    first=track.first,
                    last=track.last,
                    track_id=track.track_id,
                )
            )
    return rows


def _see_all(
    name: str, drives: Sequence[Drive], changes: Sequence[str], folder: Path, progress: Progress
) -> list[Seen]:
    settings, _ = changed(changes, folder)
    seen = []
    for drive in drives:
        with progress.step(f"{name}: {drive.name}"):
            seen.append(see(drive.path, settings))
    return seen


def _scored(drives: Sequence[Drive], rows: Sequence[Sequence[RowSeen]]) -> Score:
    return total(
        [
            score(truth_of(drive.plates), [row.shown for row in one if row.plate])
            for drive, one in zip(drives, rows, strict=True)
        ]
    )
