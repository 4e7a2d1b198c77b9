"""Writing results: upserts, replacement by a later run, lost connections."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import TypeAdapter

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.rows import REFUSED, RunStatus, SightingRow, VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from dashcam_pipeline.vision.types import NoPlateReason
from storage_rows import DEAD_LETTER, RUN, SIGHTING, UNREAD, VIDEO, WELL_KNOWN, sighting, video


@pytest.fixture
def writer(dsn: str) -> Iterator[ResultWriter]:
    with ResultWriter(dsn) as writer:
        yield writer


def rows(dsn: str, table: str) -> list[dict[str, object]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # type: ignore[arg-type]


def tracks(dsn: str, video_id: str = "abcdef") -> dict[object, object]:
    found = [row for row in rows(dsn, "vehicles") if row["video_id"] == video_id]
    return {row["track_id"]: row["run_id"] for row in sorted(found, key=lambda row: str(row["track_id"]))}


@pytest.mark.parametrize("given", [SIGHTING, UNREAD, WELL_KNOWN], ids=["plain", "no plate", "all known"])
def test_sighting_comes_back_as_it_was_written(dsn: str, writer: ResultWriter, given: SightingRow) -> None:
    writer.write([given], [VIDEO])
    (row,) = rows(dsn, "vehicles")
    assert row["id"] == sighting_id("abcdef", 1, given.part)
    assert (row["video_path"], row["video_filename"]) == ("/videos/drive.mp4", "drive.mp4")
    own = {field.name for field in fields(SightingRow)}
    assert set(row) - own == {"id", "video_path", "video_filename", "part_of", "created_at", "updated_at"}
    assert TypeAdapter(SightingRow).validate_python({name: row[name] for name in own}) == given


def test_id_of_a_sighting_never_changes() -> None:
    # Other tables may point to these ids: a new value here breaks them.
    namespace = uuid.UUID("4f0c6d0a-5d0e-5b1c-9d3e-6c8f3a1f2b70")
    assert sighting_id("abcdef", 1) == uuid.uuid5(namespace, "abcdef/1")
    assert sighting_id("abcdef", 1, 2) == uuid.uuid5(namespace, "abcdef/1/2")


def test_parts_of_a_track_are_rows_of_their_own(dsn: str, writer: ResultWriter) -> None:
    writer.write([SIGHTING, replace(SIGHTING, part=1, final_plate="B2")], [VIDEO])
    writer.write([replace(SIGHTING, part=1, final_plate="B3")])
    found = sorted((row["track_id"], row["part"], row["final_plate"]) for row in rows(dsn, "vehicles"))
    assert found == [(1, 0, "LS15EBC"), (1, 1, "B3")]


def test_part_that_a_later_run_no_longer_finds_is_removed(dsn: str, writer: ResultWriter) -> None:
    writer.write([SIGHTING, replace(SIGHTING, part=1)], [video(VideoStatus.DONE)])
    writer.write([replace(SIGHTING, run_id="run-2")], [video(VideoStatus.DONE, run_id="run-2")])
    assert [(row["part"], row["run_id"]) for row in rows(dsn, "vehicles")] == [(0, "run-2")]


def test_run_goes_from_running_to_done(dsn: str, writer: ResultWriter) -> None:
    writer.start_run(RUN)
    writer.finish_run(replace(RUN, status=RunStatus.DONE, finished_at=RUN.started_at + timedelta(minutes=1)))
    (row,) = rows(dsn, "runs")
    assert (row["status"], row["config"], row["work_dir"]) == ("done", RUN.config, "/data/work")
    assert row["finished_at"] == RUN.started_at + timedelta(minutes=1)


def test_resumed_run_keeps_its_first_start(dsn: str, writer: ResultWriter) -> None:
    writer.start_run(RUN)
    writer.start_run(replace(RUN, started_at=RUN.started_at + timedelta(hours=1)))
    assert [row["started_at"] for row in rows(dsn, "runs")] == [RUN.started_at]


@pytest.mark.parametrize(
    "known",
    [
        {"time_source": "gps", "started_at": RUN.started_at, "position_source": "nmea"},
        {"time_source": "name", "started_at": RUN.started_at, "time_note": "its zone is this host's"},
        {"position_source": "gpx", "track": ((0.0, 50.0, 8.0, None, None),)},  # no source of time was allowed
        {"position_note": "no position in it"},
    ],
    ids=["all", "time", "track", "note"],
)
def test_when_and_where_a_video_was_stay_when_it_is_written_unopened(
    dsn: str, writer: ResultWriter, known: dict[str, Any]
) -> None:
    for row in (
        video(VideoStatus.QUEUED),
        video(VideoStatus.RUNNING, **known),
        video(VideoStatus.STOPPED),
    ):
        writer.write(videos=[row])
    (stored,) = rows(dsn, "videos")
    expected = known | ({"track": [list(fix) for fix in known["track"]]} if "track" in known else {})
    assert {name: stored[name] for name in known} == expected
    # Read anew, what is not known any more is not made up of what was known.
    writer.write(videos=[video(VideoStatus.DONE, time_source="file")])
    (stored,) = rows(dsn, "videos")
    gone = ("started_at", "time_note", "position_source", "position_note", "track")
    assert [stored[name] for name in gone] == [None] * len(gone)


def test_second_write_is_an_update(dsn: str, writer: ResultWriter) -> None:
    writer.write([SIGHTING], [VIDEO])
    writer.write([replace(SIGHTING, last_frame=80)], [replace(VIDEO, frames_decoded=200)])
    assert [row["last_frame"] for row in rows(dsn, "vehicles")] == [80]
    assert [row["frames_decoded"] for row in rows(dsn, "videos")] == [200]


def test_last_of_equal_rows_in_a_batch_counts(dsn: str, writer: ResultWriter) -> None:
    writer.write([SIGHTING, replace(SIGHTING, last_frame=80)])
    assert [row["last_frame"] for row in rows(dsn, "vehicles")] == [80]


def test_any_order_of_writes_leaves_the_same_table(dsn: str, writer: ResultWriter) -> None:
    batches = [
        ([sighting(1), sighting(2)], []),
        ([sighting(3)], [video(VideoStatus.DONE)]),
        ([sighting(2), sighting(4)], []),
        ([], [video(VideoStatus.DONE)]),
    ]
    unchanging = {"created_at", "updated_at"}
    seen = []
    for order in itertools.permutations(batches):
        with psycopg.connect(dsn) as connection:
            connection.execute("TRUNCATE vehicles, joined, videos, alerts")
        for sightings, videos in order:
            writer.write(sightings, videos)
        seen.append([{k: v for k, v in row.items() if k not in unchanging} for row in rows(dsn, "vehicles")])
    assert len(seen[0]) == 4
    assert all(table == seen[0] for table in seen)


def test_sighting_may_come_before_its_video(dsn: str, writer: ResultWriter) -> None:
    writer.write([SIGHTING])
    assert [row["video_path"] for row in rows(dsn, "vehicles")] == [None]
    writer.write([], [VIDEO])
    assert [row["video_path"] for row in rows(dsn, "vehicles")] == ["/videos/drive.mp4"]


def test_copy_of_a_video_has_its_own_row_and_takes_no_sightings(dsn: str, writer: ResultWriter) -> None:
    copy = video(VideoStatus.SKIPPED, path="/videos/a copy.mp4", filename="a copy.mp4", reason="same content")
    writer.write([SIGHTING], [copy, VIDEO])
    assert {row["path"] for row in rows(dsn, "videos")} == {"/videos/drive.mp4", "/videos/a copy.mp4"}
    assert [row["video_filename"] for row in rows(dsn, "vehicles")] == ["drive.mp4"]


@pytest.mark.parametrize("status", [VideoStatus.DONE, VideoStatus.PARTIAL])
def test_run_that_reads_a_video_to_its_end_replaces_earlier_ones(
    dsn: str, writer: ResultWriter, status: VideoStatus
) -> None:
    writer.write([sighting(number) for number in range(1, 5)], [video(VideoStatus.DONE)])
    writer.write([sighting(1, run_id="run-2"), sighting(2, run_id="run-2")])
    writer.write([], [video(status, run_id="run-2")])
    assert tracks(dsn) == {1: "run-2", 2: "run-2"}


@pytest.mark.parametrize(
    ("status", "frames_read", "left"),
    [
        (VideoStatus.QUEUED, 0, {1, 2, 3}),
        (VideoStatus.RUNNING, 1000, {1, 2, 3}),
        (VideoStatus.SKIPPED, 0, {1, 2, 3}),
        (VideoStatus.STOPPED, 0, {1, 2, 3}),
        (VideoStatus.STOPPED, 150, {2, 3}),
        (VideoStatus.FAILED, 0, {1, 2, 3}),
        (VideoStatus.FAILED, 250, {3}),
    ],
)
def test_run_that_ends_early_replaces_only_what_it_read(
    dsn: str, writer: ResultWriter, status: VideoStatus, frames_read: int, left: set[int]
) -> None:
    earlier = [
        sighting(number, first_frame=number * 100, last_frame=number * 100 + 20) for number in (1, 2, 3)
    ]
    writer.write(earlier, [video(VideoStatus.DONE)])
    writer.write([], [video(status, run_id="run-2", frames_decoded=frames_read)])
    assert set(tracks(dsn)) == left


def test_replacement_leaves_other_videos_alone(dsn: str, writer: ResultWriter) -> None:
    writer.write([SIGHTING, replace(SIGHTING, video_id="other")])
    writer.write([], [video(VideoStatus.DONE, run_id="run-2")])
    assert tracks(dsn) == {}
    assert tracks(dsn, "other") == {1: "run-1"}


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SIGHTING, no_plate_reason=NoPlateReason.UNREADABLE),
        replace(UNREAD, no_plate_reason=None),
        replace(SIGHTING, plate_confidence=1.5),
        replace(SIGHTING, last_frame=5),
        replace(SIGHTING, car_bbox=(1.0, 2.0)),
    ],
    ids=["plate with a reason", "neither plate nor reason", "confidence", "frames", "box"],
)
def test_row_that_breaks_a_rule_is_refused_with_its_whole_batch(
    dsn: str, writer: ResultWriter, wrong: object
) -> None:
    with pytest.raises(psycopg.IntegrityError):
        writer.write([sighting(2), wrong])  # type: ignore[list-item]
    assert rows(dsn, "vehicles") == []
    writer.write([UNREAD])
    assert len(rows(dsn, "vehicles")) == 1


def test_text_that_postgres_cannot_hold_is_made_storable(dsn: str, writer: ResultWriter) -> None:
    name = b"fran\xe7ais.mp4".decode("utf-8", "surrogateescape")
    writer.write([], [video(VideoStatus.FAILED, path=f"/v/{name}", filename=name, reason="a\x00b")])
    (row,) = rows(dsn, "videos")
    assert (row["filename"], row["reason"]) == ("fran\\udce7ais.mp4", "ab")


def test_lost_connections_lose_and_double_nothing(dsn: str, writer: ResultWriter) -> None:
    chance = random.Random(7)
    batches = [[sighting(number * 10 + offset) for offset in range(10)] for number in range(20)]
    with psycopg.connect(dsn, autocommit=True) as other:
        for batch in batches:
            if chance.random() < 0.5:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            writer.write(batch)
    assert set(tracks(dsn)) == set(range(200))


def test_transaction_is_repeated_whole_when_the_server_is_gone_for_a_while(work_dir: Path) -> None:
    with Database.open(None, work_dir) as database:
        database.migrate()
        pauses: list[float] = []

        def bring_back_at_the_third(pause_s: float) -> None:
            pauses.append(pause_s)
            assert writer.problem
            if len(pauses) == 3:
                database.ensure_running()

        with ResultWriter(database.url, sleep=bring_back_at_the_third) as writer:
            writer.write([sighting(1)], [VIDEO])
            database.stop()
            writer.write([sighting(2), sighting(3)], [video(VideoStatus.DONE)])
            assert writer.problem is None
        assert len(pauses) == 3
        assert pauses == sorted(pauses)
        assert set(tracks(database.url)) == {1, 2, 3}


def test_writer_gives_up_after_its_time_with_the_cause() -> None:
    now = itertools.count(step=7.0)
    pauses: list[float] = []
    writer = ResultWriter(
        "postgresql://me:s3cret@127.0.0.1:1/x",
        give_up_after_s=60.0,
        clock=lambda: next(now),
        sleep=pauses.append,
    )
    with pytest.raises(DatabaseUnavailable, match=r"for 60 s, last because: .*refused") as caught:
        writer.write([SIGHTING])
    assert "s3cret" not in str(caught.value)
    assert 5 <= len(pauses) <= 9


def test_missing_tables_are_said_at_once(empty_dsn: str) -> None:
    with ResultWriter(empty_dsn) as writer, pytest.raises(DatabaseUnavailable, match="dashcam db init"):
        writer.write([SIGHTING])


def test_empty_batch_needs_no_server() -> None:
    ResultWriter("postgresql://127.0.0.1:1/x").write([], [])


def test_runs_that_died_are_closed_with_their_videos(dsn: str) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, status=RunStatus.RUNNING))
        writer.write(videos=[replace(VIDEO, status=VideoStatus.RUNNING)])
        writer.end_dead_runs("it died")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT status, error FROM runs").fetchall() == [("failed", "it died")]
        assert connection.execute("SELECT status, reason FROM videos").fetchall() == [("stopped", "it died")]


@pytest.mark.parametrize(
    ("changed", "ended"),
    [({}, True), ({"work_dir": "/data/other"}, False), ({"host": "another host"}, False)],
    ids=["ours", "another work dir", "the same path on another host"],
)
def test_dead_runs_of_one_work_dir_are_closed_on_a_shared_server(
    dsn: str, changed: dict[str, str], ended: bool
) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, **changed))  # type: ignore[arg-type]
        writer.write(videos=[replace(VIDEO, status=VideoStatus.RUNNING)])
        writer.end_dead_runs("it died", Path("/data/work"))
    status = {"runs": "failed", "videos": "stopped"} if ended else {"runs": "running", "videos": "running"}
    assert {name: row["status"] for name in status for row in rows(dsn, name)} == status


def test_run_that_was_ended_as_dead_can_be_started_again(dsn: str, writer: ResultWriter) -> None:
    writer.start_run(RUN)
    writer.end_dead_runs("it died", Path("/data/work"))
    writer.start_run(replace(RUN, started_at=RUN.started_at + timedelta(hours=1)))
    (row,) = rows(dsn, "runs")
    assert (row["status"], row["error"], row["finished_at"]) == ("running", None, None)
    assert row["started_at"] == RUN.started_at


@pytest.mark.parametrize(
    ("given_up", "category", "kept"), [(0, "OCR", 0), (1, "OCR", 1), (0, REFUSED, 1)], ids=str
)
def test_dead_letters_are_forgotten_when_the_video_came_through_without_them_after_all(
    dsn: str, writer: ResultWriter, given_up: int, category: str, kept: int
) -> None:
    writer.start_run(RUN)
    writer.write(dead_letters=[replace(DEAD_LETTER, category=category)])
    writer.write(videos=[video(VideoStatus.STOPPED)])
    assert len(rows(dsn, "dead_letters")) == 1
    writer.write(videos=[video(VideoStatus.DONE, dead_letters=given_up)])
    assert len(rows(dsn, "dead_letters")) == kept
