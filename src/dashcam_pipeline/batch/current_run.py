"""`current_run.json`: which run is under way in a work dir, or was cut short there, and where it writes to."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dashcam_pipeline.durable import write_durably
from dashcam_pipeline.errors import DiskUnavailable

FILE_NAME = "current_run.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """A run that has not come to all its videos."""

    run_id: str
    database: str  # for people: without its password


def recall_run(work_dir: Path) -> CurrentRun | None:
    """What the file says; None when there is none, or one that nobody can read: that one is removed."""
    path = work_dir / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return CurrentRun(str(content["run_id"]), str(content["database"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s can't be read and is left aside: %s", path, error)
        return None
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s is damaged and is removed: %s", path, error)
        with suppress(OSError):
            forget_run(work_dir)
        return None


def note_run(work_dir: Path, run: CurrentRun) -> None:
    """Write the file, as a whole or not at all. Raises DiskUnavailable."""
    path = work_dir / FILE_NAME
    try:
        write_durably(path, json.dumps(asdict(run), indent=1).encode())
    except OSError as error:
        raise DiskUnavailable(
            f"{path} can't be written ({error.strerror}): free some space, or name another --work-dir"
        ) from error


def forget_run(work_dir: Path) -> None:
    """The run has come to all its videos."""
    (work_dir / FILE_NAME).unlink(missing_ok=True)
