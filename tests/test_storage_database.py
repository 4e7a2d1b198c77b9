"""The embedded server: shared by its users, taken over after a kill; and servers that can't be used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dashcam_pipeline.errors import BadInput, DatabaseUnavailable
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.postgres.binaries import PostgresServer, pgexec, psql_path
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer

USER = """
import sys
from pathlib import Path
from dashcam_pipeline.storage.postgres.database import Database
with Database.open(None, Path(sys.argv[1])) as database:
    database.migrate()
    print(database.pid, flush=True)
    sys.stdin.read()
"""


class Users:
    """Other processes that use an embedded server."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, work_dir: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(work_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture
def users() -> Iterator[Users]:
    users = Users()
    yield users
    users.end()


def server_pid(user: subprocess.Popen[str]) -> int:
    assert user.stdout is not None
    return int(user.stdout.readline())


def assert_gone(pid: int | None) -> None:
    assert pid is not None
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_server_stops_with_its_only_user(work_dir: Path) -> None:
    with Database.open(None, work_dir) as database:
        pid = database.pid
        assert database.embedded
        assert psycopg.connect(database.url).execute("SELECT 1").fetchone() == (1,)
    assert_gone(pid)


def test_users_share_a_server_and_the_last_one_stops_it(work_dir: Path, users: Users) -> None:
    database = Database.open(None, work_dir)
    second = Database.open(None, work_dir)
    other = users.start(work_dir)
    pid = server_pid(other)
    assert pid == database.pid == second.pid
    assert not database.close()
    other.communicate()
    assert second.ping()
    assert second.close()
    assert_gone(pid)


def test_users_that_start_together_get_one_server(work_dir: Path, users: Users) -> None:
    starting = [users.start(work_dir) for _ in range(3)]
    assert len({server_pid(user) for user in starting}) == 1


