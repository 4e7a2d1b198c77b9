"""Whatever stands in a settings file or the environment: settings, or an error in lines that name place and key.

More cases by hand: `DASHCAM_FUZZ_EXAMPLES=20000 pytest tests/test_fuzz_config.py --timeout 0`.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import load
from dashcam_pipeline.configuration_keys import all_keys, section_names
from dashcam_pipeline.errors import BadInput, ConfigError

EXAMPLES = int(os.environ.get("DASHCAM_FUZZ_EXAMPLES", "100"))
LONGEST_S = 5.0  # of processor time, on a slow and busy host; here the slowest takes half a second
LONGEST_LINE = 600  # characters, next to the path

fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="DASHCAM_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def outcome(config: Path | str | None, environment: Mapping[str, str] | None = None) -> Settings | str:
    """What `load` gives: settings that can be passed on as JSON, or the error's text after a look at its form."""
    began = time.process_time()
    try:
        loaded = load(config, environment=environment or {})
        loaded.settings.model_dump_json()
        Settings.model_validate_json(loaded.settings.model_dump_json())
        result: Settings | str = loaded.settings
    except (ConfigError, BadInput) as error:
        result = str(error)
        assert result
        for line in result.split("\n"):
            assert line.isprintable(), line
            assert len(line) < LONGEST_LINE, line
    assert time.process_time() - began < LONGEST_S
    return result


def assert_settings_or_error_of(file: Path) -> None:
    result = outcome(file)
    if isinstance(result, str):
        assert all(line.startswith(str(file)) for line in result.split("\n")), result


# --- the file --------------------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), 10**400])
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=30)
    | st.binary(max_size=10)
    | st.dates()
    | st.datetimes()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(SCALARS, inner, max_size=4)
        | st.sets(st.text(max_size=5), max_size=3)
    ),
    max_leaves=12,
)
KEYS = [name.partition(".") for name in all_keys()]
NEARLY_RIGHT = st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=6)
PIECES = [
    *section_names(),
    *(key for _, _, key in KEYS),
    *(
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n\t",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "&a ",
        "*a",
        "<<: ",
        "|\n",
        ">\n",
    ),
    *(
        "'",
        '"',
        "\\",
        "!!int ",
        "!!float ",
        "!!set ",
        "!!binary ",
        "!!timestamp ",
        "!<x%0A> ",
        "!!python/name:os ",
    ),
    *(
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "0x",
        "0b_",
        "1_0",
        ".inf",
        ".nan",
        "1:2:3",
        "2020-99-99",
        "~",
        "null",
        "=",
    ),
    *("\ufeff", "\0", "\x85", "\u2028", '"\\0"', '"\\ud800"', '"\\e[31m"', "\r", "é", "😀"),
]
PATHOLOGICAL = [
    "a: &a\n  b: *a\n",
    "run: &a [*a]\n",
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "run: " + "[" * 20_000,
    "? " * 20_000,
    "- " * 20_000,
    "run: {" + ",".join(str(number) for number in range(8_000)) + "}",
    "run: [" + "1," * 20_000 + "]",
    "sampling:\n  stride: " + "9" * 5_000,
    "sampling:\n  stride: 0x" + "f" * 40_000,
    "sampling:\n  frames_per_s: .inf\n",
    "vote:\n  claim_confidence: .nan\n",
    "run:\n  readers: 100000000\n",
    "run:\n  readers: 2020-99-99\n",
    "run:\n  readers: !!int ''\n",
    "run:\n  readers: !!bool x\n",
    "!!set {run}",
    "!!int {=: 3}",
    '"a\\nb": 3',
    'frame_store:\n  dir: "\\0"\n',
    'frame_store:\n  dir: "\\ud800"\n',
    "run: \0",
    "!" * 40_000,
    "#" * 200_000,
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "any.yaml"


@fuzzed
@given(content=st.binary(max_size=300))
@example(content="run:\n  device: cpu\n".encode("utf-16"))
@example(content="run:\n  device: cpü\n".encode("latin-1"))
def test_file_of_any_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert_settings_or_error_of(file)


@fuzzed
@given(pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25))
def test_file_of_any_yaml_tokens(file: Path, pieces: list[str]) -> None:
    file.write_bytes("".join(pieces).encode("utf-8", "surrogatepass"))
    assert_settings_or_error_of(file)


