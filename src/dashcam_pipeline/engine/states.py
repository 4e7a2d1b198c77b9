"""What keyed categories remember of each key, and the older versions of it that a checkpoint still needs.

A category that runs ahead of an epoch which is not over yet leaves its state at the end of that epoch behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from dashcam_pipeline.engine.frames import FrameLedger
from dashcam_pipeline.engine.task import KeyState


@dataclass(frozen=True, slots=True)
class Slot:
    """Whose state it is."""

    category: str
    key: str


@dataclass(frozen=True, slots=True)
class _Version:
    epoch: int  # the last epoch in which it changed
    state: KeyState | None  # None: the key is over


class StateBook:
    """The states of all keys, by source. Every version holds the frames that it names."""

    def __init__(self, frames: FrameLedger) -> None:
        self._frames = frames
        self._versions: dict[str, dict[Slot, list[_Version]]] = defaultdict(dict)  # the latest last

    def get(self, source_id: str, slot: Slot) -> KeyState | None:
        """The state as it is now."""
        versions = self._versions[source_id].get(slot) if source_id in self._versions else None
        return versions[-1].state if versions else None

    def put(self, source_id: str, slot: Slot, state: KeyState | None, epoch: int, first_open: int) -> None:
        """The new state, after work of `epoch`.

        Args:
            source_id, slot: whose it is.
            state: None when the key is over.
            epoch: to which the work belonged; never less than at the last call.
            first_open: the earliest epoch of the source that is not over. Versions of this one and later ones
                stay until they are in a checkpoint.
        """
        versions = self._versions[source_id].setdefault(slot, [])
        if state is not None:
            self._frames.retain(state.frames)
        needed = 0 if epoch <= first_open else sum(old.epoch < epoch for old in versions)
        superseded = versions[needed:]
        versions[needed:] = [_Version(epoch, state)]
        self._let_go(superseded)
        self._tidy(source_id, slot)

    def at(self, source_id: str, epoch: int) -> Iterator[tuple[Slot, KeyState]]:
        """Every state of the source as it was at the end of an epoch."""
        for slot, versions in self._versions.get(source_id, {}).items():
            then = next((version for version in reversed(versions) if version.epoch <= epoch), None)
            if then is not None and then.state is not None:
                yield slot, then.state

    def prune(self, source_id: str, epoch: int) -> None:
        """The epoch is in a checkpoint: versions that later ones have replaced by its end are not needed any more."""
        for slot, versions in list(self._versions.get(source_id, {}).items()):
            until = [version for version in versions if version.epoch <= epoch]
            del versions[: max(0, len(until) - 1)]
            self._let_go(until[:-1])
            if len(versions) > 1 and versions[0].state is None:
                del versions[0]
            self._tidy(source_id, slot)

    def forget(self, source_id: str) -> None:
        """The source is over."""
        for versions in self._versions.pop(source_id, {}).values():
            self._let_go(versions)

    def _tidy(self, source_id: str, slot: Slot) -> None:
        """A key that is over, with nothing left of what it was, needs no entry."""
        versions = self._versions[source_id][slot]
        if len(versions) == 1 and versions[0].state is None:
            del self._versions[source_id][slot]

    def _let_go(self, versions: list[_Version]) -> None:
        for version in versions:
            if version.state is not None:
                self._frames.release(version.state.frames)
