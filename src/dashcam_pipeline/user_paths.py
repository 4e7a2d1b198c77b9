"""Paths as users write them, and as they may be shown and stored."""

from __future__ import annotations

import os
from pathlib import Path


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
