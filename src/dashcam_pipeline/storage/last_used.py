"""Where the last run on this machine put its results, remembered for the commands that read them."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from dashcam_pipeline.storage.postgres.dsn import has_password, without_secrets
from dashcam_pipeline.user_paths import expanded

STATE_DIR_VARIABLE = "DASHCAM_STATE_DIR"
FILE_NAME = "last_used.json"


@dataclass(frozen=True, slots=True)
class LastUsed:
    """What the last run used. Never holds a password."""

    work_dir: str
    dsn: str | None  # None: the server of our own inside the work dir
    password_dropped: bool = False  # the run's connection string had a password, which is not stored


def remember(work_dir: Path, dsn: str | None) -> None:
    """Store what a run uses. A state folder that can't be written to is no reason to stop a run."""
    record = LastUsed(
        work_dir=str(work_dir.absolute()),
        dsn=without_secrets(dsn) if dsn else None,
        password_dropped=bool(dsn) and has_password(dsn or ""),
    )
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=FILE_NAME, encoding="utf-8", delete=False
        ) as file:
            json.dump(asdict(record), file)
        Path(file.name).replace(path)
    except OSError:
        return


def recall() -> LastUsed | None:
    """What the last run used; None when there was none or its record can't be read."""
    try:
        record = json.loads(_path().read_text(encoding="utf-8"))
        return LastUsed(
            work_dir=str(record["work_dir"]),
            dsn=None if record["dsn"] is None else str(record["dsn"]),
            password_dropped=bool(record.get("password_dropped", False)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path() -> Path:
    folder = os.environ.get(STATE_DIR_VARIABLE) or platformdirs.user_state_dir("dashcam")
    return expanded(folder) / FILE_NAME
