"""The notifier against a real HTTP server and a real database: what it posts, when it tries again, what it keeps."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dashcam_pipeline.config import AlertSettings
from dashcam_pipeline.errors import ConfigError
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.watching import notifier as notifier_module
from dashcam_pipeline.storage.watching.alerts import Alert, AlertState
from dashcam_pipeline.storage.watching.notifier import Notifier
from dashcam_pipeline.storage.watching.webhook import LONGEST_WISH_S, TOKEN_VARIABLE, Answer, post
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.outbox import Outbox
from storage_rows import sighting, video
from test_storage_alerts import run_sql, stored, watch, write
from webhook_server import Reply, webhook

DEADLINE_S = 60.0
NOBODY = "http://127.0.0.1:1/hook"
OK, BROKEN = Reply(200), Reply(500)


def notifier(dsn: str, url: str, owner: str = "run-1", **changed: float) -> Notifier:
    """One that doesn't pause."""
    settings = AlertSettings(webhook=url, **{"first_pause_s": 0.0, **changed})  # type: ignore[arg-type]
    return Notifier(dsn, settings, owner=owner)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def raised(dsn: str) -> Alert:
    """An alert that is to be posted."""
    watch(dsn, "LS15EBC", "stolen")
    (alert,) = write(dsn, sighting(1))
    return alert


@pytest.fixture(autouse=True)
def no_notifier_stays() -> Iterator[None]:
    yield
    wait_for(lambda: all(thread.name != "notifier" for thread in threading.enumerate()))


