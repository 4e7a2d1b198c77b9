"""Plate formats as data: the YAML files that list a country's, and the small language their patterns are in.

docs/plates.md describes both. A format is only ever compared with a text; nothing here changes one.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.errors import BadInput, ConfigError
from dashcam_pipeline.user_paths import expanded, shown
from dashcam_pipeline.yaml_file import KeyPath, YamlFile, read_yaml_file, shortened

LETTERS = string.ascii_uppercase
ALPHABET = string.digits + LETTERS
MOST_CHARS = 10  # of a plate that a reader gives
MOST_REPEATS = 12
LOOKALIKES_FILE = "lookalikes.yaml"  # the one file in the folder that is no country

_COUNTRY_KEYS = {"country", "name", "source", "letters_used", "letters_not_used", "formats", "lists"}
_FORMAT_KEYS = {
    "name",
    "pattern",
    "letters_used",
    "letters_not_used",
    "longest",
    "loose",
    "since",
    "until",
    "source",
    "example",
}
_FORMAT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOKEN = re.compile(
    r"\s*(?:(?P<kind>[LDA])|\[(?P<set>[A-Z0-9-]+)\]|'(?P<literal>[A-Z0-9]+)'|<(?P<list>\w+)>)"
    r"(?:(?P<maybe>\?)|\{(?P<least>\d{1,2})(?:,(?P<most>\d{1,2}))?\})?\s*"
)
_FAST_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # ten times as fast, where PyYAML was built with it


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
        return text in self._lengths and self._regex.fullmatch(text) is not None

    def bits(self, length: int) -> float:
        """How much it says that a text of this length fits: -log2 of the share of random texts that do.

        Random means every letter and digit equally often; a text that fits in two ways counts twice.
        """
        count = self._lengths.counts[length]
        return math.log2(len(ALPHABET)) * length - math.log2(count)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        ways = ("".join(element.regex for element in elements) for elements in self.alternatives)
        return re.compile("|".join(ways))

    @cached_property
    def _lengths(self) -> _Lengths:
        totals: dict[int, float] = {}
        for elements in self.alternatives:
            for length, count in _counts(elements).items():
                if 0 < length <= self.longest:
                    totals[length] = totals.get(length, 0.0) + count
        return _Lengths({n: min(count, float(len(ALPHABET) ** n)) for n, count in totals.items()})


@dataclass(frozen=True, slots=True)
class _Lengths:
    """How many texts of each length fit a format."""

    counts: Mapping[int, float]

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and len(text) in self.counts


@dataclass(frozen=True, slots=True)
class Country:
    """A country's plates."""

    code: str  # ISO 3166-1 alpha-2, lower case
    name: str  # as readers that guess a region name it
    formats: tuple[PlateFormat, ...]


def own_folder() -> Path:
    """The formats that travel with this version."""
    return configs_folder() / "plates"


def own_countries() -> tuple[Country, ...]:
    """The countries that travel with this version, in the order of their codes."""
    files = sorted(path for path in own_folder().glob("*.yaml") if path.name != LOOKALIKES_FILE)
    return tuple(_country(_read_fast(path), check=False) for path in files)


def user_countries(folder: Path) -> tuple[Country, ...]:
    """The countries in a folder of the user's. Raises BadInput (no such folder or no file in it) or ConfigError."""
    folder = expanded(folder)
    if not folder.is_dir():
        raise BadInput(
            f"vote.plate_formats: {shown(folder)} is no folder; name one that holds files like docs/plates.md tells of"
        )
    files = sorted(path for path in folder.glob("*.yaml") if path.name != LOOKALIKES_FILE)
    if not files:
        raise BadInput(
            f"vote.plate_formats: {shown(folder)} holds no .yaml file; docs/plates.md tells how to write one"
        )
    countries = tuple(_country(read_yaml_file(path), check=True) for path in files)
    for country, path in zip(countries, files, strict=True):
        first = next(i for i, other in enumerate(countries) if other.code == country.code)
        if files[first] != path:
            raise ConfigError(
                f"{shown(path)}: `country` {country.code.upper()} is in {files[first].name} already; join them"
            )
    return countries


def own_lookalikes() -> tuple[str, ...]:
    """Groups of characters of which any two look alike."""
    file = _read_fast(own_folder() / LOOKALIKES_FILE)
    return tuple(_Keys(file, file.values, ()).texts("lookalikes"))


def _read_fast(path: Path) -> YamlFile:
    """One of our own files, which a test has read strictly."""
    return YamlFile(path, yaml.load(path.read_bytes(), _FAST_LOADER), {})


