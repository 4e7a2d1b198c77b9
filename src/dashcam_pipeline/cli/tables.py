"""Tables as commands print them: as wide as the terminal, and never cut off in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200  # columns of a table that is not printed on a terminal
WIDE = 10_000  # columns: no table is folded in so many


def print_table(table: Table) -> None:
    """Print to standard output."""
    standard_output().print(table)


def standard_output() -> Console:
    """A console as wide as the terminal. Through a pipe nothing is folded to a terminal's width that is not there."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=PIPE_WIDTH, highlight=False)


def print_with_paths(
    console: Console, table: Callable[[bool], Table], title: str, paths: Mapping[str, str]
) -> None:
    """Print a table whose rows have a path each, which stays in one line to be copied.

    Args:
        console: where to.
        table: makes the table, with a column of the paths when True is given, and without when False.
        title: of the paths below the table, where the column does not fit.
        paths: by the name of their row.
    """
    whole = table(True)
    unfolded = console.measure(whole, options=console.options.update(max_width=WIDE))
    if unfolded.maximum <= console.width:
        console.print(whole)
        return
    console.print(table(False))
    if paths:
        console.print(f"{title}:")
    for name, path in paths.items():
        console.print(Text(f"  {name}: {path}"), soft_wrap=True)
