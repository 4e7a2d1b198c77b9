"""File names as they may be shown and stored: one line, valid UTF-8, whatever the disk holds."""

from __future__ import annotations

import re
from pathlib import Path

_DIGITS = re.compile(r"(\d+)")


def shown(path: Path | str) -> str:
    """The path as printable text.

    Bytes that are not UTF-8 and control characters (a newline in a name) become backslash escapes, so the
    result fits in one line of a terminal and in a Postgres text column. Not meant to be opened again.
    """
    text = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts clip2 before clip10: digits compare as numbers, text without regard to case."""
    parts = [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in _DIGITS.split(name)
    ]
    return (*parts, (2, 0, name))  # the name itself last, so that the order of clip01 and clip1 is stable too
