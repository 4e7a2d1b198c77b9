"""What a plate format is: how a country writes plates, compared with a text and never changing one."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

LETTERS = string.ascii_uppercase
ALPHABET = string.digits + LETTERS
MOST_CHARS = 10  # of a plate that a reader gives


@dataclass(frozen=True, slots=True)
class Element:
    """One place of a pattern: any of `choices`, `least` to `most` times."""

    choices: tuple[str, ...]
    least: int
    most: int

    @property
    def regex(self) -> str:
        if all(len(choice) == 1 for choice in self.choices):
            return f"[{''.join(self.choices)}]{{{self.least},{self.most}}}"
        return f"(?:{'|'.join(self.choices)}){{{self.least},{self.most}}}"


@dataclass(frozen=True)
class PlateFormat:
    """One way in which a country writes plates."""

    name: str
    pattern: str  # as the file has it
    alternatives: tuple[tuple[Element, ...], ...]
    longest: int  # characters
    loose: bool  # nearly any text fits: says nothing of where a plate is from
    since: int | None  # year
    until: int | None
    source: str  # URL
    example: str

    def matches(self, text: str) -> bool:
        """Whether `text` (upper case letters and digits, no separators) is written like this."""
        return len(text) in self._counts and self._regex.fullmatch(text) is not None

    def bits(self, length: int) -> float:
        """How much it says that a text of this length fits: -log2 of the share of random texts that do.

        Random means every letter and digit equally often; a text that fits in two ways counts twice.
        """
        return math.log2(len(ALPHABET)) * length - math.log2(self._counts[length])

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        ways = ("".join(element.regex for element in elements) for elements in self.alternatives)
        return re.compile("|".join(ways))

    @cached_property
    def _counts(self) -> Mapping[int, float]:
        """How many texts of each length fit."""
        totals: dict[int, float] = {}
        for elements in self.alternatives:
            for length, count in _counts(elements).items():
                if 0 < length <= self.longest:
                    totals[length] = totals.get(length, 0.0) + count
        return {length: min(count, float(len(ALPHABET) ** length)) for length, count in totals.items()}


@dataclass(frozen=True, slots=True)
class Country:
    """A country's plates."""

    code: str  # ISO 3166-1 alpha-2, lower case
    name: str  # as readers that guess a region name it
    formats: tuple[PlateFormat, ...]


def plain(text: str) -> str:
    """A plate as readers give it: upper case letters and digits, without what separates them."""
    return "".join(char for char in text.upper() if char in ALPHABET)


def _counts(elements: Iterable[Element]) -> dict[int, float]:
    """How many texts of each length the elements make together."""
    totals: dict[int, float] = {0: 1.0}
    for element in elements:
        sizes: dict[int, int] = {}
        for choice in element.choices:
            sizes[len(choice)] = sizes.get(len(choice), 0) + 1
        repeated: dict[int, float] = {}
        run: dict[int, float] = {0: 1.0}
        for times in range(element.most + 1):
            if times >= element.least:
                for length, count in run.items():
                    repeated[length] = repeated.get(length, 0.0) + count
            run = _product(run, sizes)
        totals = _product(totals, repeated)
    return totals


def _product(some: Mapping[int, float], more: Mapping[int, float]) -> dict[int, float]:
    joined: dict[int, float] = {}
    for length, count in some.items():
        for further, times in more.items():
            if length + further <= MOST_CHARS:
                joined[length + further] = joined.get(length + further, 0.0) + count * times
    return joined
