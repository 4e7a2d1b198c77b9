"""Any list of words as arguments ends with a known exit code, without a traceback, and writes nothing elsewhere.

More cases by hand: `DASHCAM_FUZZ_EXAMPLES=20000 pytest tests/test_fuzz_command_line.py --timeout 0`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import typer
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from typer.core import TyperGroup

from dashcam_pipeline import downloads
from dashcam_pipeline.cli import command_line, main
from dashcam_pipeline.errors import (
    EXIT_BAD_INPUT,
    EXIT_ENVIRONMENT,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_STOPPED,
    DatabaseUnavailable,
)
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from run_command import COMMAND

EXAMPLES = int(os.environ.get("DASHCAM_FUZZ_EXAMPLES", "100"))
WRITES_INTO_HOME = "--install-completion"  # where a shell looks for it, as is said
MAY_END_WITH = {EXIT_OK, EXIT_SOME_FAILED, EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_STOPPED}

fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="DASHCAM_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


Dashcam = Callable[[list[str]], Ended]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder without any video, in a home of its own; nothing heavy or far away can be reached."""
    here = tmp_path / "here"
    (here / "folder").mkdir(parents=True)
    (here / "notes.txt").write_text("no video")
    (here / "empty.mp4").touch()
    (here / "good.yaml").write_text("run:\n  device: cpu\n")
    (here / "bad.yaml").write_text("run:\n  device: [red]\n")
    (here / "[red]\n.yaml").write_text("run:\n  device: cpu\n")
    (here / os.fsdecode(b"\xff.yaml")).write_text("run:\n  device: cpu\n")
    for name in ("DASHCAM_WORK_DIR", "DASHCAM_DSN", "DASHCAM_WEIGHTS_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(tmp_path / "weights [/red]"))
    monkeypatch.chdir(here)
    monkeypatch.setattr(EmbeddedServer, "start", _no_server)
    monkeypatch.setattr(psycopg, "connect", _no_connection)
    monkeypatch.setattr(downloads.urllib.request, "urlopen", _no_network)
    return tmp_path


@pytest.fixture
def dashcam(place: Path, monkeypatch: pytest.MonkeyPatch) -> Dashcam:
    """The command in this process, with streams that take what real ones take."""

    def call(arguments: list[str]) -> Ended:
        stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")
        stderr = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["dashcam", *arguments])
            patch.setattr(sys, "stdout", stdout)
            patch.setattr(sys, "stderr", stderr)
            with pytest.raises(SystemExit) as ended:
                main()
        return Ended(int(ended.value.code or 0), _written(stdout), _written(stderr))

    return call


# --- arguments -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its words, and its options."""

    words: tuple[str, ...]
    options: tuple[str, ...]


def commands(command: object, words: tuple[str, ...] = ()) -> Iterator[Command]:
    """Every command there is, from the program's own table."""
    names = [name for parameter in command.params for name in parameter.opts if name.startswith("-")]  # type: ignore[attr-defined]
    options = [name for name in names if name != WRITES_INTO_HOME]
    yield Command(words, (*options, "--help", "--nonsense"))
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from commands(below, (*words, name))


# `doctor` asks the host and its libraries at length; its options are those of `config show` and `runs`.
COMMANDS = [found for found in commands(typer.main.get_command(command_line())) if found.words != ("doctor",)]
WORDS = [
    *(
        "",
        " ",
        "-",
        "--",
        "-1",
        "0",
        "1",
        "1000",
        "99999999999999999999",
        "1e9",
        "nan",
        "inf",
        "latest",
        "auto",
    ),
    *(
        "cpu",
        "cuda:0",
        "cuda:",
        "json",
        "csv",
        "yaml",
        "default",
        "defualt",
        "good.yaml",
        "bad.yaml",
        "no.yaml",
    ),
    *(
        "notes.txt",
        "empty.mp4",
        "folder",
        ".",
        "missing.mp4",
        "../work",
        "work",
        "~",
        "~nobody-of-that-name/x",
    ),
    *(
        "[red]",
        "[/red]",
        "[/]",
        "[red]\n.yaml",
        "[link=x]\\",
        "\\",
        "a\nb",
        "\x1b[31m",
        "\x07",
        "\r",
        "é😀",
        "\u202e",
    ),
    *(
        "\udcff",
        "\udcff.yaml",
        "x" * 300,
        "x" * 5_000,
        "/" * 3_000,
        "%s%n{0}",
        "${HOME}",
        "$(x)",
        "'",
        '"',
        "=",
        "a=b",
    ),
    *(
        "postgresql://u:p@127.0.0.1:9/d",
        "postgresql://[",
        "postgresql:///d?host=a,b",
        "host=a port=x",
        "host='",
    ),
    "x" * 100_000,
]
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
WORD = st.sampled_from(WORDS) | ANY_TEXT


