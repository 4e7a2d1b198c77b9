"""Which database and work dir a command means, and what is remembered of a run."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.last_used import LastUsed, recall, remember
from dashcam_pipeline.storage.location import Origin, default_work_dir, resolve_location
from dashcam_pipeline.storage.postgres.dsn import parse_dsn, redacted, to_uri, without_secrets

DSN = "postgresql://me@db.example/traffic"
OTHER = "postgresql://me@other.example/traffic"


@pytest.fixture
def last_run() -> Path:
    remember(Path("/last"), DSN)
    return Path("/last")


def test_nothing_named_means_the_default_work_dir() -> None:
    location = resolve_location()
    assert (location.work_dir, location.dsn) == (default_work_dir(), None)
    assert location.work_dir_origin is location.dsn_origin is Origin.DEFAULT


def test_option_goes_before_environment_before_config(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_location(configured_dsn=OTHER).dsn_origin is Origin.CONFIG
    monkeypatch.setenv("DASHCAM_DSN", DSN)
    monkeypatch.setenv("DASHCAM_WORK_DIR", "/from/environment")
    location = resolve_location(configured_dsn=OTHER)
    assert (location.dsn, location.dsn_origin) == (DSN, Origin.ENVIRONMENT)
    assert (location.work_dir, location.work_dir_origin) == (Path("/from/environment"), Origin.ENVIRONMENT)
    location = resolve_location(OTHER, Path("/from/option"), configured_dsn=DSN)
    assert (location.dsn, location.dsn_origin) == (OTHER, Origin.OPTION)
    assert (location.work_dir, location.work_dir_origin) == (Path("/from/option"), Origin.OPTION)


def test_empty_values_name_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHCAM_DSN", "")
    monkeypatch.setenv("DASHCAM_WORK_DIR", "")
    assert resolve_location("").dsn_origin is Origin.DEFAULT


def test_reading_command_finds_what_the_last_run_used(last_run: Path) -> None:
    location = resolve_location()
    assert (location.work_dir, location.dsn) == (last_run, DSN)
    assert location.work_dir_origin is location.dsn_origin is Origin.LAST_RUN


def test_run_does_not_follow_an_earlier_run(last_run: Path) -> None:
    location = resolve_location(use_last_run=False)
    assert (location.work_dir, location.dsn) == (default_work_dir(), None)


def test_named_work_dir_means_its_own_database(last_run: Path) -> None:
    assert resolve_location(None, Path("/mine")).dsn is None


def test_named_server_of_the_last_run_brings_its_work_dir(last_run: Path) -> None:
    assert resolve_location(DSN.replace("me@", "me:s3cret@")).work_dir == last_run
    assert resolve_location(OTHER).work_dir == default_work_dir()


def test_work_dir_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_location(None, Path("work")).work_dir == tmp_path / "work"
    assert resolve_location(None, Path("~/work")).work_dir == Path.home() / "work"


def test_work_dir_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is not a folder"):
        resolve_location(None, tmp_path / "file")


def test_unreadable_connection_string_is_bad_input_without_its_text() -> None:
    with pytest.raises(BadInput) as caught:
        resolve_location("mysql://me:s3cret@host/x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["postgresql://me:s3cret@h/x", "host=h user=me password=s3cret"])
def test_passwords_are_not_stored(dsn: str) -> None:
    remember(Path("/work"), dsn)
    stored = Path(os.environ["DASHCAM_STATE_DIR"], "last_used.json").read_text()
    assert "s3cret" not in stored
    location = resolve_location()
    assert location.password_dropped
    assert parse_dsn(location.dsn or "") == {
        key: value for key, value in parse_dsn(dsn).items() if key != "password"
    }


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"work_dir": 1}', "\x00"])
def test_damaged_record_of_the_last_run_is_as_none(content: str) -> None:
    folder = Path(os.environ["DASHCAM_STATE_DIR"])
    folder.mkdir()
    (folder / "last_used.json").write_text(content)
    assert recall() is None


def test_state_folder_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHCAM_STATE_DIR", "/proc/nothing")
    remember(Path("/work"), None)
    assert recall() is None


def test_remembered_is_recalled_and_leaves_no_other_file() -> None:
    remember(Path("/first"), None)
    remember(Path("/second"), None)
    assert recall() == LastUsed("/second", None)
    assert [path.name for path in Path(os.environ["DASHCAM_STATE_DIR"]).iterdir()] == ["last_used.json"]


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me@h:5433/x?sslmode=require",
        "postgres://me:p%40ss%2F@h/x",
        "host='/run/with space,odd' user=me dbname=x",
        "host=a,b port=1,2 dbname='a b'",
        "postgresql://[::1]:5432/x",
        r"user='o\'brien' password='a b\'c@/:%' host=h",
        "service=traffic",
        "dbname=x options='-c search_path=a,b'",
    ],
)
def test_uri_means_the_same_connection(dsn: str) -> None:
    parameters = parse_dsn(dsn)
    assert psycopg.conninfo.conninfo_to_dict(to_uri(parameters)) == parameters


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://me:s3cret@h/x", "postgresql://h/x?password=s3cret", "host=h password='s3cret' user=me"],
)
def test_shown_and_stored_forms_hide_the_password(dsn: str) -> None:
    assert "s3cret" not in redacted(dsn)
    assert "***" in redacted(dsn)
    assert "s3cret" not in without_secrets(dsn)
