"""Bringing the tables up to date.

Migrations are applied by yoyo, with three habits of its own changed, because a start must be safe
beside other starts and after a kill: the lock is an advisory lock, which the server drops with its
connection, and not a row that a killed process leaves behind; a migration and its mark are one
transaction; and a database that is up to date is only read (`schema.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.connection import CONNECT_TIMEOUT_S, one_line
from dashcam_pipeline.storage.postgres.dsn import parse_dsn, redacted
from dashcam_pipeline.storage.postgres.schema import MIGRATION_TABLE

MIGRATION_SOURCE = "package:dashcam_pipeline.storage.postgres:migrations"
LOCK_ID = 0x64617368_63616D  # any number that other programs won't take: "dashcam"
LOCK_TIMEOUT_S = 30


class LockingBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]
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


def apply_missing(dsn: str) -> None:
    """Apply what the database lacks.

    Raises:
        DatabaseUnavailable: with what to do.
    """
    parameters = {"connect_timeout": str(CONNECT_TIMEOUT_S), **parse_dsn(dsn)}
    uri = DatabaseURI("postgresql", None, None, None, None, None, parameters)
    try:
        with LockingBackend(uri, MIGRATION_TABLE) as backend, backend.lock():
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
