"""The videos that a bench runs over, and the truth that may lie beside each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchkit.trouble import BenchTrouble
from score import Truth, read_truth

REPOSITORY = Path(__file__).resolve().parent.parent.parent
VARIABLE = "DASHCAM_TEST_DATA"
DRIVES = ("drive_mixed.mp4", "drive_road.mp4")


@dataclass(frozen=True, slots=True)
class BenchVideo:
    """A video, with what it shows where that is known."""

    path: Path
    truth: Truth | None


def test_data() -> Path:
    """The folder of the test data."""
    return Path(os.environ.get(VARIABLE) or REPOSITORY.parent / "shared")


def chosen(named: Sequence[Path]) -> list[BenchVideo]:
    """The videos that were named, else the drives of the test data; the truth is `NAME.json` beside `NAME.mp4`.

    Raises:
        BenchTrouble: one of them is not there, or its truth can't be read.
    """
    return [BenchVideo(path, _truth_beside(path)) for path in named or [drive(name) for name in DRIVES]]


def drive(name: str) -> Path:
    """A video of the test data."""
    path = test_data() / "videos" / name
    if not path.is_file():
        raise BenchTrouble(
            f"{path} is not there: set {VARIABLE} to the folder that holds videos/{name}, or name videos of your own"
        )
    return path


def _truth_beside(video: Path) -> Truth | None:
    if not video.is_file():
        raise BenchTrouble(f"there is no video {video}: name one that is there")
    beside = video.with_suffix(".json")
    if not beside.is_file():
        return None
    try:
        return read_truth(beside)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchTrouble(
            f"{beside} lies beside the video but is no list of its plates ({error!r}): move it away to leave f1 out"
        ) from error
