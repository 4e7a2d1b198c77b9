"""Commands that documents and help texts show: they exist with their options, and the tutorial's do what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from dashcam_pipeline.cli import command_line
from dashcam_pipeline.errors import EXIT_OK
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from run_command import clip

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
TUTORIAL = ROOT / "docs" / "tutorial.md"
CLIPS = ("uk_mercedes_LS15EBC_720p.mp4", "vn_tollgate_720p_20s.mp4", "us_carnd_solidWhiteRight_540p.mp4")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LEFT_OUT = "…"
AS_SHOWN = "/home/me/dashcam_pipeline"  # where the tutorial's clone lies
NOT_DASHCAM = ("make ", ". ")  # set-up, of which a test has its own
PROGRAM = """
from dashcam_pipeline.__main__ import main

if __name__ == "__main__":  # which it is not in the processes that it starts
    main()
"""
ENDS_A_COMMAND = {"|", ">", "&&", ";", "--"}


@dataclass(frozen=True, slots=True)
class Example:
    """A command as a document shows it, and the lines below it."""

    page: str
    command: str
    output: tuple[str, ...]


def examples_of(page: Path) -> Iterator[Example]:
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.rstrip("\n").split("\n")
            yield Example(page.name, re.split(r" {2,}#", command)[0].rstrip(), tuple(output))


def helps(command: Any, words: tuple[str, ...] = ("dashcam",)) -> Iterator[Example]:
    for line in (command.help or "").splitlines():
        if line.strip().startswith("Example: "):
            yield Example(" ".join(words), line.strip().removeprefix("Example: "), ())
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from helps(below, (*words, name))


WHOLE = typer.main.get_command(command_line())
EXAMPLES = [*(one for page in PAGES for one in examples_of(page)), *helps(WHOLE)]
OF_DASHCAM = [one for one in EXAMPLES if re.search(r"(^|/|\()dashcam ", one.command)]


@pytest.mark.parametrize("example", OF_DASHCAM, ids=lambda one: f"{one.page}: {one.command}"[:80])
def test_a_command_that_is_shown_is_there_with_its_options(example: Example) -> None:
    said = example.command[re.search(r"dashcam ", example.command).start() :]  # type: ignore[union-attr]
    command = WHOLE
    _, *words = shlex.split(said.split(")")[0].replace('"$(', ""), comments=True)
    while isinstance(command, TyperGroup) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    is_open = command.context_settings.get("ignore_unknown_options", False)
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    for word in words:
        if word in ENDS_A_COMMAND or is_open:
            break
        if re.match(r"--?[a-z]", word):
            assert word.partition("=")[0] in known, f"{example.page} shows {example.command}"
    if isinstance(command, TyperGroup) and not command.invoke_without_command and words:
        assert words[0].startswith("-"), f"{example.page} shows {example.command}, which is no command"


def test_the_tutorial_shows_every_step() -> None:
    shown = " ".join(one.command for one in examples_of(TUTORIAL))
    steps = (
        "doctor",
        "run",
        "runs show",
        "search",
        "explain",
        "watchlist add",
        "export",
        "report",
        "render",
        "purge",
    )
    assert [step for step in steps if f"dashcam {step}" not in shown] == []


@pytest.fixture
def clone() -> Iterator[Path]:
    """A folder with the clips of the demo where a clone would have them, and `dashcam` on the path."""
    with tempfile.TemporaryDirectory(prefix="dashcam") as folder:
        place = Path(folder).resolve()
        place.chmod(0o755)  # as root, the embedded database has a user of its own
        (place / "clips" / "demo").mkdir(parents=True)
        for name in CLIPS:
            shutil.copy(clip(name), place / "clips" / "demo")
        (place / "bin").mkdir()
        program = place / "bin" / "dashcam"
        program.write_text(f"#!{sys.executable}\n{PROGRAM}")
        program.chmod(0o755)
        yield place
        EmbeddedServer(place / "sightings").stop_if_unused(force=True)


@pytest.mark.slow
def test_the_tutorial_can_be_followed_to_the_letter(clone: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "DASHCAM_STATE_DIR": str(clone / "state"),
        "COLUMNS": "120",
    }
    for example in examples_of(TUTORIAL):
        if example.command.startswith(NOT_DASHCAM):
            continue
        done = subprocess.run(
            ["bash", "-c", example.command],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == EXIT_OK, f"$ {example.command}\n{done.stderr}"
        printed = [_lasting(line, clone) for line in (*done.stdout.splitlines(), *done.stderr.splitlines())]
        for line in example.output:
            if line != LEFT_OUT:
                assert _lasting(line, clone) in printed, f"$ {example.command}\nprinted:\n" + "\n".join(
                    printed
                )
    assert (clone / "report" / "index.html").is_file()


def _lasting(line: str, clone: Path) -> str:
    """A line without what differs from run to run and host to host: ids, numbers, widths of columns, folders."""
    line = line.replace(str(ROOT), AS_SHOWN).replace(str(clone), AS_SHOWN)
    line = re.sub(r"/\S*/(weights|dashcam/postgres)\b", r"/…/\1", line)
    line = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN", line)
    return " ".join(re.sub(r"\d[\d.,:]*", "#", line).split())
