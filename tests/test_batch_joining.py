"""Joining in a real database: what becomes of the rows of trips, again and again, and after interruptions."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from dashcam_pipeline.batch.joining import TRIES, join_trips, let_go
from dashcam_pipeline.config import Settings, TripSettings
from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage import joining
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.results.reading import find_run, iterate_sightings, list_runs, list_videos
from dashcam_pipeline.storage.rows import LookRow, ReadRow, RunRow, SightingRow, VideoRow, VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from dashcam_pipeline.vision.types import NoPlateReason
from storage_rows import RUN, SIGHTING, VIDEO

A, B, C = "a" * 32, "b" * 32, "c" * 32
NAMES = {A: "20240131_142200F.mp4", B: "20240131_142210F.mp4", C: "20240131_142220F.mp4"}
LEFT, RIGHT = (100.0, 300.0, 400.0, 600.0), (700.0, 300.0, 1000.0, 600.0)
OFF = Settings(trips=TripSettings(join=False))
ON = Settings()


class Table:
    """A database with runs in it, and the pass over them."""

    def __init__(self, dsn: str, work_dir: Path) -> None:
        self.database = Database(dsn, work_dir, None)
        self.work_dir = work_dir
        self.said: list[str] = []

    def write(
        self,
        *rows: SightingRow,
        videos: tuple[str, ...] = (A, B, C),
        run: str = "run-1",
        status: VideoStatus = VideoStatus.DONE,
        folder: str = "/card",
    ) -> None:
        own: RunRow = replace(RUN, run_id=run, work_dir=str(self.work_dir), host=platform.node())
        with ResultWriter(self.database.url) as writer:
            writer.start_run(own)
            writer.write(
                [replace(row, run_id=run) for row in rows],
                [replace(video(name, folder), run_id=run, status=status) for name in videos],
            )

    def join(self, *video_ids: str, settings: Settings = ON) -> int:
        return join_trips(self.database, self.work_dir, settings, video_ids, self.said.append)

    def rows(self, query: str) -> list[dict[str, object]]:
        with psycopg.connect(self.database.url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def seen(self) -> list[tuple[object, ...]]:
        """What the sightings say: where from, where to, which plate, of how many parts."""
        rows = self.rows("SELECT * FROM sightings ORDER BY video_path, first_frame, track_id")
        return [
            (row["video_filename"], row["first_s"], row["until_video_filename"], row["last_s"], row["final_plate"],
             row["parts"])
            for row in rows
        ]  # fmt: skip

    def everything(self) -> list[list[dict[str, object]]]:
        """All that joining writes."""
        return [
            self.rows("SELECT id, part_of, final_plate FROM vehicles ORDER BY 1"),
            self.rows("SELECT * FROM joined ORDER BY 1"),
            self.rows(
                "SELECT run_id, video_id, trip, joined_with, joined_vehicles, joined_plates, joined_reasons "
                "FROM videos ORDER BY 1, 2"
            ),
        ]


@pytest.fixture
def table(dsn: str, tmp_path: Path) -> Iterator[Table]:
    yield Table(dsn, tmp_path)


def video(video_id: str, folder: str = "/card") -> VideoRow:
    name = NAMES[video_id]
    return replace(
        VIDEO, video_id=video_id, path=f"{folder}/{name}", filename=name, duration_s=10.0, width=1280, height=720,
        codec="h264", frames_decoded=300,
    )  # fmt: skip


def seen(
    video_id: str, track_id: int, first_s: float, last_s: float, plate: str | None, **more: object
) -> SightingRow:
    reads = tuple(
        ReadRow(reader=reader, text=plate, char_confidences=(0.97,) * len(plate), weight=0.9, agrees=True)
        for reader in ("one", "two")
        if plate
    )
    looks = tuple(
        LookRow(
            frame_idx=round(at * 30), ts_s=at, car_bbox=LEFT, plate_bbox=(200.0, 500.0, 300.0, 525.0), plate_score=0.9,
            quality=None, reads=reads,
        )
        for at in (first_s, (first_s + last_s) / 2, last_s)
    )  # fmt: skip
    usual = replace(
        SIGHTING, video_id=video_id, track_id=track_id, first_s=first_s, last_s=last_s, first_frame=round(first_s * 30),
        last_frame=round(last_s * 30), frame_idx=round(first_s * 30), video_ts_frame=first_s, final_plate=plate,
        best_guess=None, plate_confidence=0.95 if plate else None,
        no_plate_reason=None if plate else NoPlateReason.NO_PLATE_FOUND, looks=looks if plate else (),
        first_bbox=LEFT, last_bbox=LEFT,
    )  # fmt: skip
    return replace(usual, **more)  # type: ignore[arg-type]


CROSSING = (seen(A, 1, 5.0, 9.95, "LS15EBC"), seen(B, 1, 0.0, 3.0, None))
FOLLOWED = (
    seen(A, 1, 1.0, 9.95, "LS15EBC"),
    seen(B, 4, 0.0, 9.95, "LS15EBC"),
    seen(C, 2, 2.0, 6.0, "LS15EBC", first_bbox=RIGHT),
)


def test_a_vehicle_that_crosses_the_cut_is_one_sighting_with_both_files_named(table: Table) -> None:
    table.write(*CROSSING)
    assert len(table.seen()) == 2
    assert table.join() == 1
    assert table.seen() == [(NAMES[A], 5.0, NAMES[B], 3.0, "LS15EBC", 2)]
    (row,) = table.rows("SELECT * FROM sightings")
    assert (row["first_frame"], row["last_frame"], row["span_s"]) == (150, 90, pytest.approx(8.0))
    assert row["id"] == sighting_id(A, 1)
    raw = table.rows("SELECT final_plate, no_plate_reason FROM vehicles ORDER BY video_id")
    assert [tuple(one.values()) for one in raw] == [("LS15EBC", None), (None, "no_plate_found")]


@pytest.mark.parametrize(("deadlocks", "joined"), [(1, True), (TRIES - 1, True), (TRIES, False)])
def test_a_deadlock_with_another_writer_is_tried_again(
    table: Table, monkeypatch: pytest.MonkeyPatch, deadlocks: int, joined: bool
) -> None:
    real, met = joining.settle, []

    def settle(*arguments: Any) -> None:
        real(*arguments)
        if len(met) < deadlocks:
            met.append(None)
            raise psycopg.errors.DeadlockDetected("deadlock detected")

    monkeypatch.setattr(joining, "settle", settle)
    table.write(seen(A, 1, 1.0, 2.0, "AB12CDE"), seen(A, 2, 4.0, 6.0, "AB12CDE"), videos=(A,))
    with nullcontext() if joined else pytest.raises(DatabaseUnavailable):
        table.join(A)
    assert len(table.seen()) == (1 if joined else 2)


def test_a_car_that_is_followed_for_several_files_is_one_sighting_of_one_vote(table: Table) -> None:
    table.write(*FOLLOWED)
    table.join()
    assert table.seen() == [(NAMES[A], 1.0, NAMES[C], 6.0, "LS15EBC", 3)]
    (row,) = table.rows("SELECT reads, agreeing_reads, plate_confidence, no_plate_reason FROM sightings")
    assert (row["reads"], row["agreeing_reads"], row["no_plate_reason"]) == (9, 9, None)


def test_parts_that_claim_nothing_alone_can_claim_together(table: Table) -> None:
    more = {"final_plate": None, "best_guess": "LS15EBC", "no_plate_reason": NoPlateReason.TOO_FEW_READS}
    one, two = (
        replace(row, looks=row.looks[:1], plate_confidence=0.5, **more)  # type: ignore[arg-type]
        for row in (seen(A, 1, 1.0, 3.0, "LS15EBC"), seen(A, 2, 3.5, 6.0, "LS15EBC"))
    )
    table.write(one, two)
    table.join()
    assert table.seen() == [(NAMES[A], 1.0, NAMES[A], 6.0, "LS15EBC", 2)]


@pytest.mark.parametrize("known", [False, True], ids=["no looks", "looks with another measure of quality"])
def test_of_rows_of_other_versions_the_surest_speaks_for_all(table: Table, known: bool) -> None:
    for row, confidence in zip(FOLLOWED, (0.8, 0.95, 0.9), strict=True):
        looks = tuple(replace(look, quality={"brightness": 0.5}) for look in row.looks) if known else ()
        table.write(replace(row, looks=looks, plate_confidence=confidence))
    table.join()
    (row_,) = table.rows("SELECT final_plate, plate_confidence, shown_video_id FROM sightings")
    assert tuple(row_.values()) == ("LS15EBC", 0.95, B)


def test_two_cars_of_one_plate_that_are_seen_at_once_stay_two(table: Table) -> None:
    table.write(seen(A, 1, 1.0, 6.0, "LS15EBC"), seen(A, 2, 4.0, 8.0, "LS15EBC", first_bbox=RIGHT))
    table.join()
    assert [row[-1] for row in table.seen()] == [1, 1]


def test_files_of_other_folders_are_no_neighbours(table: Table) -> None:
    table.write(CROSSING[0], videos=(A,), folder="/card/front")
    table.write(CROSSING[1], videos=(B,), folder="/card/rear")
    assert table.join() == 2
    assert len(table.seen()) == 2


def test_joining_again_changes_nothing(table: Table) -> None:
    table.write(*FOLLOWED, seen(B, 9, 4.0, 5.0, None, first_bbox=RIGHT, last_bbox=RIGHT))
    table.join()
    before = table.everything()
    assert table.join(A, B, C) == 0
    with psycopg.connect(table.database.url) as connection:
        connection.execute("UPDATE videos SET joined_with = NULL")
    assert table.join() == 1
    assert table.everything() == before


def test_a_neighbour_that_is_read_later_is_joined_to_what_is_there(table: Table) -> None:
    table.write(*FOLLOWED)
    table.join()
    whole = table.everything()[1]
    with psycopg.connect(table.database.url) as connection:
        connection.execute("TRUNCATE vehicles, joined, videos, runs, alerts")
    table.write(FOLLOWED[0], videos=(A,))
    table.join(A)
    table.write(FOLLOWED[2], videos=(C,), run="run-2")
    table.join(C)
    assert len(table.seen()) == 2
    table.write(FOLLOWED[1], videos=(B,), run="run-3")
    assert table.join(B) == 1
    assert table.everything()[1] == whole
    with psycopg.connect(table.database.url) as connection:
        for run in ("run-1", "run-2", "run-3"):
            (found,) = iterate_sightings(connection, find_run(connection, run))
            assert (found.video, found.last_video, found.parts) == (NAMES[A], NAMES[C], 3)


def test_only_videos_that_are_over_are_joined(table: Table) -> None:
    table.write(FOLLOWED[0], videos=(A,))
    table.write(FOLLOWED[1], videos=(B,), status=VideoStatus.STOPPED)
    table.write(FOLLOWED[2], videos=(C,))
    table.join(A, B, C)
    assert len(table.seen()) == 3
    table.write(videos=(B,))
    table.join(A, B, C)
    assert table.seen() == [(NAMES[A], 1.0, NAMES[C], 6.0, "LS15EBC", 3)]


def test_what_is_read_anew_speaks_for_itself_until_it_is_joined_again(table: Table) -> None:
    table.write(*FOLLOWED)
    table.join()
    whole = table.everything()
    let_go(table.database, {B})
    assert len(table.seen()) == 3
    assert table.join() == 1
    assert table.everything() == whole


def test_a_video_whose_vehicle_is_gone_takes_nothing_with_it(table: Table) -> None:
    table.write(*FOLLOWED)
    table.join()
    with psycopg.connect(table.database.url) as connection:
        connection.execute("DELETE FROM vehicles WHERE video_id = %s", (A,))
    assert [row[0] for row in table.seen()] == [NAMES[B], NAMES[C]]


def test_a_file_that_moves_away_leaves_its_trip(table: Table) -> None:
    table.write(*CROSSING, videos=(A, B))
    table.join()
    with psycopg.connect(table.database.url) as connection:
        connection.execute(
            "UPDATE videos SET path = '/away/x.mp4', joined_with = NULL WHERE video_id = %s", (B,)
        )
    assert table.join() == 2
    assert len(table.seen()) == 2


def test_settings_that_join_nothing_take_apart_what_was_joined(table: Table) -> None:
    table.write(*FOLLOWED)
    table.join(A)
    joined = table.everything()
    table.join(A, B, C, settings=OFF)
    assert len(table.seen()) == 3
    table.join(A)
    assert table.everything() == joined


def test_counts_are_those_of_sightings(table: Table) -> None:
    table.write(*FOLLOWED, seen(B, 9, 4.0, 5.0, None, first_bbox=RIGHT, last_bbox=RIGHT))
    table.join()
    with psycopg.connect(table.database.url) as connection:
        videos = list_videos(connection, "run-1")
        (run,) = list_runs(connection)
    assert [(one.vehicles, one.plates, one.reasons, one.claimed) for one in videos] == [
        (1, 1, {}, ["LS15EBC"]),
        (1, 0, {"no_plate_found": 1}, []),
        (0, 0, {}, []),
    ]
    assert {one.trip for one in videos} == {A}
    assert (run.vehicles, run.plates) == (2, 1)


def test_a_long_pass_says_how_far_it_is(table: Table) -> None:
    table.write(videos=(A,))
    table.write(videos=(C,))
    ticks = iter(range(0, 1000, 3))
    join_trips(table.database, table.work_dir, ON, (), table.said.append, clock=lambda: float(next(ticks)))
    assert table.said == ["joining what was seen of one vehicle: trip 1 of 2"]


def test_a_kill_between_two_trips_leaves_the_rest_for_the_next_run(table: Table) -> None:
    class Killed(Exception):
        pass

    def kill(line: str) -> None:
        raise Killed

    table.write(*CROSSING, videos=(A, B), folder="/card/1")
    table.write(
        *(replace(row, video_id=C, track_id=5 + number) for number, row in enumerate(CROSSING)), videos=(C,),
        folder="/card/2",
    )  # fmt: skip
    ticks = iter(range(0, 1000, 3))
    with pytest.raises(Killed):
        join_trips(table.database, table.work_dir, ON, (), kill, clock=lambda: float(next(ticks)))
    undone = table.rows("SELECT video_id FROM videos WHERE joined_with IS NULL")
    assert [row["video_id"] for row in undone] == [C]
    assert table.join() == 1
    assert table.rows("SELECT video_id FROM videos WHERE joined_with IS NULL") == []


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        Table(f"postgresql://nobody@/nothing?host={tmp_path}", tmp_path).join()
