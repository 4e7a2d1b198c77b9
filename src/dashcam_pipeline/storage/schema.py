"""The version of the tables: what is in the database, what this program needs, and getting there.

Migrations are applied by yoyo, with three habits of its own changed, because a start must be safe
beside other starts and after a kill: the lock is an advisory lock, which the server drops with its
connection, and not a row that a killed process leaves behind; a migration and its mark are one
transaction; and a database that is up to date is only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.connection import CONNECT_TIMEOUT_S, Connection, connect, one_line
from dashcam_pipeline.storage.dsn import parse_dsn, redacted

MIGRATION_SOURCE = "package:dashcam_pipeline.storage:migrations"
MIGRATION_TABLE = "dashcam_migration"
LOCK_ID = 0x64617368_63616D  # any number that other programs won't take: "dashcam"
LOCK_TIMEOUT_S = 30
MIN_SERVER_VERSION = 130000
TABLES: tuple[LiteralString, ...] = ("runs", "videos", "vehicles", "dead_letters")


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo on Postgres, with tables of our own names beside those of other yoyo users, and a better lock."""

    log_table = "dashcam_migration_log"
    version_table = "dashcam_migration_version"

    @contextmanager
    def lock(self, timeout: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        self.execute(f"SET lock_timeout = '{timeout:.0f}s'")
        self.execute(f"SELECT pg_advisory_lock({LOCK_ID})")
        try:
            yield
        finally:
            self.execute(f"SELECT pg_advisory_unlock({LOCK_ID})")


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
        _apply(dsn)
    with connect(dsn) as connection:
        _check_privileges(dsn, connection)


def schema_state(connection: Connection) -> SchemaState:
    """Compare the database with this program; changes nothing."""
    known = [migration.id for migration in read_migrations(MIGRATION_SOURCE)]
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


def _apply(dsn: str) -> None:
    parameters = {"connect_timeout": str(CONNECT_TIMEOUT_S), **parse_dsn(dsn)}
    uri = DatabaseURI("postgresql", None, None, None, None, None, parameters)
    try:
        with _Backend(uri, MIGRATION_TABLE) as backend, backend.lock():
            backend.ensure_internal_schema_updated()
            for migration in backend.to_apply(read_migrations(MIGRATION_SOURCE)):
                with backend.transaction():
                    migration.process_steps(backend, "apply")
                    backend.mark_one(migration, log=False)
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnavailable(
            f"the user of {redacted(dsn)} may not create tables ({one_line(error)}). What to do: as the "
            "database's owner, GRANT CREATE ON SCHEMA public TO that user, or run `dashcam db init` once."
        ) from error
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"another process has been setting up the tables in {redacted(dsn)} for over {LOCK_TIMEOUT_S} s. "
            "What to do: wait for it, or end it, and try again."
        ) from error
    except psycopg.errors.DuplicateTable as error:
        raise DatabaseUnavailable(
            f"the database {redacted(dsn)} already has other tables of our names ({one_line(error)}). "
            "What to do: give this program a database of its own."
        ) from error
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"can't set up the tables in {redacted(dsn)}: {one_line(error)}. "
            "What to do: see the server's log."
        ) from error


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
