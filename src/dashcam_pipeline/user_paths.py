"""Paths as users write them, and as they may be shown and stored."""

from __future__ import annotations

import os
from pathlib import Path

from dashcam_pipeline.errors import BadInput

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".ts", ".m4v", ".webm")
"""What is taken for a video in a folder, in any case."""


def expanded(path: str | Path) -> Path:
    """The path with `~` and `~name` as the folder they stand for; an unknown `~name` stays, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (the method raises RuntimeError for an unknown name)


def shown(path: Path | str) -> str:
    """The path as printable text.

    Bytes that are not UTF-8 and control characters (a newline in a name) become backslash escapes, so the
    result fits in one line of a terminal and in a Postgres text column. Not meant to be opened again.
    """
    text = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def check_spares_videos(path: Path, option: str) -> None:
    """See that what an option names is no video that is there: nothing but a video is ever put in its place.

    Raises:
        BadInput: it is one, or a link to one.
    """
    target = expanded(path).resolve()
    if target.suffix.lower() in VIDEO_SUFFIXES and target.is_file():
        raise BadInput(f"{option} {shown(path)}: a video is there; name another file")
