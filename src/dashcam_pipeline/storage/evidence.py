"""The pictures that prove a sighting, as JPEG files in the work dir."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from dashcam_pipeline.durable import write_durably
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.vision.types import Image

FOLDER = "evidence"
READABLE_PLATE_PX = 240  # narrower plates are enlarged to about this width


@dataclass(frozen=True, slots=True)
class EvidencePaths:
    """Where the pictures of a sighting lie, relative to the work dir, with forward slashes."""

    vehicle: str
    plate: str | None


class EvidenceFolder:
    """Writes the pictures of sightings to `<work_dir>/evidence/<aa>/<video_id>/<track>_vehicle.jpg`.

    Args:
        work_dir: made if it isn't there.
        quality: of the JPEG files, 1 to 100.
    """

    def __init__(self, work_dir: Path, quality: int) -> None:
        self._work_dir = work_dir
        self._quality = quality

    def write(self, video_id: str, track_id: int, vehicle: Image, plate: Image | None) -> EvidencePaths:
        """Write the pictures of a sighting; a repeat replaces those of the first time.

        Args:
            vehicle: BGR, uint8, (height, width, 3), not empty.
            plate: likewise; small ones are enlarged so that a person can read them. None or empty: no picture.

        Raises:
            DiskUnavailable: the work dir is full or can't be written to.
        """
        folder = f"{FOLDER}/{video_id[:2]}/{video_id}"
        vehicle_path = f"{folder}/{track_id}_vehicle.jpg"
        plate_path = f"{folder}/{track_id}_plate.jpg"
        self._save(vehicle_path, vehicle)
        if plate is None or plate.size == 0:
            self._remove(plate_path)
            return EvidencePaths(vehicle_path, None)
        self._save(plate_path, _enlarged(plate))
        return EvidencePaths(vehicle_path, plate_path)

    def _save(self, relative: str, picture: Image) -> None:
        """A reader, and a run that starts after a kill or a power cut, sees the whole picture or none."""
        encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        if not encoded:
            raise ValueError(f"a picture of shape {picture.shape} can't be written as JPEG")
        path = self._work_dir / relative
        try:
            write_durably(path, data.tobytes())
        except OSError as error:
            raise _unavailable(path, error) from error

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