def test_killed_user_leaves_a_server_that_the_next_one_takes_over_and_stops(
    work_dir: Path, users: Users
) -> None:
    killed = users.start(work_dir)
    pid = server_pid(killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with Database.open(None, work_dir) as database:
        assert database.pid == pid
    assert_gone(pid)


def test_killed_server_is_started_again_with_what_it_had(work_dir: Path) -> None:
    with Database.open(None, work_dir) as database:
        with psycopg.connect(database.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        url, pid = database.url, database.pid
        assert pid is not None
        process = psutil.Process(pid)
        process.kill()
        process.wait()
        database.ensure_running()
        assert database.url == url
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def test_pid_file_of_a_dead_server_whose_pid_is_now_another_program_is_no_obstacle(work_dir: Path) -> None:
    with Database.open(None, work_dir) as database:
        names = ("postmaster.pid", ".s.PGSQL.5432.lock")
        left_behind = {name: (work_dir / "postgres" / name).read_text() for name in names}
        pid = database.pid
    for name, text in left_behind.items():
        (work_dir / "postgres" / name).write_text(text.replace(str(pid), str(os.getpid()), 1))
    with Database.open(None, work_dir) as database:
        assert database.pid != os.getpid()
        assert database.ping()


@pytest.mark.parametrize(
    "name",
    ["deep" * 40, "with space, comma's", "$(touch pwned)", "ünï", "a=b&c?d#e%20"],
    ids=["long", "punctuation", "shell", "not ascii", "uri"],
)
def test_any_path_will_do_for_a_work_dir(work_dir: Path, name: str) -> None:
    with Database.open(None, work_dir / name / "work") as database:
        assert database.ping()
        psql = [str(psql_path()), database.url, "-Atc", "SELECT 'psql too'"]
        assert subprocess.run(psql, capture_output=True, text=True).stdout == "psql too\n"


def test_socket_folder_is_removed_with_the_server(work_dir: Path) -> None:
    with Database.open(None, work_dir / ("deep" * 40)) as database:
        folder = Path(str(psycopg.conninfo.conninfo_to_dict(database.url)["host"]))
        assert folder.is_dir()
    assert not folder.exists()


def test_work_dir_that_is_moved_while_its_server_runs_can_be_used_where_it_is_now(
    work_dir: Path, users: Users
) -> None:
    before = work_dir / "before"
    killed = users.start(before)
    pid = server_pid(killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    moved = before.rename(work_dir / "moved")
    with Database.open(None, moved) as database:
        assert database.ping()
        assert database.pid != pid
    assert_gone(pid)


def test_database_that_is_deleted_while_in_use_is_not_replaced_by_an_empty_one(work_dir: Path) -> None:
    used = work_dir / "used"
    with Database.open(None, used) as database:
        pid = database.pid
        gone = used.rename(work_dir / "gone")
        with pytest.raises(DatabaseUnavailable, match="moved or deleted"):
            database.ensure_running()
        assert not used.exists()
    with Database.open(None, gone):
        pass
    assert_gone(pid)


def test_starting_says_nothing(work_dir: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "XDG_RUNTIME_DIR"}
    script = USER.replace("sys.stdin.read()", "")
    command = [sys.executable, "-W", "always", "-c", script, str(work_dir)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stderr == ""


@pytest.mark.parametrize("kind", ["file in the way", "no folder can be made"])
def test_unusable_work_dir_is_one_clear_line(work_dir: Path, kind: str) -> None:
    file = work_dir / "file"
    file.touch()
    work_dir = file if kind == "file in the way" else Path("/proc/nothing")
    with pytest.raises(DatabaseUnavailable, match=r"can't keep a database in .*--work-dir") as caught:
        Database.open(None, work_dir)
    assert "\n" not in str(caught.value)


def test_setup_that_was_killed_is_begun_anew(work_dir: Path) -> None:
    (work_dir / "postgres.new" / "base").mkdir(parents=True)
    (work_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with Database.open(None, work_dir) as database:
        assert database.ping()
    assert not (work_dir / "postgres.new").exists()


def test_setup_that_fails_says_why_and_leaves_nothing(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def initdb_on_a_full_disk(server: PostgresServer) -> None:
        pgexec("initdb", ("-D", str(server.pgdata), "--no-such-option"), server.bin_path)

    monkeypatch.setattr(PostgresServer, "ensure_pgdata_inited", initdb_on_a_full_disk)
    with pytest.raises(
        DatabaseUnavailable, match=r"can't be created: .*no-such-option.*free the disk"
    ) as caught:
        Database.open(None, work_dir)
    assert "\n" not in str(caught.value)
    assert not (work_dir / "postgres").exists()
    assert not (work_dir / "postgres.new").exists()


def test_no_place_for_a_socket_is_one_clear_line(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashcam_pipeline.storage.postgres.socket_dir.SOCKET_PATH_BYTES", 3)
    with pytest.raises(DatabaseUnavailable, match="too long or too odd for a database socket"):
        Database.open(None, work_dir)


def test_data_of_another_postgres_version_is_left_alone(work_dir: Path) -> None:
    (work_dir / "postgres").mkdir()
    (work_dir / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseUnavailable, match="was made by Postgres 16"):
        Database.open(None, work_dir)


def test_damaged_data_is_said_with_the_log(work_dir: Path) -> None:
    with Database.open(None, work_dir):
        pass
    (work_dir / "postgres" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(DatabaseUnavailable, match=r"doesn't start: .*pg_control.*/postgres/log"):
        Database.open(None, work_dir)


def test_silent_server_is_given_up_soon(work_dir: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="check host, port and firewall"):
            Database.open(f"host=127.0.0.1 port={silent.getsockname()[1]} connect_timeout=2", work_dir)
        assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("postgresql://me:s3cret@127.0.0.1:1/x", "refused.*check host and port"),
        ("host=127.0.0.1 port=1 user=me password=s3cret", "refused.*check host and port"),
        ("postgresql://me:s3cret@no-such-host.invalid/x", "check the host name"),
        ("postgresql://me:s3cret@/x?host=/no/such/folder", "check the socket folder"),
    ],
)
def test_unreachable_server_is_one_clear_line_without_the_password(
    work_dir: Path, dsn: str, said: str
) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as caught:
        Database.open(dsn, work_dir)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("change", ["dbname=nothing_of_that_name", "user=nobody_of_that_name"])
def test_wrong_names_are_said(postgres: Database, work_dir: Path, change: str) -> None:
    key, value = change.split("=")
    dsn = psycopg.conninfo.make_conninfo(postgres.url, **{key: value})
    with pytest.raises(DatabaseUnavailable, match=f"{value}.* does not exist.*correct the name"):
        Database.open(dsn, work_dir)


def test_connection_string_that_is_none_is_bad_input(work_dir: Path) -> None:
    with pytest.raises(BadInput, match="not a Postgres connection string") as caught:
        Database.open("postgresql+psycopg://me:s3cret@host/x", work_dir)
    assert "s3cret" not in str(caught.value)


def test_attaching_makes_no_database(work_dir: Path) -> None:
    location = resolve_location(None, work_dir / "nothing")
    with pytest.raises(DatabaseUnavailable, match="no run has used this work dir"):
        Database.attach(location)
    assert not location.work_dir.exists()


def test_attaching_to_a_database_without_tables_says_what_to_do(empty_dsn: str, work_dir: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="dashcam db init"):
        Database.attach(resolve_location(empty_dsn, work_dir))


def test_released_server_runs_on_until_it_is_stopped(work_dir: Path) -> None:
    database = Database.open(None, work_dir)
    pid = database.pid
    database.release()
    assert EmbeddedServer(work_dir).pid == pid
    assert EmbeddedServer(work_dir).stop_if_unused()
    assert_gone(pid)
