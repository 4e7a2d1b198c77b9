"""The outbox: what it took stays, in order, through kills, damage, full disks and other versions."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Timer

import pytest

from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.storage.row_json import OutboxRow, from_json
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing import outbox as outbox_module
from dashcam_pipeline.storage.writing.outbox import Outbox
from storage_rows import DEAD_LETTER, SIGHTING, UNREAD, VIDEO, WELL_KNOWN, sighting, video

TRIALS = 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def rows(path: Path) -> list[OutboxRow]:
    with Outbox(path) as outbox:
        return [waiting.row for waiting in outbox.peek(10_000)]


def numbers(path: Path) -> list[int]:
    return [row.track_id for row in rows(path)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "row",
    [
        SIGHTING,
        UNREAD,
        WELL_KNOWN,
        replace(SIGHTING, ts=None, car_bbox=None, plate_bbox=None, char_votes=[], final_plate="粤B12345"),
        replace(SIGHTING, video_ts_frame=0.1 + 0.2, plate_confidence=1e-17),
        VIDEO,
        replace(VIDEO, status=VideoStatus.DONE, reasons={"too_small": 3}, duration_s=12.5, reason="a\nb"),
        DEAD_LETTER,
        replace(DEAD_LETTER, frame_idx=None, ts_s=None, frame_picture=None),
    ],
    ids=lambda row: type(row).__name__,
)
def test_row_comes_back_as_it_went_in(path: Path, row: OutboxRow) -> None:
    with Outbox(path) as outbox:
        outbox.add([row])
    assert rows(path) == [row]


def test_file_name_that_is_no_text_goes_in_as_postgres_will_hold_it(path: Path) -> None:
    name = b"fran\xe7ais\x00.mp4".decode("utf-8", "surrogateescape")
    with Outbox(path) as outbox:
        outbox.add([replace(VIDEO, filename=name)])
    assert rows(path) == [replace(VIDEO, filename="fran\\udce7ais.mp4")]


def test_rows_leave_in_the_order_they_came(path: Path) -> None:
    with Outbox(path) as outbox:
        for start in range(0, 30, 3):
            outbox.add([sighting(start + offset) for offset in range(3)])
        first = outbox.peek(10)
        outbox.remove(waiting.id for waiting in first)
        outbox.add([sighting(30)])
        assert [waiting.row for waiting in first] == [sighting(number) for number in range(10)]
        assert len(outbox) == 21
    assert numbers(path) == list(range(10, 31))


def test_ids_are_never_used_again(path: Path) -> None:
    with Outbox(path) as outbox:
        outbox.add([sighting(1)])
        (first,) = outbox.peek(5)
        outbox.remove([first.id])
        outbox.add([sighting(2)])
        (second,) = outbox.peek(5)
    assert second.id > first.id


def test_size_follows_the_rows_up_and_down(path: Path) -> None:
    with Outbox(path) as outbox:
        empty = outbox.size_bytes
        outbox.add([sighting(number) for number in range(5000)])
        full = outbox.size_bytes
        outbox.remove(waiting.id for waiting in outbox.peek(5000))
        assert empty < 100_000 < full
        assert outbox.size_bytes < full / 10
    assert full > outbox_module.SHRINK_ABOVE_BYTES
    assert path.stat().st_size < 100_000  # and closing gave the disk back


def test_rows_that_do_not_go_in_together_do_not_go_in_at_all(path: Path) -> None:
    with Outbox(path) as outbox:
        with pytest.raises(TypeError, match="JSON has no word"):
            outbox.add([sighting(1), sighting(2, best_read=object())])
        assert len(outbox) == 0
        outbox.add([sighting(3)])
    assert numbers(path) == [3]


def test_refused_row_is_kept_with_its_error_and_waits_no_more(path: Path) -> None:
    with Outbox(path) as outbox:
        outbox.add([sighting(1), sighting(2)])
        outbox.refuse(outbox.peek(1)[0].id, "no such colour")
        assert [(found.kind, found.error) for found in outbox.refused()] == [("sighting", "no such colour")]
    assert numbers(path) == [2]


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_field_that_only_a_newer_version_knows_is_left_out(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Outbox(path) as outbox:
        outbox.add([SIGHTING])
    change(path, "UPDATE waiting SET data = json_set(data, '$.colour', 'red')")
    assert rows(path) == [SIGHTING]
    assert "colour" in caplog.text


OF_FIRST_VERSION = """{"run_id": "run-1", "video_id": "abcdef", "track_id": 1, "vehicle_class": "car",
"first_frame": 10, "last_frame": 60, "first_s": 0.4, "last_s": 2.4, "final_plate": "LS15EBC", "best_guess": null,
"plate_confidence": 0.91, "no_plate_reason": null, "frame_idx": 30, "video_ts_frame": 1.2,
"ts": "2026-01-02T03:04:06+00:00", "car_bbox": [100.0, 50.5, 300.25, 200.0],
"plate_bbox": [150.0, 150.0, 220.0, 170.0], "reads": 7, "agreeing_reads": 6,
"char_votes": [{"L": 0.9, "I": 0.1}, {"S": 1.0}], "best_read": "LS15EBC",
"vehicle_picture": "evidence/ab/abcdef/1_vehicle.jpg", "plate_picture": "evidence/ab/abcdef/1_plate.jpg"}"""


def test_sighting_of_the_first_version_is_still_understood() -> None:
    assert from_json("sighting", OF_FIRST_VERSION) == SIGHTING


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE waiting SET kind = 'hologram' WHERE id = 1", "kind 'hologram' are unknown"),
        ("UPDATE waiting SET data = json_remove(data, '$.track_id') WHERE id = 1", "track_id"),
        ("UPDATE waiting SET data = '{\"run' WHERE id = 1", "sighting: "),
        ("UPDATE waiting SET data = '[1]' WHERE id = 1", "sighting: "),
    ],
    ids=["kind", "field missing", "no JSON", "no object"],
)
def test_row_that_cannot_be_read_holds_up_no_other(
    path: Path, caplog: pytest.LogCaptureFixture, statement: str, error: str
) -> None:
    with Outbox(path) as outbox:
        outbox.add([sighting(1), sighting(2)])
    change(path, statement)
    assert numbers(path) == [2]
    with Outbox(path) as outbox:
        (refused,) = outbox.refused()
    assert error in refused.error
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


# --- kills -----------------------------------------------------------------------------------------------


def _add_for_ever(path: Path, added: Event, report: int) -> None:
    outbox = Outbox(path)
    number = 0
    while True:
        outbox.add([sighting(number), sighting(number + 1)])
        number += 2
        os.write(report, b"%d\n" % number)  # these are promised
        added.set()


def test_killed_writer_loses_nothing_it_had_promised_and_leaves_no_lock(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    reading, writing = os.pipe()
    added = context.Event()
    process = context.Process(target=_add_for_ever, args=(path, added, writing))
    process.start()
    os.close(writing)
    assert added.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with os.fdopen(reading, "rb") as pipe:
        promised = int(pipe.read().splitlines()[-1])
    found = numbers(path)
    assert found == list(range(len(found)))
    assert promised <= len(found) <= promised + 2
    with Outbox(path) as outbox:
        outbox.add([sighting(len(found))])


def test_add_and_remove_from_two_connections_at_once(path: Path) -> None:
    taken: list[int] = []
    with Outbox(path) as ours, Outbox(path) as theirs:
        for number in range(TRIALS):
            ours.add([sighting(number)])
            if number % 3 == 0:
                found = theirs.peek(2)
                theirs.remove(waiting.id for waiting in found)
                taken += [waiting.row.track_id for waiting in found]  # type: ignore[union-attr]
    assert taken + numbers(path) == list(range(TRIALS))


# --- damage ----------------------------------------------------------------------------------------------


def nobody_minds() -> None:
    pass


def test_damage_inside_a_file_is_one_line(path: Path) -> None:
    with Outbox(path) as outbox:
        outbox.add([sighting(number) for number in range(50)])
    content = bytearray(path.read_bytes())
    content[4096:-1] = b"\xa5" * (len(content) - 4097)
    path.write_bytes(content)
    with pytest.raises(DiskUnavailable, match="is damaged") as caught:
        Outbox(path)
    assert "\n" not in str(caught.value)


def test_damaged_file_stays_where_nobody_can_have_its_rows_made_again(path: Path) -> None:
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(DiskUnavailable, match=r"is damaged.*`dashcam run`"):
        Outbox(path)
    assert path.read_bytes() == b"junk" * 1000


def test_damage_is_told_before_the_file_is_set_aside(path: Path) -> None:
    path.write_bytes(b"junk" * 1000)
    seen: list[bytes] = []
    Outbox(path, on_damage=lambda: seen.append(path.read_bytes())).close()
    assert seen == [b"junk" * 1000]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_file_that_is_no_outbox_is_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path.write_bytes(content)
    with Outbox(path, on_damage=nobody_minds) as outbox:
        assert outbox.set_aside == path.with_name("outbox.damaged-1.sqlite3")
        assert outbox.set_aside.read_bytes() == content
        outbox.add([sighting(1)])
    assert numbers(path) == [1]
    assert "was damaged" in caplog.text
    path.write_bytes(content)
    with Outbox(path, on_damage=nobody_minds) as outbox:
        assert outbox.set_aside == path.with_name("outbox.damaged-2.sqlite3")


def test_rows_before_the_damage_are_taken_over(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Outbox(path) as outbox:
        outbox.add([sighting(number) for number in range(500)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size * 3 // 4 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    with Outbox(path, on_damage=nobody_minds):
        pass
    found = numbers(path)
    assert 100 < len(found) < 500
    assert found == list(range(len(found)))
    assert f"{len(found)} rows were still readable" in caplog.text


def test_every_truncated_length_opens(path: Path) -> None:
    with Outbox(path) as outbox:
        outbox.add([sighting(number) for number in range(40)])
    whole = path.read_bytes()
    for length in range(0, len(whole), 1777):
        for leftover in path.parent.iterdir():
            leftover.unlink()
        path.write_bytes(whole[:length])
        with Outbox(path, on_damage=nobody_minds) as outbox:
            outbox.add([SIGHTING])
            assert outbox.peek(1000)[-1].row == SIGHTING


# --- full disks ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_full_disk_is_said_and_what_was_taken_stays(small_disk: Path) -> None:
    path = small_disk / "outbox.sqlite3"
    added = 0
    with Outbox(path) as outbox:
        with pytest.raises(DiskUnavailable, match=r"outbox\.sqlite3: .*full.*--work-dir"):
            while added < 10_000:
                outbox.add([sighting(added + offset) for offset in range(10)])
                added += 10
        assert len(outbox) == added > 0
        ballast = [waiting.id for waiting in outbox.peek(added // 2)]
        assert ballast
    assert numbers(path) == list(range(added))


def test_room_on_the_disk_again_lets_rows_in(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with Outbox(small_disk / "outbox.sqlite3") as outbox:
        outbox.add([sighting(0)])
        with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(DiskUnavailable):
            outbox.add([sighting(number) for number in range(1, 300)])
        ballast.unlink()
        outbox.add([sighting(1)])
        assert [waiting.row for waiting in outbox.peek(5)] == [sighting(0), sighting(1)]


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskUnavailable, match=r"can't use the outbox .*--work-dir"):
        Outbox(tmp_path / "file" / "outbox.sqlite3")


def test_every_commit_is_forced_to_the_disk(path: Path) -> None:
    with Outbox(path) as outbox:
        settings = [
            outbox._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        ]
    assert settings == ["wal", 2]  # 2 = FULL
    assert outbox_module.BUSY_TIMEOUT_S > 0


def test_final_states_of_a_video_stay_in_order(path: Path) -> None:
    states = [video(VideoStatus.RUNNING), video(VideoStatus.STOPPED), video(VideoStatus.DONE)]
    with Outbox(path) as outbox:
        outbox.add(states)
    assert rows(path) == states


def test_two_that_open_a_new_outbox_at_once_both_get_it(tmp_path: Path) -> None:
    """Who comes second waits for the first to have made its tables."""
    path = tmp_path / "new.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as first:
        first.execute("BEGIN IMMEDIATE")
        first.execute("CREATE TABLE of_the_first (number)")
        done = Timer(0.2, first.execute, ["COMMIT"])
        done.start()
        with Outbox(path) as outbox:
            assert len(outbox) == 0
        done.join()