@fuzzed
@given(content=VALUES)
def test_file_of_any_yaml_structure(file: Path, content: object) -> None:
    file.write_bytes(as_yaml(content))
    assert_settings_or_error_of(file)


@fuzzed
@given(given=NEARLY_RIGHT)
def test_right_keys_with_any_values(file: Path, given: list[tuple[tuple[str, str, str], object]]) -> None:
    sections: dict[str, dict[str, object]] = {}
    for (section, _, key), value in given:
        sections.setdefault(section, {})[key] = value
    file.write_bytes(as_yaml(sections))
    result = outcome(file)
    if isinstance(result, str) and "not valid YAML" not in result:
        for line in result.split("\n"):
            assert line.startswith(f"{file}:")
            assert any(f"{section}.{key}" in line for (section, _, key), _ in given), line


@pytest.mark.parametrize("content", PATHOLOGICAL, ids=lambda content: repr(content[:20]))
def test_file_that_is_meant_to_break_its_reader(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")
    assert_settings_or_error_of(file)


@pytest.mark.parametrize(
    "text", ["a: &a [1]\nb: *a\n", "run:\n  readers: 1001\n", "sampling:\n  frames_per_s: .inf\n"]
)
def test_what_would_break_a_run_later_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert isinstance(outcome(file), str)


def test_byte_order_mark_is_no_part_of_the_settings(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfrun:\n  device: cpu\n")
    loaded = outcome(file)
    assert isinstance(loaded, Settings)
    assert loaded.run.device == "cpu"


# --- what stands in its place ----------------------------------------------------------------------


@fuzzed
@given(
    name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300)
)
@example(name="~nobody-of-that-name/x.yaml")
@example(name="x" * 5_000)
@example(name="a\nb.yaml")
@example(name="\udcff.yaml")
@example(name=".")
@example(name="[red]x[/blue].yaml")
def test_config_of_any_name(name: str) -> None:
    result = outcome(name)
    if isinstance(result, str):
        assert "\n" not in result


def test_file_that_cannot_be_read_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    file.write_text("run:\n  device: cpu\n")
    monkeypatch.setattr(Path, "open", refuse)  # root may read every file
    assert outcome(file) == f"{file}: Permission denied"


def test_pipe_and_broken_link_are_no_config(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "link.yaml")
    assert stat.S_ISFIFO((tmp_path / "pipe.yaml").stat().st_mode)
    for name in ("pipe.yaml", "link.yaml"):
        assert "there is no such file" in str(outcome(tmp_path / name))


# --- the environment -------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_characters="\0"), max_size=40) | st.sampled_from(PATHOLOGICAL)
NAMES = st.sampled_from([f"DASHCAM__{name.upper().replace('.', '__')}" for name in all_keys()]) | st.text(
    st.characters(exclude_characters="\0="), max_size=20
).map("DASHCAM__".__add__)


@fuzzed
@given(environment=st.dictionaries(NAMES | st.just("DASHCAM_DSN"), TEXT, max_size=4))
def test_environment_of_any_content(environment: dict[str, str]) -> None:
    result = outcome(None, environment)
    if isinstance(result, str):
        assert all(line.startswith("environment DASHCAM_") for line in result.split("\n")), result


def as_yaml(content: object) -> bytes:
    """The content as YAML, with numbers of any length."""
    text = yaml.dump(content, Dumper=_AnyLength, allow_unicode=True)
    return text.encode("utf-8", "surrogatepass")


class _AnyLength(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _integer(dumper: yaml.SafeDumper, value: int) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:int", hex(value))


_AnyLength.add_representer(int, _integer)
