"""How much room the evidence pictures of a work dir may take, and what is still written when little of it is left.

The count is what lies on the disk, so it holds across workers, runs and kills: every process looks at the folder when
it begins, and again whenever it has itself written a small part of the room that was left then.
"""

from __future__ import annotations

import logging
import os
from enum import StrEnum
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "evidence"  # of the work dir
MIB = 1 << 20
PLATES_ONLY_SHARE = 0.8
"""From this share of the budget on, sightings without a plate get no pictures."""
STEP_SHARE = 1 / 16
"""The folder is looked at again after so much of what was left: the more processes, the later they see each other."""
SMALLEST_STEP_BYTES = 4 * MIB


class Room(StrEnum):
    """What is still written."""

    ALL = "all"
    PLATES_ONLY = "plates_only"  # pictures of sightings with a plate
    NONE = "none"


class EvidenceBudget:
    """Counts the bytes of a folder. See the module.

    Args:
        folder: with all pictures; it needn't be there.
        budget_bytes: 0: no pictures at all.
    """

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self._folder = folder
        self._budget_bytes = budget_bytes
        self._found_bytes = 0  # when the folder was looked at last
        self._written_bytes = 0  # by this process since then
        self._step_bytes = 0  # look again after so much more
        self._said = Room.ALL

    def room(self) -> Room:
        """What may be written now."""
        if self._said is Room.NONE:  # stays so for this process
            return Room.NONE
        if self._written_bytes >= self._step_bytes:
            self._look()
        room = room_in(self._found_bytes + self._written_bytes, self._budget_bytes)
        if room is not self._said:
            self._said = room
            self._say(room)
        return room

    def wrote(self, size_bytes: int) -> None:
        """A picture was added."""
        self._written_bytes += size_bytes

    def _look(self) -> None:
        self._found_bytes, self._written_bytes = bytes_in(self._folder), 0
        left = self._budget_bytes - self._found_bytes
        self._step_bytes = max(SMALLEST_STEP_BYTES, int(left * STEP_SHARE))

    def _say(self, room: Room) -> None:
        if self._budget_bytes == 0 or room is Room.ALL:
            return
        what = (
            "sightings without a plate get no pictures" if room is Room.PLATES_ONLY else "no more are written"
        )
        log.warning(
            "the evidence pictures in %s take %d of %d MiB (storage.evidence_mb): %s",
            self._folder,
            (self._found_bytes + self._written_bytes) // MIB,
            self._budget_bytes // MIB,
            what,
        )


def room_in(used_bytes: int, budget_bytes: int) -> Room:
    """What may be written when so much is used."""
    if used_bytes >= budget_bytes:
        return Room.NONE
    return Room.PLATES_ONLY if used_bytes >= PLATES_ONLY_SHARE * budget_bytes else Room.ALL


def bytes_in(folder: Path) -> int:
    """The bytes of all files in a folder and those below; what vanishes meanwhile counts as nothing."""
    total = 0
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += _size(entry)
        except OSError:
            continue
    return total


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
