"""All commands as one: the same name means the same everywhere, and a user's mistake is one clear line.

The commands are found in the program's own table, so what is said here holds for those that come later, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from dashcam_pipeline.cli import command_line, main
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_OK
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, SIGHTING, UNREAD, VIDEO

MISTAKE = {EXIT_BAD_INPUT, EXIT_ENVIRONMENT}
UNREACHABLE = "postgresql://nobody@127.0.0.1:1/none"
SEVERAL_METAVARS = {"--output": {"FILE", "DIR"}}
"""Options whose value is of several kinds, as their metavar says."""
NUMBERS = {"N", "SECONDS", "0..1", "DAYS"}
"""Metavars of options that take a number."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand that does something: its words, and what it takes."""

    words: tuple[str, ...]
    help: str
    options: tuple[Any, ...]  # of typer's
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        return " ".join(self.words)

    def has(self, option: str) -> bool:
        return any(option in one.opts for one in self.options)

    def names(self, wanted: Callable[[Any], object]) -> list[str]:
        """The long names of the options for which that holds."""
        return [_long(one) for one in self.options if wanted(one)]

    def filled(self, folder: Path) -> list[str]:
        """Its words with a value for each argument that must be there."""
        values = {
            "PATH...": folder / "missing",
            "VIDEO": folder / "missing.mp4",
            "FILE": folder / "missing.csv",
        }
        needed = [one for one in self.arguments if one.required]
        agreed = ["--yes"] if self.has("--yes") else []  # nobody is there to be asked
        return [*self.words, *agreed, *(str(values.get(one.metavar, "NOSUCH1")) for one in needed)]


def _long(option: Any) -> str:
    return next(name for name in option.opts if name.startswith("--"))


def found(command: Any, words: tuple[str, ...] = ()) -> Iterator[Command]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from found(below, (*words, name))
        if not command.invoke_without_command:
            return
    options = tuple(one for one in command.params if one.param_type_name == "option" and one.name != "help")
    arguments = tuple(one for one in command.params if one.param_type_name == "argument")
    yield Command(words, command.help or "", options, arguments)


COMMANDS = [one for one in found(typer.main.get_command(command_line())) if one.words]
by_name = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


# --- names -----------------------------------------------------------------------------------------


@by_name
def test_every_command_has_an_example(command: Command) -> None:
    _, there, example = command.help.partition("Example: ")
    assert there, f"`dashcam {command.name} --help` has no line `Example: dashcam {command.name} …`"
    assert f"dashcam {command.words[0]}" in example


@by_name
def test_every_option_and_argument_says_what_it_is_for(command: Command) -> None:
    silent = [one.name for one in (*command.options, *command.arguments) if not one.help]
    assert silent == []


def test_an_option_means_the_same_in_every_command() -> None:
    kinds: dict[str, dict[object, list[str]]] = defaultdict(lambda: defaultdict(list))
    for command in COMMANDS:
        for option in command.options:
            name = _long(option)
            kind = "flag" if option.is_flag else option.metavar or "choice"
            kinds[name][kind].append(command.name)
    differing = {
        name: dict(of)
        for name, of in kinds.items()
        if len(of) > 1 and not set(of) <= SEVERAL_METAVARS.get(name, set())
    }
    assert differing == {}


def test_a_letter_is_short_for_one_option_only() -> None:
    meanings = defaultdict(set)
    for command in COMMANDS:
        for option in command.options:
            long = _long(option)
            for short in option.opts:
                if not short.startswith("--"):
                    meanings[short].add(long)
    assert {short: names for short, names in meanings.items() if len(names) > 1} == {}


def test_what_is_written_has_the_same_letter_everywhere() -> None:
    without = [one.name for one in COMMANDS if one.has("--output") and not one.has("-o")]
    assert without == []


@pytest.mark.parametrize(
    ("option", "metavar"), [("--run", "ID"), ("--video", "NAME"), ("--db", "DSN"), ("--work-dir", "DIR")]
)
def test_shared_options_are_called_the_same_way(option: str, metavar: str) -> None:
    others = [c.name for c in COMMANDS for o in c.options if option in o.opts and o.metavar != metavar]
    assert others == []


@by_name
def test_commands_that_read_results_are_told_alike_where_these_lie(command: Command) -> None:
    assert not command.has("--db") or command.has("--work-dir")


