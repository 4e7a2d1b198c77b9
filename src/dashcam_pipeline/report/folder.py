"""The folder of a report: made whole or not at all, and only ever put in the place of another report."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.user_paths import expanded, shown

GENERATOR = "dashcam-pipeline report"
"""What the head of its first page says wrote it."""
INDEX = "index.html"
STAGING = ".report-in-progress"
HEAD_BYTES = 2048  # of the first page, in which its generator is named
OURS = re.compile(r"index\.html|video-\d+(-\d+)?\.html|pictures|sightings|\.report-in-progress")


@contextmanager
def report_folder(target: Path) -> Iterator[Path]:
    """An empty folder to write a report into, which takes the place of what is in `target` at the end.

    When writing fails, what was in `target` stays as it was.

    Raises:
        BadInput: `target` is a file, lies in no folder, or has something in it that no report wrote.
        DiskUnavailable: it can't be written to.
    """
    path = expanded(target).resolve()
    check(path)
    is_new = not path.exists()
    try:
        path.mkdir(exist_ok=True)
        with _alone(path):
            staging = path / STAGING
            shutil.rmtree(staging, ignore_errors=True)  # of one that was killed
            staging.mkdir()
            try:
                yield staging
                _put_in_place(staging, path)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
                if is_new and not any(path.iterdir()):
                    path.rmdir()
    except OSError as error:
        raise DiskUnavailable(
            f"can't write the report into {shown(path)}: {error.strerror or error}. "
            "What to do: free the disk, make it writable, or name another folder with -o."
        ) from error


def check(path: Path) -> None:
    """Whether a report may be written there; see `report_folder`."""
    if path.exists() and not path.is_dir():
        raise BadInput(f"can't write a report to {shown(path)}: it is a file; name a folder with -o")
    if not path.parent.is_dir():
        raise BadInput(
            f"can't write a report to {shown(path)}: {shown(path.parent)} is not there; name a folder with -o"
        )
    names = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    if not [name for name in names if name != STAGING]:
        return
    strange = next((name for name in names if OURS.fullmatch(name) is None), None)
    killed = STAGING in names  # while its parts were put in their places
    if strange is not None or not (killed or _is_report(path)):
        what = shown(strange) if strange is not None else "files"
        raise BadInput(
            f"{shown(path)} is not empty and holds {what}, which no report wrote: name another folder with -o"
        )


def _is_report(path: Path) -> bool:
    try:
        with (path / INDEX).open("rb") as file:
            return f'name="generator" content="{GENERATOR}'.encode() in file.read(HEAD_BYTES)
    except OSError:
        return False


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Of two that write a report into one folder at once, the second is refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BadInput(
            f"another report is being written into {shown(path)}: wait for it, or name another -o"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _put_in_place(staging: Path, path: Path) -> None:
    """The first page goes first and comes last: a folder without one is no report that could be taken for whole."""
    (path / INDEX).unlink(missing_ok=True)
    for old in path.iterdir():
        if old == staging:
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    for new in sorted(staging.iterdir(), key=lambda one: one.name == INDEX):
        new.rename(path / new.name)
