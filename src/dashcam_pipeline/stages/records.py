"""The records that travel between the stages, inside the tasks. `pipeline.py` says which stage takes which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashcam_pipeline.storage.rows import SightingRow, VideoRow
from dashcam_pipeline.vision.types import Detection

if TYPE_CHECKING:  # each worker knows all records by name, and loads what is in those that it gets
    from dashcam_pipeline.vision.plates.plate_gates import Surroundings
    from dashcam_pipeline.vision.tracking.watch import Passing
    from dashcam_pipeline.vision.vote.ballots import LookResult
    from dashcam_pipeline.vision.vote.rounds import Search


@dataclass(frozen=True, slots=True)
class VideoJob:
    """A video file to be read."""

    video_id: str
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """A frame to be searched for vehicles."""

    frame_idx: int
    ts_s: float


@dataclass(frozen=True, slots=True)
class SearchedFrame:
    """A frame with the vehicles that were found in it."""

    frame_idx: int
    ts_s: float
    vehicles: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class EndOfVideo:
    """No more frames of this video will come."""


@dataclass(frozen=True, slots=True)
class VehiclePicture:
    """A stored picture of a vehicle, cut out of a frame."""

    frame_id: str
    left: int  # where the picture begins in the frame, pixels
    top: int
    scene_id: str | None = None  # of the stored picture of that whole frame, shrunk
    scene_scale: float = 1.0  # pixels of that picture for one of the frame


def stored_names(pictures: Iterable[VehiclePicture]) -> tuple[str, ...]:
    """All that must stay in the frame store as long as the pictures do."""
    names = {name for picture in pictures for name in (picture.frame_id, picture.scene_id)}
    return tuple(sorted(name for name in names if name is not None))


@dataclass(frozen=True, slots=True)
class VehiclePassed:
    """A vehicle has left the picture."""

    passing: Passing
    pictures: tuple[VehiclePicture, ...]  # of its looks


@dataclass(frozen=True, slots=True)
class ViewToSearch:
    """A view of a vehicle, to be searched for its plate."""

    search: Search
    picture: VehiclePicture
    around: Surroundings


@dataclass(frozen=True, slots=True)
class PlateToRead:
    """A plate that was found and waits to be read."""

    result: LookResult
    picture: VehiclePicture


@dataclass(frozen=True, slots=True)
class LookDone:
    """All there is to know from one view of a vehicle."""

    result: LookResult
    picture: VehiclePicture


@dataclass(frozen=True, slots=True)
class VideoRead:
    """What reading a video came to; its counts are added when all its tasks are done."""

    row: VideoRow


@dataclass(frozen=True, slots=True)
class RowToWrite:
    """A row for the database."""

    row: SightingRow | VideoRow
