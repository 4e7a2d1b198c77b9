"""Settings from a preset or file, the environment and the command line, and where each value came from.

Later sources win: defaults < preset or file < environment < command line. Every error names the place and
the key, says what is allowed, and for an unknown key the nearest right one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.config import NO_LIMIT, Settings
from dashcam_pipeline.configuration_keys import all_keys, section_names
from dashcam_pipeline.errors import BadInput, ConfigError
from dashcam_pipeline.removed_settings import REMOVED
from dashcam_pipeline.user_paths import expanded
from dashcam_pipeline.yaml_file import YamlFile, read_yaml_file, shortened, yaml_value

DEFAULT = "default"
DSN_VARIABLE = "DASHCAM_DSN"
VARIABLE_PREFIX = "DASHCAM__"  # DASHCAM__SAMPLING__STRIDE=3 is sampling.stride
_MOST_UNKNOWN = 10  # that one error lists

# Options whose name is not that of their key.
_OPTIONS: Mapping[str, str] = {"storage.dsn": "--db"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings of a run, and for each key (`section.key`) where its value came from."""

    settings: Settings
    origins: Mapping[str, str]

    def origin(self, key: str) -> str:
        """`default`, `FILE:LINE`, `environment NAME` or `option --name`."""
        return self.origins.get(key, DEFAULT)


@dataclass(frozen=True, slots=True)
class _Given:
    """A value that somebody gave for a key, and where."""

    key: str
    value: Any
    origin: str


def load(
    config: str | Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """The settings of a run.

    Args:
        config: a preset's name, or the path of a YAML file; None = the defaults alone.
        overrides: `section.key` → value from the command line; None values were not given and are skipped.
        environment: instead of this process's own.

    Raises BadInput (no such file or preset), ConfigError (what stands in it, or anywhere else, is wrong).
    """
    given = [
        *(_from_file(read_yaml_file(find(config))) if config else ()),
        *_from_environment(os.environ if environment is None else environment),
        *_from_options(overrides or {}),
    ]
    _must_be_known(given)
    latest = {item.key: item for item in given}
    settings = _validated(latest)
    return Loaded(settings, {key: item.origin for key, item in latest.items()})


def presets() -> dict[str, Path]:
    """The presets that travel with this version, by name."""
    return {path.stem: path for path in sorted(configs_folder().glob("*.yaml"))}


def find(config: str | Path) -> Path:
    """The file that `--config` means: a preset by its name, else a path. Raises BadInput."""
    known = presets()
    if str(config) in known:
        return known[str(config)]
    path = expanded(config)
    name = shortened(str(config))
    try:
        if path.is_file():
            return path
    except OSError as error:  # a name that is too long, a folder that is closed to us
        raise BadInput(f"--config {name}: {error.strerror}") from None
    if path.suffix or len(path.parts) > 1:
        raise BadInput(f"--config {name}: there is no such file")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"presets are {', '.join(known)}"
    raise BadInput(f"--config {name}: neither a preset nor a file; {hint}")


def _from_file(source: YamlFile) -> Iterable[_Given]:
    for section, content in source.values.items():
        place = source.place((str(section),))
        if section not in section_names():
            yield _Given(str(section), content, place)  # told with all others that are no settings
            continue
        if content is None:
            content = {}  # a section whose keys are all commented out
        if not isinstance(content, dict):
            raise ConfigError(f"{place}: `{section}` is a section: its keys stand below it, indented")
        for key, value in content.items():
            yield _Given(f"{section}.{key}", value, source.place((section, str(key))))


def _from_environment(environment: Mapping[str, str]) -> Iterable[_Given]:
    if dsn := environment.get(DSN_VARIABLE):
        yield _Given("storage.dsn", dsn, f"environment {DSN_VARIABLE}")
    for name, text in sorted(environment.items()):
        if name.startswith(VARIABLE_PREFIX):
            key = name.removeprefix(VARIABLE_PREFIX).lower().replace("__", ".")
            yield _Given(key, _scalar(name, text), f"environment {shortened(name)}")


def _scalar(name: str, text: str) -> Any:
    """The value of an environment variable, read as YAML would: `3`, `true`, `null`, `text`."""
    try:
        return yaml_value(text)
    except yaml.YAMLError:
        raise ConfigError(
            f"environment {shortened(name)}: `{shortened(text)}` is not a YAML value; put it in quotes"
        ) from None


def _from_options(overrides: Mapping[str, object]) -> Iterable[_Given]:
    for key, value in overrides.items():
        if value is not None:
            name = _OPTIONS.get(key, "--" + key.partition(".")[2].replace("_", "-"))
            yield _Given(key, value, f"option {name}")


def _must_be_known(given: Iterable[_Given]) -> None:
    unknown = [item for item in given if item.key not in all_keys()]
    if unknown:
        lines = [_unknown(item) for item in unknown[:_MOST_UNKNOWN]]
        if rest := unknown[_MOST_UNKNOWN:]:
            lines.append(f"{rest[0].origin}: there are {len(rest)} more that are no settings")
        raise ConfigError("\n".join(lines))


def _unknown(item: _Given) -> str:
    name = shortened(item.key)
    if item.key in REMOVED:
        return f"{item.origin}: the setting `{name}` is gone: {REMOVED[item.key]}"
    candidates = [known for known in (*section_names(), *all_keys()) if known != item.key]
    near = _same_last_part(name, candidates) or difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else "`dashcam config keys` lists what there is"
    return f"{item.origin}: there is no setting `{name}`; {hint}"


def _same_last_part(name: str, candidates: Iterable[str]) -> list[str]:
    """A key that stands in another section."""
    return [key for key in candidates if key.rpartition(".")[2] == name.rpartition(".")[2]]


def _validated(given: Mapping[str, _Given]) -> Settings:
    values: dict[str, dict[str, Any]] = {}
    for item in given.values():
        section, _, key = item.key.partition(".")
        values.setdefault(section, {})[key] = item.value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys(_explain(e, given) for e in error.errors()))) from None


def _explain(error: Any, given: Mapping[str, _Given]) -> str:
    """One line for one of pydantic's errors: where, which key, what is allowed."""
    section, *rest = (str(part) for part in error["loc"])
    item = given.get(f"{section}.{rest[0]}") if rest else None
    if item is None:  # a rule over several keys of a section
        origins = dict.fromkeys(i.origin for k, i in given.items() if k.startswith(f"{section}."))
        return f"{', '.join(origins)}: {section}: {error['msg'].removeprefix('Value error, ')}"
    if item.key == "storage.dsn":
        return f"{item.origin}: storage.dsn must be text or null"  # never show what may hold a password
    at_most = f", at most {NO_LIMIT:,}" if error.get("ctx", {}).get("le") == NO_LIMIT else ""
    allowed = f"{all_keys()[item.key].allowed}{at_most}"
    return f"{item.origin}: {item.key}: {_told(item.value)} won't do; it must be {allowed}"


def _told(value: Any) -> str:
    """A value as an error repeats it: as YAML writes it, a text in quotes."""
    if isinstance(value, str):
        return shortened(repr(value))
    try:
        written = yaml.safe_dump(value, default_flow_style=True, width=NO_LIMIT, allow_unicode=True)
        return shortened(written.removesuffix("...\n").strip())
    except ValueError:  # Python refuses to write out thousands of digits
        return "a number this long"
