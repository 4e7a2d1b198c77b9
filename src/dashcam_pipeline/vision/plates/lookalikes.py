"""Which characters readers take for one another."""

from __future__ import annotations

from functools import cache
from itertools import permutations

from dashcam_pipeline.vision.plates.plate_format_files import own_lookalikes


def confusable(a: str, b: str) -> bool:
    """Whether two different characters look alike on plates: 0 and O, 8 and B."""
    return (a, b) in _pairs()


def differ_only_by_confusion(text_a: str, text_b: str) -> bool:
    """Whether two texts of one length differ, and only in characters that look alike."""
    if len(text_a) != len(text_b) or text_a == text_b:
        return False
    return all(a == b or confusable(a, b) for a, b in zip(text_a, text_b, strict=True))


@cache
def _pairs() -> frozenset[tuple[str, ...]]:
    return frozenset(pair for group in own_lookalikes() for pair in permutations(group, 2))