def test_alert_is_posted_with_its_payload_and_the_token(
    dsn: str, raised: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    with webhook() as hook:
        assert notifier(dsn, hook.url).post_rest(DEADLINE_S) == 0
    (got,) = hook.got
    assert (got.method, got.path) == ("POST", "/hook")
    assert got.headers["Authorization"] == "Bearer s3cret"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == raised.id
    assert got.body == raised.payload()
    (alert,) = stored(dsn)
    assert (alert.state, alert.attempts, alert.last_error) == (AlertState.DELIVERED, 1, None)


def test_without_a_token_none_is_sent(dsn: str, raised: Alert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with webhook() as hook:
        notifier(dsn, hook.url).post_rest(DEADLINE_S)
    assert "Authorization" not in hook.got[0].headers


@pytest.mark.parametrize("token", ["two\nlines", "smörgås"])
def test_token_that_no_header_can_hold_is_named(
    dsn: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        notifier(dsn, NOBODY)


@pytest.mark.parametrize(
    ("replies", "state", "attempts", "error"),
    [
        ([OK], AlertState.DELIVERED, 1, None),
        ([Reply(204)], AlertState.DELIVERED, 1, None),
        ([BROKEN, OK], AlertState.DELIVERED, 2, None),
        ([Reply(429), Reply(408), Reply(503, {"Retry-After": "0"}), OK], AlertState.DELIVERED, 4, None),
        ([BROKEN], AlertState.UNDELIVERED, 4, "HTTP 500 Internal Server Error"),
        ([Reply(404)], AlertState.UNDELIVERED, 1, "HTTP 404 Not Found"),
        ([Reply(401), OK], AlertState.UNDELIVERED, 1, "HTTP 401 Unauthorized"),
        (
            [Reply(302, {"Location": "http://127.0.0.1:1/elsewhere"})],
            AlertState.UNDELIVERED,
            1,
            "HTTP 302 Found: it redirects to http://127.0.0.1:1/elsewhere, name that address itself",
        ),
    ],
)
def test_what_an_answer_means(
    dsn: str, raised: Alert, replies: list[Reply], state: AlertState, attempts: int, error: str | None
) -> None:
    with webhook(replies) as hook:
        assert notifier(dsn, hook.url, attempts=4).post_all() == 0
    assert len(hook.got) == attempts
    assert {got.body["id"] for got in hook.got} == {raised.id}
    (alert,) = stored(dsn)
    assert (alert.state, alert.attempts, alert.last_error) == (state, attempts, error)


def test_pauses_grow_to_their_bound_and_are_no_shorter_than_the_webhook_asks() -> None:
    one = Notifier(
        "postgresql://127.0.0.1:1/x",
        AlertSettings(webhook=NOBODY, attempts=9, first_pause_s=2.0, longest_pause_s=10.0),
        owner="run-1",
    )
    failed = Answer("HTTP 500", another_try=True)
    assert [one._pause_s(failed, number) for number in range(1, 10)] == [2, 4, 8, 10, 10, 10, 10, 10, None]
    asked = Answer("HTTP 429", another_try=True, pause_s=30.0)
    assert [one._pause_s(asked, number) for number in (1, 8, 9)] == [30, 30, None]
    assert one._pause_s(Answer("HTTP 404"), 1) is None


@pytest.mark.parametrize(
    ("header", "least_s", "most_s"),
    [
        ("7", 7.0, 7.0),
        ("0", 0.0, 0.0),
        ("-5", 0.0, 0.0),
        (email.utils.format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True), 3600.0, 7200.0),
        (email.utils.format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True), 0.0, 0.0),
        ("99999999999", LONGEST_WISH_S, LONGEST_WISH_S),
        ("soon", None, None),
        ("nan", None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(
    header: str, least_s: float | None, most_s: float | None
) -> None:
    with webhook([Reply(503, {"Retry-After": header})]) as hook:
        answer = post(hook.url, {}, alert_id="1", token=None, timeout_s=DEADLINE_S)
    assert answer.another_try
    if least_s is None or most_s is None:
        assert answer.pause_s is None
    else:
        assert answer.pause_s is not None
        assert least_s <= answer.pause_s <= most_s


def test_retry_after_puts_the_alert_off_and_the_end_of_a_run_does_not_wait_for_it(
    dsn: str, raised: Alert
) -> None:
    with webhook([Reply(429, {"Retry-After": "3600"})]) as hook:
        assert notifier(dsn, hook.url).post_rest(DEADLINE_S) == 1
    (alert,) = stored(dsn)
    assert (alert.state, alert.last_error) == (AlertState.PENDING, "HTTP 429 Too Many Requests")
    assert alert.next_try_at is not None
    assert alert.next_try_at > alert.raised_at + timedelta(minutes=59)


def test_nobody_there_is_tried_again_and_told_in_one_line(dsn: str, raised: Alert) -> None:
    states: list[str] = []
    settings = AlertSettings(webhook=NOBODY, attempts=2, first_pause_s=0.0)
    Notifier(dsn, settings, owner="run-1", on_state=states.append).post_all()
    (alert,) = stored(dsn)
    assert (alert.state, alert.attempts, alert.last_error) == (
        AlertState.UNDELIVERED,
        2,
        "Connection refused",
    )
    assert states[0] == "away: Connection refused; 1 alert waits"


def test_host_that_is_not_known_is_told(dsn: str) -> None:
    answer = post("http://no-such-host.invalid/", {}, alert_id="1", token=None, timeout_s=DEADLINE_S)
    assert answer.another_try
    assert answer.error is not None
    assert answer.error.startswith("its host is not known: ")


def test_silent_webhook_is_given_up_after_its_time_and_tried_again(dsn: str, raised: Alert) -> None:
    with webhook([Reply(silent=True), OK]) as hook:
        assert notifier(dsn, hook.url, timeout_s=0.2).post_all() == 0
    (alert,) = stored(dsn)
    assert (alert.state, alert.attempts) == (AlertState.DELIVERED, 2)


def test_end_of_a_run_does_not_wait_for_a_webhook_that_hangs(dsn: str, raised: Alert) -> None:
    with webhook([Reply(silent=True)]) as hook:
        one = notifier(dsn, hook.url, timeout_s=DEADLINE_S)
        now_s = iter([0.0, *[0.05] * 3])
        one.post_rest(0.1, clock=lambda: next(now_s, 1.0))
        assert hook.arrived.wait(DEADLINE_S)
        (alert,) = stored(dsn)
        assert alert.state is AlertState.PENDING


def test_rows_are_all_written_and_marked_while_the_webhook_hangs(dsn: str, tmp_path: Path) -> None:
    watch(dsn, "LS15EBC")
    path, marked = tmp_path / "outbox.sqlite3", list[Alert]()
    with webhook([Reply(silent=True)]) as hook, Outbox(path) as outbox:
        one = notifier(dsn, hook.url, timeout_s=DEADLINE_S)
        one.start()
        delivery = Delivery(path, dsn, on_alerts=lambda found: (marked.extend(found), one.wake())[0])
        outbox.add([sighting(1)])
        assert delivery.deliver_all(DEADLINE_S) == 0
        assert hook.arrived.wait(DEADLINE_S)  # from here on the webhook holds the notifier
        for number in range(2, 500):
            outbox.add([sighting(number, final_plate="LS15EBC" if number % 2 == 0 else "AB12CDE")])
        outbox.add([video(VideoStatus.DONE)])
        assert delivery.deliver_all(DEADLINE_S) == 0
        assert len({alert.id for alert in marked}) == 250
        assert len(hook.got) == 1
        hook.let_go.set()
        wait_for(lambda: len(hook.got) == 250)
        wait_for(lambda: all(alert.state is AlertState.DELIVERED for alert in stored(dsn)))
        one.stop()


def test_two_runs_on_one_database_post_an_alert_once(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    write(dsn, *(sighting(number) for number in range(40)))
    with webhook() as hook:
        both = [notifier(dsn, hook.url, owner) for owner in ("run-1", "run-2")]
        for one in both:
            one.start()
        wait_for(lambda: all(alert.state is AlertState.DELIVERED for alert in stored(dsn)))
        for one in both:
            one.stop()
    ids = [got.body["id"] for got in hook.got]
    assert len(ids) == len(set(ids)) == 40


def test_kill_while_posting_costs_no_alert(dsn: str, raised: Alert, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*arguments: object) -> None:
        raise Killed

    with webhook() as hook:
        with monkeypatch.context() as patch:
            patch.setattr(notifier_module.alerts, "note_delivered", killed)
            one = notifier(dsn, hook.url)
            with pytest.raises(Killed):
                one._work_off()
        assert len(hook.got) == 1
        assert notifier(dsn, hook.url, "run-2").post_rest(1.0) == 1  # another run waits for whoever has it
        assert len(hook.got) == 1
        assert notifier(dsn, hook.url).post_rest(DEADLINE_S) == 0  # the same run knows better
    assert [got.headers["Idempotency-Key"] for got in hook.got] == [raised.id] * 2
    assert stored(dsn)[0].state is AlertState.DELIVERED


def test_database_away_meanwhile_costs_no_alert(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "DATABASE_AWAY_PAUSE_S", 0.05)
    with Database.open(None, work_dir) as database, webhook([Reply(silent=True), OK]) as hook:
        database.migrate()
        watch(database.url, "LS15EBC")
        write(database.url, sighting(1), sighting(2))
        one = notifier(database.url, hook.url, timeout_s=DEADLINE_S)
        one.start()
        assert hook.arrived.wait(DEADLINE_S)
        database.stop()
        hook.let_go.set()  # taken, and nobody there to note it
        wait_for(lambda: one.delivered == 1)  # which it counts before it asks the database
        database.ensure_running()
        run_sql(database.url, "UPDATE alerts SET claimed_until = now() WHERE claimed_until IS NOT NULL")
        one.wake()
        wait_for(lambda: all(alert.state is AlertState.DELIVERED for alert in stored(database.url)))
        one.stop()
    assert len({got.body["id"] for got in hook.got}) == 2


def test_thread_survives_an_error_of_our_own(
    dsn: str, raised: Alert, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, calls = notifier_module.alerts.claim, list[float]()

    def fail_once(
        connection: psycopg.Connection[tuple[object, ...]], owner: str, lease_s: float
    ) -> Alert | None:
        calls.append(lease_s)
        if len(calls) == 1:
            raise RuntimeError("a fault")
        return real(connection, owner, lease_s)

    monkeypatch.setattr(notifier_module.alerts, "claim", fail_once)
    monkeypatch.setattr(notifier_module, "LOOK_AGAIN_S", 0.01)
    with webhook() as hook:
        assert notifier(dsn, hook.url).post_rest(DEADLINE_S) == 0
    assert len(hook.got) == 1
    assert "a fault" in caplog.text


def test_post_that_is_under_way_when_the_process_leaves_is_waited_for(dsn: str, raised: Alert) -> None:
    with webhook([Reply(silent=True)]) as hook:
        one = notifier(dsn, hook.url, timeout_s=DEADLINE_S)
        one.start()
        assert hook.arrived.wait(DEADLINE_S)
        hook.let_go.set()
        one.stop(DEADLINE_S)
        assert [alert.state for alert in stored(dsn)] == [AlertState.DELIVERED]
