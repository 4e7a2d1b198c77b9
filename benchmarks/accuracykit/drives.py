"""One drive: `dashcam run` over it as a user would, and the same stages in this process, to say why it missed what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accuracykit.causes import Failure, failures_of
from accuracykit.reliability import Point, points_of
from accuracykit.seen import RowSeen, Seen, row_of_export
from accuracykit.truth import TruePlate, read_plates, truth_of
from accuracykit.watching import see
from benchkit.commands import own_folder
from benchkit.contenders import run_own
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import Settings
from score import DIGITS, Score, score


@dataclass(frozen=True, slots=True)
class Drive:
    """A video with its truth."""

    path: Path
    plates: tuple[TruePlate, ...]

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveResult:
    """How right the product is on one drive."""

    name: str
    score: Score
    seconds: float | None  # of the whole command; None where the stages ran in this process
    frames: int
    failures: tuple[Failure, ...]
    points: tuple[Point, ...]
    rows: tuple[RowSeen, ...]
    same_rows: bool  # the stages in this process made the same claims as the run

    @property
    def wrong(self) -> int:
        """Rows that claim a wrong plate."""
        return self.score.rows - self.score.right


def opened(video: Path) -> Drive:
    """Raises BenchTrouble where the video or its truth can't be read."""
    if not video.is_file():
        raise BenchTrouble(f"there is no video {video}: name one that is there")
    return Drive(video, read_plates(video.with_suffix(".json")))


def run_drive(drive: Drive, options: Sequence[str]) -> tuple[tuple[RowSeen, ...], float]:
    """The rows of `dashcam run` in a work dir of its own, and the seconds that it took.

    Raises:
        BenchTrouble: it failed.
    """
    with own_folder() as folder:
        run = run_own([drive.path], folder, options=options)
    return tuple(row_of_export(row) for row in run.rows), run.took.wall_s


def measured(drive: Drive, settings: Settings, options: Sequence[str], *, without_run: bool) -> DriveResult:
    """Everything about a drive. Models of stages in this process answer out of a cache where one is in use.

    Raises:
        BenchTrouble: the run failed, or a part could not be worked off.
    """
    seen = see(drive.path, settings)
    if without_run:
        rows, seconds = tuple(seen.rows), None
    else:
        rows, seconds = run_drive(drive, options)
    return result_of(drive, rows, seen, settings, seconds)


def result_of(
    drive: Drive, rows: tuple[RowSeen, ...], seen: Seen, settings: Settings, seconds: float | None
) -> DriveResult:
    """Judge rows with what the stages saw."""
    truth = truth_of(drive.plates)
    return DriveResult(
        name=drive.name,
        score=score(truth, [row.shown for row in rows if row.plate]),
        seconds=seconds,
        frames=seen.frames,
        failures=tuple(failures_of(drive.plates, rows, seen, settings.vote.min_plate_px)),
        points=tuple(points_of(truth, rows)),
        rows=rows,
        same_rows=_claimed(rows) == _claimed(seen.rows),
    )


def total(scores: Sequence[Score]) -> Score:
    """All drives as one."""
    sightings, rows = sum(one.sightings for one in scores), sum(one.rows for one in scores)
    found, right = sum(one.found for one in scores), sum(one.right for one in scores)
    recall, precision = found / max(sightings, 1), right / max(rows, 1)
    return Score(
        sightings=sightings,
        rows=rows,
        right=right,
        found=found,
        duplicates=sum(one.duplicates for one in scores),
        recall=round(recall, DIGITS),
        precision=round(precision, DIGITS),
        f1=round(2 * recall * precision / (recall + precision), DIGITS) if found else 0.0,
        missed=tuple(text for one in scores for text in one.missed),
    )


def _claimed(rows: Sequence[RowSeen]) -> list[tuple[str, int, int]]:
    return sorted((row.plate, row.first, row.last) for row in rows if row.plate)
