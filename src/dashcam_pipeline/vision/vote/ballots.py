"""What came of the looks at a vehicle, and which of the reads among it have a vote, of what weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.types import Box, PlateRead

if TYPE_CHECKING:
    from dashcam_pipeline.vision.plates.plate_quality import PlateQuality


def search_name(track_id: int, frame_idx: int, in_full: bool) -> str:
    """Tells a search, and what came of it, from all others of one video."""
    return f"{track_id}-{frame_idx}{'-in-full' if in_full else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult:
    """What came of one look at a vehicle."""

    track_id: int
    frame_idx: int
    ts_s: float
    vehicle_box: Box  # pixels of the frame, as all boxes here
    searched: bool
    in_full: bool = False  # the search was at the plate detector's own input size
    plate_box: Box | None = None
    plate_score: float = 0.0
    not_a_plate: str | None = (
        None  # why what was found is not this vehicle's plate; then there is no plate box
    )
    quality: PlateQuality | None = None  # of the plate's picture
    reads: tuple[PlateRead, ...] = ()  # one a reader, of this one picture
    failed: bool = False  # a stage gave up on this look

    @property
    def confidence(self) -> float:
        """Of its best read, 0 without one."""
        return max((read.confidence for read in self.reads), default=0.0)


@dataclass(frozen=True, slots=True)
class Ballot:
    """A read that votes."""

    look: LookResult
    read: PlateRead
    weight: float  # 0..1

    @property
    def text(self) -> str:
        return self.read.text


def ballots_of(results: Sequence[LookResult], settings: VoteSettings) -> list[Ballot]:
    """The reads that vote, in an order that does not depend on that of the results."""
    ordered = sorted(results, key=lambda result: (result.frame_idx, result.in_full, result.vehicle_box))
    return [
        Ballot(result, read, weight_of(read, result.quality if settings.quality else None))
        for result in ordered
        if why_not(result, settings) is None
        for read in sorted(result.reads, key=lambda read: read.reader)
        if len(read.text) >= settings.min_chars
    ]


def weight_of(read: PlateRead, quality: PlateQuality | None) -> float:
    """What a read weighs: what it says of itself, and its picture of it.

    The mean of its characters' confidences times that of its weakest one, because on a blurred plate a reader stays
    sure of most of what it makes up; times the chance that its picture can be read right, where that is known.
    """
    said = read.confidence * read.weakest
    return said if quality is None else said * quality.readable


def why_not(result: LookResult, settings: VoteSettings) -> str | None:
    """Why nothing of this look votes, in a few words; None when something does."""
    if result.failed:
        return "failed"
    if not result.searched:
        return "not searched"
    if result.plate_box is None:
        return result.not_a_plate or "no plate found"
    if result.plate_box.width < settings.min_plate_px:
        return "plate too small"
    if all(len(read.text) < settings.min_chars for read in result.reads):
        return "unreadable"
    return None
