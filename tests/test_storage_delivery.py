"""Delivery from the outbox: nothing lost, nothing doubled, order kept, whatever happens to the server."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.postgres.schema import migrate
from dashcam_pipeline.storage.row_json import OutboxRow
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing import delivery as delivery_module
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import DEAD_LETTER, VIDEO, sighting, video

NOBODY = "postgresql://me:s3cret@127.0.0.1:1/x"
PATIENCE_S = 60.0
DEADLINE_S = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def add(path: Path, *rows: OutboxRow) -> None:
    with Outbox(path) as outbox:
        outbox.add(rows)


def left(path: Path) -> list[OutboxRow]:
    with Outbox(path) as outbox:
        return [waiting.row for waiting in outbox.peek(100_000)]


def table(dsn: str, name: str) -> list[dict[str, object]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # type: ignore[arg-type]


def tracks(dsn: str) -> set[object]:
    return {row["track_id"] for row in table(dsn, "vehicles")}


def test_everything_goes_in_and_the_outbox_is_empty(path: Path, dsn: str) -> None:
    add(path, VIDEO, *(sighting(number) for number in range(450)), DEAD_LETTER, video(VideoStatus.DONE))
    delivery = Delivery(path, dsn)
    assert delivery.deliver_all(PATIENCE_S) == 0
    assert (delivery.delivered, delivery.waiting, delivery.problem) == (453, 0, None)
    assert delivery.state == "ok, 453 rows written"
    assert left(path) == []
    assert tracks(dsn) == set(range(450))
    assert [row["status"] for row in table(dsn, "videos")] == ["done"]
    (letter,) = table(dsn, "dead_letters")
    assert {name: letter[name] for name in ("task_id", "frame_idx", "error")} == {
        "task_id": DEAD_LETTER.task_id,
        "frame_idx": 30,
        "error": "ValueError: no such colour",
    }


def test_last_state_of_a_video_stays(path: Path, dsn: str) -> None:
    states = [VideoStatus.RUNNING, VideoStatus.STOPPED, VideoStatus.RUNNING, VideoStatus.PARTIAL]
    for status in states:
        add(path, video(status), *(sighting(number) for number in range(70)))
    assert Delivery(path, dsn).deliver_all(PATIENCE_S) == 0
    assert [row["status"] for row in table(dsn, "videos")] == ["partial"]


def test_later_run_of_a_video_wins_over_leftovers_of_an_earlier_one(path: Path, dsn: str) -> None:
    add(path, sighting(1), sighting(2), sighting(3), video(VideoStatus.DONE))
    add(path, sighting(1, run_id="run-2"), video(VideoStatus.DONE, run_id="run-2"))
    assert Delivery(path, dsn).deliver_all(PATIENCE_S) == 0
    assert [(row["track_id"], row["run_id"]) for row in table(dsn, "vehicles")] == [(1, "run-2")]


def test_no_outbox_is_nothing_to_deliver(path: Path) -> None:
    assert Delivery(path, NOBODY).deliver_all(PATIENCE_S) == 0
    assert not path.exists()


# --- rows that are refused -------------------------------------------------------------------------------


def test_refused_row_holds_up_no_other(path: Path, dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    wrong = [sighting(5, plate_confidence=1.5), sighting(7, last_frame=1), sighting(8, reads=2**40)]
    add(
        path,
        *(sighting(number) for number in range(5)),
        wrong[0],
        sighting(6),
        *wrong[1:],
        video(VideoStatus.DONE),
    )
    refused: list[tuple[OutboxRow, str]] = []
    delivery = Delivery(path, dsn, on_refused=lambda row, error: refused.append((row, error)))
    assert delivery.deliver_all(PATIENCE_S) == 0
    assert tracks(dsn) == {0, 1, 2, 3, 4, 6}
    assert [row["status"] for row in table(dsn, "videos")] == ["done"]
    assert [row for row, _ in refused] == wrong
    letters = table(dsn, "dead_letters")
    assert {letter["task_id"] for letter in letters} == {
        f"abcdef:DELIVERY:sighting-{number}" for number in (5, 7, 8)
    }
    assert "vehicles_plate_confidence_check" in str(letters[0]["error"])
    assert delivery.delivered == 7 + 3
    with Outbox(path) as outbox:
        assert [found.error for found in outbox.refused()] == [error for _, error in refused]
    messages = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(messages) == 3
    assert "video abcdef, track 5" in messages[0]
    assert "vehicles_plate_confidence_check" in messages[0]


def test_text_too_long_for_an_index_is_refused_and_not_tried_for_ever(path: Path, dsn: str) -> None:
    unique = "".join(f"{number * 7919 % 99991:05x}" for number in range(3000))
    add(path, sighting(1, final_plate=unique), sighting(2))
    assert Delivery(path, dsn).deliver_all(PATIENCE_S) == 0
    assert tracks(dsn) == {2}


# --- a database that is away -----------------------------------------------------------------------------


def test_patience_ends_with_the_rows_still_there_and_the_cause_said(path: Path) -> None:
    add(path, VIDEO, sighting(1))
    now_s = itertools.count(step=5.0)
    said: list[tuple[int, str]] = []
    pauses: list[float] = []
    delivery = Delivery(path, NOBODY, clock=lambda: next(now_s), sleep=pauses.append)
    assert delivery.deliver_all(PATIENCE_S, lambda rows, problem: said.append((rows, problem))) == 2
    assert left(path) == [VIDEO, sighting(1)]
    assert pauses == sorted(pauses)
    assert len(pauses) == len(said) >= 3
    assert {rows for rows, _ in said} == {2}
    assert "onnection refused" in said[0][1]
    assert "s3cret" not in said[0][1]
    assert delivery.state.startswith("away since ")
    assert delivery.state.endswith("; 2 rows wait in the outbox")


def test_interrupt_leaves_the_rows(path: Path) -> None:
    add(path, sighting(1))

    def interrupt(rows: int, problem: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Delivery(path, NOBODY).deliver_all(PATIENCE_S, interrupt)
    assert left(path) == [sighting(1)]


@pytest.mark.parametrize(
    ("harm", "cure", "cause"),
    [
        ("ALTER TABLE vehicles RENAME TO gone", "ALTER TABLE gone RENAME TO vehicles", "does not exist"),
        (
            "ALTER TABLE vehicles RENAME best_read TO b",
            "ALTER TABLE vehicles RENAME b TO best_read",
            "best_read",
        ),
    ],
    ids=["table", "column"],
)
def test_tables_that_go_and_come_back_mid_run_cost_no_row(
    path: Path, dsn: str, harm: str, cure: str, cause: str
) -> None:
    add(path, sighting(1), VIDEO)
    said: list[str] = []

    def mend(pause_s: float) -> None:
        assert left(path)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(cure)  # type: ignore[arg-type]

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(harm)  # type: ignore[arg-type]
    delivery = Delivery(path, dsn, sleep=mend)
    assert delivery.deliver_all(PATIENCE_S, lambda rows, problem: said.append(problem)) == 0
    assert len(said) == 1
    assert cause in said[0]
    assert tracks(dsn) == {1}


def test_rights_taken_away_and_granted_again_mid_run_cost_no_row(path: Path, empty_dsn: str) -> None:
    user = "rights_visitor"
    with psycopg.connect(empty_dsn, autocommit=True) as owner:
        migrate(empty_dsn)
        owner.execute(f"CREATE ROLE {user} LOGIN")
        said: list[str] = []

        def grant(pause_s: float) -> None:
            owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}")

        visitor = psycopg.conninfo.make_conninfo(empty_dsn, user=user)
        add(path, sighting(1))
        delivery = Delivery(path, visitor, sleep=grant)
        assert delivery.deliver_all(PATIENCE_S, lambda rows, problem: said.append(problem)) == 0
        assert said == ["permission denied for table vehicles"]
        assert tracks(empty_dsn) == {1}
        owner.execute(f"DROP OWNED BY {user}")
        owner.execute(f"DROP ROLE {user}")


def test_answer_lost_after_the_commit_doubles_nothing(
    path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server commits, and dies before its answer is here."""
    add(path, *(sighting(number) for number in range(10)), video(VideoStatus.DONE))
    real, lost = ResultWriter._try, []

    def commit_and_lose(self: ResultWriter, work: Callable[[Connection], None]) -> None:
        real(self, work)
        if len(lost) < 3:
            lost.append(tracks(dsn))
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ResultWriter, "_try", commit_and_lose)
    assert Delivery(path, dsn, sleep=lambda pause_s: None).deliver_all(PATIENCE_S) == 0
    assert lost == [set(range(10))] * 3
    assert len(table(dsn, "vehicles")) == 10
    assert len(table(dsn, "videos")) == 1


