"""Judges how well a plate's text fits the formats that countries use. It scores texts and never changes one."""

from __future__ import annotations

import difflib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.errors import ConfigError
from dashcam_pipeline.vision.plates.plate_format_files import own_countries, user_countries
from dashcam_pipeline.vision.plates.plate_formats import Country
from dashcam_pipeline.vision.types import PlateRead
from dashcam_pipeline.yaml_file import shortened

UNKNOWN_REGION = "Unknown"  # what a reader says that can't tell
REGION_SHARE = 0.6
"""A region must have this share of the reads' confidence to be the vehicle's."""

GAIN_PER_BIT = 1.2
"""What a format of the named region multiplies a text's weight with, for each bit that fitting it says.

Between what drives (1.13) and photos at several sizes (1.31) gave for pairs of texts that two readers gave for one
plate picture, one of them right: p(right) = 1 / (1 + exp(-(a Δ log weight + b Δ bits))), gain = exp(b / a);
`benchmarks/fit_grammar.py` fits it, docs/plates.md has the figures. Formats of other countries were no sign of the
right text, so they gain nothing: most misreads fit one of them.
"""
MOST_BITS = 12.0
"""More than this counts no further: a factor of 9."""

_REMEMBERED = 4096  # texts


TELLING_BITS = 1.0
"""A format that more random texts fit says nothing: personalised plates."""


@dataclass(frozen=True, slots=True)
class FormatMatch:
    """The format that a text is written in."""

    country: str  # ISO 3166-1 alpha-2, lower case
    format: str  # its name in the country's file
    bits: float  # -log2 of the share of random texts of that length that fit it too: 0 = fits anything
    of_region: bool  # of the region that was named, or of the countries in which the camera drives

    def __str__(self) -> str:
        return f"{self.country}/{self.format}"

    @property
    def tells(self) -> bool:
        """Whether it says something for the text: it is expected there, and few random texts fit it."""
        return self.of_region and self.bits >= TELLING_BITS


class Grammar:
    """The formats of all countries.

    Args:
        countries: with their formats; the order decides between formats that say equally much.
        driven_in: codes of countries whose plates are to be expected, whatever region a reader names.
        counts: False = `factor` is always 1, formats are only told.
    """

    def __init__(
        self, countries: Sequence[Country], driven_in: Iterable[str] = (), counts: bool = True
    ) -> None:
        self._countries = tuple(countries)
        self._driven_in = frozenset(driven_in)
        self._counts = counts
        self._code_of = {country.name.casefold(): country.code for country in countries}
        self._judged = lru_cache(_REMEMBERED)(self._judge)

    @property
    def countries(self) -> tuple[Country, ...]:
        return self._countries

    def judge(self, text: str, region: str | None = None) -> FormatMatch | None:
        """The format that says most about `text`, or None when it is in no known one.

        Args:
            text: upper case letters and digits, as readers give it.
            region: a country's name as readers give it; one that has no file here counts as None.

        Formats of the region, and of the countries the camera drives in, come before all others. Loose formats
        (personalised plates) are only looked at there: nearly any text fits them.
        """
        return self._judged(text, self._code_of.get(region.casefold()) if region else None)

    def factor(self, text: str, region: str | None = None) -> float:
        """What a candidate's weight is multiplied with: 1 when nothing speaks for it, more when a format does.

        A text of an unknown format keeps its weight: plates are not always what the books say.
        """
        match = self.judge(text, region)
        if match is None or not match.of_region or not self._counts:
            return 1.0
        return math.pow(GAIN_PER_BIT, min(match.bits, MOST_BITS))

    def _judge(self, text: str, code: str | None) -> FormatMatch | None:
        near = self._driven_in | {code}
        of_region = [country for country in self._countries if country.code in near]
        found = [
            FormatMatch(country.code, known.name, known.bits(len(text)), True)
            for country in of_region
            for known in country.formats
            if known.matches(text)
        ]
        if not found:  # formats are made ready when they are first asked: others only where they are needed
            found = [
                FormatMatch(country.code, known.name, known.bits(len(text)), False)
                for country in self._countries
                for known in country.formats
                if not known.loose and known.matches(text)
            ]
        return max(found, key=lambda match: match.bits, default=None)


def open_grammar(settings: VoteSettings) -> Grammar:
    """The grammar that the settings ask for; made once in a process.

    Raises BadInput or ConfigError when a file of the user's, or a country's code, is wrong.
    """
    return _open(settings.plate_formats, settings.countries or (), settings.grammar)


@cache
def _open(folder: Path | None, driven_in: tuple[str, ...], counts: bool) -> Grammar:
    users = user_countries(folder) if folder else ()
    replaced = {country.code for country in users}
    countries = [country for country in own_countries() if country.code not in replaced] + list(users)
    return Grammar(countries, [_code(given, countries) for given in driven_in], counts)


def _code(given: str, countries: Sequence[Country]) -> str:
    by_either = {country.code: country.code for country in countries}
    by_either |= {country.name.casefold(): country.code for country in countries}
    code = by_either.get(given.casefold())
    if code is None:
        near = difflib.get_close_matches(given.casefold(), by_either, n=1)
        hint = f"did you mean `{by_either[near[0]]}`? " if near else ""
        known = ", ".join(sorted(country.code for country in countries))
        raise ConfigError(
            f"vote.countries: there are no formats for `{shortened(given)}`; {hint}there are {known}"
        )
    return code


def region_of(reads: Iterable[PlateRead]) -> str | None:
    """The region of a vehicle's plate by all its reads, or None when they are not sure.

    Each read counts by how sure it is of its region and of its text; those whose reader can't tell a region don't
    count, one that tells `Unknown` counts against the others.
    """
    weights: dict[str, float] = defaultdict(float)
    for read in reads:
        if read.region is not None and read.text:
            weights[read.region] += read.region_confidence * read.confidence
    region = max(sorted(weights), key=weights.__getitem__, default=UNKNOWN_REGION)
    sure = 0.0 < REGION_SHARE * sum(weights.values()) <= weights[region]
    return region if sure and region != UNKNOWN_REGION else None
