"""The database of a run or of a command that reads results: the user's server, or one of our own."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.location import Location
from dashcam_pipeline.storage.postgres.connection import connect, unavailable
from dashcam_pipeline.storage.postgres.dsn import redacted
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.postgres.schema import check_readable, migrate


class Database:
    """A Postgres that answers. `close` stops it if it is ours and nobody else uses it.

    Example:
        with Database.open(None, Path("work")) as database:
            database.migrate()
            writer = ResultWriter(database.url)
    """

    def __init__(self, url: str, work_dir: Path, server: EmbeddedServer | None) -> None:
        """Use `open` or `attach` instead."""
        self.url = url  # for libpq: psql, psycopg and others take it as it is. May hold a password
        self.work_dir = work_dir
        self._server = server

    @classmethod
    def open(cls, dsn: str | None, work_dir: Path) -> Self:
        """Connect to the user's server, or start one in `<work_dir>/postgres`.

        Args:
            dsn: connection string, URI or `key=value`; None for a server of our own.
            work_dir: made if it isn't there.

        Raises:
            BadInput: the connection string can't be read.
            DatabaseUnavailable: with the cause and what to do, after 5 s at most for a server of the user's.
        """
        if dsn:
            database = cls(dsn, work_dir, None)
            database.ping()
            return database
        server = EmbeddedServer(work_dir)
        try:
            server.start()
            database = cls(server.url, work_dir, server)
            database.ping()
        except BaseException:
            server.stop_if_unused()
            raise
        return database

    @classmethod
    def attach(cls, location: Location) -> Self:
        """Open for reading what a run has written; makes no new database and no tables.

        Raises:
            DatabaseUnavailable: nothing was written there yet, or it can't be reached.
        """
        if location.dsn is None and not EmbeddedServer(location.work_dir).exists:
            raise DatabaseUnavailable(
                f"no results in {location.work_dir}: no run has used this work dir. "
                "What to do: `dashcam run` first, or name the run's --work-dir or --db."
            )
        try:
            database = cls.open(location.dsn, location.work_dir)
        except DatabaseUnavailable as error:
            if not location.password_dropped:
                raise
            raise DatabaseUnavailable(
                f"{error} The password of the last run's --db is not stored: "
                "give --db, DASHCAM_DSN or PGPASSWORD, or put it into ~/.pgpass."
            ) from error
        try:
            with connect(database.url) as connection:
                check_readable(database.url, connection)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def safe_url(self) -> str:
        """`url` with its password blotted out, for people and logs."""
        return redacted(self.url)

    @property
    def embedded(self) -> bool:
        """Is it a server of our own?"""
        return self._server is not None

    @property
    def pid(self) -> int | None:
        """Process id of our own server; None for a server of the user's."""
        return self._server.pid if self._server else None

    def migrate(self) -> None:
        """Create the tables or bring them up to date; afterwards results can be written.

        Raises:
            DatabaseUnavailable: see `schema.migrate`.
        """
        migrate(self.url)

    def ping(self) -> str:
        """The server's version, "18.1".

        Raises:
            DatabaseUnavailable: it doesn't answer.
        """
        with connect(self.url) as connection:
            try:
                row = connection.execute("SHOW server_version").fetchone()
            except psycopg.Error as error:
                raise unavailable(self.url, error) from error
        return str(row[0]) if row else ""

    def ensure_running(self) -> None:
        """Start our own server again if something ended it; the address stays the same.

        Raises:
            DatabaseUnavailable: it doesn't start, or its data is gone.
        """
        if self._server is not None:
            if not self._server.exists:  # an empty one in its place would hide that
                raise DatabaseUnavailable(
                    f"the embedded database in {self._server.data_dir} is gone: was the work dir moved or deleted?"
                )
            self._server.start()

    def stop(self) -> None:
        """Stop our own server whoever uses it, and let go of it; `ensure_running` brings it back."""
        if self._server is not None:
            self._server.stop_if_unused(force=True)

    def release(self) -> None:
        """Let go of our own server and leave it running, for `dashcam db stop` to end."""
        if self._server is not None:
            self._server.release()

    def close(self) -> bool:
        """Let go of it; stops our own server when no other process uses it. True when it was stopped."""
        return self._server.stop_if_unused() if self._server is not None else False

    def __repr__(self) -> str:
        return f"Database({self.safe_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