class _Keys:
    """The values of one mapping in a file, each checked when it is asked for."""

    def __init__(self, file: YamlFile, values: Any, path: KeyPath) -> None:
        self._file, self._path = file, path
        if not isinstance(values, dict):
            raise ConfigError(f"{file.place(path)}: `key: value` lines must stand here")
        self._values = values

    def fault(self, key: str, problem: str) -> ConfigError:
        name = ".".join((*self._path, key))
        return ConfigError(f"{self._file.place((*self._path, key))}: `{name}`: {problem}")

    def only(self, known: set[str]) -> None:
        for key in self._values:
            if key not in known:
                allowed = ", ".join(sorted(known))
                raise self.fault(shortened(str(key)), f"there is no such key; there are {allowed}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.fault(key, "must be a text; put it in quotes")
        return value

    def year(self, key: str) -> int | None:
        value = self._values.get(key)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or not 1900 <= value <= 2100
        ):
            raise self.fault(key, "must be a year like 1994")
        return value

    def number(self, key: str, default: int) -> int:
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CHARS:
            raise self.fault(key, f"must be a whole number from 1 to {MOST_CHARS}")
        return value

    def flag(self, key: str) -> bool:
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(_is_plate_text(item) for item in value):
            raise self.fault(
                key, "must be a list of texts of upper case letters and digits; quote digits and NO, ON, N, Y"
            )
        return value

    def mappings(self, key: str) -> Iterable[_Keys]:
        value = self._values.get(key)
        if not isinstance(value, list) or not value:
            raise self.fault(key, "must be a list, each format beginning with `- name:`")
        return [_Keys(self._file, item, (*self._path, key, str(i))) for i, item in enumerate(value)]

    def lists(self) -> Mapping[str, tuple[str, ...]]:
        value = self._values.get("lists")
        if value is None:
            return {}
        keys = _Keys(self._file, value, (*self._path, "lists"))
        return {str(name): tuple(keys.texts(name)) for name in value}

    def has(self, key: str) -> bool:
        return key in self._values


def _is_plate_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and all(char in ALPHABET for char in value)


def _country(file: YamlFile, check: bool) -> Country:
    """The country that a file tells of; `check` compares each format with its example, which takes its time."""
    keys = _Keys(file, file.values, ())
    keys.only(_COUNTRY_KEYS)
    code = keys.text("country")
    if not re.fullmatch("[A-Z]{2}", code):
        raise keys.fault("country", 'must be the two letters of ISO 3166 in quotes, like "RO"')
    letters, lists = _letters(keys, LETTERS), keys.lists()
    formats = tuple(_format(item, keys, letters, lists, check) for item in keys.mappings("formats"))
    names = [known.name for known in formats]
    for name in names:
        if names.count(name) > 1:
            raise keys.fault("formats", f"two are named {name}; give each a name of its own")
    return Country(code.lower(), keys.text("name"), formats)


def _format(
    keys: _Keys, country: _Keys, letters: str, lists: Mapping[str, tuple[str, ...]], check: bool
) -> PlateFormat:
    keys.only(_FORMAT_KEYS)
    name = keys.text("name")
    if not _FORMAT_NAME.fullmatch(name):
        raise keys.fault("name", "must be lower case letters, digits and dashes, like `old-style`")
    known = PlateFormat(
        name=name,
        pattern=keys.text("pattern"),
        alternatives=_alternatives(keys, _letters(keys, letters), lists),
        longest=keys.number("longest", MOST_CHARS),
        loose=keys.flag("loose"),
        since=keys.year("since"),
        until=keys.year("until"),
        source=(keys if keys.has("source") else country).text("source"),
        example=keys.text("example"),
    )
    if check and not known.matches(plain(known.example)):
        raise keys.fault(
            "example", f"{shortened(known.example)} does not fit the pattern; correct one of them"
        )
    return known


def plain(text: str) -> str:
    """A plate as readers give it: upper case letters and digits, without what separates them."""
    return "".join(char for char in text.upper() if char in ALPHABET)


def _letters(keys: _Keys, default: str) -> str:
    """What `L` stands for."""
    if keys.has("letters_used"):
        return "".join(char for char in LETTERS if char in keys.text("letters_used"))
    if keys.has("letters_not_used"):
        return "".join(char for char in LETTERS if char not in keys.text("letters_not_used"))
    return default


def _alternatives(
    keys: _Keys, letters: str, lists: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[Element, ...], ...]:
    kinds = {"L": tuple(letters), "D": tuple(string.digits), "A": tuple(string.digits + letters)}
    return tuple(_elements(keys, part, kinds, lists) for part in keys.text("pattern").split("|"))


def _elements(
    keys: _Keys, part: str, kinds: Mapping[str, tuple[str, ...]], lists: Mapping[str, tuple[str, ...]]
) -> tuple[Element, ...]:
    found, at = [], 0
    while at < len(part):
        token = _TOKEN.match(part, at)
        if token is None:
            rest = shortened(part[at:].strip())
            raise keys.fault(
                "pattern", f"can't be understood from `{rest}` on; docs/plates.md tells what may stand there"
            )
        found.append(_element(keys, token, kinds, lists))
        at = token.end()
    if not found:
        raise keys.fault("pattern", "has an alternative without anything in it; take the `|` out")
    return tuple(found)


def _element(
    keys: _Keys,
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
        raise keys.fault(
            "pattern", f"{token[0].strip()}: the second number must be from the first to {MOST_REPEATS}"
        )
    if token["list"] and token["list"] not in lists:
        raise keys.fault("pattern", f"<{token['list']}> is not among the file's `lists`; add it there")
    if token["kind"]:
        choices = kinds[token["kind"]]
    elif token["set"]:
        choices = _set(keys, token["set"])
    else:
        choices = lists[token["list"]] if token["list"] else (token["literal"],)
    return Element(tuple(dict.fromkeys(choices)), least, most)


def _set(keys: _Keys, text: str) -> tuple[str, ...]:
    """The characters of `A-FX`."""
    ranges = re.findall(r"([A-Z0-9])(?:-([A-Z0-9]))?", text)
    written = "".join(f"{first}-{last}" if last else first for first, last in ranges)
    if written != text or any(
        last and (last < first or last.isdigit() != first.isdigit()) for first, last in ranges
    ):
        raise keys.fault(
            "pattern", f"[{shortened(text)}] is no set; write single characters and ranges, like [A-FX2-9]"
        )
    return tuple(chr(c) for first, last in ranges for c in range(ord(first), ord(last or first) + 1))


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
