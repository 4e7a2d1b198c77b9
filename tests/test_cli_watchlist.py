"""`dashcam watchlist` as a user calls it, and one run with a webhook."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashcam_pipeline.batch.fingerprints import recorded
from dashcam_pipeline.config import AlertSettings, Settings
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.watching.alerts import AlertState
from dashcam_pipeline.storage.writing.writer import ResultWriter
from run_command import clip, dashcam
from storage_rows import RUN, sighting, video
from test_storage_alerts import stored, watch, write
from webhook_server import Reply, webhook


def watchlist(dsn: str, *arguments: str | Path, code: int = 0, **environment: str) -> str:
    """What the command prints; its errors where it is to fail."""
    done = dashcam("watchlist", *arguments, "--db", dsn, environment=environment)
    assert done.returncode == code, done.stderr
    return done.stdout + (done.stderr if code else "")


@pytest.fixture
def results(dsn: str) -> str:
    """A database with a run that has seen LS15EBC twice."""
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([sighting(1), sighting(2, first_s=5.0, last_s=6.0)], [video(VideoStatus.DONE)])
    return dsn


def test_plate_is_added_listed_and_removed(dsn: str) -> None:
    assert watchlist(dsn, "add", "ls15 ebc", "--note", "stolen [3 May]") == "ls15 ebc is watched for now\n"
    assert "was on the list already" in watchlist(dsn, "add", "LS15-EBC", "--near")
    assert re.search(r"LS15-EBC +stolen \[3 May\] +yes ", watchlist(dsn, "list"))
    (entry,) = json.loads(watchlist(dsn, "list", "--json"))
    assert {name: entry[name] for name in ("plate", "spelling", "note", "near", "alerts")} == {
        "plate": "LS15EBC",
        "spelling": "LS15-EBC",
        "note": "stolen [3 May]",
        "near": 1.0,
        "alerts": 0,
    }
    assert "watched for no longer" in watchlist(dsn, "remove", "LS15 ebc")
    assert "not on the watchlist" in watchlist(dsn, "remove", "LS15 ebc", code=2)
    assert "no plate is watched for" in watchlist(dsn, "list")


def test_list_may_come_before_the_first_run(empty_dsn: str) -> None:
    assert "is watched for now" in watchlist(empty_dsn, "add", "LS15EBC")


def test_plate_that_was_seen_before_is_said_and_raises_only_with_past(results: str) -> None:
    said = watchlist(results, "add", "LS15 EBC")
    assert "LS15 EBC was seen 2 times before: dashcam search LS15EBC" in said
    assert watchlist(results, "alerts") == "no alert\n"
    assert "2 alerts raised of what was seen before" in watchlist(results, "add", "LS15 EBC", "--past")
    again = watchlist(results, "add", "LS15 EBC", "--past")
    assert "0 alerts raised of what was seen before: they were raised already" in again
    assert {alert.state for alert in stored(results)} == {AlertState.KEPT}
    assert watchlist(results, "alerts", "--run", "run-1").count("LS15EBC") == 2


def test_alerts_are_listed_with_the_time_of_day_and_what_it_goes_by(results: str) -> None:
    watch(results, "LS15EBC")
    write(results, sighting(1, ts=None))
    assert "when" not in watchlist(results, "alerts")
    write(results, sighting(2, time_source="name", utc_offset_min=60))
    words = watchlist(results, "alerts", COLUMNS="250").split()
    assert words[words.index("from") : words.index("id")] == ["from", "when", "by"]
    assert words[words.index("2026-01-02") :][:4] == ["2026-01-02", "04:04:06+01:00", "name", "abcdef-2"]


@pytest.mark.parametrize("wrong", ["AB*", "-", "A" * 40])
def test_what_is_no_plate_is_one_line(dsn: str, wrong: str) -> None:
    said = watchlist(dsn, "add", wrong, code=2)
    assert "is no plate" in said
    assert said.count("\n") == 1


def test_file_with_bad_lines_is_imported_as_a_whole_or_not_at_all(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("plate,note\nLS15EBC,one\n**,two\nAB12CDE,three\n")
    said = watchlist(dsn, "import", path, code=2)
    assert f"{path}:3: '**' is no plate" in said
    assert "nothing was imported: 1 line is" in said
    assert json.loads(watchlist(dsn, "list", "--json")) == []
    assert "2 plates are watched for now, 0 on" in watchlist(dsn, "import", path, "--skip-bad", code=1)
    assert [entry["note"] for entry in json.loads(watchlist(dsn, "list", "--json"))] == ["three", "one"]
    path.write_text("LS15EBC\nXX11YYY\n")
    assert "1 plate is watched for now, 1 on the list already" in watchlist(dsn, "import", path)
    path.write_text("# nothing\n")
    assert "no plate in it" in watchlist(dsn, "import", path, code=2)


def test_undelivered_alerts_are_listed_with_their_cause_and_sent_again(results: str) -> None:
    watch(results, "LS15EBC", "stolen")
    write(results, sighting(1), sighting(2, first_s=5.0, last_s=6.0))
    with webhook([Reply(404), Reply(404), Reply(200)]) as hook:
        where = {"DASHCAM__ALERTS__WEBHOOK": hook.url}
        said = watchlist(results, "resend", code=1, **where)
        assert "2 undelivered (HTTP 404 Not Found): `dashcam watchlist resend`" in said
        assert "undelivered: HTTP 404" in watchlist(results, "alerts")
        assert "2 alerts delivered" in watchlist(results, "resend", "--webhook", hook.url)
        assert watchlist(results, "resend", "--webhook", hook.url) == "no alert is undelivered\n"
    assert len(hook.got) == 4
    rows = json.loads(watchlist(results, "alerts", "--json"))
    assert [row["delivery"]["state"] for row in rows] == ["delivered"] * 2
    assert {**rows[0], "delivery": None} == {**stored(results)[0].payload(), "delivery": None}


def test_sending_again_needs_a_webhook(results: str) -> None:
    assert "no webhook is configured: give --webhook URL" in watchlist(results, "resend", code=2)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ftp://x/", "begins with http:// or https://"),
        ("https://", "names a host"),
        ("https://me:secret@x/", "DASHCAM_WEBHOOK_TOKEN"),
        ("https://x/a b", "without spaces"),
        ("https://x:port/", "names a host"),
    ],
)
def test_address_that_is_none_is_one_line(results: str, address: str, reason: str) -> None:
    said = watchlist(results, "resend", "--webhook", address, code=2)
    assert reason in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_run_shows_stores_and_posts_a_hit_once(tmp_path: Path, work_dir: Path) -> None:
    path, place = clip("uk_mercedes_LS15EBC_720p.mp4"), ("--work-dir", work_dir)
    assert dashcam("watchlist", "add", "LS15 EBC", "--note", "mine", *place).returncode == 0
    with webhook([Reply(500), Reply(200)]) as hook:
        environment = {"DASHCAM__ALERTS__WEBHOOK": hook.url, "DASHCAM__ALERTS__FIRST_PAUSE_S": "0"}
        elsewhere = environment | {"DASHCAM__ALERTS__WEBHOOK": "http://127.0.0.1:9/"}
        first = dashcam("run", path, *place, "--no-hud", "--webhook", hook.url, environment=elsewhere)
        assert first.returncode == 0, first.stderr
        assert re.search(
            r"ALERT +LS15 EBC +0\.\d\d +car +at 0\.0 s of \S+ +\(mine\) +daae0258-1", first.stdout
        )
        assert "1 alert, delivered" in first.stdout
        assert [got.body["plate"] for got in hook.got] == ["LS15EBC"] * 2
        again = dashcam("run", path, *place, "--no-hud", "--restart", environment=environment)
        assert again.returncode == 0, again.stderr
        assert "(known from an earlier run)" in again.stdout
        assert len(hook.got) == 2
    shown = dashcam("runs", "show", *place)
    assert "ALERT  LS15 EBC" in shown.stdout


def test_run_refuses_an_address_that_is_none_before_it_looks_at_anything(tmp_path: Path) -> None:
    done = dashcam(
        "run", tmp_path / "nothing.mp4", "--webhook", "ftp://example.org", "--work-dir", tmp_path / "w"
    )
    assert done.returncode == 2
    assert "alerts.webhook" in done.stderr


def test_address_of_a_webhook_is_not_recorded_with_a_run() -> None:
    settings = Settings(alerts=AlertSettings(webhook="https://hooks.example.org/s3cret"))
    assert "s3cret" not in json.dumps(recorded(settings))
