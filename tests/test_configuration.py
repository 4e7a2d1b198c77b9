"""Settings from files, environment and command line: which one wins, and what a wrong one is told."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dashcam_pipeline.assets import checkout
from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import find, load, presets
from dashcam_pipeline.configuration_keys import all_keys, markdown, section_names
from dashcam_pipeline.errors import EXIT_BAD_INPUT, BadInput, ConfigError
from dashcam_pipeline.removed_settings import REMOVED

ROOT = checkout()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.yaml"


def error_of(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(file, environment={})
    return str(error.value).replace(str(file), "my.yaml")


# --- which one wins --------------------------------------------------------------------------------


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load(environment={})
    assert loaded.settings == Settings()
    assert loaded.origin("sampling.stride") == "default"


def test_later_sources_win_and_each_value_knows_its_origin(file: Path) -> None:
    file.write_text("run:\n  device: cpu\n  readers: 1\n\nsampling:\n  stride: 5\n  frames_per_s: 4\n")
    loaded = load(
        file,
        {"sampling.stride": 2, "run.device": None, "storage.dsn": "postgresql://there/db"},
        {
            "DASHCAM__SAMPLING__STRIDE": "3",
            "DASHCAM__RUN__READERS": "2",
            "DASHCAM_DSN": "postgresql://here/db",
        },
    )
    assert (loaded.settings.sampling.stride, loaded.origin("sampling.stride")) == (2, "option --stride")
    assert (loaded.settings.run.device, loaded.origin("run.device")) == ("cpu", f"{file}:2")
    assert (loaded.settings.sampling.frames_per_s, loaded.origin("sampling.frames_per_s")) == (
        4.0,
        f"{file}:7",
    )
    assert loaded.settings.run.readers == 2
    assert loaded.origin("run.readers") == "environment DASHCAM__RUN__READERS"
    assert (loaded.settings.storage.dsn, loaded.origin("storage.dsn")) == (
        "postgresql://there/db",
        "option --db",
    )
    assert loaded.origin("run.gpu_workers") == "default"


def test_dsn_of_the_environment_is_taken_as_it_is() -> None:
    loaded = load(environment={"DASHCAM_DSN": "host=here password='a: b'"})
    assert loaded.settings.storage.dsn == "host=here password='a: b'"
    assert loaded.origin("storage.dsn") == "environment DASHCAM_DSN"


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "sampling:\n", "---\n"])
def test_file_that_says_nothing_changes_nothing(file: Path, text: str) -> None:
    file.write_text(text)
    assert load(file, environment={}).settings == Settings()


def test_null_brings_a_default_back(file: Path) -> None:
    file.write_text("sampling:\n  stride: 5\n")
    assert load(file, environment={"DASHCAM__SAMPLING__STRIDE": "null"}).settings.sampling.stride is None


# --- what a wrong one is told ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "sampling:\n  frames_per_s: 5\n  strid: 3\n",
            "my.yaml:3: there is no setting `sampling.strid`; did you mean `sampling.stride`?",
        ),
        ("sampilng:\n  stride: 3\n", "my.yaml:1: there is no setting `sampilng`; did you mean `sampling`?"),
        ("stride: 3\n", "my.yaml:1: there is no setting `stride`; did you mean `sampling.stride`?"),
        (
            "run:\n  stride: 3\n",
            "my.yaml:2: there is no setting `run.stride`; did you mean `sampling.stride`?",
        ),
        (
            "run:\n  zzzzzzzz: 3\n",
            "my.yaml:2: there is no setting `run.zzzzzzzz`; `dashcam config keys` lists what there is",
        ),
        (
            "\nsampling:\n  stride: none\n",
            "my.yaml:3: sampling.stride: 'none' won't do; it must be a whole number from 1 up or null",
        ),
        (
            "sampling:\n  frames_per_s: 0\n",
            "my.yaml:2: sampling.frames_per_s: 0 won't do; it must be a number above 0",
        ),
        (
            "frame_store:\n  format: gif\n",
            "my.yaml:2: frame_store.format: 'gif' won't do; it must be `raw`, `jpeg` or `png`",
        ),
        (
            "run:\n  device: gpu\n",
            "my.yaml:2: run.device: 'gpu' won't do; it must be text like `auto`, `cpu`, `cuda:0` or `cuda:0,1`",
        ),
        (
            "models:\n  tensorrt: maybe\n",
            "my.yaml:2: models.tensorrt: 'maybe' won't do; it must be true or false",
        ),
        (
            "sampling:\n  frames_per_s: null\n",
            "my.yaml:2: sampling.frames_per_s: null won't do; it must be a number above 0",
        ),
        (
            "frame_store:\n  format: true\n",
            "my.yaml:2: frame_store.format: true won't do; it must be `raw`, `jpeg` or `png`",
        ),
        (
            "run:\n  readers: {a: [null, 1]}\n",
            "my.yaml:2: run.readers: {a: [null, 1]} won't do; it must be a whole number from 1 to 1000 or null",
        ),
        (
            "looks:\n  max_looks: 20\n",
            "my.yaml:2: the setting `looks.max_looks` is gone: `looks.kept_views` is the most that is searched of a "
            "vehicle",
        ),
        (
            "vote:\n  claim_confidence: [0.5]\n",
            "my.yaml:2: vote.claim_confidence: [0.5] won't do; it must be a number from 0 to 1",
        ),
        (
            "detection:\n  masks: [[0, 0.9, 1, 0.9]]\n",
            "my.yaml:2: detection.masks: [[0, 0.9, 1, 0.9]] won't do; it must be a list of `[x1, y1, x2, y2]`, "
            "each from 0 to 1, with x1 below x2 and y1 below y2",
        ),
        (
            "detection:\n  masks: [0, 0.9, 1, 1]\n",
            "my.yaml:2: detection.masks: [0, 0.9, 1, 1] won't do; it must be a list of `[x1, y1, x2, y2]`, "
            "each from 0 to 1, with x1 below x2 and y1 below y2",
        ),
        (
            "queue:\n  gpu_soft: 0\n",
            "my.yaml:2: queue.gpu_soft: 0 won't do; it must be a whole number from 1 up or null",
        ),
        ("sampling: 5\n", "my.yaml:1: `sampling` is a section: its keys stand below it, indented"),
        ("run:\n  device: cpu\n  device: auto\n", "my.yaml:3: `run.device` stands twice, first in line 2"),
        ("run: {}\nsampling: {}\nrun: {}\n", "my.yaml:3: `run` stands twice, first in line 1"),
        ("- run\n", "my.yaml:1: a mapping (`key: value`) must stand here"),
        ("run:\n  device: [cpu\nx: 1\n", "my.yaml:3: not valid YAML: expected ',' or ']', but got ':'"),
        (
            "run:\n\tdevice: cpu\n",
            "my.yaml:2: not valid YAML: found character '\\t' that cannot start any token",
        ),
    ],
)
def test_wrong_file_is_told_place_key_and_cure(file: Path, text: str, said: str) -> None:
    assert error_of(file, text) == said


def test_all_wrong_values_are_told_at_once(file: Path) -> None:
    said = error_of(file, "sampling:\n  stride: 0\nvote:\n  min_reads: -1\n").splitlines()
    assert [line.partition(": ")[0] for line in said] == ["my.yaml:2", "my.yaml:4"]


def test_all_unknown_settings_are_told_at_once(file: Path) -> None:
    said = error_of(
        file, "sampilng:\n  a: 1\nlooks:\n  burst: 3\n  growth: 2\nvote:\n  min_read: 1\n"
    ).splitlines()
    assert [line.partition(": ")[0] for line in said] == ["my.yaml:1", "my.yaml:4", "my.yaml:5", "my.yaml:7"]


def test_a_file_for_something_else_is_told_in_few_lines(file: Path) -> None:
    said = error_of(file, "".join(f"key{number}: 1\n" for number in range(500))).splitlines()
    assert len(said) == 11
    assert said[-1] == "my.yaml:11: there are 490 more that are no settings"


@pytest.mark.parametrize("name", REMOVED)
def test_setting_that_is_gone_is_none_and_what_is_named_instead_is_one(name: str) -> None:
    assert name not in all_keys()
    instead = re.findall(r"`([^`]+)`", REMOVED[name])
    assert instead
    assert set(instead) <= set(all_keys())


def test_file_that_is_not_text_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"my\.yaml: not a text file in UTF-8"):
        load(file, environment={})


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DASHCAM__RUN__REDERS": "2"}, "environment DASHCAM__RUN__REDERS: there is no setting `run.reders`"),
        ({"DASHCAM__RUN__READERS": "two"}, "environment DASHCAM__RUN__READERS: run.readers: 'two' won't do"),
        ({"DASHCAM__RUN__DEVICE": "[cpu"}, "environment DASHCAM__RUN__DEVICE: `[cpu` is not a YAML value"),
        ({"DASHCAM__READERS": "2"}, "environment DASHCAM__READERS: there is no setting `readers`"),
    ],
)
def test_wrong_variable_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(environment=environment)
    assert str(error.value).startswith(said)


def test_wrong_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^option --gpu-workers: run\.gpu_workers: 0 won't do"):
        load(overrides={"run.gpu_workers": 0}, environment={})


def test_password_of_a_wrong_dsn_is_not_told(file: Path) -> None:
    assert "secret" not in error_of(file, "storage:\n  dsn: [secret]\n")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("no/such.yaml", "--config no/such.yaml: there is no such file"),
        ("such.yaml", "--config such.yaml: there is no such file"),
        ("defualt", "--config defualt: neither a preset nor a file; did you mean `default`?"),
    ],
)
def test_config_that_is_not_there_is_named(config: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        load(config, environment={})
    assert str(error.value) == said


def test_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        find(tmp_path)


# --- presets and documents -------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(presets()))
def test_preset_loads(name: str) -> None:
    load(name, environment={})


def test_default_preset_says_what_the_code_says() -> None:
    values = yaml.safe_load(presets()["default"].read_text())
    assert values == Settings().model_dump(mode="json"), "run `python scripts/write_docs.py`"


def test_every_setting_has_a_meaning() -> None:
    assert [key.name for key in all_keys().values() if not key.meaning] == []
    assert {name.partition(".")[0] for name in all_keys()} == set(section_names())


def test_every_setting_is_one_row_of_the_documents() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [5] * len(all_keys())
    assert all(row.endswith(" |") for row in rows)


@pytest.mark.skipif(ROOT is None, reason="documents lie in a source checkout only")
def test_documents_are_up_to_date() -> None:
    assert ROOT
    derived = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))["derived"]()
    stale = [path.name for path, text in derived.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `python scripts/write_docs.py`"


# --- the command -----------------------------------------------------------------------------------


def dashcam(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from dashcam_pipeline.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
    )


def test_show_prints_a_file_that_means_the_same(file: Path, tmp_path: Path) -> None:
    file.write_text("run:\n  device: cpu\n")
    shown = dashcam("config", "show", "--config", str(file), DASHCAM__SAMPLING__STRIDE="3")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"device: cpu # {file}:2" in lines
    assert "stride: 3 # environment DASHCAM__SAMPLING__STRIDE" in lines
    assert "frames_per_s: 10.0 # default" in lines
    again = tmp_path / "again.yaml"
    again.write_text(shown.stdout)
    assert (
        load(again, environment={}).settings
        == load(file, environment={"DASHCAM__SAMPLING__STRIDE": "3"}).settings
    )


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_show_hides_the_password(format: str) -> None:
    shown = dashcam("config", "show", "--format", format, DASHCAM_DSN="postgresql://me:secret@there/db")
    assert shown.returncode == 0
    assert "secret" not in shown.stdout
    assert "postgresql://me:***@there/db" in shown.stdout


def test_show_as_json_has_every_setting() -> None:
    shown = json.loads(dashcam("config", "show", "--format", "json").stdout)
    assert list(shown) == list(all_keys())


def test_keys_lists_every_setting() -> None:
    listed = dashcam("config", "keys", COLUMNS="200").stdout
    assert [name for name in all_keys() if name not in listed] == []


def test_wrong_setting_ends_the_command_in_one_line(file: Path) -> None:
    file.write_text("sampling:\n  strid: 3\n")
    ended = dashcam("config", "show", "--config", str(file))
    assert ended.returncode == EXIT_BAD_INPUT
    assert ended.stdout == ""
    assert ended.stderr == (
        f"dashcam: {file}:2: there is no setting `sampling.strid`; did you mean `sampling.stride`?\n"
    )
