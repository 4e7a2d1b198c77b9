"""Frames on disk, between the stages: a folder a run, a file a frame, which never changes as long as the frame lives.

How long a frame lives is the queue's business (see frames.py); this file only knows files. A frame's id is its
file name; its suffix names the format, so frames and pictures of several formats live side by side. Files of released
raw frames, which are large and all alike, are written over by next ones (see frame_pool.py).
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dashcam_pipeline.engine import frame_pool
from dashcam_pipeline.engine.frame_pool import FramePool
from dashcam_pipeline.errors import DiskUnavailable

if TYPE_CHECKING:
    from dashcam_pipeline.engine.pixels import Pixels

SUFFIXES = {"raw": ".npy", "jpeg": ".jpg", "png": ".png"}
JPEG_QUALITY = 95  # of waiting frames: plates are read from them
OWNER_LOCK = "owner.lock"


@dataclass(frozen=True, slots=True)
class FrameStore:
    """The stored frames of one run."""

    folder: Path
    frame_format: str = "raw"

    def frame_id(self, name: str) -> str:
        """The id under which a frame called `name` is stored."""
        return f"{name}{SUFFIXES[self.frame_format]}"

    def weight(self, pixels: Pixels) -> int:
        """The most bytes that the frame can take on disk."""
        return pixels.nbytes + 128

    def put(self, frame_id: str, pixels: Pixels, quality: int = JPEG_QUALITY) -> int:
        """Write one frame; its size in bytes. Raises DiskUnavailable when the disk refuses."""
        from dashcam_pipeline.engine.pixels import raw_nbytes, write_pixels  # see `get`

        path = self.folder / frame_id

        def fill(file: IO[bytes]) -> None:
            write_pixels(file, path.suffix, pixels, quality)

        if path.suffix == SUFFIXES["raw"]:
            return self._save(lambda: self._pool.write(path, raw_nbytes(pixels), fill))
        return self._save(lambda: _write_new(path, fill))

    def get(self, frame_id: str) -> Pixels:
        """Read one frame; uncompressed ones are mapped, so that only the part that is used is read."""
        from dashcam_pipeline.engine.pixels import read_pixels  # most processes of a run see no picture

        return read_pixels(self.folder / frame_id)

    def read_bytes(self, frame_id: str) -> bytes:
        """The file of one frame."""
        return (self.folder / frame_id).read_bytes()

    def put_back(self, frame_id: str, data: bytes) -> int:
        """Store a frame's file again as `read_bytes` gave it; its size. Raises DiskUnavailable likewise."""
        return self._save(
            lambda: _write_new(self.folder / frame_id, lambda file: write_all(file, memoryview(data)))
        )

    def delete(self, frame_id: str) -> None:
        """Remove one frame; nothing happens when it is not there."""
        path = self.folder / frame_id
        with suppress(FileNotFoundError):
            if path.suffix == SUFFIXES["raw"]:
                self._pool.keep(path)
            else:
                path.unlink()

    def forget_released(self) -> None:
        """Give the disk back what deleted frames took; without this it is kept for frames to come."""
        self._pool.clear()

    def free_bytes(self) -> int:
        """Room for frames that is left on the disk. Raises DiskUnavailable when the folder is gone."""
        try:
            status, kept = os.statvfs(self.folder), self._pool.nbytes()
        except OSError as error:
            raise DiskUnavailable(
                f"the folder of waiting frames, {self.folder}, can't be reached any more ({error.strerror}): was the "
                "work dir moved or deleted, or its disk taken away? Once it is back, the same command continues the run"
            ) from error
        return status.f_bavail * status.f_frsize + kept

    def leftovers(self) -> list[str]:
        """The frames that are still there; none when somebody took the folder away."""
        try:
            return sorted({path.name for path in self.folder.iterdir()} - {OWNER_LOCK, frame_pool.FOLDER})
        except FileNotFoundError:
            return []

    @property
    def _pool(self) -> FramePool:
        return FramePool(self.folder / frame_pool.FOLDER)

    def _save(self, save: Callable[[], int]) -> int:
        try:
            try:
                return save()
            except OSError:
                if not self._pool.clear():  # on a full disk that is room
                    raise
                return save()
        except OSError as error:
            raise DiskUnavailable(
                f"cannot write a frame to {self.folder}: {error.strerror}. Free some space there, or name another "
                "folder with --work-dir or frame_store.dir"
            ) from error


def _write_new(path: Path, fill: Callable[[IO[bytes]], None]) -> int:
    """Make a file; its size. Raises OSError, and leaves nothing then."""
    try:
        with path.open("wb", buffering=0) as file:
            fill(file)
            return file.tell()
    except OSError:
        path.unlink(missing_ok=True)
        raise


def write_all(file: IO[bytes], data: memoryview) -> None:
    """Write everything: a disk that fills up takes a part of one write, and only refuses the next."""
    rest = data.cast("B")
    while rest:
        rest = rest[file.write(rest) :]


class RunFolder:
    """The folder of a run's frames, marked as in use by a lock that dies with the process that holds it."""

    def __init__(self, root: Path, run_id: str) -> None:
        """Make the folder, or take over an unlocked one of the same run. Raises DiskUnavailable when it can't."""
        self.path = root / run_id
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / OWNER_LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_frames(self.path)
        except OSError as error:
            raise DiskUnavailable(
                f"cannot use {root} for frames ({error.strerror}): name another with --work-dir or frame_store.dir"
            ) from error

    def remove(self) -> None:
        """Delete the folder with all that is left in it."""
        _remove_folder(self.path)
        self._lock.close()


def sweep_dead_runs(root: Path) -> int:
    """Delete the folders of runs whose process is gone; how many there were."""
    swept = 0
    for lock_path in sorted(root.glob(f"*/{OWNER_LOCK}")):
        try:
            with lock_path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_folder(lock_path.parent)
                swept += 1
        except OSError:
            continue  # its run is alive, or it is not ours to open
    return swept


def _remove_folder(path: Path) -> None:
    """The owner's mark goes last: by it, a removal that is cut short is taken up again by the next start."""
    with suppress(OSError):
        _remove_frames(path)
        shutil.rmtree(path)


def _remove_frames(path: Path) -> None:
    shutil.rmtree(path / frame_pool.FOLDER, ignore_errors=True)
    for found in path.iterdir():
        if found.name != OWNER_LOCK:
            found.unlink(missing_ok=True)
