"""The tables: set up once whoever starts, refused when they can't be used, documented as they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from yoyo import read_migrations
from yoyo.migrations import MigrationList

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres import migrating
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.migrating import LOCK_ID
from dashcam_pipeline.storage.postgres.schema import TABLES, migrate, schema_state
from dashcam_pipeline.storage.postgres.schema_doc import ORDER, describe
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from storage_rows import SIGHTING

DOCUMENT = Path(__file__).parents[1] / "docs" / "db_schema.md"


def execute(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture
def visitor(empty_dsn: str) -> Iterator[str]:
    """The test's database as a user who owns nothing in it."""
    name = psycopg.conninfo.conninfo_to_dict(empty_dsn)["dbname"]
    execute(empty_dsn, f"CREATE ROLE visitor_{name} LOGIN")
    yield make_conninfo(empty_dsn, user=f"visitor_{name}")
    execute(empty_dsn, f"DROP OWNED BY visitor_{name}", f"DROP ROLE visitor_{name}")


def user_of(dsn: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(dsn)["user"])


def test_document_matches_the_tables(dsn: str) -> None:
    with connect(dsn) as connection:
        assert DOCUMENT.read_text(encoding="utf-8") == describe(connection), (
            "run: python -m dashcam_pipeline.storage.postgres.schema_doc > docs/db_schema.md"
        )


def test_document_has_every_table() -> None:
    assert set(ORDER) == {*TABLES, "sightings"}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_and_column_has_a_comment(dsn: str, table: str) -> None:
    with connect(dsn) as connection:
        rows = connection.execute(query("schema", "columns"), {"table": table}).fetchall()
        comment = connection.execute(query("schema", "table_comment"), {"table": table}).fetchone()
    assert rows
    assert [row[0] for row in rows if not row[3]] == []
    assert comment is not None
    assert comment[0]


def test_setting_up_again_changes_nothing(dsn: str) -> None:
    execute(dsn, "INSERT INTO runs VALUES ('kept', 'done', now(), now(), NULL, '', NULL, NULL, '', '')")
    migrate(dsn)
    with connect(dsn) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [("kept",)]
        assert schema_state(connection).missing == ()


def test_sightings_of_the_first_tables_stay_as_they_are(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database of the version that knew no parts and no looks; its rows take writes of today's program."""
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "read_migrations", lambda source: _up_to(source, "0003"))
        migrating.apply_missing(empty_dsn)
    execute(
        empty_dsn,
        "INSERT INTO runs VALUES ('old', 'done', now(), now(), NULL, '', '/work', NULL, '', '')",
        f"""INSERT INTO vehicles (
            id, video_id, track_id, run_id, vehicle_class, first_frame, last_frame, first_s, last_s, frame_idx,
            video_ts_frame, no_plate_reason, best_guess, reads, agreeing_reads, char_votes
        ) VALUES
            ('{sighting_id("aa", 1)}', 'aa', 1, 'old', 'car', 1, 2, 0.1, 0.2, 1, 0.1, 'too_few_reads', 'A', 1, 1, '[]'),
            ('{sighting_id("abcdef", 1)}', 'abcdef', 1, 'old', 'car', 1, 2, 0.1, 0.2, 1, 0.1, 'error', NULL, 0, 0, '[]')
        """,
    )
    migrate(empty_dsn)
    with ResultWriter(empty_dsn) as writer:
        writer.write([SIGHTING])
    with connect(empty_dsn) as connection:
        found = connection.execute(
            "SELECT video_id, track_id, part, best_guess, final_plate, looks, plate_format, first_bbox "
            "FROM vehicles ORDER BY video_id, part"
        ).fetchall()
    assert found == [
        ("aa", 1, 0, "A", None, [], None, None),
        ("abcdef", 1, 0, None, "LS15EBC", [], None, None),
    ]


def _up_to(source: str, last: str) -> MigrationList:
    return read_migrations(source).filter(lambda migration: migration.id[:4] <= last)


def test_starts_at_the_same_time_set_up_once(empty_dsn: str) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            migrate(empty_dsn)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_setup_that_was_cut_off_leaves_nothing_half_done(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("the host went down")

    with monkeypatch.context() as patch, pytest.raises(DatabaseUnavailable, match="the host went down"):
        patch.setattr(migrating.LockingBackend, "mark_one", die)
        migrate(empty_dsn)
    with connect(empty_dsn) as connection:
        assert connection.execute("SELECT to_regclass('vehicles')").fetchone() == (None,)
    migrate(empty_dsn)


def test_setup_elsewhere_that_never_ends_is_said(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating.LockingBackend.lock.__wrapped__, "__defaults__", (1,))
    with psycopg.connect(empty_dsn) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK_ID,))
        with pytest.raises(DatabaseUnavailable, match="another process has been setting up"):
            migrate(empty_dsn)


def test_tables_of_a_newer_program_are_refused(empty_dsn: str) -> None:
    migrate(empty_dsn)
    execute(empty_dsn, "INSERT INTO dashcam_migration VALUES ('hash', '9999.later', now())")
    with pytest.raises(DatabaseUnavailable, match=r"newer version of this program \(they have 9999.later\)"):
        migrate(empty_dsn)


def test_tables_of_the_same_names_from_elsewhere_are_left_alone(empty_dsn: str) -> None:
    execute(empty_dsn, "CREATE TABLE vehicles (wheels integer)")
    with pytest.raises(DatabaseUnavailable, match="a database of its own"):
        migrate(empty_dsn)


def test_user_who_may_not_create_tables_is_told_whose_help_is_needed(visitor: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"may not create tables.*GRANT CREATE ON SCHEMA") as caught:
        migrate(visitor)
    assert "\n" not in str(caught.value)


def test_user_who_may_not_write_is_told_before_the_run(empty_dsn: str, visitor: str) -> None:
    migrate(empty_dsn)
    execute(empty_dsn, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user_of(visitor)}")
    with pytest.raises(DatabaseUnavailable, match=r"may not INSERT in the table runs.*GRANT SELECT, INSERT"):
        migrate(visitor)


def test_user_with_rights_to_the_results_alone_can_write(empty_dsn: str, visitor: str) -> None:
    migrate(empty_dsn)
    tables = ", ".join(TABLES)
    execute(empty_dsn, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {user_of(visitor)}")
    migrate(visitor)


def test_read_only_database_is_said(empty_dsn: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="is read-only"):
        migrate(make_conninfo(empty_dsn, options="-c default_transaction_read_only=on"))


def test_other_users_of_the_migration_library_are_no_trouble(empty_dsn: str) -> None:
    execute(
        empty_dsn,
        "CREATE TABLE _yoyo_version (version int)",
        "CREATE TABLE _yoyo_log (id int)",
        "CREATE TABLE _yoyo_migration (migration_hash text, migration_id text, applied_at_utc timestamp)",
        "INSERT INTO _yoyo_migration VALUES ('hash', 'theirs', now())",
    )
    migrate(empty_dsn)


def test_schema_named_by_the_connection_string_is_used(empty_dsn: str) -> None:
    execute(empty_dsn, "CREATE SCHEMA traffic")
    dsn = make_conninfo(empty_dsn, options="-c search_path=traffic")
    migrate(dsn)
    migrate(dsn)
    with connect(empty_dsn) as connection:
        name = sql.Literal("traffic.vehicles")
        found = connection.execute(sql.SQL("SELECT to_regclass({}) IS NOT NULL").format(name)).fetchone()
    assert found == (True,)
