"""From the paths of the command line to the list of videos, with a reason for everything left out."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.sources.names import natural_key, shown
from dashcam_pipeline.user_paths import VIDEO_SUFFIXES

_HEAD_BYTES = 512
_SUFFIXES_NAMED = 5


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that is left out."""

    path: Path
    reason: str  # one line, without the path


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found. Files that are no videos by their suffix are not listed."""

    videos: tuple[Path, ...]
    skipped: tuple[Skipped, ...]


def discover(paths: Sequence[Path]) -> Discovery:
    """Find the videos in files and folders.

    Folders are searched to the bottom, links followed, no folder or file twice. The videos stand in the order
    of the arguments, within a folder in natural order (clip2 before clip10), files before its subfolders.
    Hidden files and folders (`.name`), empty files, and files that are no regular ones are skipped and named.

    A file that is named itself is taken whatever its suffix, and also when it is hidden, because it was asked
    for; whether it is a video, the decoder will tell. Exceptions are empty files and the `._name` companions
    that macOS writes next to real files.

    Raises:
        BadInput: a path does not exist, or nothing usable was found.
    """
    if not paths:
        raise BadInput("No path given. Name at least one video file or folder.")
    search = _Search()
    for path in paths:
        search.add_argument(Path(path))
    if not search.videos:
        raise BadInput(_nothing_found(paths, search))
    return Discovery(tuple(search.videos), tuple(search.skipped))


@dataclass(slots=True)
class _Search:
    videos: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    other_suffixes: Counter[str] = field(default_factory=Counter)
    _seen: dict[tuple[int, int], Path] = field(default_factory=dict)  # (device, inode) -> first path

    def add_argument(self, path: Path) -> None:
        try:
            status = path.stat()
        except OSError as error:
            raise BadInput(_cannot_stat(path, error)) from error
        except ValueError as error:  # a zero byte in the name
            raise BadInput(f"{shown(path)}: not a possible file name ({error}).") from error
        if stat.S_ISDIR(status.st_mode):
            self._add_folder(path, status)
        elif path.name.startswith("._"):
            self._skip(path, "macOS companion file, holds no video")
        else:
            self._add_file(path, status)

    def _add_folder(self, top: Path, status: os.stat_result) -> None:
        pending = [(top, status)]
        while pending:
            folder, status = pending.pop()
            if not self._is_new(folder, status):
                continue
            try:
                with os.scandir(folder) as entries:
                    names = sorted((entry.name for entry in entries), key=natural_key)
            except OSError as error:
                self._skip(folder, f"folder can't be read: {_said(error)}")
                continue
            subfolders = [found for name in names if (found := self._add_entry(folder / name)) is not None]
            pending.extend(reversed(subfolders))

    def _add_entry(self, path: Path) -> tuple[Path, os.stat_result] | None:
        """Take in one entry of a folder; give it back when it is a folder to be searched."""
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        try:
            status = path.stat()
        except OSError as error:
            if is_video:
                broken_link = path.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP)
                self._skip(path, "link to a file that doesn't exist" if broken_link else _said(error))
            return None
        if stat.S_ISDIR(status.st_mode):
            if not path.name.startswith("."):
                return path, status
            self._skip(path, "hidden folder")
        elif not is_video:
            self.other_suffixes[path.suffix.lower() or "no suffix"] += 1
        elif path.name.startswith("."):
            self._skip(path, "hidden file")
        elif path.suffix.lower() == ".ts" and _is_text(path):
            self._skip(path, "text, not an MPEG transport stream")
        else:
            self._add_file(path, status)
        return None

    def _add_file(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, "not a regular file")
        elif status.st_size == 0:
            self._skip(path, "empty file (zero bytes)")
        elif self._is_new(path, status):
            self.videos.append(path)

    def _is_new(self, path: Path, status: os.stat_result) -> bool:
        """False for a file or folder that was met before; said only when it has another name now."""
        first = self._seen.setdefault((status.st_dev, status.st_ino), path)
        if first is path:
            return True
        if _absolute(first) != _absolute(path):
            self._skip(path, f"the same as {shown(first)}")
        return False

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(path, reason))


def _absolute(path: Path) -> str:
    return os.path.normpath(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow the links)


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _is_text(path: Path) -> bool:
    """Whether a file starts like text. TypeScript sources share their suffix with MPEG transport streams."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return bool(head) and all(byte >= 0x20 or byte in b"\t\n\f\r" for byte in head)


def _cannot_stat(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if path.is_symlink():
            return f"{shown(path)}: a link to {shown(os.readlink(path))}, which doesn't exist."  # noqa: PTH115
        return f"{shown(path)}: no such file or folder. Check the spelling."
    return f"{shown(path)}: {_said(error)}."


def _nothing_found(paths: Sequence[Path], search: _Search) -> str:
    where = shown(paths[0]) if len(paths) == 1 else f"the {len(paths)} paths given"
    found = []
    if others := search.other_suffixes.total():
        common = search.other_suffixes.most_common(_SUFFIXES_NAMED)
        names = ", ".join(f"{count} {shown(suffix)}" for suffix, count in common)
        rest = ", …" if len(search.other_suffixes) > len(common) else ""
        found.append(f"{others} other file{'s' if others > 1 else ''} ({names}{rest})")
    if search.skipped:
        first = search.skipped[0]
        more = f" and {len(search.skipped) - 1} more" if len(search.skipped) > 1 else ""
        found.append(f"skipped: {shown(first.path)} ({first.reason}){more}")
    said = "; ".join(found) if found else "nothing"
    return f"No video in {where}. Found: {said}. Videos end in {' '.join(VIDEO_SUFFIXES)}."
