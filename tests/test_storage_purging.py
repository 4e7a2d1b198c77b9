"""Purging: rows and pictures go together, wherever it is interrupted."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.storage.postgres.connection import Connection, connect
from dashcam_pipeline.storage.retention.plate_hash import hashed
from dashcam_pipeline.storage.retention.purged_pictures import Places, Removed, orphaned, places_of, sweep
from dashcam_pipeline.storage.retention.purging import Aim, Chosen, choose, remove
from dashcam_pipeline.storage.rows import REFUSED, RunStatus, SightingRow, VideoStatus
from dashcam_pipeline.storage.watching import watchlist
from dashcam_pipeline.storage.watching.watchlist import Wanted
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from storage_rows import DEAD_LETTER, RUN, SIGHTING, VIDEO

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=2)
MONTH_AGO = NOW - timedelta(days=30)
PICTURES = ("vehicle", "plate", "frame", "strip")


class Interrupted(BaseException):
    """As a kill: nobody catches it."""


class Results:
    """A work dir and a database with sightings in it."""

    def __init__(self, dsn: str, work_dir: Path) -> None:
        self.dsn, self.work_dir = dsn, work_dir
        self.writer = ResultWriter(dsn)
        self.run("run-1", OLD)

    def run(self, run_id: str, finished_at: datetime, **changed: Any) -> None:
        row = replace(RUN, run_id=run_id, work_dir=str(self.work_dir), status=RunStatus.DONE)
        self.writer.finish_run(replace(row, **{"finished_at": finished_at, **changed}))

    def video(self, video_id: str, run_id: str = "run-1", **changed: Any) -> None:
        made = replace(
            VIDEO,
            video_id=video_id,
            run_id=run_id,
            path=f"/videos/{video_id}.mp4",
            filename=f"{video_id}.mp4",
            status=VideoStatus.DONE,
        )
        self.writer.write(videos=[replace(made, **changed)])

    def sighting(
        self, track_id: int, video_id: str = "abcdef", ts: datetime | None = OLD, **changed: Any
    ) -> SightingRow:
        """A row with all its pictures on the disk."""
        paths = {
            f"{what}_picture": f"evidence/{video_id[:2]}/{video_id}/{track_id}_{what}.jpg"
            for what in PICTURES
        }
        for path in paths.values():
            (self.work_dir / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work_dir / path).write_bytes(b"picture" * 10)
        row = replace(SIGHTING, track_id=track_id, video_id=video_id, ts=ts, **paths)
        row = replace(row, **changed)
        self.writer.write([row])
        return row

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def tracks(self) -> list[int]:
        return [row[0] for row in self.sql("SELECT track_id FROM vehicles ORDER BY track_id")]

    def files(self) -> list[str]:
        found = (path for path in self.work_dir.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.work_dir).as_posix() for path in found)

    def files_of_rows(self) -> list[str]:
        rows = self.sql(
            "SELECT unnest(ARRAY[vehicle_picture, plate_picture, frame_picture, strip_picture]) FROM vehicles "
            "UNION SELECT frame_picture FROM dead_letters"
        )
        return sorted(row[0] for row in rows if row[0] is not None)

    def purge(self, connection: Connection, aim: Aim, **step: Any) -> Removed:
        choose(connection, aim)
        places = places_of(connection, aim.parameters, self.work_dir)
        return sum(remove(connection, aim, places, **step), Removed())


@pytest.fixture
def results(dsn: str, tmp_path: Path) -> Iterator[Results]:
    results = Results(dsn, tmp_path / "work")
    yield results
    results.writer.close()


@pytest.fixture
def connection(results: Results) -> Iterator[Connection]:
    with connect(results.dsn, autocommit=True) as connection:
        yield connection


AIM = Aim(before=MONTH_AGO)


def test_old_sightings_go_with_their_pictures_and_young_ones_stay(
    results: Results, connection: Connection
) -> None:
    results.sighting(1)
    young = results.sighting(2, ts=YOUNG)
    removed = results.purge(connection, AIM)
    assert removed == Removed(sightings=1, pictures=4, freed_bytes=280)
    assert results.tracks() == [2]
    assert results.files() == results.files_of_rows()
    assert young.vehicle_picture in results.files()
    assert results.sql("SELECT * FROM purged_pictures") == []


def test_without_a_wall_time_the_end_of_the_run_counts_and_that_is_said(
    results: Results, connection: Connection
) -> None:
    results.run("run-2", YOUNG)
    results.sighting(1, ts=None)
    results.sighting(2, ts=None, run_id="run-2")
    results.sighting(3)
    results.sighting(4, run_id="run-2")  # recorded long ago, read today
    assert choose(connection, AIM) == Chosen(sightings=3, parts=3, timed=2, kept=0, dead_letters=0, tracks=0)
    connection.execute("DROP TABLE purge_chosen")
    results.purge(connection, AIM)
    assert results.tracks() == [2]


STEPS = 15
"""Of the purge below."""


def two_old_ones_and_a_dead_letter(results: Results) -> None:
    for track_id in (1, 2):
        results.sighting(track_id)
    results.sighting(3, ts=YOUNG)
    picture = results.work_dir / "dead_letters" / "x.png"
    picture.parent.mkdir()
    picture.write_bytes(b"x")
    results.writer.write(
        dead_letters=[replace(DEAD_LETTER, frame_picture="dead_letters/x.png", failed_at=OLD)]
    )


@pytest.mark.parametrize("moment", range(STEPS))
def test_interrupted_anywhere_the_second_call_leaves_neither_row_nor_picture_behind(
    results: Results, dsn: str, moment: int
) -> None:
    two_old_ones_and_a_dead_letter(results)
    done: list[str] = []

    def until(name: str) -> None:
        done.append(name)
        if len(done) > moment:
            raise Interrupted

    with pytest.raises(Interrupted), connect(dsn, autocommit=True) as connection:
        results.purge(connection, AIM, step=until)
    assert set(results.files_of_rows()) <= set(results.files()), f"a row without its picture after {done}"
    with connect(dsn, autocommit=True) as connection:
        sweep(connection, [results.work_dir])
        assert results.files() == results.files_of_rows()
        results.purge(connection, AIM)
    assert results.tracks() == [3]
    assert results.files() == results.files_of_rows()
    assert results.sql("SELECT count(*) FROM dead_letters") == [(0,)]
    assert results.sql("SELECT * FROM purged_pictures") == []


def test_the_interruptions_of_that_test_reach_to_the_end(results: Results, connection: Connection) -> None:
    two_old_ones_and_a_dead_letter(results)
    steps: list[str] = []
    results.purge(connection, AIM, step=steps.append)
    assert len(steps) == STEPS
    assert set(steps) == {
        "before commit",
        "rows removed",
        "picture deleted",
        "pictures forgotten",
        "dead letters removed",
    }


def test_a_picture_that_a_row_points_at_again_stays(results: Results, dsn: str) -> None:
    """Its video was read anew after the kill."""
    results.sighting(1)

    def stop(name: str) -> None:
        if name == "rows removed":
            raise Interrupted

    with pytest.raises(Interrupted), connect(dsn, autocommit=True) as connection:
        results.purge(connection, AIM, step=stop)
    results.sighting(1, plate_picture=None)
    with connect(dsn, autocommit=True) as connection:
        assert sweep(connection, [results.work_dir]).pictures == 1
    assert results.files() == results.files_of_rows()


def test_sweep_leaves_other_work_dirs_alone(results: Results, connection: Connection) -> None:
    insert = "INSERT INTO purged_pictures (host, folder, path, video_id) VALUES (%s, '/else', 'x', 'v')"
    results.sql(insert, platform.node())
    results.sql(insert, "another host")
    assert sweep(connection, [results.work_dir]) == Removed()
    assert results.sql("SELECT count(*) FROM purged_pictures") == [(2,)]


def test_a_picture_that_cannot_be_deleted_is_deleted_by_the_next_call(
    results: Results, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.sighting(1)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with (
        monkeypatch.context() as patched,
        pytest.raises(DiskUnavailable, match=r"1_frame\.jpg can't be deleted"),
    ):
        patched.setattr(Path, "unlink", refuse)
        results.purge(connection, AIM)
    assert results.tracks() == []
    assert sweep(connection, [results.work_dir]).pictures == 4
    assert results.files() == []


def joined(results: Results, head: SightingRow, *others: SightingRow, plate: str = "LS15EBC") -> None:
    ids = [sighting_id(row.video_id, row.track_id, row.part) for row in (head, *others)]
    results.sql(
        "INSERT INTO joined (id, parts, until_id, shown_id, span_s, final_plate, reads, agreeing_reads, char_votes) "
        "VALUES (%s, %s, %s, %s, 9, %s, 4, 4, '[]')",
        ids[0],
        len(ids),
        ids[-1],
        ids[0],
        plate,
    )
    results.sql("UPDATE vehicles SET part_of = %s WHERE id = ANY(%s)", ids[0], ids[1:])


def test_a_joined_vehicle_goes_or_stays_as_a_whole(results: Results, connection: Connection) -> None:
    joined(results, results.sighting(1), results.sighting(2, "other"))
    joined(results, results.sighting(3), results.sighting(4, "other", ts=YOUNG))
    assert results.purge(connection, AIM).sightings == 1
    assert results.tracks() == [3, 4]
    assert results.files() == results.files_of_rows()
    assert results.sql("SELECT count(*) FROM joined") == [(1,)]


def test_a_vehicle_that_gets_another_part_meanwhile_stays(results: Results, connection: Connection) -> None:
    first, second = results.sighting(1), results.sighting(2, ts=YOUNG)
    choose(connection, AIM)
    joined(results, first, second)
    places = Places({"run-1": results.work_dir}, ())
    assert sum(remove(connection, AIM, places), Removed()) == Removed()
    assert results.tracks() == [1, 2]


KEY = b"a key that is long enough"


@pytest.mark.parametrize(
    ("aim", "left"),
    [
        (Aim(before=MONTH_AGO, keep=("AA11AAA",)), [1, 5, 6]),
        (Aim(before=MONTH_AGO, keep=(hashed("CC33CCC", KEY),)), [3, 6]),
        (Aim(before=MONTH_AGO, keep=("EE55EEE",)), [4, 6]),
        (Aim(plates=("AA11AAA",)), [2, 3, 4, 6]),
        (Aim(plates=("AA11AAA",), before=MONTH_AGO), [2, 3, 4, 6]),
        (Aim(plates=("DD44DDD",), before=MONTH_AGO), [1, 2, 3, 4, 5, 6]),
        (Aim(video_ids=("other",)), [1, 2, 3, 4, 6]),
        (Aim(video_ids=("other",), keep=("AA11AAA",)), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_plates_and_videos_narrow_it_down(
    results: Results, connection: Connection, aim: Aim, left: list[int]
) -> None:
    results.sighting(1, final_plate="AA11AAA")
    results.sighting(2, final_plate="BB22BBB")
    results.sighting(3, final_plate=hashed("cc33 ccc", KEY))
    results.sighting(4, final_plate=None, best_guess="EE55EEE", no_plate_reason="low_confidence")
    results.sighting(5, "other", final_plate="AA11AAA")
    results.sighting(6, ts=YOUNG, final_plate="DD44DDD")
    results.purge(connection, aim)
    assert results.tracks() == left
    assert results.files() == results.files_of_rows()


def test_a_sighting_that_is_written_anew_meanwhile_stays(results: Results, connection: Connection) -> None:
    results.sighting(1)
    choose(connection, AIM)
    results.sighting(1)
    assert sum(remove(connection, AIM, Places({"run-1": results.work_dir}, ())), Removed()) == Removed()
    assert results.files() == results.files_of_rows()


def test_pictures_on_a_disk_that_is_not_there_wait(results: Results, connection: Connection) -> None:
    results.sighting(1)

    def unmount(name: str) -> None:
        if name == "rows removed":
            results.work_dir.rename(results.work_dir.with_name("away"))

    assert results.purge(connection, AIM, step=unmount).pictures == 0
    results.work_dir.with_name("away").rename(results.work_dir)
    assert sweep(connection, [results.work_dir]).pictures == 4
    assert results.files() == []


def test_counts_of_videos_are_those_of_what_is_left(results: Results, connection: Connection) -> None:
    results.sighting(1)
    results.sighting(2, ts=YOUNG)
    results.sighting(3, ts=YOUNG, final_plate=None, best_guess=None, no_plate_reason="too_small")
    results.video("abcdef", vehicles=3, plates=2, reasons={"too_small": 1})
    results.sql(
        "UPDATE videos SET joined_with = 'x', joined_vehicles = 3, joined_plates = 2, joined_reasons = '{}'"
    )
    results.purge(connection, AIM)
    found = results.sql(
        "SELECT status, joined_with, vehicles, plates, reasons, joined_vehicles, joined_plates, joined_reasons "
        "FROM videos"
    )
    assert found == [("done", "x", 2, 1, {"too_small": 1}, 2, 1, {"too_small": 1})]


def test_dead_letters_go_by_when_they_were_given_up(results: Results, connection: Connection) -> None:
    old = replace(DEAD_LETTER, frame_picture=None)
    results.writer.write(dead_letters=[replace(old, task_id="a", failed_at=OLD)])
    results.writer.write(dead_letters=[replace(old, task_id="b", failed_at=YOUNG)])
    assert results.purge(connection, AIM).dead_letters == 1
    assert results.sql("SELECT task_id FROM dead_letters") == [("b",)]


def test_a_refused_row_is_found_by_its_plate_and_goes_with_all_pictures(
    results: Results, connection: Connection
) -> None:
    row = results.sighting(1)
    results.sql("DELETE FROM vehicles")
    refused = replace(
        DEAD_LETTER,
        category=REFUSED,
        traceback='{"final_plate": "LS15EBC"}',
        frame_picture=row.vehicle_picture,
        failed_at=YOUNG,
    )
    results.writer.write(dead_letters=[refused])
    assert results.purge(connection, Aim(plates=("LS15EB_",))).dead_letters == 0
    connection.execute("DROP TABLE purge_chosen")
    assert results.purge(connection, Aim(plates=("LS15EBC",))) == Removed(
        dead_letters=1, pictures=4, freed_bytes=280
    )
    assert results.files() == []


def test_pictures_on_another_host_are_out_of_reach_unless_they_were_moved_here(
    results: Results, connection: Connection, tmp_path: Path
) -> None:
    results.sighting(1)
    results.run("run-1", OLD, host="another host", work_dir="/far/away")
    choose(connection, AIM)
    moved = places_of(connection, AIM.parameters, results.work_dir)
    assert (moved.folders, moved.unreachable) == ({"run-1": results.work_dir}, ())
    far = places_of(connection, AIM.parameters, tmp_path / "elsewhere")
    assert far.folders == {}
    assert [(one.run_id, one.work_dir, one.host) for one in far.unreachable] == [
        ("run-1", "/far/away", "another host")
    ]
    assert sum(remove(connection, AIM, far), Removed()) == Removed(sightings=1)
    assert len(results.files()) == 4


def test_pictures_without_a_row_are_found_of_known_and_settled_videos_alone(
    results: Results, connection: Connection
) -> None:
    results.sighting(1)
    for video_id in ("abcdef", "halfread", "unknown"):
        stray = results.work_dir / f"evidence/{video_id[:2]}/{video_id}/9_vehicle.jpg"
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(b"stray")
    results.video("abcdef")
    results.video("halfread", status=VideoStatus.STOPPED)
    assert list(orphaned(connection, results.work_dir)) == ["evidence/ab/abcdef/9_vehicle.jpg"]


def tracks_of(results: Results) -> dict[str, bool]:
    return dict(results.sql("SELECT video_id, track IS NOT NULL FROM videos ORDER BY video_id"))


TRACK = ((0.0, 45.0, 7.0, 36.0, 0.0), (1.0, 45.0001, 7.0, 36.0, 0.0))


@pytest.mark.parametrize(
    ("aim", "left"),
    [
        (Aim(before=MONTH_AGO), {"old": False, "timeless": False, "young": True}),
        (Aim(video_ids=("young",)), {"old": True, "timeless": True, "young": False}),
        (Aim(before=MONTH_AGO, video_ids=("young",)), {"old": True, "timeless": True, "young": True}),
        (Aim(plates=("LS15EBC",)), {"old": True, "timeless": True, "young": True}),
    ],
)
def test_where_the_camera_was_goes_with_the_video_s_age(
    results: Results, connection: Connection, aim: Aim, left: dict[str, bool]
) -> None:
    """Of videos without a single vehicle too: a fleet's tracks say where its drivers were."""
    results.video("old", started_at=OLD, time_source="gps", track=TRACK)
    results.video("young", started_at=YOUNG, time_source="gps", track=TRACK)
    results.video("timeless", time_source="gps", track=TRACK)  # as old as its run
    counted = choose(connection, aim).tracks
    removed = sum(remove(connection, aim, Places({}, ())), Removed())
    assert tracks_of(results) == left
    assert counted == removed.tracks == sum(not kept for kept in left.values())


@pytest.mark.parametrize(("purged", "left"), [("LS15EBC", []), ("AB12CDE", [("LS15EBC",)])])
def test_alert_goes_with_its_plate_while_its_row_is_another_vehicle(
    results: Results, connection: Connection, purged: str, left: list[tuple[str]]
) -> None:
    watchlist.add(connection, [Wanted(spelling="LS15EBC")])
    results.sighting(1, final_plate="LS15EBC")
    # Its video is read with other settings, and not to its end yet.
    results.sighting(1, run_id="run-2", first_s=50.0, last_s=51.0, final_plate="XY98ZZZ")
    results.purge(connection, Aim(plates=(purged,)))
    assert results.tracks() == [1]
    assert results.sql("SELECT plate FROM alerts") == left
