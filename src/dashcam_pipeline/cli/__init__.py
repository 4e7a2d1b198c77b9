"""The `dashcam` command: its subcommands, and how an error becomes one clear line and an exit code."""

from __future__ import annotations

import gc
import io
import os
import sys
import traceback
from pkgutil import resolve_name

import typer

from dashcam_pipeline.errors import EXIT_ENVIRONMENT, EXIT_INTERNAL, EXIT_OK, DashcamError

COMMANDS = {
    "run": "run:run",
    "retry": "retry:retry",
    "bench": "bench:bench",
    "export": "results:export",
    "explain": "explain:explain",
    "runs": "results:runs",
    "db": "db:app",
    "weights": "weights:app",
    "config": "config:app",
    "doctor": "doctor:doctor",
}
"""The subcommands, and where in this package each is."""


def command_line(only: str | None = None) -> typer.Typer:
    """The command with all its subcommands, or with only one: the others' modules are not loaded then."""
    app = typer.Typer(
        name="dashcam",
        help="A folder of dashcam videos in, a Postgres table of vehicle sightings out.",
        callback=lambda: None,  # without one, a single subcommand would become the command itself
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, place in COMMANDS.items():
        if only in (None, name):
            found = resolve_name(f"{__name__}.{place}")
            if isinstance(found, typer.Typer):
                app.add_typer(found, name=name)
            else:
                app.command(name)(found)
    return app


def main() -> None:
    """Run the command line; errors that a user can meet end in one line instead of a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that are not UTF-8, terminals that know only ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        gc.disable()  # the modules that are loaded now stay: to look through them again and again finds nothing
        app = command_line(next((name for name in sys.argv[1:2] if name in COMMANDS), None))
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
