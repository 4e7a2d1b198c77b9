"""The presets that travel with the program: each loads, says what it is for, and changes something that there is."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from dashcam_pipeline.assets import checkout
from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import DEFAULT, load, presets
from dashcam_pipeline.configuration_keys import all_keys
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_OK, BadInput
from dashcam_pipeline.presets import all_presets, preset
from dashcam_pipeline.yaml_file import read_yaml_file
from run_command import dashcam

ROOT = checkout()
OTHERS = [name for name in presets() if name != DEFAULT]
MEANT = {"weak-laptop", "workstation-cpu", "one-gpu", "many-gpus", "night", "accuracy-first"}
by_name = pytest.mark.parametrize("name", OTHERS)


def said(name: str) -> dict[str, object]:
    """What stands in the file, by `section.key`."""
    values = read_yaml_file(presets()[name]).values
    return {f"{section}.{key}": value for section, keys in values.items() for key, value in keys.items()}


def test_there_is_one_for_each_purpose() -> None:
    assert set(presets()) == MEANT | {DEFAULT}


@by_name
def test_preset_changes_only_settings_that_there_are(name: str) -> None:
    assert set(said(name)) <= set(all_keys())
    assert load(name, environment={}).settings != Settings()


@by_name
def test_preset_names_nothing_but_what_it_changes(name: str) -> None:
    assert set(said(name)) == set(preset(name).changes)


@by_name
def test_every_key_of_a_preset_says_why(name: str) -> None:
    lines = presets()[name].read_text(encoding="utf-8").splitlines()
    bare = [line for above, line in pairwise(lines) if _is_key(line) and not _says(above)]
    assert bare == []


def _is_key(line: str) -> bool:
    return re.match(r" +\w+:", line) is not None


def _says(line: str) -> bool:
    """A comment, or a key that the comment above stands for too."""
    return line.lstrip().startswith("#") or _is_key(line)


@by_name
def test_preset_is_explained_in_the_documentation(name: str) -> None:
    assert ROOT is not None
    page = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
    assert f"## {name}" in page
    assert preset(name).purpose


def test_default_changes_nothing() -> None:
    assert preset(DEFAULT).changes == {}


@by_name
def test_looks_and_their_step_fit_each_other(name: str) -> None:
    settings = load(name, environment={}).settings
    assert settings.tracking.step_s == pytest.approx(1 / settings.sampling.frames_per_s, rel=0.01)


def test_a_misspelt_preset_is_told_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean `night`"):
        preset("nihgt")


def test_presets_are_listed_with_their_purpose_and_changes() -> None:
    done = dashcam("config", "presets")
    assert done.returncode == EXIT_OK
    printed = " ".join(done.stdout.split())
    for one in all_presets():
        assert one.name in printed
        assert all(key in printed for key in one.changes)


def test_the_file_of_a_preset_is_printed_and_loads_as_it_is(tmp_path: Path) -> None:
    done = dashcam("config", "presets", "night")
    own = tmp_path / "my.yaml"
    own.write_text(done.stdout, encoding="utf-8")
    assert load(own, environment={}).settings == load("night", environment={}).settings


def test_an_unknown_preset_is_one_line() -> None:
    done = dashcam("config", "presets", "nothing")
    assert (done.returncode, done.stderr.count("\n")) == (EXIT_BAD_INPUT, 1)
