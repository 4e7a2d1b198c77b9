"""Tables as commands print them: as wide as the terminal, and never cut off in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 200  # columns of a table that is not printed on a terminal


def print_table(table: Table) -> None:
    """Print to standard output."""
    console = Console()
    # Through a pipe nothing is cut off or folded to a terminal's width that is not there.
    Console(width=console.width if console.is_terminal else PIPE_WIDTH).print(table)
