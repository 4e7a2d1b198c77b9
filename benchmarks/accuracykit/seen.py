"""What the product saw of a drive, stage by stage: the records on which a miss is explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashcam_pipeline.storage.rows import SightingRow
from dashcam_pipeline.vision.types import Box
from score import Shown, plain


@dataclass(frozen=True, slots=True)
class ReadSeen:
    """What one reader made of one plate picture."""

    text: str
    confidence: float  # 0..1
    reader: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSeen:
    """A view that was kept of a vehicle."""

    track_id: int
    frame_idx: int
    vehicle: Box  # pixels of the frame, as all boxes here
    searchable: bool = True  # wide enough to be searched


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSeen:
    """What came of one search."""

    track_id: int
    frame_idx: int
    vehicle: Box
    plate: Box | None = None
    reads: tuple[ReadSeen, ...] = ()
    note: str | None = None  # why it does not vote, where a stage says so


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSeen:
    """A vehicle that has passed."""

    track_id: int
    first: int  # frames, both ends included
    last: int
    views: tuple[ViewSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSeen:
    """A sighting, as a run writes it."""

    plate: str | None
    best_guess: str | None
    confidence: float | None
    reason: str | None
    first: int
    last: int
    track_id: int | None = None
    best_read: str | None = None

    @property
    def text(self) -> str | None:
        """What it claims, or else guesses."""
        return self.plate or self.best_guess

    @property
    def shown(self) -> Shown:
        return Shown(self.text or "", self.first, self.last)


@dataclass(slots=True)
class Seen:
    """All of a drive."""

    vehicles: dict[int, tuple[Box, ...]] = field(
        default_factory=dict
    )  # found in each frame that was looked at
    tracks: list[TrackSeen] = field(default_factory=list)
    searches: list[SearchSeen] = field(default_factory=list)
    rows: list[RowSeen] = field(default_factory=list)
    frames: int = 0


def row_of_export(row: Mapping[str, Any]) -> RowSeen:
    """A row as `dashcam export --format json` writes it."""
    return RowSeen(
        plate=_text(row["plate"]),
        best_guess=_text(row["best_guess"]),
        confidence=row["confidence"],
        reason=row["reason"],
        first=int(row["first_frame"]),
        last=int(row["last_frame"]),
        track_id=row.get("track_id"),
        best_read=_text(row.get("best_read")),
    )


def row_of_stage(row: SightingRow) -> RowSeen:
    """A row on its way to the database."""
    return RowSeen(
        plate=_text(row.final_plate),
        best_guess=_text(row.best_guess),
        confidence=row.plate_confidence,
        reason=None if row.no_plate_reason is None else str(row.no_plate_reason),
        first=row.first_frame,
        last=row.last_frame,
        track_id=row.track_id,
        best_read=_text(row.best_read),
    )


def _text(text: str | None) -> str | None:
    return plain(text) if text else None