@pytest.mark.parametrize("words", [(), *(command.words for command in COMMANDS)], ids=" ".join)
def test_help_tells_types_of_values_and_not_of_flags(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dashcam", *words, "--help"])
    with pytest.raises(SystemExit):
        main()
    shown = capfd.readouterr().out
    assert "--help" in shown
    assert "<bool>" not in shown
    assert "BOOLEAN" not in shown


# --- readers that leave early ----------------------------------------------------------------------

WITHOUT_RESULTS = [("--help",), ("--version",), ("config", "show"), ("config", "keys"), ("weights", "list")]


def ended_with(words: tuple[str, ...], stdout: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dashcam_pipeline", *words]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=120)


@pytest.mark.parametrize("words", WITHOUT_RESULTS, ids=" ".join)
def test_reader_that_has_gone_is_no_failure(words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = ended_with(words, writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (EXIT_OK, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", WITHOUT_RESULTS, ids=" ".join)
def test_output_to_a_full_disk_is_one_line(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = ended_with(words, full.fileno())
    assert_one_clear_line((done.returncode, done.stderr), "No space left")


# --- mistakes --------------------------------------------------------------------------------------

Ended = tuple[int, str]
Dashcam = Callable[..., Ended]


@pytest.fixture
def dashcam(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Dashcam:
    """The command in this process; gives its exit code and what it wrote to standard error."""

    def start(server: EmbeddedServer) -> None:
        raise AssertionError("a mistake started a database server")

    monkeypatch.setattr(EmbeddedServer, "start", start)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["dashcam", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return call


@pytest.fixture
def results(dsn: str) -> str:
    """A database with one run of one video and two vehicles."""
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        done = {"status": VideoStatus.DONE, "vehicles": 2, "plates": 1}
        writer.write([SIGHTING, UNREAD], [replace(VIDEO, **done)])
    return dsn


def assert_one_clear_line(ended: Ended, *parts: str) -> None:
    code, said = ended
    assert code in MISTAKE, said
    assert "Traceback" not in said
    told = [line for line in said.splitlines() if line.startswith("dashcam: ")]
    assert len(told) == 1, said
    assert all(part in told[0] for part in parts), told[0]


def those(wanted: Callable[[Command], object]) -> Any:
    """The commands for which that holds, each a case of its own."""
    return pytest.mark.parametrize(
        "command", list(filter(wanted, COMMANDS)), ids=lambda command: command.name
    )


def with_option(option: str, *others: str) -> Any:
    return those(lambda command: command.has(option) and command.name not in others)


@those(lambda command: command.name != "db psql")  # what that doesn't know is psql's
def test_an_option_that_is_not_there(dashcam: Dashcam, command: Command, tmp_path: Path) -> None:
    assert_one_clear_line(dashcam(*command.filled(tmp_path), "--nonsense"), "--nonsense")


@those(lambda command: command.names(lambda one: one.metavar in NUMBERS))
def test_a_number_that_is_none(dashcam: Dashcam, command: Command, tmp_path: Path) -> None:
    for name in command.names(lambda one: one.metavar in NUMBERS):
        assert_one_clear_line(dashcam(*command.filled(tmp_path), name, "many"), name)


@those(lambda command: command.names(lambda one: not one.metavar and not one.is_flag))
def test_a_choice_that_is_none_is_told_what_there_is(
    dashcam: Dashcam, command: Command, tmp_path: Path
) -> None:
    """An option without a metavar has a list of values."""
    for name in command.names(lambda one: not one.metavar and not one.is_flag):
        assert_one_clear_line(dashcam(*command.filled(tmp_path), name, "nonsense"), name, "is not one of")


@those(lambda command: any(one.required for one in command.arguments))
def test_an_argument_that_is_missing(dashcam: Dashcam, command: Command) -> None:
    assert_one_clear_line(dashcam(*command.words), "Missing argument")


@with_option("--db", "doctor", "db deliver")  # one is there to find out, and of the other's rows none wait
def test_a_database_that_is_not_there(dashcam: Dashcam, command: Command, tmp_path: Path) -> None:
    assert_one_clear_line(dashcam(*command.filled(tmp_path), "--db", UNREACHABLE))


@with_option("--db")
def test_a_connection_string_that_is_none(dashcam: Dashcam, command: Command, tmp_path: Path) -> None:
    assert_one_clear_line(dashcam(*command.filled(tmp_path), "--db", "postgresql://["))


@with_option("--run")
def test_a_run_that_is_not_there(dashcam: Dashcam, results: str, command: Command, tmp_path: Path) -> None:
    ended = dashcam(*command.filled(tmp_path), "--run", "nope", "--db", results, "--work-dir", tmp_path)
    assert_one_clear_line(ended)


@with_option("--video")
def test_a_video_that_is_not_there(dashcam: Dashcam, results: str, command: Command, tmp_path: Path) -> None:
    ended = dashcam(*command.filled(tmp_path), "--video", "no.mp4", "--db", results, "--work-dir", tmp_path)
    assert_one_clear_line(ended, "no.mp4")


@with_option("--output")
def test_an_output_that_can_not_be_written(
    dashcam: Dashcam, results: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    where = ["--db", results, "--work-dir", tmp_path] if command.has("--db") else []
    assert_one_clear_line(dashcam(*command.filled(tmp_path), *where, "-o", tmp_path / "taken" / "out"))


@with_option("--config")
@pytest.mark.parametrize("config", ["nihgt", "missing.yaml", "bad.yaml"])
def test_settings_that_are_not_there_or_wrong(
    dashcam: Dashcam, command: Command, tmp_path: Path, config: str
) -> None:
    (tmp_path / "bad.yaml").write_text("run:\n  device: [red]\n")
    ended = dashcam(*command.filled(tmp_path), "--config", config)
    first = not any(one.required for one in command.arguments)  # else what is missing may be told instead
    assert_one_clear_line(ended, *([config] if first else []))


@with_option("--work-dir")
def test_a_work_dir_that_is_a_file(dashcam: Dashcam, command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_one_clear_line(dashcam(*command.filled(tmp_path), "--work-dir", tmp_path / "file"))


@pytest.mark.parametrize(
    "words", [("nonsense",), ("weights", "nonsense"), ("runs", "nonsense")], ids=" ".join
)
def test_a_command_that_is_not_there(dashcam: Dashcam, words: tuple[str, ...]) -> None:
    assert_one_clear_line(dashcam(*words), "nonsense", "--help")


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "NOSUCH1"),
        ("runs", "show", "nope"),
        ("retry", "nope"),
        ("watchlist", "remove", "NOSUCH1"),
    ],
    ids=" ".join,
)
def test_something_that_is_not_in_the_database(
    dashcam: Dashcam, results: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert_one_clear_line(dashcam(*words, "--db", results, "--work-dir", tmp_path))
