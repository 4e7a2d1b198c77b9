"""Settings that are changed for a benchmark: as a config file for `dashcam run`, and as a record for the stages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import yaml

from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import load
from dashcam_pipeline.configuration_keys import all_keys


def changed(changes: Sequence[str], folder: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings with `section.key=value` applied, and the options that give them to `dashcam run`.

    Raises:
        BenchTrouble: a change is not written like that.
        ConfigError: there is no such setting, or it can't have that value.
    """
    if not changes:
        return load().settings, ()
    sections: dict[str, dict[str, object]] = defaultdict(dict)
    for change in changes:
        name, equals, value = change.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot and section and key):
            raise BenchTrouble(f"--set {change}: write section.key=value, such as vote.min_reads=3")
        sections[section][key] = yaml.safe_load(value)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(dict(sections)), encoding="utf-8")
    return load(path).settings, ("--config", str(path))


def is_known(change: str) -> bool:
    """Whether this version has the setting that `section.key=value` is about."""
    return change.partition("=")[0] in all_keys()
