"""File names in the order and the form in which people read them."""

from __future__ import annotations

import re

from dashcam_pipeline.user_paths import shown

__all__ = ["natural_key", "shown"]

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts clip2 before clip10: digits compare as numbers, text without regard to case."""
    parts = [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in _DIGITS.split(name)
    ]
    return (*parts, (2, 0, name))  # the name itself last, so that the order of clip01 and clip1 is stable too
