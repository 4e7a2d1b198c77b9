"""A Postgres server of the trial's own, which can be stopped and started again behind the run's back."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"  # who runs the server when we are root
START_TIMEOUT_S = 60


class Cluster:
    """Data, socket and log lie in `folder`, whose path must be short: sockets allow about a hundred characters."""

    def __init__(self, folder: Path) -> None:
        self._bin = postgres_programs()
        self._folder = folder
        self._user = USER if os.geteuid() == 0 else None
        folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(folder, account.pw_uid, account.pw_gid)
            for parent in folder.parents:
                if parent.stat().st_uid == os.geteuid() and str(parent) != "/":
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", USER, "--no-sync", "-E", "UTF8")
        self.start()

    @property
    def dsn(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self._folder}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def start(self) -> None:
        if self.running:
            return
        # Its shared memory stays in its folder: what is found in /dev/shm after a trial is the product's doing.
        options = (
            f"-c listen_addresses= -c unix_socket_directories={self._folder} -c max_connections=40 "
            "-c dynamic_shared_memory_type=mmap"
        )
        log = self._folder / "log"
        self._run(
            "pg_ctl", "-w", "-t", str(START_TIMEOUT_S), "-D", self._data, "-l", log, "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> bool:
        """`fast` ends all connections in order, `immediate` is a crash. False: it was stopped already."""
        if not self.running:
            return False
        self._run("pg_ctl", "-w", "-D", self._data, "-m", mode, "stop")
        return True

    def close(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        with (self._folder.parent / f"{self._folder.name}-{program}.log").open("wb") as log:
            subprocess.run(
                [str(self._bin / program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                group=self._user and pwd.getpwnam(self._user).pw_gid,
                cwd=self._folder,
                check=True,
                start_new_session=True,
            )


def postgres_programs() -> Path:
    """The folder of `initdb` and `pg_ctl`: the host's Postgres, else the one that comes with the product."""
    on_path = shutil.which("pg_ctl")
    debian = sorted(DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if on_path is not None:
        return Path(on_path).resolve().parent
    if debian:
        return debian[-1].parent
    from dashcam_pipeline.storage.postgres.binaries import psql_path

    return psql_path().parent
