"""The version of the tables: what is in the database, what this program needs, and getting there.

A database that is up to date is only read; see `migrating.py` for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import LiteralString

from psycopg import sql

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.connection import Connection, connect
from dashcam_pipeline.storage.postgres.dsn import redacted

MIGRATION_TABLE = "dashcam_migration"
MIN_SERVER_VERSION = 130000
TABLES: tuple[LiteralString, ...] = (
    "runs",
    "videos",
    "vehicles",
    "joined",
    "dead_letters",
    "watchlist",
    "alerts",
    "purged_pictures",
)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What the database has, against what this program needs."""

    missing: tuple[str, ...]  # migrations that the program has and the database has not
    unknown: tuple[str, ...]  # migrations that the database has and the program has not


def migrate(dsn: str) -> None:
    """Create the tables, or bring them up to date, and make sure that results can be written.

    Raises:
        DatabaseUnavailable: the server can't be reached, is too old or read-only, was set up by a newer
            program, or the user may not create or write tables; with what to do.
    """
    with connect(dsn) as connection:
        _check_server(dsn, connection)
        state = schema_state(connection)
    _refuse_newer(dsn, state)
    if state.missing:
        from dashcam_pipeline.storage.postgres.migrating import (
            apply_missing,  # few starts have anything to migrate
        )

        apply_missing(dsn)
    with connect(dsn) as connection:
        _check_privileges(dsn, connection)


def schema_state(connection: Connection) -> SchemaState:
    """Compare the database with this program; changes nothing."""
    known = _known()
    found = connection.execute(
        "SELECT to_regclass(%(table)s) IS NOT NULL, has_table_privilege(to_regclass(%(table)s), 'SELECT')",
        {"table": MIGRATION_TABLE},
    ).fetchone()
    exists, readable = found or (False, None)
    applied: set[str] = set()
    if exists and not readable:  # a user who was granted the results and not this
        return SchemaState(missing=(), unknown=())
    if exists:
        rows = connection.execute(
            sql.SQL("SELECT migration_id FROM {}").format(sql.Identifier(MIGRATION_TABLE))
        ).fetchall()
        applied = {str(row[0]) for row in rows}
    return SchemaState(
        missing=tuple(name for name in known if name not in applied),
        unknown=tuple(sorted(applied.difference(known))),
    )


def _known() -> list[str]:
    """The migrations that this program has, in their order."""
    files = (resources.files(__package__) / "migrations").iterdir()
    return sorted(file.name.removesuffix(".sql") for file in files if file.name.endswith(".sql"))


def check_readable(dsn: str, connection: Connection) -> None:
    """Refuse to read from a database without our tables, or with tables of another version.

    Raises:
        DatabaseUnavailable: with what to do.
    """
    state = schema_state(connection)
    _refuse_newer(dsn, state)
    if state.missing:
        raise DatabaseUnavailable(
            f"the database {redacted(dsn)} has no tables of this program's version. "
            "What to do: `dashcam run` or `dashcam db init` makes them; or name another --db or --work-dir."
        )


def _check_server(dsn: str, connection: Connection) -> None:
    version = connection.info.server_version
    if version < MIN_SERVER_VERSION:
        raise DatabaseUnavailable(
            f"the server of {redacted(dsn)} is Postgres {version // 10000}; "
            f"{MIN_SERVER_VERSION // 10000} or newer is needed."
        )
    row = connection.execute("SHOW transaction_read_only").fetchone()
    if row and row[0] == "on":
        raise DatabaseUnavailable(
            f"the database {redacted(dsn)} is read-only. "
            "What to do: name the primary server, or a user whose default_transaction_read_only is off."
        )


def _check_privileges(dsn: str, connection: Connection) -> None:
    for table in TABLES:
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            row = connection.execute("SELECT has_table_privilege(%s, %s)", (table, privilege)).fetchone()
            if not (row and row[0]):
                raise DatabaseUnavailable(
                    f"the user of {redacted(dsn)} may not {privilege} in the table {table}. What to do: as "
                    f"its owner, GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO that user."
                )


def _refuse_newer(dsn: str, state: SchemaState) -> None:
    if state.unknown:
        raise DatabaseUnavailable(
            f"the tables in {redacted(dsn)} were made by a newer version of this program "
            f"(they have {state.unknown[-1]}). What to do: update the program, or use another database."
        )
