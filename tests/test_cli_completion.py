"""What TAB offers in a shell, and that it asks for no more of the program than it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dashcam_pipeline import __version__
from dashcam_pipeline.cli import COMMANDS, only_needed
from dashcam_pipeline.configuration import presets
from dashcam_pipeline.errors import EXIT_OK
from dashcam_pipeline.storage.exporting.formats import Format
from run_command import dashcam

PRESS_TAB = """
source "$SCRIPT"
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_dashcam_completion dashcam
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""What bash does on TAB, with the words of the line as arguments; the last may be empty."""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a bash in which completion is installed: its script, and `dashcam` on the path."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    folder = tmp_path_factory.mktemp("bash")
    command = folder / "dashcam"
    command.write_text(
        f"#!{sys.executable}\nfrom dashcam_pipeline.__main__ import main\nmain()\n", encoding="utf-8"
    )
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SCRIPT": str(folder / "script")}
    shown = subprocess.run(
        [program, "--norc", "-c", "dashcam --show-completion; true"],  # the shell must be its parent
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert "complete -o default -F _dashcam_completion dashcam" in shown.stdout, shown.stderr
    (folder / "script").write_text(shown.stdout, encoding="utf-8")
    return environment


def offered(environment: dict[str, str], *words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", PRESS_TAB, "bash", *words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    return done.stdout.split()


def test_a_half_typed_command_is_completed(bash: dict[str, str]) -> None:
    assert offered(bash, "dashcam", "ex") == [name for name in COMMANDS if name.startswith("ex")]


def test_nothing_typed_offers_every_command(bash: dict[str, str]) -> None:
    assert set(offered(bash, "dashcam", "")) == set(COMMANDS)


def test_a_whole_name_that_begins_another_offers_both(bash: dict[str, str]) -> None:
    assert set(offered(bash, "dashcam", "run")) == {"run", "runs"}


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (("export", "--form"), {"--format"}),
        (("runs", "sh"), {"show"}),
        (("db", ""), {"url", "init", "psql", "stop"}),
        (("run", "--res"), {"--resume", "--restart"}),
        (("--ver",), {"--version"}),
    ],
)
def test_options_and_subcommands_are_offered(
    bash: dict[str, str], words: tuple[str, ...], among: set[str]
) -> None:
    assert among <= set(offered(bash, "dashcam", *words))


def test_values_of_an_option_are_offered(bash: dict[str, str]) -> None:
    assert set(offered(bash, "dashcam", "export", "--format", "")) == {one.value for one in Format}
    assert set(offered(bash, "dashcam", "run", "--config", "")) == set(presets())
    assert offered(bash, "dashcam", "config", "presets", "defau") == ["default"]


def test_where_files_are_wanted_bash_is_left_to_name_them(bash: dict[str, str]) -> None:
    assert offered(bash, "dashcam", "run", "clips/") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_given_the_help_too(bash: dict[str, str], shell: str) -> None:
    line = {
        "_DASHCAM_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "dashcam runs sh",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        ["dashcam"],
        capture_output=True,
        text=True,
        env={**bash, **line},
        executable=_found(bash),
        check=False,
    )
    assert "show" in done.stdout, done.stderr
    assert "List the videos of a run" in done.stdout


def _found(environment: dict[str, str]) -> str:
    path = shutil.which("dashcam", path=environment["PATH"])
    assert path is not None
    return path


@pytest.mark.parametrize(
    ("shell", "line", "needed"),
    [
        ("bash", "dashcam\nexport\n--f", "export"),
        ("bash", "dashcam\nexport\n", "export"),
        ("bash", "dashcam\nexport", None),
        ("bash", "dashcam\n", None),
        ("zsh", "dashcam run --config ni", "run"),
        ("zsh", "dashcam run", None),
        ("fish", "dashcam config presets ", "config"),
        ("fish", "dashcam nonsense x", None),
        ("fish", "", None),
    ],
)
def test_completion_loads_only_the_command_on_the_line(shell: str, line: str, needed: str | None) -> None:
    variable = "COMP_WORDS" if shell == "bash" else "_TYPER_COMPLETE_ARGS"
    environment = {"_DASHCAM_COMPLETE": f"complete_{shell}", variable: line}
    assert only_needed(["dashcam"], environment) == needed


def test_without_tab_the_first_argument_says_which_command_is_needed() -> None:
    assert only_needed(["dashcam", "export", "--format", "csv"], {}) == "export"
    assert only_needed(["dashcam", "--version"], {}) is None
    assert only_needed(["dashcam"], {}) is None


def test_installing_leaves_a_script_that_the_shell_reads(tmp_path: Path, bash: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", "dashcam --install-completion; true"],
        capture_output=True,
        text=True,
        env={**bash, "HOME": str(tmp_path)},
        check=False,
    )
    assert "installed" in done.stdout, done.stderr
    script = tmp_path / ".bash_completions" / "dashcam.sh"
    assert "_dashcam_completion" in script.read_text(encoding="utf-8")
    assert str(script) in (tmp_path / ".bashrc").read_text(encoding="utf-8")


def test_version_is_one_line() -> None:
    done = dashcam("--version")
    assert (done.returncode, done.stdout) == (EXIT_OK, f"dashcam {__version__}\n")
