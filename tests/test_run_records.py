"""The rows of a run before it begins, when it goes on and when it has ended, in a real database."""

from __future__ import annotations

import io
import platform
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psycopg
import pytest
import typer
from rich.console import Console

from dashcam_pipeline.batch import leftovers
from dashcam_pipeline.batch.catching_up import catch_up
from dashcam_pipeline.batch.current_run import CurrentRun, note_run, recall_run
from dashcam_pipeline.batch.inputs import Inputs, skipped_row
from dashcam_pipeline.batch.leftovers import outbox_path, rows_waiting
from dashcam_pipeline.batch.records import CUT_OFF, DIED, RunRecords
from dashcam_pipeline.batch.resume import Kept, Plan, Wish
from dashcam_pipeline.batch.run import BatchRun
from dashcam_pipeline.cli.planning import prepare
from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder, SavedCheckpoint
from dashcam_pipeline.engine.task import Checkpoint
from dashcam_pipeline.errors import EXIT_STOPPED, BadInput, DatabaseUnavailable, SettingsDiffer
from dashcam_pipeline.stages.context import CHECKPOINTS
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.resuming import CHANGED, Moved, Reading
from dashcam_pipeline.storage.rows import DeadLetterRow, RunRow, RunStatus, VideoRow, VideoStatus
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, SIGHTING, VIDEO

LETTER = DeadLetterRow(
    run_id="run-1",
    video_id="a",
    task_id="a:OCR:7",
    category="OCR",
    attempts=3,
    error="boom",
    traceback="Traceback",
    frame_idx=7,
    ts_s=0.7,
    frame_picture="dead_letters/run-1/a.png",
    failed_at=datetime(2026, 1, 2, tzinfo=UTC),
)


@pytest.fixture
def database(dsn: str, tmp_path: Path) -> Database:
    """A user's server, with a work dir."""
    return Database(dsn, tmp_path, None)


@pytest.fixture
def run(tmp_path: Path) -> RunRow:
    """A run of that work dir."""
    return replace(RUN, work_dir=str(tmp_path), host=platform.node())


@pytest.fixture
def records(database: Database, tmp_path: Path) -> RunRecords:
    return RunRecords(database, tmp_path)


def video(name: str, status: VideoStatus, path: str | None = None) -> VideoRow:
    path = path or f"/v/{name}.mp4"
    return replace(VIDEO, video_id=name, path=path, filename=Path(path).name, status=status, codec="h264")


def write(database: Database, run: RunRow, *videos: VideoRow, sightings: tuple[str, ...] = ()) -> None:
    with ResultWriter(database.url) as writer:
        writer.start_run(run)
        writer.write([replace(SIGHTING, video_id=name) for name in sightings], videos)


def states(records: RunRecords) -> dict[str, tuple[str, str | None]]:
    return {row.path: (row.status, row.reason) for row in records.of_run("run-1")}


def sightings(database: Database) -> list[tuple[object, ...]]:
    with psycopg.connect(database.url) as connection:
        return connection.execute("SELECT video_id, video_path FROM vehicles ORDER BY video_id").fetchall()


def reading_of(records: RunRecords, path: str) -> Reading:
    return next(row for row in records.of_run("run-1") if row.path == path)


@pytest.mark.parametrize(
    ("videos", "status"),
    [
        ([VideoStatus.DONE], RunStatus.DONE),
        ([VideoStatus.DONE, VideoStatus.FAILED], RunStatus.PARTIAL),
        ([VideoStatus.DONE, VideoStatus.SKIPPED], RunStatus.DONE),
        ([VideoStatus.DONE, VideoStatus.RUNNING], RunStatus.FAILED),
        ([VideoStatus.QUEUED], RunStatus.FAILED),
    ],
    ids=str,
)
def test_killed_run_whose_videos_are_all_done_is_done(
    database: Database, records: RunRecords, run: RunRow, videos: list[VideoStatus], status: RunStatus
) -> None:
    write(database, run, *(video(str(number), state) for number, state in enumerate(videos)))
    records.end_dead_runs()
    found = records.run("run-1")
    assert found is not None
    assert (found.status, found.error) == (status, DIED if status is RunStatus.FAILED else None)
    assert all(row.status not in ("queued", "running") for row in records.of_run("run-1"))


def test_runs_of_other_work_dirs_and_hosts_go_on(
    database: Database, records: RunRecords, run: RunRow
) -> None:
    write(database, replace(run, run_id="there", work_dir="/elsewhere"), video("a", VideoStatus.RUNNING))
    write(database, replace(run, run_id="host", host="another"), video("a", VideoStatus.RUNNING))
    records.end_dead_runs()
    assert [records.run(name).status for name in ("there", "host")] == ["running"] * 2  # type: ignore[union-attr]


