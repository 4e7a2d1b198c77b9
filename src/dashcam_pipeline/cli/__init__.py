"""The `dashcam` command: its subcommands, and how an error becomes one clear line and an exit code."""

from __future__ import annotations

import gc
import io
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Annotated

import typer

from dashcam_pipeline import __version__
from dashcam_pipeline.errors import EXIT_ENVIRONMENT, EXIT_INTERNAL, EXIT_OK, DashcamError

COMMANDS = {
    "run": "run:run",
    "retry": "retry:retry",
    "bench": "bench:bench",
    "export": "export:export",
    "explain": "explain:explain",
    "watchlist": "watchlist:app",
    "runs": "results:runs",
    "purge": "purge:purge",
    "db": "db:app",
    "weights": "weights:app",
    "config": "config:app",
    "doctor": "doctor:doctor",
}
"""The subcommands, and where in this package each is."""

_COMPLETE = "_DASHCAM_COMPLETE"
"""Says on TAB what the shell wants; the program does nothing else then."""
_COMPLETED_LINES = {
    "complete_bash": "COMP_WORDS",
    "complete_zsh": "_TYPER_COMPLETE_ARGS",
    "complete_fish": "_TYPER_COMPLETE_ARGS",
}
"""What that can be, and the variable in which the line so far is handed over."""
_FIRST_WORD = re.compile(r"\s*\S+\s+(?P<command>[\w-]+)\s")
"""The subcommand of a line to complete; one at the end of the line may not be whole yet."""


def _version(asked: bool) -> None:
    if asked:
        print(f"dashcam {__version__}")
        raise typer.Exit(EXIT_OK)


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the version; `dashcam doctor` has those of the libraries.",
        ),
    ] = False,
) -> None:
    """A folder of dashcam videos in, a Postgres table of vehicle sightings out.

    Example: dashcam run /media/dashcam
    """


def command_line(only: str | None = None, *, names_only: bool = False) -> typer.Typer:
    """The command with all its subcommands, or with only one: the others' modules are not loaded then.

    Args:
        only: that one.
        names_only: in the place of each stands one that has its name and does nothing.
    """
    app = typer.Typer(
        name="dashcam",
        callback=_root,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for name, place in COMMANDS.items():
        if names_only:
            app.command(name)(_nothing)
        elif only in (None, name):
            found = resolve_name(f"{__name__}.{place}")
            if isinstance(found, typer.Typer):
                app.add_typer(found, name=name)
            else:
                app.command(name)(found)
    return app


def _nothing() -> None: ...


def only_needed(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The one subcommand that a call is about; None: several may be, or none.

    Args:
        arguments: the program's own, its name first.
        environment: on TAB the shell calls the program without arguments and hands over the line here.
    """
    line = _COMPLETED_LINES.get(environment.get(_COMPLETE, ""))
    if line is not None:
        found = _FIRST_WORD.match(environment.get(line, ""))
        words = [found["command"]] if found else []
    else:
        words = list(arguments[1:2])
    return next((word for word in words if word in COMMANDS), None)


def main() -> None:
    """Run the command line; errors that a user can meet end in one line instead of a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that are not UTF-8, terminals that know only ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        gc.disable()  # the modules that are loaded now stay: to look through them again and again finds nothing
        only = only_needed(sys.argv, os.environ)
        # Bash shows nothing but names of what fits; other shells show the help beside them.
        app = command_line(only, names_only=only is None and os.environ.get(_COMPLETE) == "complete_bash")
        gc.freeze()
        gc.enable()
        app()
    except DashcamError as error:
        print(f"dashcam: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # who read our output has gone, as `head` does
        sys.stderr.close()
        os._exit(EXIT_OK)
    except OSError as error:  # a full disk behind stdout, a name that is too long
        print(f"dashcam: {error}", file=sys.stderr)
        sys.exit(EXIT_ENVIRONMENT)
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_INTERNAL)
