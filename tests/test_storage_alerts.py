"""Alerts in a real database: once a sighting, however often and however interrupted its row is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashcam_pipeline.batch.joining import join_trips, let_go
from dashcam_pipeline.config import AlertSettings, Settings
from dashcam_pipeline.storage.postgres.connection import Connection, connect
from dashcam_pipeline.storage.retention.plate_hash import hashed, plate_key
from dashcam_pipeline.storage.rows import SightingRow, VideoStatus
from dashcam_pipeline.storage.watching import watchlist
from dashcam_pipeline.storage.watching.alerts import (
    Alert,
    AlertState,
    Watching,
    alerts_of_run,
    claim,
    note_delivered,
    note_failure,
    outlook,
    raise_for_joined,
    raise_for_past,
    send_again,
)
from dashcam_pipeline.storage.watching.watchlist import NEAR, Wanted
from dashcam_pipeline.storage.writing.delivery import Delivery
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from storage_rows import RUN, UNREAD, sighting, video
from test_batch_joining import A, B, Table, seen


def watch(dsn: str, plate: str, note: str | None = None, near: bool = False) -> None:
    with connect(dsn) as connection:
        watchlist.add(connection, [Wanted(spelling=plate, note=note, near=NEAR if near else 0.0)])


def write(dsn: str, *rows: SightingRow, **options: Any) -> list[Alert]:
    with ResultWriter(dsn, **options) as writer:
        return writer.write(rows)


def stored(dsn: str) -> list[Alert]:
    with connect(dsn) as connection:
        return alerts_of_run(connection)


def run_sql(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("watched", "near", "plate", "distance"),
    [
        ("LS15EBC", False, "LS15EBC", 0.0),
        ("ls15 ebc", False, "LS15EBC", 0.0),
        ("LS15-EBC", False, "LS15 EBC", 0.0),
        ("LS15EBC", False, "LS15E8C", None),
        ("LS15EBC", True, "LS15E8C", 0.5),
        ("LS15EBC", True, "L515E8C", 1.0),
        ("LS15EBC", True, "LS15EB", 1.0),
        ("LS15EBC", True, "LS15EXC", 1.0),
        ("LS15EBC", True, "LS15XXC", None),
        ("LS15EBC", True, "XX99YYY", None),
    ],
)
def test_plate_of_the_list_raises_an_alert(
    dsn: str, watched: str, near: bool, plate: str, distance: float | None
) -> None:
    watch(dsn, watched, "a note", near)
    raised = write(dsn, sighting(1, final_plate=plate), sighting(2, final_plate="AB12CDE"))
    assert [(alert.plate, alert.spelling, alert.note, alert.distance) for alert in raised] == (
        [] if distance is None else [(plate, watched, "a note", distance)]
    )
    assert raised == stored(dsn)


def test_without_a_list_nothing_is_raised(dsn: str) -> None:
    assert write(dsn, sighting(1)) == []
    assert stored(dsn) == []


def test_guess_raises_nothing(dsn: str) -> None:
    watch(dsn, "LS15E8C", near=True)
    assert write(dsn, UNREAD) == []


def test_nearest_of_several_entries_is_the_one(dsn: str) -> None:
    watch(dsn, "LS15E8C", "the other", near=True)
    watch(dsn, "LS15EBC", "this one", near=True)
    (alert,) = write(dsn, sighting(1))
    assert (alert.watched, alert.note, alert.distance) == ("LS15EBC", "this one", 0.0)


def test_row_written_again_raises_nothing_new(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    (first,) = write(dsn, sighting(1))
    (again,) = write(dsn, sighting(1), sighting(1))
    (next_run,) = write(dsn, sighting(1, run_id="run-2"))
    assert first.id == again.id == next_run.id
    assert (again.told_before, next_run.told_before, next_run.run_id) == (False, True, "run-1")
    with connect(dsn) as connection:
        assert len(alerts_of_run(connection, "run-1")) == len(alerts_of_run(connection, "run-2")) == 1
        assert alerts_of_run(connection, "run-3") == []


def test_alert_of_a_vehicle_that_a_stop_cut_short_spans_all_of_it_when_the_run_goes_on(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    (cut,) = write(dsn, sighting(1, first_s=1.0, last_s=1.2, plate_confidence=0.9))
    (whole,) = write(dsn, sighting(1, first_s=1.0, last_s=4.0, plate_confidence=0.97))
    assert (whole.id, whole.raised_at, whole.confidence) == (cut.id, cut.raised_at, 0.97)
    # Read with other settings it is found later and has another number: nothing is told twice.
    other = sighting(2, run_id="run-2", first_s=2.0, last_s=4.0)
    with ResultWriter(dsn) as writer:
        writer.write([other])
        writer.write(videos=[video(VideoStatus.DONE, run_id="run-2")])
    (alert,) = stored(dsn)
    assert (alert.run_id, alert.raised_at) == ("run-1", cut.raised_at)


def test_answer_lost_after_the_commit_raises_and_tells_once(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(dsn, "LS15EBC")
    path, real, lost, told = tmp_path / "outbox.sqlite3", ResultWriter._try, [], []

    def commit_and_lose(self: ResultWriter, work: Callable[[Connection], None]) -> None:
        real(self, work)
        if len(lost) < 2:
            lost.append(stored(dsn))
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ResultWriter, "_try", commit_and_lose)
    with Outbox(path) as outbox:
        outbox.add([sighting(1), sighting(2, final_plate="AB12CDE")])
    delivery = Delivery(path, dsn, on_alerts=told.extend, sleep=lambda pause_s: None)
    assert delivery.deliver_all(60.0) == 0
    assert [len(alerts) for alerts in lost] == [1, 1]
    assert told == stored(dsn)
    assert len(told) == 1


def test_plate_added_while_rows_wait_for_a_database_raises_when_they_come_in(
    tmp_path: Path, dsn: str
) -> None:
    path = tmp_path / "outbox.sqlite3"
    with Outbox(path) as outbox:
        outbox.add([sighting(1)])
    watch(dsn, "LS15EBC")
    assert Delivery(path, dsn).deliver_all(60.0) == 0
    assert len(stored(dsn)) == 1


def test_video_read_with_other_settings_keeps_the_alert_of_a_vehicle_that_has_another_number(
    dsn: str,
) -> None:
    watch(dsn, "LS15EBC")
    (first,) = write(dsn, sighting(1))
    with connect(dsn) as connection:
        claimed = claim(connection, "run-1", 60.0)
        assert claimed
        note_delivered(connection, claimed.id)
    other = sighting(1, run_id="run-2", first_s=10.0, last_s=12.0, final_plate="AB12CDE")
    same = sighting(2, run_id="run-2", first_s=0.5, last_s=2.3)
    with ResultWriter(dsn) as writer:
        writer.write([other, same])
        writer.write(videos=[video(VideoStatus.DONE, run_id="run-2")])
    (alert,) = stored(dsn)
    assert alert.uuid == str(sighting_id("abcdef", 2))
    assert (alert.state, alert.run_id, alert.raised_at) == (AlertState.DELIVERED, "run-1", first.raised_at)


def test_row_that_is_another_sighting_of_the_same_plate_now_raises_anew(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    (first,) = write(dsn, sighting(1))
    (second,) = write(
        dsn, sighting(1, run_id="run-2", first_s=10.0, last_s=12.0, first_frame=250, last_frame=300)
    )
    assert (second.first_s, second.run_id, second.raised_at > first.raised_at) == (10.0, "run-2", True)


def test_alert_goes_with_its_sighting_and_stays_when_its_plate_leaves_the_list(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    write(dsn, sighting(1))
    with connect(dsn) as connection:
        assert watchlist.remove(connection, "ls15-ebc")
        assert not watchlist.remove(connection, "ls15-ebc")
    assert len(stored(dsn)) == 1
    run_sql(dsn, "DELETE FROM vehicles")
    assert stored(dsn) == []


def test_what_was_seen_before_is_found_and_raises_only_when_asked_for(dsn: str) -> None:
    write(dsn, sighting(1), sighting(2, final_plate="LS15E8C"), sighting(3, final_plate="AB12CDE"))
    with connect(dsn) as connection:
        (exact,) = watchlist.add(connection, [Wanted(spelling="ls15 ebc")])
        first, second = (str(sighting_id("abcdef", number)) for number in (1, 2))
        assert watchlist.sightings_of(connection, [exact], None) == {"LS15EBC": {first}}
        both = watchlist.add(connection, [Wanted(spelling="ls15 ebc", near=NEAR), Wanted(spelling="XX99YYY")])
        found = watchlist.sightings_of(connection, both, None)
        assert found == {"LS15EBC": {first, second}}
        assert [entry.new for entry in both] == [False, True]
        ids = found["LS15EBC"]
        assert alerts_of_run(connection) == []
        assert raise_for_past(connection, ["LS15EBC"], ids, Watching(state=AlertState.KEPT)) == 2
        assert raise_for_past(connection, ["LS15EBC"], ids, Watching(state=AlertState.KEPT)) == 0
        assert {(alert.plate, alert.state) for alert in alerts_of_run(connection)} == {
            ("LS15EBC", AlertState.KEPT),
            ("LS15E8C", AlertState.KEPT),
        }


# --- read with other settings ----------------------------------------------------------------------------


def at(track_id: int, run: str, first_s: float, last_s: float, plate: str = "LS15EBC") -> SightingRow:
    return sighting(
        track_id, run_id=run, first_s=first_s, last_s=last_s, first_frame=round(first_s * 25),
        last_frame=round(last_s * 25), final_plate=plate,
    )  # fmt: skip


def read(dsn: str, run: str, *rows: SightingRow, at_once: bool = False) -> None:
    """Write all rows of a video, and that it is done."""
    done = [video(VideoStatus.DONE, run_id=run)]
    with ResultWriter(dsn) as writer:
        for row in () if at_once else rows:
            writer.write([row])
        writer.write(rows if at_once else (), done)


def deliver(dsn: str, *alert_ids: str) -> None:
    with connect(dsn) as connection:
        for alert_id in alert_ids:
            note_delivered(connection, alert_id)


def where(dsn: str) -> list[tuple[str, str, float, AlertState]]:
    """Of every alert its id, row, second and state, by the second."""
    found = [(alert.id, alert.uuid, alert.first_s, alert.state) for alert in stored(dsn)]
    return sorted(found, key=lambda alert: alert[2])


def due(dsn: str) -> list[str]:
    """The ids that are posted now."""
    with connect(dsn) as connection:
        found = []
        while (alert := claim(connection, "run-9", 60.0)) is not None:
            found.append(alert.id)
        connection.rollback()
    return found


def row_of(track_id: int) -> str:
    return str(sighting_id("abcdef", track_id))


@pytest.fixture
def two_passings(dsn: str) -> tuple[str, str]:
    """The alerts of one watched plate that was seen twice, as tracks 1 and 2 of the first run."""
    watch(dsn, "LS15EBC")
    read(dsn, "run-1", at(1, "run-1", 1.0, 2.0), at(2, "run-1", 10.0, 12.0))
    first, second = where(dsn)
    return first[0], second[0]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("numbers", [(2, 3), (5, 6), (2, 1), (1, 3), (3, 2)])
def test_alert_moves_with_its_vehicle_to_another_number(
    dsn: str, two_passings: tuple[str, str], numbers: tuple[int, int], told: bool, at_once: bool
) -> None:
    first, second = two_passings
    deliver(dsn, *two_passings * told)
    read(
        dsn, "run-2", at(numbers[0], "run-2", 1.1, 2.1), at(numbers[1], "run-2", 10.2, 12.0), at_once=at_once
    )
    state = AlertState.DELIVERED if told else AlertState.PENDING
    assert where(dsn) == [(first, row_of(numbers[0]), 1.1, state), (second, row_of(numbers[1]), 10.2, state)]
    assert sorted(due(dsn)) == ([] if told else sorted(two_passings))


def test_alert_whose_row_was_taken_waits_through_a_kill_for_its_own(
    dsn: str, two_passings: tuple[str, str]
) -> None:
    first, second = two_passings
    deliver(dsn, first)
    write(dsn, at(2, "run-2", 1.0, 2.0))  # and the run was killed
    assert where(dsn) == [(first, row_of(2), 1.0, AlertState.DELIVERED)]
    assert due(dsn) == []  # the second stands at a row that is not its own
    with connect(dsn) as connection:
        assert outlook(connection).pending == 0
        assert send_again(connection, None, kept=True) == []
    # The one that goes on with it, and one with the former settings.
    read(dsn, "run-2", at(2, "run-2", 1.0, 2.0), at(3, "run-2", 10.0, 12.0))
    assert [alert[:2] for alert in where(dsn)] == [(first, row_of(2)), (second, row_of(3))]
    read(dsn, "run-3", at(1, "run-3", 1.0, 2.0), at(2, "run-3", 10.0, 12.0))
    assert [alert[:2] for alert in where(dsn)] == [(first, row_of(1)), (second, row_of(2))]
    assert due(dsn) == [second]


def test_alert_that_is_being_posted_while_its_vehicle_gets_another_number_is_delivered(
    dsn: str, two_passings: tuple[str, str]
) -> None:
    _, second = two_passings
    write(dsn, at(2, "run-2", 1.0, 2.0))
    deliver(dsn, second)  # it was claimed before
    read(dsn, "run-2", at(3, "run-2", 10.0, 12.0))
    assert [(alert[0], alert[3]) for alert in where(dsn)][1:] == [(second, AlertState.DELIVERED)]


@pytest.mark.parametrize("plate", ["LS15EBC", "AB12CDE"])
def test_alert_whose_vehicle_is_not_found_again_goes_when_its_video_is_over(
    dsn: str, two_passings: tuple[str, str], plate: str
) -> None:
    read(dsn, "run-2", at(1, "run-2", 1.0, 2.0), at(2, "run-2", 20.0, 21.0, plate))
    with connect(dsn) as connection:
        left = connection.execute("SELECT id::text FROM alerts WHERE first_s < 20").fetchall()
    assert left == [(two_passings[0],)]


def test_vehicle_that_is_two_in_another_reading_is_not_told_again(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    read(dsn, "run-1", at(1, "run-1", 1.0, 10.0))
    (alert,) = stored(dsn)
    deliver(dsn, alert.id)
    read(dsn, "run-2", at(1, "run-2", 1.0, 4.0), at(2, "run-2", 5.0, 10.0))
    assert [(found[0], found[3]) for found in where(dsn)] == [(alert.id, AlertState.DELIVERED)]


def test_vehicles_that_change_numbers_at_the_same_time_keep_their_alerts(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    read(dsn, "run-1", at(1, "run-1", 1.0, 4.0), at(2, "run-1", 1.0, 4.0, "AB12CDE"))
    (alert,) = stored(dsn)
    read(dsn, "run-2", at(1, "run-2", 1.0, 4.0, "AB12CDE"), at(2, "run-2", 1.0, 4.0))
    assert [found[:2] for found in where(dsn)] == [(alert.id, row_of(2))]


def test_alert_is_removed_with_the_row_it_moved_to(dsn: str, two_passings: tuple[str, str]) -> None:
    read(dsn, "run-2", at(2, "run-2", 1.0, 2.0), at(3, "run-2", 10.0, 12.0))
    run_sql(dsn, f"DELETE FROM vehicles WHERE id = '{row_of(3)}'")
    assert [alert[0] for alert in where(dsn)] == [two_passings[0]]


# --- hashed plates ---------------------------------------------------------------------------------------


def test_hashed_plate_is_found_by_its_hash_and_only_with_the_right_key(dsn: str, tmp_path: Path) -> None:
    key = plate_key(tmp_path, create=True)
    assert key is not None
    watch(dsn, "ls15 ebc", "mine", near=True)
    row, near = (
        sighting(1, final_plate=hashed("LS15EBC", key)),
        sighting(2, final_plate=hashed("LS15E8C", key)),
    )
    assert write(dsn, row, near) == []
    other = tmp_path / "other"
    plate_key(other, create=True)
    assert write(dsn, row, near, watching=Watching(other)) == []
    (alert,) = write(dsn, row, near, watching=Watching(tmp_path))
    assert (alert.plate, alert.spelling, alert.distance) == (row.final_plate, "ls15 ebc", 0.0)
    assert alert.line.startswith(f"{str(row.final_plate)[:8]}… is ls15 ebc ")


# --- joined vehicles -------------------------------------------------------------------------------------


@pytest.fixture
def table(dsn: str, tmp_path: Path) -> Table:
    return Table(dsn, tmp_path)


def test_parts_of_one_vehicle_leave_one_alert_the_earliest_or_what_was_delivered(table: Table) -> None:
    dsn = table.database.url
    watch(dsn, "AB12CDE")
    rows = [seen(A, 1, 1.0, 2.0, "AB12CDE"), seen(A, 2, 4.0, 6.0, "AB12CDE")]
    table.write(rows[0], videos=())
    table.write(rows[1], videos=(A,))
    assert len(stored(dsn)) == 2
    table.join(A)
    (alert,) = stored(dsn)
    assert (alert.first_s, alert.last_s, alert.uuid) == (1.0, 6.0, str(sighting_id(A, 1)))
    with connect(dsn) as connection:
        claimed = claim(connection, "run-1", 60.0)
        assert claimed is not None
        assert claimed.id == alert.id
        assert claim(connection, "run-1", 60.0) is None  # the other is not posted
        note_delivered(connection, alert.id)
    # Read once more: parted, joined, and nothing is told again.
    let_go(table.database, [A])
    table.write(*rows, videos=(A,), run="run-2")
    table.join(A)
    assert [(again.id, again.state) for again in stored(dsn)] == [(alert.id, AlertState.DELIVERED)]


def test_delivered_alert_of_a_later_part_stands_for_the_vehicle(table: Table) -> None:
    dsn = table.database.url
    watch(dsn, "AB12CDE")
    table.write(seen(A, 1, 1.0, 2.0, "AB12CDE"), seen(A, 2, 4.0, 6.0, "AB12CDE"), videos=(A,))
    later = next(alert for alert in stored(dsn) if alert.first_s == 4.0)
    with connect(dsn) as connection:
        note_delivered(connection, later.id)
    table.join(A)
    assert [alert.id for alert in stored(dsn)] == [later.id]


@pytest.mark.parametrize("delivered_first", [True, False])
def test_part_of_a_vehicle_that_was_told_of_is_not_told_when_the_told_one_is_gone(
    table: Table, delivered_first: bool
) -> None:
    dsn = table.database.url
    watch(dsn, "AB12CDE")
    table.write(seen(A, 1, 1.0, 2.0, "AB12CDE"), seen(A, 2, 4.0, 6.0, "AB12CDE"), videos=(A,))
    first = next(alert for alert in stored(dsn) if alert.first_s == 1.0)
    if delivered_first:
        deliver(dsn, first.id)
    table.join(A)
    if not delivered_first:
        deliver(dsn, first.id)
    let_go(table.database, [A])
    table.write(seen(A, 2, 4.0, 6.0, "AB12CDE"), videos=(A,), run="run-2")
    table.join(A)
    assert [(alert.first_s, alert.state) for alert in stored(dsn)] == [(4.0, AlertState.DELIVERED)]
    assert due(dsn) == []


def test_vehicle_in_two_files_of_a_trip_has_one_alert(table: Table) -> None:
    dsn = table.database.url
    watch(dsn, "AB12CDE")
    table.write(seen(A, 1, 8.0, 9.9, "AB12CDE"), seen(B, 1, 0.1, 2.0, "AB12CDE"), videos=(A, B))
    table.join(A, B)
    (alert,) = stored(dsn)
    assert (alert.video, alert.last_video) == ("20240131_142200F.mp4", "20240131_142210F.mp4")


def test_plate_that_only_the_whole_vehicle_claims_raises_its_alert(table: Table) -> None:
    dsn = table.database.url
    watch(dsn, "AB12CDE")
    table.write(seen(A, 1, 1.0, 2.0, None), seen(A, 2, 2.2, 3.0, None), videos=(A,))
    first, second = (str(sighting_id(A, number)) for number in (1, 2))
    table.join(A)
    assert stored(dsn) == []
    # As if the vote over both had come to a claim.
    with connect(dsn) as connection:
        connection.execute("DELETE FROM joined")
        connection.execute("UPDATE vehicles SET part_of = %s WHERE id = %s", (first, second))
        connection.execute(
            "INSERT INTO joined (id, parts, until_id, shown_id, span_s, final_plate, plate_confidence, reads, "
            "agreeing_reads, char_votes) VALUES (%s, 2, %s, %s, 2, 'AB12CDE', 0.9, 4, 4, '[]')",
            (first, second, first),
        )
        raise_for_joined(connection, [A], Watching())
        raise_for_joined(connection, [A], Watching())
        (alert,) = alerts_of_run(connection)
    assert (alert.plate, alert.uuid, alert.first_s, alert.last_s) == ("AB12CDE", first, 1.0, 3.0)


def test_joining_raises_nothing_of_what_was_seen_before_its_plate_was_watched(table: Table) -> None:
    dsn = table.database.url
    table.write(seen(A, 1, 1.0, 2.0, "AB12CDE"), videos=(A,))
    table.join(A)
    watch(dsn, "AB12CDE")
    table.write(seen(B, 1, 8.0, 9.0, "XY98ZZZ"), videos=(B,))
    table.join(A, B)
    assert stored(dsn) == []


def test_joining_leaves_alerts_to_the_webhook_only_where_there_is_one(table: Table) -> None:
    dsn = table.database.url
    watch(dsn, "AB12CDE")
    settings = Settings(alerts=AlertSettings(webhook="http://127.0.0.1:9/"))
    for number, (chosen, state) in enumerate(((Settings(), AlertState.KEPT), (settings, AlertState.PENDING))):
        run_sql(dsn, "TRUNCATE vehicles CASCADE")
        table.write(seen(A, 1 + number, 1.0, 2.0, "AB12CDE"), videos=(A,))
        run_sql(dsn, "DELETE FROM alerts")
        join_trips(table.database, table.work_dir, chosen, [A], lambda line: None)
        assert [alert.state for alert in stored(dsn)] == [state]


# --- on the way to the webhook ---------------------------------------------------------------------------


def test_alert_is_claimed_by_one_and_free_again_when_who_had_it_is_gone(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    write(dsn, sighting(1))
    with connect(dsn) as one, connect(dsn) as other:
        first = claim(one, "run-1", 60.0)
        assert first is not None
        assert first.attempts == 1
        assert claim(other, "run-1", 60.0) is None
        run_sql(dsn, "UPDATE alerts SET claimed_until = now() - interval '1 second'")  # who had it was killed
        again = claim(other, "run-1", 60.0)
        assert again is not None
        assert (again.id, again.attempts) == (first.id, 2)


def test_two_at_once_never_get_the_same_alert(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    write(dsn, *(sighting(number) for number in range(10)))
    with connect(dsn) as one, connect(dsn) as other:
        with one.transaction():  # not committed when the other looks
            first = claim(one, "run-1", 60.0)
            second = claim(other, "run-1", 60.0)
        found = [first, second, *(claim(connection, "run-1", 60.0) for connection in [one, other] * 4)]
    ids = [alert.id for alert in found if alert is not None]
    assert len(ids) == len(set(ids)) == 10


def test_failure_waits_and_what_is_given_up_is_sent_again_only_on_request(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    write(dsn, sighting(1))
    with connect(dsn) as connection:
        alert = claim(connection, "run-1", 60.0)
        assert alert is not None
        note_failure(connection, alert.id, "HTTP 500", 3600.0)
        assert claim(connection, "run-1", 60.0) is None
        now = outlook(connection)
        assert now.pending == 1
        assert now.due_in_s is not None
        assert 3500 < now.due_in_s <= 3600
        note_failure(connection, alert.id, "HTTP 404", None)
        assert (outlook(connection).pending, outlook(connection).due_in_s) == (0, None)
        assert send_again(connection, "run-2", kept=False) == []
        assert send_again(connection, "run-1", kept=False) == [alert.id]
        again = claim(connection, "run-1", 60.0)
        assert again is not None
        assert (again.attempts, again.last_error) == (1, "HTTP 404")


def test_alerts_of_runs_without_a_webhook_are_posted_only_on_request(dsn: str) -> None:
    watch(dsn, "LS15EBC")
    (alert,) = write(dsn, sighting(1), watching=Watching(state=AlertState.KEPT))
    with connect(dsn) as connection:
        assert claim(connection, "run-1", 60.0) is None
        assert send_again(connection, None, kept=False) == []
        assert send_again(connection, None, kept=True) == [alert.id]


def test_payload_tells_all_that_is_known(dsn: str, tmp_path: Path) -> None:
    watch(dsn, "ls15-ebc", "stolen")
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, work_dir=str(tmp_path)))
        writer.write([], [video(VideoStatus.RUNNING)])
        row = sighting(3, latitude=51.5, longitude=-0.12, utc_offset_min=60, time_source="name")
        (alert,) = writer.write([row])
    payload = alert.payload()
    assert payload == {
        "version": 1,
        "id": alert.id,
        "raised_at": payload["raised_at"],
        "run_id": "run-1",
        "plate": "LS15EBC",
        "watched": "ls15-ebc",
        "note": "stolen",
        "distance": 0.0,
        "confidence": 0.91,
        "vehicle_class": "car",
        "sighting": "abcdef-3",
        "uuid": str(sighting_id("abcdef", 3)),
        "video": "drive.mp4",
        "video_path": "/videos/drive.mp4",
        "first_s": 0.4,
        "last_video": "drive.mp4",
        "last_s": 2.4,
        "ts": "2026-01-02T04:04:06+01:00",
        "time_source": "name",
        "latitude": 51.5,
        "longitude": -0.12,
        "pictures": {
            "vehicle": f"{tmp_path}/evidence/ab/abcdef/1_vehicle.jpg",
            "plate": f"{tmp_path}/evidence/ab/abcdef/1_plate.jpg",
            "frame": None,
            "strip": None,
        },
    }