def test_video_that_is_read_again_from_its_start_loses_its_old_rows(
    database: Database, records: RunRecords, run: RunRow, tmp_path: Path
) -> None:
    write(
        database,
        run,
        video("a", VideoStatus.FAILED),
        video("b", VideoStatus.STOPPED),
        sightings=("a", "b", "c"),
    )
    picture = tmp_path / (LETTER.frame_picture or "")
    picture.parent.mkdir(parents=True)
    picture.touch()
    with ResultWriter(database.url) as writer:
        writer.write(
            dead_letters=[LETTER, replace(LETTER, video_id="b", task_id="b:OCR:1", frame_picture=None)]
        )
    jobs = (VideoJob("a", Path("/v/a.mp4"), 1), VideoJob("b", Path("/v/b.mp4"), 1))
    plan = Plan(run_id="run-1", continues=True, read=jobs)
    records.begin(run, plan, Inputs(jobs, ()), in_the_middle={"b"})
    assert states(records) == {"/v/a.mp4": ("queued", None), "/v/b.mp4": ("running", None)}
    assert [row[0] for row in sightings(database)] == ["b", "c"]
    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT video_id FROM dead_letters").fetchall() == [("b",)]
    assert not picture.exists()


def test_changed_files_and_skipped_ones_have_their_reasons(
    database: Database, records: RunRecords, run: RunRow
) -> None:
    write(database, run, video("a", VideoStatus.STOPPED), video("gone", VideoStatus.FAILED, "/v/g.mp4"))
    plan = Plan(
        run_id="run-1",
        continues=True,
        read=(VideoJob("a2", Path("/v/a.mp4"), 1),),
        kept=(
            Kept(
                VideoJob("k", Path("/v/k.mp4"), 1), replace(reading_of(records, "/v/a.mp4"), run_id="run-0")
            ),
        ),
        changed=(reading_of(records, "/v/a.mp4"),),
        replaced=(reading_of(records, "/v/g.mp4"),),
    )
    empty = skipped_row(Path("/v/e.mp4"), "is empty")
    records.begin(run, plan, Inputs(plan.read, (empty,)), in_the_middle=set())
    rows = {(row.path, row.video_id): (row.status, row.reason) for row in records.of_run("run-1")}
    assert rows == {
        ("/v/a.mp4", "a"): ("stopped", CHANGED),
        ("/v/a.mp4", "a2"): ("queued", None),
        ("/v/e.mp4", empty.video_id): ("skipped", "is empty"),
        ("/v/k.mp4", "k"): ("skipped", "read by run run-0 already"),
    }


def test_a_moved_file_is_named_in_its_sightings_too(
    database: Database, records: RunRecords, run: RunRow
) -> None:
    write(
        database,
        run,
        video("a", VideoStatus.DONE),
        video("a", VideoStatus.SKIPPED, "/v/copy.mp4"),
        sightings=("a",),
    )
    moved = Moved(run_id="run-1", video_id="a", old_path="/v/a.mp4", new_path="/v/copy.mp4")
    records.name_moved(Plan(run_id="run-1", continues=True, moved=(moved,)))
    assert states(records) == {"/v/copy.mp4": ("done", None)}
    assert sightings(database) == [("a", "/v/copy.mp4")]


def test_a_copied_file_does_not_rename_what_another_run_wrote(
    database: Database, records: RunRecords, run: RunRow, tmp_path: Path
) -> None:
    original = tmp_path / "a.mp4"
    original.touch()
    write(database, run, video("a", VideoStatus.DONE, str(original)))
    moved = Moved(run_id="run-1", video_id="a", old_path=str(original), new_path="/v/copy.mp4")
    records.name_moved(Plan(run_id="new", continues=False, moved=(moved,)))
    assert list(states(records)) == [str(original)]
    original.unlink()
    records.name_moved(Plan(run_id="new", continues=False, moved=(moved,)))
    assert list(states(records)) == ["/v/copy.mp4"]


def test_the_end_of_a_run_counts_what_was_found_in_unfinished_videos(
    database: Database, records: RunRecords, run: RunRow
) -> None:
    write(database, run, video("a", VideoStatus.DONE), video("b", VideoStatus.RUNNING), sightings=("b",))
    ending = records.finish(run, {"a"})
    assert (ending.run.status, ending.harmed, ending.whole) == (RunStatus.STOPPED, False, False)
    assert states(records)["/v/b.mp4"] == ("stopped", CUT_OFF)
    with psycopg.connect(database.url) as connection:
        counted = connection.execute("SELECT vehicles, plates FROM videos WHERE video_id = 'b'").fetchone()
    assert counted == (1, 1)


def test_a_file_that_changed_does_not_keep_its_run_unfinished(
    database: Database, records: RunRecords, run: RunRow
) -> None:
    write(
        database, run, video("a", VideoStatus.DONE), replace(video("x", VideoStatus.STOPPED), reason=CHANGED)
    )
    ending = records.finish(run, {"a"})
    assert (ending.run.status, ending.whole) == (RunStatus.DONE, True)