def test_kill_between_commit_and_removal_doubles_nothing(
    path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(path, *(sighting(number) for number in range(10)))

    class Killed(BaseException):
        pass

    def killed(self: Outbox, ids: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Outbox, "remove", killed)
        Delivery(path, dsn).deliver_all(PATIENCE_S)
    assert len(left(path)) == 10
    assert Delivery(path, dsn).deliver_all(PATIENCE_S) == 0
    assert len(table(dsn, "vehicles")) == 10


# --- the thread ------------------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_thread_delivers_what_comes_in(path: Path, dsn: str) -> None:
    delivery = Delivery(path, dsn)
    delivery.start()
    try:
        for number in range(5):
            add(path, sighting(number))
            delivery.wake()
            wait_for(lambda: delivery.delivered == number + 1)  # noqa: B023
    finally:
        delivery.stop()
    assert tracks(dsn) == set(range(5))


def test_thread_survives_an_error_of_our_own(
    path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, calls = delivery_module._write, itertools.count()

    def fail_once(*arguments: object) -> None:
        if next(calls) == 0:
            raise RuntimeError("a fault")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(delivery_module, "_write", fail_once)
    add(path, sighting(1))
    delivery = Delivery(path, dsn)
    delivery.start()
    try:
        wait_for(lambda: delivery.delivered == 1)
    finally:
        delivery.stop()
    assert "a fault" in caplog.text


def test_stop_waits_for_no_server(path: Path) -> None:
    add(path, sighting(1))
    states: list[str] = []
    delivery = Delivery(path, NOBODY, on_state=states.append)
    delivery.start()
    wait_for(lambda: bool(states))
    delivery.stop()
    wait_for(lambda: all(thread.name != "delivery" for thread in threading.enumerate()))
    assert "1 row waits in the outbox" in states[0]
    assert left(path) == [sighting(1)]


def back_again(database: Database) -> bool:
    """Start the server; what is left of a killed one may be in the way for a moment."""
    try:
        database.ensure_running()
    except DatabaseUnavailable:
        return False
    return True


def test_server_stopped_and_killed_under_load_loses_and_doubles_nothing(path: Path, work_dir: Path) -> None:
    """Rows come in all the time while the server is stopped, started, killed and started again."""
    added, over = itertools.count(), threading.Event()
    last = [0]

    def work() -> None:
        with Outbox(path) as outbox:
            while not over.is_set():
                number = last[0] = next(added)
                outbox.add([sighting(number, first_frame=number, last_frame=number + 1)])
                outbox.add([replace(VIDEO, frames_decoded=number)])
                delivery.wake()
                time.sleep(0.001)

    with Database.open(None, work_dir) as database:
        database.migrate()
        server = EmbeddedServer(work_dir)
        delivery = Delivery(path, database.url)
        delivery.start()
        worker = threading.Thread(target=work)
        worker.start()
        try:
            for kill in (False, True, True):
                delivered = delivery.delivered
                wait_for(lambda: delivery.delivered > delivered + 100)  # noqa: B023
                if kill and server.pid is not None:
                    os.kill(server.pid, signal.SIGKILL)
                else:
                    database.stop()
                wait_for(lambda: delivery.problem is not None)
                before = last[0]
                wait_for(lambda: last[0] > before + 50)  # noqa: B023  # who adds rows goes on
                wait_for(lambda: back_again(database))
                wait_for(lambda: delivery.problem is None)
        finally:
            over.set()
            worker.join()
        with Outbox(path) as outbox:
            outbox.add([video(VideoStatus.DONE, frames_decoded=last[0])])
            delivery.wake()
            wait_for(lambda: len(outbox) == 0)
        delivery.stop()
        assert tracks(database.url) == set(range(last[0] + 1))
        (row,) = table(database.url, "videos")
        assert (row["status"], row["frames_decoded"]) == ("done", last[0])


def test_database_away_is_shown_and_then_well_again(
    path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(path, sighting(1))
    states: list[str] = []
    real, calls = ResultWriter.write, itertools.count()

    def refuse_twice(self: ResultWriter, *rows: object) -> None:
        if next(calls) < 2:
            raise DatabaseUnavailable("gone")
        real(self, *rows)  # type: ignore[arg-type]

    monkeypatch.setattr(ResultWriter, "write", refuse_twice)
    now_s = itertools.count(step=1.0)
    delivery = Delivery(
        path, dsn, on_state=states.append, clock=lambda: next(now_s), sleep=lambda pause_s: None
    )
    assert delivery.deliver_all(PATIENCE_S) == 0
    assert [state.split(":")[0].rstrip("0123456789 s") for state in states[:2]] == ["away since"] * 2
    assert all("gone; 1 row waits in the outbox" in state for state in states[:2])
    assert states[2:] == ["ok, 1 row written"]
