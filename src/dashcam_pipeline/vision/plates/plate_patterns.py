"""The small language in which plate formats are written; docs/plates.md describes it."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

from dashcam_pipeline.vision.plates.plate_formats import Element
from dashcam_pipeline.yaml_file import shortened

MOST_REPEATS = 12

_TOKEN = re.compile(
    r"\s*(?:(?P<kind>[LDA])|\[(?P<set>[A-Z0-9-]+)\]|'(?P<literal>[A-Z0-9]+)'|<(?P<list>\w+)>)"
    r"(?:(?P<maybe>\?)|\{(?P<least>\d{1,2})(?:,(?P<most>\d{1,2}))?\})?\s*"
)


class BadPattern(ValueError):
    """A pattern can't be understood; the text says why and what to do."""


def parsed(
    pattern: str, letters: str, lists: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[Element, ...], ...]:
    """The alternatives of a pattern, each as its places.

    Args:
        pattern: in the language that docs/plates.md describes.
        letters: what `L` stands for.
        lists: what may be named in angle brackets.

    Raises BadPattern.
    """
    kinds = {"L": tuple(letters), "D": tuple(string.digits), "A": tuple(string.digits + letters)}
    return tuple(_elements(part, kinds, lists) for part in pattern.split("|"))


def _elements(
    part: str, kinds: Mapping[str, tuple[str, ...]], lists: Mapping[str, tuple[str, ...]]
) -> tuple[Element, ...]:
    found, at = [], 0
    while at < len(part):
        token = _TOKEN.match(part, at)
        if token is None:
            rest = shortened(part[at:].strip())
            raise BadPattern(
                f"can't be understood from `{rest}` on; docs/plates.md tells what may stand there"
            )
        found.append(_element(token, kinds, lists))
        at = token.end()
    if not found:
        raise BadPattern("has an alternative without anything in it; take the `|` out")
    return tuple(found)


def _element(
    token: re.Match[str],
    kinds: Mapping[str, tuple[str, ...]],
    lists: Mapping[str, tuple[str, ...]],
) -> Element:
    if token["maybe"]:
        least, most = 0, 1
    else:
        least = int(token["least"] or 1)
        most = int(token["most"] or least)
    if not least <= most <= MOST_REPEATS or most == 0:
        raise BadPattern(f"{token[0].strip()}: the second number must be from the first to {MOST_REPEATS}")
    if token["list"] and token["list"] not in lists:
        raise BadPattern(f"<{token['list']}> is not among the file's `lists`; add it there")
    if token["kind"]:
        choices = kinds[token["kind"]]
    elif token["set"]:
        choices = _set(token["set"])
    else:
        choices = lists[token["list"]] if token["list"] else (token["literal"],)
    return Element(tuple(dict.fromkeys(choices)), least, most)


def _set(text: str) -> tuple[str, ...]:
    """The characters of `A-FX`."""
    ranges = re.findall(r"([A-Z0-9])(?:-([A-Z0-9]))?", text)
    written = "".join(f"{first}-{last}" if last else first for first, last in ranges)
    if written != text or any(
        last and (last < first or last.isdigit() != first.isdigit()) for first, last in ranges
    ):
        raise BadPattern(f"[{shortened(text)}] is no set; write single characters and ranges, like [A-FX2-9]")
    return tuple(chr(c) for first, last in ranges for c in range(ord(first), ord(last or first) + 1))