@st.composite
def nearly_right(draw: st.DrawFn) -> list[str]:
    """A command with options of its own and values of any kind."""
    command = draw(st.sampled_from(COMMANDS))
    arguments = list(command.words)
    for _ in range(draw(st.integers(0, 5))):
        option = draw(st.sampled_from(command.options))
        arguments += draw(
            st.sampled_from(
                [[option], [option, draw(WORD)], [f"{option}={draw(WORD)}"], [draw(WORD)], [option, "work"]]
            )
        )
    return arguments


@fuzzed
@given(arguments=nearly_right())
@example(arguments=["db", "init", "--work-dir", "~nobody-of-that-name/x"])
@example(arguments=["db", "stop", "--work-dir", "\udcff"])
@example(arguments=["db", "stop", "--work-dir", "x" * 5_000])
@example(arguments=["config", "show", "--config", "\udcff.yaml"])
@example(arguments=["config", "show", "--config", "[red]\n.yaml"])
@example(arguments=["runs", "--db", "host=\udcff"])
@example(arguments=["weights", "fetch"])
@example(arguments=["weights", "fetch", "[/red]"])
@example(arguments=["weights", "list"])
@example(arguments=["run", "\udcff", "[/red]"])
@example(arguments=["run", "folder", "--cpu-workers", "99999999999999999999"])
def test_command_with_any_options_and_values(dashcam: Dashcam, place: Path, arguments: list[str]) -> None:
    assert_ends_well(dashcam, place, arguments)


@fuzzed
@given(
    arguments=st.lists(WORD | st.sampled_from([word for c in COMMANDS for word in (*c.words, *c.options)]))
)
def test_any_words(dashcam: Dashcam, place: Path, arguments: list[str]) -> None:
    assume("doctor" not in arguments)
    assert_ends_well(dashcam, place, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [b"run", b"folder", b"--work-dir", b"~nobody-of-that-name"],
        [b"config", b"show", b"--config", b"\xff.yaml"],
        [b"db", b"stop", b"--work-dir", b"\xff"],
        [b"run", b"[/red]", b"--stride", b"9" * 5_000],
    ],
    ids=lambda arguments: b" ".join(arguments)[:40].decode("ascii", "replace"),
)
def test_real_command_with_odd_bytes(place: Path, arguments: list[bytes]) -> None:
    before = files(place)
    command = [*map(os.fsencode, COMMAND), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode in MAY_END_WITH, done.stderr
    assert b"Traceback" not in done.stderr
    assert files(place) == before


def test_output_fits_a_terminal_that_knows_only_ascii(place: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "config", "keys"],
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (EXIT_OK, b"")


def assert_ends_well(dashcam: Dashcam, place: Path, arguments: list[str]) -> None:
    assume(not any(_names_something_outside(place, word) for word in arguments))
    assume(WRITES_INTO_HOME not in arguments)  # an abbreviation of it is none
    before = files(place)
    ended = dashcam(arguments)
    assert ended.code in MAY_END_WITH, ended.stderr
    assert "Traceback" not in ended.stderr
    assert files(place) - before == set()


def files(place: Path) -> set[Path]:
    """What lies there, but for the places that a command may write to."""
    return {
        path
        for path in place.rglob("*")
        if path.relative_to(place).parts[0] not in ("work", "weights [", "state")
        and path.relative_to(place).parts[:2] != ("here", "work")
        and path.name
        not in ("postgres.users", "postgres.lock")  # the current folder may be named as the work dir
    }


def _names_something_outside(place: Path, word: str) -> bool:
    """Whether a word, or the value behind its `=`, is a folder or file of this host, which a run would search."""
    for text in (word, word.partition("=")[2]):
        path = Path(text)
        try:
            if text and path.exists() and not path.resolve().is_relative_to(place):
                return True
        except (OSError, ValueError):
            continue
    return False


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def _no_server(server: EmbeddedServer) -> None:
    raise DatabaseUnavailable("no server is started here")


def _no_connection(*_: object, **__: object) -> None:
    raise psycopg.OperationalError("connection failed: connection refused")


def _no_network(*_: object, **__: object) -> None:
    raise urllib.error.URLError("no network here")
