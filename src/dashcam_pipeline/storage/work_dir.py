"""The work dir of a run: usable, with room left, and used by one run at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from dashcam_pipeline.errors import DiskUnavailable, WorkDirBusy

LOCK_NAME = "run.lock"


class WorkDir:
    """A folder held for one run, as a context manager. The hold ends with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self, min_free_bytes: int) -> None:
        """See that files can be written and that there is room. Raises DiskUnavailable."""
        check_folder(self.path, min_free_bytes)

    def __enter__(self) -> Self:
        self._lock = (self.path / LOCK_NAME).open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise WorkDirBusy(
                f"another run (process {holder}) is using the work dir {self.path}: wait for it, or name another "
                "with --work-dir"
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()


def check_folder(path: Path, min_free_bytes: int) -> None:
    """Make a folder, and see that files can be written there and that its disk has room. Raises DiskUnavailable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise DiskUnavailable(
            f"the folder {path} can't be written to ({error.strerror}): name another with --work-dir "
            "(or frame_store.dir)"
        ) from error
    if free < min_free_bytes:
        raise DiskUnavailable(
            f"the disk of {path} has {free // 10**6} MB left, a run wants {min_free_bytes // 10**6} MB: free some "
            "space, name another --work-dir, or lower frame_store.min_free_mb and frame_store.quota_mb"
        )
