"""The `dashcam` command: its subcommands, and how an error becomes one clear line and an exit code."""

from __future__ import annotations

import gc
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name
from typing import Annotated, Any, NoReturn

import typer

from dashcam_pipeline import __version__
from dashcam_pipeline.errors import (
    EXIT_BAD_INPUT,
    EXIT_ENVIRONMENT,
    EXIT_INTERNAL,
    EXIT_OK,
    EXIT_STOPPED,
    DashcamError,
)

COMMANDS = {
    "run": "run:run",
    "retry": "retry:retry",
    "bench": "bench:bench",
    "export": "export:export",
    "search": "search:search",
    "explain": "explain:explain",
    "report": "report:report",
    "watchlist": "watchlist:app",
    "render": "render:render",
    "runs": "results:runs",
    "purge": "purge:purge",
    "db": "db:app",
    "weights": "weights:app",
    "where": "where:where",
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

_MOST_SHOWN = 300  # characters of a message that repeats what was typed
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""The root of all that is wrong with arguments, in whichever copy of click typer has."""


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


def _say_usage(error: Any) -> None:
    """One line on arguments that won't do; where the help stands there already, nothing."""
    from dashcam_pipeline.sources.names import shown  # a call without mistakes gets on without it

    message = " ".join(error.format_message().replace("Value error, ", "").split())
    if message:
        command = error.ctx.command_path if error.ctx is not None else "dashcam"
        if len(message) > _MOST_SHOWN:
            message = f"{message[:_MOST_SHOWN]}…"
        print(f"dashcam: {shown(message)} (`{command} --help` tells what there is)", file=sys.stderr)


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


def leave_out_types_of_flags(command: Any) -> None:
    """Let the help of a command, and of those below it, not call each option that takes no value a `<bool>`.

    Args:
        command: of typer, whose type has had several names.
    """
    for option in (*command.params, command.get_help_option(typer.Context(command))):
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for below in getattr(command, "commands", {}).values():
        leave_out_types_of_flags(below)


def _leave_silently() -> NoReturn:
    """Who read our output has what they wanted and has gone, as `head` does."""
    os._exit(EXIT_OK)


def main(when_loaded: Callable[[], object] = _nothing) -> None:
    """Run the command line; errors that a user can meet end in one line instead of a traceback.

    Args:
        when_loaded: called when all modules that the command needs at its start are there.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that are not UTF-8, terminals that know only ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        gc.disable()  # the modules that are loaded now stay: to look through them again and again finds nothing
        only = only_needed(sys.argv, os.environ)
        # Bash shows nothing but names of what fits; other shells show the help beside them.
        app = command_line(only, names_only=only is None and os.environ.get(_COMPLETE) == "complete_bash")
        command = typer.main.get_command(app)
        leave_out_types_of_flags(command)
        gc.freeze()
        gc.enable()
        when_loaded()
        code = command(standalone_mode=False)  # an exit code, or None where a command just ended
        sys.stdout.flush()  # what fails at that is told as any failure, and not past the end of the program
        sys.exit(code)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer's own answer to it is exit code 1
            _leave_silently()
        raise
    except _UsageError as error:
        _say_usage(error)
        sys.exit(EXIT_BAD_INPUT)
    except typer.Abort:  # the end of what a question was asked on
        sys.exit(EXIT_STOPPED)
    except DashcamError as error:
        print(f"dashcam: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _leave_silently()
    except OSError as error:  # a full disk behind stdout, a name that is too long
        print(f"dashcam: {error}", file=sys.stderr)
        sys.exit(EXIT_ENVIRONMENT)
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_INTERNAL)
