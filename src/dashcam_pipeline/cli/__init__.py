"""The `dashcam` command: its subcommands, and how an error becomes one clear line and an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback

import typer

from dashcam_pipeline.cli import config, db, doctor, results, retry, run, weights
from dashcam_pipeline.errors import EXIT_ENVIRONMENT, EXIT_INTERNAL, EXIT_OK, DashcamError

app = typer.Typer(
    name="dashcam",
    help="A folder of dashcam videos in, a Postgres table of vehicle sightings out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("retry")(retry.retry)
app.command("export")(results.export)
app.add_typer(results.runs, name="runs")
app.add_typer(db.app, name="db")
app.add_typer(weights.app, name="weights")
app.add_typer(config.app, name="config")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; errors that a user can meet end in one line instead of a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that are not UTF-8, terminals that know only ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
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
