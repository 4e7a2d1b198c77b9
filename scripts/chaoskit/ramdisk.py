"""A small disk of the trial's own, which can be filled up and emptied again."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

MB = 10**6
BALLAST = "ballast"


class RamDisk:
    """A tmpfs at `folder`. Raises OSError where mounting is not permitted."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb * MB},mode=755", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr.strip() or "mount failed")

    def fill(self, left_mb: float) -> None:
        """Leave only that much free."""
        with suppress(OSError), (self.folder / BALLAST).open("wb") as file:
            while (room := self._free() - int(left_mb * MB)) > 0:
                os.posix_fallocate(file.fileno(), file.tell(), max(4096, room))
                file.seek(0, os.SEEK_END)

    def relieve(self) -> None:
        (self.folder / BALLAST).unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)

    def _free(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize


def can_mount(folder: Path) -> str | None:
    """Why no disk of our own can be had; None: it can."""
    try:
        RamDisk(folder, 1).close()
    except OSError as error:
        return str(error)
    return None
