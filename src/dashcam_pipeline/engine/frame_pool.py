"""Files of released frames, kept to be written over by the next ones.

To make a file and to unlink it again costs the kernel several times the copying of the pixels: every page is found,
cleared and given back. Most frames of a run have one size, so a released file is the very thing that the next frame
needs.

A file is only ever written over in full, at its own size. It is never cut: who still has it mapped would die of that.
Nobody who still has it mapped can do harm with the pixels of another frame that it sees. A task goes to somebody else,
and its frame can be released behind its holder's back, only once the holder's process is dead (see process_table.py);
what such a process has asked for and is still under way is refused with its lease.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FOLDER = "pool"
MAX_BYTES = 128 << 20  # 48 frames of 720p: more than readers bring in at once when a gate opens
MAX_AGE_S = 20.0  # Linux writes to the disk what has been in memory for 30 s; so no frame ever gets there
_KEPT = re.compile(r"\d+-\d+")  # see `_name`
PART = ".part"  # a file that is being written; what a dead writer leaves goes with the run's folder


@dataclass(frozen=True, slots=True)
class FramePool:
    """The kept files of one run's frame store; all processes of the run share them.

    A file belongs to who has renamed it away, so two can't have the same one.
    """

    folder: Path
    max_bytes: int = MAX_BYTES

    def write(self, path: Path, nbytes: int, fill: Callable[[IO[bytes]], None]) -> int:
        """Make the file `path`, of `nbytes`, by `fill`; it is there whole or not at all. Its size. Raises OSError."""
        part = self.folder / f"{os.getpid()}-{threading.get_ident()}{PART}"  # one at a time in each thread
        try:
            with self._open(part, nbytes) as file:
                born_ns = os.fstat(file.fileno()).st_mtime_ns
                fill(file)
                size = file.tell()
                os.utime(file.fileno(), ns=(born_ns, born_ns))  # the file's age, for `keep`
            if size != nbytes:  # what was in the file before would be the end of it
                raise ValueError(f"{path.name} was to take {nbytes} bytes, and took {size}")
            part.rename(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        return size

    def keep(self, path: Path) -> None:
        """Take over the file of a released frame, unless it is old; where it gets too much, the longest kept go."""
        status = path.stat()
        if abs(time.time() - status.st_mtime) > MAX_AGE_S:
            path.unlink()
            return
        nbytes = status.st_size
        free = self._free()
        too_much = sum(map(_nbytes, free)) + nbytes - self.max_bytes
        for name in free:
            if too_much <= 0:
                break
            (self.folder / name).unlink(missing_ok=True)
            too_much -= _nbytes(name)
        if too_much > 0:
            path.unlink()
            return
        kept = self.folder / _name(nbytes)
        try:
            path.rename(kept)
        except FileNotFoundError:
            self.folder.mkdir(exist_ok=True)
            path.rename(kept)

    def clear(self) -> bool:
        """Give the room of all kept files back to the disk; whether there was one."""
        free = self._free()
        for name in free:
            (self.folder / name).unlink(missing_ok=True)
        return bool(free)

    def nbytes(self) -> int:
        """Disk space of the kept files: it is taken, and yet there for frames to come."""
        return sum(map(_nbytes, self._free()))

    def _open(self, part: Path, nbytes: int) -> IO[bytes]:
        """A file that nobody else writes: a kept one of this size, else a new one."""
        for name in reversed(self._free()):  # the newest: the fewer take turns, the fewer the disk ever sees
            if _nbytes(name) == nbytes:
                with suppress(FileNotFoundError):  # another writer was faster, or it had to go
                    (self.folder / name).rename(part)
                    return part.open("r+b", buffering=0)
        try:
            return part.open("wb", buffering=0)
        except FileNotFoundError:
            self.folder.mkdir(exist_ok=True)
            return part.open("wb", buffering=0)

    def _free(self) -> list[str]:
        """The names of the kept files, those that wait longest first. Other files are none of ours: a network disk
        keeps what was deleted in use under a name of its own."""
        try:
            with os.scandir(self.folder) as entries:
                return sorted(entry.name for entry in entries if _KEPT.fullmatch(entry.name))
        except FileNotFoundError:
            return []


def _name(nbytes: int) -> str:
    """A new name that tells a file's age and size."""
    return f"{time.monotonic_ns():020d}-{nbytes}"


def _nbytes(name: str) -> int:
    return int(name.rpartition("-")[2])
