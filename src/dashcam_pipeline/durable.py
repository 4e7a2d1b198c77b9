"""Files that are there as a whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Put a file in its place, with its folders; one that was there before is replaced at once or stays.

    Half a file has the same name each time: what a killed process leaves goes when its work is done again. So no two
    processes may write the same file at once.

    Raises:
        OSError: the disk refuses. Nothing of the new file is left then.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        make_folders(path.parent)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else the new name may be on the disk before the content
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def make_folders(folder: Path) -> None:
    """Make a folder with those above it, and make sure that their names are on the disk."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        sync_folder(new.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
