"""What several test files share: one embedded Postgres, and an environment that knows nothing of this host."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dashcam_pipeline.cli import main
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.postgres.schema import migrate

DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or changes what the user's own runs have left."""
    for variable in ("DASHCAM_DSN", "DASHCAM_WORK_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DASHCAM_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def work_dir() -> Iterator[Path]:
    """A folder for an embedded server, which is stopped afterwards.

    Not `tmp_path`: run as root, the server belongs to another user, and every start of pytest closes the
    parent of all `tmp_path`s to other users.
    """
    with tempfile.TemporaryDirectory(prefix="dashcam") as folder:
        yield Path(folder)
        for path in Path(folder).rglob("postgres/PG_VERSION"):
            EmbeddedServer(path.parents[1]).stop_if_unused(force=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    """One server for all tests."""
    with (
        tempfile.TemporaryDirectory(prefix="dashcam") as folder,
        Database.open(None, Path(folder)) as database,
    ):
        yield database


@pytest.fixture(scope="session")
def new_database(postgres: Database) -> Callable[[], str]:
    """Makes empty databases; gives their connection strings."""

    def make() -> str:
        name = f"test_{next(DATABASE_NUMBERS)}"
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_conninfo(postgres.url, dbname=name)

    return make


@pytest.fixture
def empty_dsn(new_database: Callable[[], str]) -> str:
    """An empty database of the test's own."""
    return new_database()


@pytest.fixture(scope="session")
def shared_dsn(new_database: Callable[[], str]) -> str:
    dsn = new_database()
    migrate(dsn)
    return dsn


@pytest.fixture
def dsn(shared_dsn: str) -> str:
    """A database with the tables in it, all empty. One for all tests: making one takes half a second."""
    with psycopg.connect(shared_dsn) as connection:
        connection.execute(
            "TRUNCATE runs, videos, vehicles, joined, dead_letters, watchlist, alerts, purged_pictures"
        )
    return shared_dsn


@pytest.fixture
def dashcam(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, in this process; gives its exit code."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["dashcam", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call
