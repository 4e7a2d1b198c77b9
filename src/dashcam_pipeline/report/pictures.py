"""The evidence pictures of a sighting, copied into the folder of a report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2

from dashcam_pipeline.errors import DiskUnavailable

FOLDER = "pictures"
THUMBNAIL_PX = 400  # width of the vehicle on a card, at twice the pixels of a plain screen
THUMBNAIL_HEIGHT_PX = 400
THUMBNAIL_QUALITY = 82
FILES = {"frame": "frame", "vehicle": "vehicle", "plate": "plate", "all looks at the plate": "strip"}
"""What a picture shows, as `Explanation.pictures` names it, and the end of its file name."""


@dataclass(frozen=True, slots=True)
class CardPictures:
    """Addresses relative to the folder of the report; None: there is no such picture."""

    whole: Mapping[str, str]  # by what they show, in full
    thumbnail: str | None
    missing: int  # pictures that were written once and are not there any more

    @property
    def plate(self) -> str | None:
        return self.whole.get("plate")


def copy_pictures(key: str, found: Mapping[str, Path], folder: Path) -> CardPictures:
    """Copy the pictures of a sighting, and make the small one of its card.

    Args:
        key: what the sighting is called: `<video>-<track>`.
        found: where they lie, by what they show; those that are gone are counted.
        folder: of the report.

    Raises:
        DiskUnavailable: the folder is full or can't be written to.
    """
    video, _, track = key.partition("-")
    stem = f"{FOLDER}/{video}/{track}"
    whole: dict[str, str] = {}
    for what, path in found.items():
        address = f"{stem}_{FILES[what]}.jpg"
        if _copied(path, folder / address):
            whole[what] = address
    small = None
    if "vehicle" in whole:
        small = _thumbnail(folder, whole["vehicle"], f"{stem}_small.jpg")
    return CardPictures(whole, small, len(found) - len(whole))


def _copied(source: Path, target: Path) -> bool:
    """Whether it was there."""
    if not source.is_file():
        return False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except FileNotFoundError:  # removed in this moment
        return False
    except OSError as error:
        raise DiskUnavailable(
            f"can't copy {source} into the report: {error.strerror or error}. "
            "What to do: free the disk, or name another folder with -o."
        ) from error
    return True


def _thumbnail(folder: Path, address: str, small: str) -> str | None:
    """The address of the picture in a size that suits a card; None for a file that is no picture."""
    picture = cv2.imread(str(folder / address))
    if picture is None:
        return None
    height, width = picture.shape[:2]
    factor = min(THUMBNAIL_PX / width, THUMBNAIL_HEIGHT_PX / height)
    if factor >= 1:
        return address
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    encoded, data = cv2.imencode(".jpg", shrunk, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    if not encoded:
        return address
    (folder / small).write_bytes(data.tobytes())
    return small
