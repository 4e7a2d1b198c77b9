"""Every setting as text for people: its type, bounds, default and meaning, read off the typed settings.

Error messages, `dashcam config keys`, docs/configuration.md and configs/default.yaml all come from here.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from dashcam_pipeline.config import NO_LIMIT, Section, Settings

_LINE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    name: str  # section.key
    allowed: str  # type and bounds, in words
    default: Any
    meaning: str

    @property
    def default_text(self) -> str:
        """The default as YAML writes it."""
        return json.dumps(self.default, ensure_ascii=False, default=str)


@cache
def section_names() -> tuple[str, ...]:
    """The sections, in the order of the settings."""
    return tuple(Settings.model_fields)


@cache
def all_keys() -> Mapping[str, Key]:
    """Every setting by its name `section.key`, in the order of the settings."""
    return {key.name: key for section in section_names() for key in _keys_of(section)}


def section_meaning(section: str) -> str:
    """What the settings of a section are about."""
    return " ".join((_model(section).__doc__ or "").split())


def markdown() -> str:
    """All settings as Markdown, a table a section."""
    parts: list[str] = []
    for section in section_names():
        parts += [f"### `{section}`", "", section_meaning(section), ""]
        parts += ["| key | allowed | default | meaning |", "|---|---|---|---|"]
        parts += [_row(key) for key in all_keys().values() if key.name.startswith(f"{section}.")]
        parts.append("")
    return "\n".join(parts)


def default_yaml() -> str:
    """A configuration file that spells out all defaults, with their meaning as comments."""
    lines = [
        "# All settings with their defaults. Copy the lines you want to change into a file of your own and",
        "# pass it with `--config FILE`; what it doesn't name keeps its default.",
        "# Written by scripts/write_docs.py.",
    ]
    for section in section_names():
        lines += ["", f"# {section_meaning(section)}", f"{section}:"]
        for key in all_keys().values():
            if key.name.startswith(f"{section}."):
                lines += _commented(key)
    return "\n".join(lines) + "\n"


def _commented(key: Key) -> list[str]:
    comment = textwrap.wrap(
        f"{key.meaning} [{key.allowed}]",
        _LINE_LENGTH,
        initial_indent="  # ",
        subsequent_indent="  # ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [*comment, f"  {key.name.partition('.')[2]}: {key.default_text}"]


def _row(key: Key) -> str:
    cells = (f"`{key.name.partition('.')[2]}`", key.allowed, f"`{key.default_text}`", key.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _keys_of(section: str) -> list[Key]:
    model = _model(section)
    defaults = model().model_dump(mode="json")
    properties, meanings = model.model_json_schema()["properties"], _meanings(model)
    return [
        Key(f"{section}.{name}", _allowed(schema), defaults[name], meanings.get(name, ""))
        for name, schema in properties.items()
    ]


def _meanings(model: type[Section]) -> dict[str, str]:
    """The string below each key. Pydantic would read them too, but each time that any process loads the settings."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for key, below in pairwise(body.body):
        match key, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())  # one line: a row of a table
    return found


def _model(section: str) -> type[Section]:
    model = Settings.model_fields[section].annotation
    assert isinstance(model, type) and issubclass(model, Section)
    return model


def _allowed(schema: Mapping[str, Any]) -> str:
    """Type and bounds of a JSON schema in words."""
    if "allowed" in schema:
        return str(schema["allowed"])
    if "anyOf" in schema:
        return " or ".join(_allowed(part) for part in schema["anyOf"])
    if "enum" in schema:
        return _one_of(schema["enum"])
    if "examples" in schema:
        return f"text like {_one_of(schema['examples'])}"
    kind = _KINDS[schema.get("format", schema["type"])]
    return f"{kind}{_bounds(schema)}"


_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "path": "a path",
    "null": "null",
}


def _one_of(values: list[str]) -> str:
    *others, last = (f"`{value}`" for value in values)
    return f"{', '.join(others)} or {last}" if others else last


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    high = None if high is not None and high >= NO_LIMIT else high
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f" from {low:g} up"
    if high is not None:
        return f" up to {high:g}"
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']:g}"
    return ""
