"""A file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.user_paths import check_spares_videos, expanded


@contextlib.contextmanager
def whole_file(path: Path, option: str = "-o") -> Iterator[IO[str]]:
    """A UTF-8 text file that appears whole or not at all.

    Args:
        path: a device or a pipe is written through.
        option: of the command, which names the path.

    Raises:
        BadInput: the path is a folder, or lies in none, or a video is there.
        DiskUnavailable: it can't be written.
    """
    with _place(path, option) as place, place.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextlib.contextmanager
def whole_binary_file(path: Path, option: str = "-o") -> Iterator[IO[bytes]]:
    """The same for bytes."""
    with _place(path, option) as place, place.open("wb") as file:
        yield file


@contextlib.contextmanager
def _place(path: Path, option: str) -> Iterator[Path]:
    """Where to write to: a name beside the file, which becomes the file when all went well."""
    target = expanded(path).resolve()  # of a link, the file behind it
    if target.is_dir() or not target.parent.is_dir():
        problem = "is a folder" if target.is_dir() else "lies in a folder that is not there"
        raise BadInput(f"can't write to {path}: it {problem}; name a file with {option}")
    check_spares_videos(path, option)
    through = target.exists() and not target.is_file()  # a pipe or a device: nothing to put in its place
    written = target if through else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield written
        if not through:
            written.replace(target)
    except BrokenPipeError:  # whoever read the pipe has gone
        raise
    except OSError as error:
        raise DiskUnavailable(
            f"can't write {path}: {error.strerror or error}. What to do: name another file with {option}."
        ) from error
    finally:
        if not through:
            with contextlib.suppress(OSError):
                written.unlink()
