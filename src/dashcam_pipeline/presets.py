"""The presets that travel with this version: what each is for, and which settings it changes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from dashcam_pipeline.configuration import load, presets
from dashcam_pipeline.configuration_keys import all_keys, section_names
from dashcam_pipeline.errors import BadInput


@dataclass(frozen=True, slots=True)
class Preset:
    """A file of `configs/`."""

    name: str
    path: Path
    purpose: str  # the comment with which the file begins
    changes: Mapping[str, str]  # `section.key` → its value as YAML writes it, where that is not the default


def all_presets() -> tuple[Preset, ...]:
    """Every one, by name."""
    return tuple(preset(name) for name in presets())


def preset(name: str) -> Preset:
    """Raises BadInput where none has that name."""
    known = presets()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
        raise BadInput(f"{name}: no preset has that name; {hint}")
    path = known[name]
    first = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    return Preset(name, path, " ".join(line.lstrip("# ") for line in first), _changes(path))


def _changes(path: Path) -> dict[str, str]:
    values = load(path, environment={}).settings.model_dump(mode="json")
    keys = all_keys()
    return {
        f"{section}.{key}": json.dumps(value, ensure_ascii=False)
        for section in section_names()
        for key, value in values[section].items()
        if value != keys[f"{section}.{key}"].default
    }
