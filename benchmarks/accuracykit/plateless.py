"""Videos without a plate that anybody could read: empty roads, night, vehicles far away; what is said there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accuracykit.drives import Drive, run_drive
from accuracykit.seen import RowSeen
from accuracykit.watching import see
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import Settings

DOUBTFUL_BELOW = 0.5
"""No row of such a video may be surer."""


@dataclass(frozen=True, slots=True)
class PlatelessResult:
    """The rows of such a video."""

    name: str
    rows: tuple[RowSeen, ...]

    @property
    def surest(self) -> RowSeen | None:
        """Of the rows with a text."""
        told = [row for row in self.rows if row.text]
        return max(told, key=lambda row: (row.confidence or 0.0, row.text), default=None)

    @property
    def too_sure(self) -> int:
        """Rows with a text and more confidence than they may have."""
        return sum(bool(row.text) and (row.confidence or 0.0) > DOUBTFUL_BELOW for row in self.rows)


def look_at(video: Path, settings: Settings, options: Sequence[str], *, without_run: bool) -> PlatelessResult:
    """Run the product over a video, or only its stages.

    Raises:
        BenchTrouble: it is not there, or the run failed.
    """
    if not video.is_file():
        raise BenchTrouble(f"there is no video {video}: name one that is there")
    if without_run:
        return PlatelessResult(video.stem, tuple(see(video, settings).rows))
    return PlatelessResult(video.stem, run_drive(Drive(video, ()), options)[0])
