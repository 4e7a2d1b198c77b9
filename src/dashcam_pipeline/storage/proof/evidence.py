"""The pictures that prove a sighting, as JPEG files in the work dir."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from dashcam_pipeline.durable import write_durably
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.storage.proof.evidence_budget import FOLDER, EvidenceBudget, Room
from dashcam_pipeline.vision.types import Image

READABLE_PLATE_PX = 240  # narrower plates are enlarged to about this width
FRAME_QUALITY = 80  # of the JPEG files of whole frames, which show where, not what
STRIP_QUALITY = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePaths:
    """Where the pictures of a sighting lie, relative to the work dir, with forward slashes; None: there is none."""

    vehicle: str | None = None
    plate: str | None = None
    frame: str | None = None
    strip: str | None = None


class EvidenceFolder:
    """Writes the pictures of sightings to `<work_dir>/evidence/<aa>/<video_id>/<track>[-<part>]_vehicle.jpg`.

    Args:
        work_dir: made if it isn't there.
        quality: of the JPEG files of vehicles and plates, 1 to 100.
        budget_bytes: what all pictures in the work dir may take together, see evidence_budget.py; None: no limit.
    """

    def __init__(self, work_dir: Path, quality: int, budget_bytes: int | None = None) -> None:
        self._work_dir = work_dir
        self._quality = quality
        self._budget = None if budget_bytes is None else EvidenceBudget(work_dir / FOLDER, budget_bytes)

    def write(
        self,
        video_id: str,
        track_id: int,
        part: int = 0,
        *,
        vehicle: Image,
        plate: Image | None = None,
        frame: Image | None = None,
        strip: Image | None = None,
        claimed: bool = True,
    ) -> EvidencePaths:
        """Write the pictures of a sighting; a repeat replaces those of the first time.

        Pictures are BGR, uint8, (height, width, 3). None or empty: there is no such picture.

        Args:
            vehicle: not empty.
            plate: small ones are enlarged so that a person can read them.
            frame: the whole frame, as small as it is to be kept.
            strip: see strip.py.
            claimed: whether the sighting has a plate: others are the first to go without pictures when the budget is
                nearly used up. A sighting that has its pictures already gets them anew in any case.

        Returns:
            no paths when the budget is used up.

        Raises:
            DiskUnavailable: the work dir is full or can't be written to.
        """
        name = f"{track_id}-{part}" if part else str(track_id)
        stem = f"{FOLDER}/{video_id[:2]}/{video_id}/{name}"
        if not self._may_write(f"{stem}_vehicle.jpg", claimed):
            return EvidencePaths()
        small = None if plate is None or plate.size == 0 else _enlarged(plate)
        return EvidencePaths(
            vehicle=self._put(f"{stem}_vehicle.jpg", vehicle, self._quality),
            plate=self._put(f"{stem}_plate.jpg", small, self._quality),
            frame=self._put(f"{stem}_frame.jpg", frame, FRAME_QUALITY),
            strip=self._put(f"{stem}_strip.jpg", strip, STRIP_QUALITY),
        )

    def _may_write(self, vehicle_path: str, claimed: bool) -> bool:
        if self._budget is None:
            return True
        room = self._budget.room()
        if room is Room.ALL or (room is Room.PLATES_ONLY and claimed):
            return True
        return (self._work_dir / vehicle_path).exists()

    def _put(self, relative: str, picture: Image | None, quality: int) -> str | None:
        if picture is None or picture.size == 0:
            self._remove(relative)
            return None
        self._save(relative, picture, quality)
        return relative

    def _save(self, relative: str, picture: Image, quality: int) -> None:
        """A reader, and a run that starts after a kill or a power cut, sees the whole picture or none."""
        encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not encoded:
            raise ValueError(f"a picture of shape {picture.shape} can't be written as JPEG")
        path = self._work_dir / relative
        try:
            write_durably(path, data.tobytes())
        except OSError as error:
            raise _unavailable(path, error) from error
        if self._budget is not None:
            self._budget.wrote(len(data))

    def _remove(self, relative: str) -> None:
        """What an earlier write of a sighting took for its plate is no evidence any more."""
        path = self._work_dir / relative
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(path, error) from error


def _unavailable(path: Path, error: OSError) -> DiskUnavailable:
    return DiskUnavailable(
        f"can't write the evidence picture {path}: {error.strerror or error}. "
        "What to do: free the disk, make it writable, or give another --work-dir."
    )


def _enlarged(plate: Image) -> Image:
    factor = round(READABLE_PLATE_PX / max(1, plate.shape[1]))
    if factor <= 1:
        return plate
    return cv2.resize(plate, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(plate.dtype)
