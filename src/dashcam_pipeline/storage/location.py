"""Which database and which work dir a command means: the one place that decides it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import platformdirs

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.last_used import LastUsed, recall
from dashcam_pipeline.storage.postgres.dsn import parse_dsn, redacted, without_secrets
from dashcam_pipeline.user_paths import expanded

DSN_VARIABLE = "DASHCAM_DSN"
WORK_DIR_VARIABLE = "DASHCAM_WORK_DIR"


class Origin(StrEnum):
    """Who named a value."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    CONFIG = "config"
    LAST_RUN = "last run"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Location:
    """Where results lie: a work dir, and the user's server or the one inside the work dir."""

    work_dir: Path  # absolute; evidence paths in the database are relative to it
    dsn: str | None  # None: the embedded server in the work dir
    work_dir_origin: Origin
    dsn_origin: Origin
    password_dropped: bool = False  # the last run's DSN had a password, which was not stored

    @property
    def shown(self) -> str:
        """For people: the database without its password."""
        return redacted(self.dsn) if self.dsn else f"the embedded database in {self.work_dir}"


def resolve_location(
    db: str | None = None,
    work_dir: Path | None = None,
    *,
    configured_dsn: str | None = None,
    use_last_run: bool = True,
) -> Location:
    """Decide what a command works on: option, else environment, else config, else last run, else default.

    Args:
        db: the `--db` option.
        work_dir: the `--work-dir` option.
        configured_dsn: `storage.dsn` of the config file.
        use_last_run: True for commands that read results. `dashcam run` says False: a run must not
            write into the server of an earlier run because somebody once named it.

    Who names a work dir and no server means the server inside it: the last run then has no say.

    Raises:
        BadInput: the connection string can't be read, or the work dir is no folder.
    """
    dsn, dsn_origin = _first_named(
        (db, Origin.OPTION),
        (os.environ.get(DSN_VARIABLE), Origin.ENVIRONMENT),
        (configured_dsn, Origin.CONFIG),
    )
    folder, folder_origin = _first_named(
        (str(work_dir) if work_dir is not None else None, Origin.OPTION),
        (os.environ.get(WORK_DIR_VARIABLE), Origin.ENVIRONMENT),
    )
    if dsn is not None:
        parse_dsn(dsn)
    password_dropped = False
    last = recall() if use_last_run and folder is None else None
    if last is not None and (dsn is None or _same_server(dsn, last)):
        folder, folder_origin = last.work_dir, Origin.LAST_RUN
        if dsn is None:
            dsn, dsn_origin, password_dropped = last.dsn, Origin.LAST_RUN, last.password_dropped
    path = expanded(folder or default_work_dir()).resolve()
    if path.exists() and not path.is_dir():
        raise BadInput(f"the work dir {path} is not a folder: give another --work-dir")
    return Location(path, dsn, folder_origin, dsn_origin, password_dropped)


def default_work_dir() -> Path:
    """The user's data folder for this program."""
    return Path(platformdirs.user_data_dir("dashcam"))


def _first_named(*candidates: tuple[str | None, Origin]) -> tuple[str | None, Origin]:
    return next(((value, origin) for value, origin in candidates if value), (None, Origin.DEFAULT))


def _same_server(dsn: str, last: LastUsed) -> bool:
    return last.dsn is not None and without_secrets(dsn) == last.dsn
