"""Text as Postgres can hold it."""

from __future__ import annotations


def storable(text: str) -> str:
    """File names may be no valid UTF-8, messages of libraries hold NULs."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "")
