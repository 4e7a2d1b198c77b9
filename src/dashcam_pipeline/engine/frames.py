"""How many tasks and states still need each stored frame, and what the frames weigh together.

The counts live beside the queue, so that they change in the same step as the tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass


@dataclass(slots=True)
class _Entry:
    nbytes: int
    source: bool  # brought in by a reader, against the quota; else a picture made by a stage
    references: int = 0


@dataclass(frozen=True, slots=True)
class FrameUse:
    """What the frame store holds."""

    frames: int
    source_bytes: int  # brought in by readers: what the quota bounds
    picture_bytes: int  # made by stages: few and small, a bounded number for each vehicle
    peak_bytes: int  # the most of both together so far


class FrameLedger:
    """Reference counts of stored frames. A frame at zero is deleted through `delete`, once.

    A disk that refuses to delete must not stop the books half-way: what it keeps goes with the run's folder.
    """

    def __init__(self, delete: Callable[[str], None]) -> None:
        self._delete = delete
        self._entries: dict[str, _Entry] = {}
        self.source_bytes = 0
        self._picture_bytes = 0
        self._peak_bytes = 0

    def register(self, frames: Mapping[str, int], source: bool) -> None:
        """Take up newly stored frames (id -> bytes), so far needed by nobody; none may be stored already."""
        for frame_id, nbytes in frames.items():
            self._entries[frame_id] = _Entry(nbytes, source)
            self._weigh(nbytes, source)
        self._peak_bytes = max(self._peak_bytes, self.source_bytes + self._picture_bytes)

    def retain(self, frame_ids: Iterable[str]) -> None:
        """One more need for each of the frames."""
        for frame_id in frame_ids:
            self._entries[frame_id].references += 1

    def release(self, frame_ids: Iterable[str]) -> None:
        """One need less for each of the frames; those at zero are deleted."""
        for frame_id in frame_ids:
            self._entries[frame_id].references -= 1
            self._sweep(frame_id)

    def sweep(self, frame_ids: Iterable[str]) -> None:
        """Delete those of the frames that nobody took up."""
        for frame_id in frame_ids:
            self._sweep(frame_id)

    def discard(self, frame_ids: Iterable[str]) -> None:
        """Delete frames that were written but will not be taken up."""
        for frame_id in frame_ids:
            if frame_id not in self._entries:
                self._remove(frame_id)

    def unknown(self, frame_ids: Iterable[str]) -> list[str]:
        """Those of the frames that are not stored."""
        return [frame_id for frame_id in frame_ids if frame_id not in self._entries]

    def use(self) -> FrameUse:
        """What is held now."""
        return FrameUse(len(self._entries), self.source_bytes, self._picture_bytes, self._peak_bytes)

    def _sweep(self, frame_id: str) -> None:
        entry = self._entries.get(frame_id)
        if entry is not None and entry.references <= 0:
            del self._entries[frame_id]
            self._weigh(-entry.nbytes, entry.source)
            self._remove(frame_id)

    def _remove(self, frame_id: str) -> None:
        with suppress(OSError):
            self._delete(frame_id)

    def _weigh(self, nbytes: int, source: bool) -> None:
        if source:
            self.source_bytes += nbytes
        else:
            self._picture_bytes += nbytes
