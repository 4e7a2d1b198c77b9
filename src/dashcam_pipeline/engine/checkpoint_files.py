"""Checkpoints on disk: a file a source, which is there as a whole or not at all.

A run's checkpoints lie in a folder of its own. A file holds the checkpoint and the stored frames that it names, so
that it serves also when the frame store is gone, as after a power cut.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.durable import write_durably
from dashcam_pipeline.engine.task import Checkpoint

SUFFIX = ".checkpoint"
DIGEST_BYTES = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCheckpoint:
    """What a file holds."""

    stamp: str  # of program, settings and models; another one's states can't be taken up
    checkpoint: Checkpoint
    frames: Mapping[str, bytes]  # frame id -> the stored file


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """The checkpoints of one run."""

    root: Path
    run_id: str

    @property
    def path(self) -> Path:
        """Where the files lie."""
        return self.root / self.run_id

    def save(self, saved: SavedCheckpoint) -> None:
        """Put a checkpoint in the place of the source's earlier one. Raises OSError when the disk refuses.

        What was there stays until the new one is safe on disk; so it survives a power cut.
        """
        data = pickle.dumps(saved, protocol=pickle.HIGHEST_PROTOCOL)
        write_durably(self._file(saved.checkpoint.source_id), hashlib.sha256(data).digest() + data)

    def load(self, source_id: str, stamp: str) -> SavedCheckpoint | None:
        """The source's checkpoint; None when there is none, or none that this program can go on from."""
        path = self._file(source_id)
        try:
            content = path.read_bytes()
            digest, data = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
            if hashlib.sha256(data).digest() != digest:
                raise ValueError("it is damaged")
            saved = pickle.loads(data)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever another version of the program has pickled
            log.warning("the checkpoint %s can't be used (%s): its video is read from the start", path, error)
            return None
        if not isinstance(saved, SavedCheckpoint) or saved.stamp != stamp:
            log.info("the checkpoint %s is of another version or of other settings", path)
            return None
        return saved

    def remove(self, source_id: str) -> None:
        """The source is done, its checkpoint serves nobody any more."""
        self._file(source_id).unlink(missing_ok=True)

    def source_ids(self) -> list[str]:
        """The sources that have one."""
        return sorted(path.stem for path in self.path.glob(f"*{SUFFIX}"))

    def remove_all(self) -> None:
        """The run is over."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, source_id: str) -> Path:
        return self.path / f"{source_id}{SUFFIX}"
