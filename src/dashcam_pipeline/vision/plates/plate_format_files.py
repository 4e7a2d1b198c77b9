"""Reads the YAML files that list the plate formats of a country; docs/plates.md describes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.errors import BadInput, ConfigError
from dashcam_pipeline.user_paths import expanded, shown
from dashcam_pipeline.vision.plates.plate_formats import (
    ALPHABET,
    LETTERS,
    MOST_CHARS,
    Country,
    PlateFormat,
    plain,
)
from dashcam_pipeline.vision.plates.plate_patterns import BadPattern, parsed
from dashcam_pipeline.yaml_file import KeyPath, YamlFile, read_yaml_file, shortened

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
_FAST_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # ten times as fast, where PyYAML was built with it


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
    try:
        alternatives = parsed(keys.text("pattern"), _letters(keys, letters), lists)
    except BadPattern as error:
        raise keys.fault("pattern", str(error)) from None
    known = PlateFormat(
        name=name,
        pattern=keys.text("pattern"),
        alternatives=alternatives,
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


def _letters(keys: _Keys, default: str) -> str:
    """What `L` stands for."""
    if keys.has("letters_used"):
        return "".join(char for char in LETTERS if char in keys.text("letters_used"))
    if keys.has("letters_not_used"):
        return "".join(char for char in LETTERS if char not in keys.text("letters_not_used"))
    return default


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