def test_rows_of_the_outbox_are_in_before_a_run_is_judged(
    database: Database, records: RunRecords, run: RunRow, tmp_path: Path
) -> None:
    write(database, run, video("a", VideoStatus.RUNNING))
    note_run(tmp_path, CurrentRun("run-1", database.safe_url))
    with Outbox(outbox_path(tmp_path)) as outbox:
        outbox.add([video("a", VideoStatus.DONE)])
    catch_up(tmp_path, database, Wish(), lambda line: None)
    assert rows_waiting(tmp_path) == 0
    assert states(records) == {"/v/a.mp4": ("done", None)}
    found = records.run("run-1")
    assert found is not None
    assert found.status is RunStatus.DONE
    assert recall_run(tmp_path) is None


def test_checkpoints_behind_a_damaged_outbox_are_forgotten(database: Database, tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / CHECKPOINTS, "run-1")
    checkpoint = Checkpoint(source_id="a", epoch=1, states=(), tallies={})
    folder.save(SavedCheckpoint(stamp="s", checkpoint=checkpoint, frames={}))
    with Outbox(outbox_path(tmp_path)) as outbox:
        outbox.add([video(f"v{number}", VideoStatus.DONE) for number in range(100)])
    content = bytearray(outbox_path(tmp_path).read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    outbox_path(tmp_path).write_bytes(content)
    said: list[str] = []
    catch_up(tmp_path, database, Wish(), said.append)
    assert folder.source_ids() == []
    assert "damaged" in said[0]


def test_rows_never_go_into_another_database_than_their_own(database: Database, tmp_path: Path) -> None:
    note_run(tmp_path, CurrentRun("run-1", "the embedded database"))
    with pytest.raises(BadInput, match="--restart"):
        catch_up(tmp_path, database, Wish(), lambda line: None)
    catch_up(tmp_path, database, Wish(restart=True), lambda line: None)
    with Outbox(outbox_path(tmp_path)) as outbox:
        outbox.add([video("a", VideoStatus.DONE)])
    with pytest.raises(BadInput, match="1 rows wait"):
        catch_up(tmp_path, database, Wish(restart=True), lambda line: None)
    assert rows_waiting(tmp_path) == 1


@pytest.mark.parametrize("content", ["{", "", "[]", '{"run_id": "run-1"}'])
def test_damaged_note_of_the_current_run_is_complained_of_once(tmp_path: Path, content: str) -> None:
    path = tmp_path / "current_run.json"
    path.write_text(content)
    assert recall_run(tmp_path) is None
    assert not path.exists()


def test_database_that_goes_away_is_one_clear_error(run: RunRow, tmp_path: Path) -> None:
    away = Database("postgresql://127.0.0.1:9/none", tmp_path, None)
    with pytest.raises(DatabaseUnavailable):
        RunRecords(away, tmp_path).of_run("run-1")


def test_rows_stay_in_the_outbox_while_the_database_is_away(tmp_path: Path) -> None:
    away = Database("postgresql://127.0.0.1:9/none", tmp_path, None)
    with Outbox(outbox_path(tmp_path)) as outbox:
        outbox.add([SIGHTING])
    said: list[str] = []
    assert leftovers.deliver(tmp_path, away, 0.15, said.append) == 1
    assert "1 rows wait; trying for another" in said[0]
    assert "Ctrl+C leaves them for the next run" in said[0]

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    assert leftovers.deliver(tmp_path, away, 600.0, interrupt) == 1


class Differs:
    """Stands for a BatchRun that finds results of other settings."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []

    def prepare(self, inputs: Inputs, database: Database, wish: Wish) -> str:
        self.wishes.append(wish)
        if not (wish.resume or wish.restart):
            raise SettingsDiffer("they differ")
        return "prepared"


@pytest.mark.parametrize("answer", ["resume", "restart", "quit"])
def test_a_terminal_is_asked(database: Database, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    job = Differs()
    console = Console(file=shown, force_terminal=True)

    def ask() -> object:
        return prepare(console, cast(BatchRun, job), Inputs((), ()), database, Wish(retry_failed=True))

    if answer == "quit":
        with pytest.raises(typer.Exit) as ended:
            ask()
        assert ended.value.exit_code == EXIT_STOPPED
    else:
        assert ask() == "prepared"
        said = Wish(retry_failed=True, resume=answer == "resume", restart=answer == "restart")
        assert job.wishes[-1] == said
    assert "they differ" in shown.getvalue()


def test_without_a_terminal_nobody_is_asked(database: Database) -> None:
    with pytest.raises(SettingsDiffer):
        prepare(Console(file=io.StringIO()), cast(BatchRun, Differs()), Inputs((), ()), database, Wish())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
