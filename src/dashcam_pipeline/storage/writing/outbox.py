"""The durable outbox: rows wait in a file of the work dir until Postgres has them."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.storage.row_json import OutboxRow, RowUnreadable, from_json, kind_of, to_json

FILE_NAME = "outbox.sqlite3"
BUSY_PAUSE_S = 0.02
BUSY_TIMEOUT_S = 30.0  # the other connection of a run holds the file for milliseconds
SHRINK_ABOVE_BYTES = 1 << 20  # an empty outbox that takes more disk than this is made small when it is closed
COMPANIONS = ("", "-wal", "-shm")  # the files that SQLite keeps of one database

_TABLES = """
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    error TEXT NOT NULL
);
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row in the outbox."""

    id: int  # grows with every row
    row: OutboxRow


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that Postgres would not take for what is in it, kept for who looks into it."""

    id: int
    kind: str
    data: str  # JSON
    error: str


class Outbox:
    """Rows in the order they came in. What `add` took survives a kill and a power cut.

    One connection, for one thread. Several processes may have the same file open; SQLite lets them in one
    after the other, and a killed one leaves no lock behind.

    A damaged file may hold rows that can't be read any more, so only who can have them made again begins anew:
    with `on_damage`, the file is set aside as `<name>.damaged-N.sqlite3`, and its readable rows are taken over.

    Args:
        path: made if it isn't there, with its folder.
        on_damage: called before a damaged file is set aside. None: it stays, and can't be opened.

    Raises:
        DiskUnavailable: from every method, when the disk is full or can't be written to, or has damaged the file.
    """

    def __init__(self, path: Path, on_damage: Callable[[], None] | None = None) -> None:
        self.path = path
        self.set_aside: Path | None = None
        """Where the damaged file that was found went. None: there was no damage."""
        with self._disk():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _open(path)
            except sqlite3.DatabaseError as error:
                if isinstance(
                    error, sqlite3.OperationalError
                ):  # full, locked, read-only: not the file's fault
                    raise
                if on_damage is None:
                    raise DiskUnavailable(
                        f"the outbox {path} is damaged: {error}. What to do: `dashcam run` with this work dir keeps "
                        "what is still readable in it, and reads again what it may have held."
                    ) from error
                on_damage()
                self._start_anew(error)

    def add(self, rows: Sequence[OutboxRow]) -> None:
        """Append rows, all or none of them; they are on the disk when this returns."""
        values = [(kind_of(row), to_json(row)) for row in rows]
        with self._transaction():
            self._connection.executemany("INSERT INTO waiting (kind, data) VALUES (?, ?)", values)

    def peek(self, n: int) -> list[Waiting]:
        """The oldest `n` rows at most, which stay. Ones that this version can't read go to the refused ones."""
        found: list[Waiting] = []
        for identity, kind, data in self._all("SELECT id, kind, data FROM waiting ORDER BY id LIMIT ?", n):
            try:
                found.append(Waiting(int(identity), from_json(kind, data)))
            except RowUnreadable as error:
                log.error("a row in %s can't be read and is put aside: %s", self.path, error)
                self.refuse(int(identity), str(error))
        return found

    def remove(self, ids: Iterable[int]) -> None:
        """Forget rows."""
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM waiting WHERE id = ?", [(identity,) for identity in ids]
            )

    def refuse(self, identity: int, error: str) -> None:
        """Move a row to the refused ones, where it holds up nothing."""
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO refused SELECT id, kind, data, ? FROM waiting WHERE id = ?",
                (error, identity),
            )
            self._connection.execute("DELETE FROM waiting WHERE id = ?", (identity,))

    def refused(self) -> list[Refused]:
        """The rows that were refused so far."""
        rows = self._all("SELECT id, kind, data, error FROM refused ORDER BY id")
        return [Refused(int(identity), kind, data, error) for identity, kind, data, error in rows]

    def __len__(self) -> int:
        """Rows that wait."""
        return int(self._all("SELECT count(*) FROM waiting")[0][0])

    @property
    def size_bytes(self) -> int:
        """What the rows take on disk; room that SQLite keeps for new ones doesn't count."""
        pages, free, page_size = (
            int(self._all(f"PRAGMA {name}")[0][0]) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page_size

    def close(self) -> None:
        """Let go of the file, and of disk that is no longer needed."""
        with suppress(sqlite3.Error, OSError, DiskUnavailable):
            if not len(self) and self.path.stat().st_size > SHRINK_ABOVE_BYTES:
                self._connection.execute("VACUUM")
        with suppress(sqlite3.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _all(self, statement: str, *parameters: object) -> list[tuple[str, ...]]:
        with self._disk():
            return self._connection.execute(statement, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._disk():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DiskUnavailable(
                f"can't use the outbox {self.path}: {error}. What to do: free the disk, make it writable, or give "
                "another --work-dir."
            ) from error

    def _start_anew(self, error: sqlite3.Error) -> None:
        """Begin another file with what is still readable in the damaged one."""
        aside = _set_aside(self.path)
        rows = _readable_rows(aside)
        self._connection = _open(self.path)
        with self._transaction():
            self._connection.executemany("INSERT INTO waiting (kind, data) VALUES (?, ?)", rows)
        self.set_aside = aside
        log.warning(
            "the outbox %s was damaged (%s) and now is %s: %d rows were still readable, others may be lost",
            self.path,
            error,
            aside.name,
            len(rows),
        )


def _open(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode. Raises sqlite3.DatabaseError when the file is no sound database."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")  # each commit is on the disk, whatever dies then
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(" ".join(verdict.split()))  # one line of it
        connection.executescript(_TABLES)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Of two connections that open a new file at once, SQLite refuses one the change, without the wait of others."""
    until_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
        time.sleep(BUSY_PAUSE_S)


def _set_aside(path: Path) -> Path:
    """Rename the file with its companions, under the first name that is free."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for companion in COMPANIONS:
        found = path.with_name(path.name + companion)
        if found.exists():
            found.rename(aside.with_name(aside.name + companion))
    return aside


def _readable_rows(path: Path) -> list[tuple[str, str]]:
    """What can still be read of a damaged outbox, up to the first place that can't."""
    rows: list[tuple[str, str]] = []
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        for kind, data in connection.execute("SELECT kind, data FROM waiting ORDER BY id"):
            if isinstance(kind, str) and isinstance(data, str):
                rows.append((kind, data))
    return rows
