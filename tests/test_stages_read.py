"""READ: every wanted frame is brought in once, however often the reader is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from dashcam_pipeline.config import RunSettings, SamplingSettings, Settings, StorageSettings
from dashcam_pipeline.engine.pressure import Limits
from dashcam_pipeline.engine.task import Checkpoint, LeaseLost, Task, pack
from dashcam_pipeline.errors import DiskUnavailable, VideoUnreadable
from dashcam_pipeline.sources.base import Frame, Verdict
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.stages import read
from dashcam_pipeline.stages.records import EndOfVideo, SampledFrame, VideoJob, VideoRead
from dashcam_pipeline.storage.rows import VideoRow, VideoStatus
from stage_bench import VIDEO, Bench, picture

EVERY = Settings(sampling=SamplingSettings(stride=1))


class Info:
    duration_s, width, height, fps, codec, created_at = 2.0, 160, 120, 10.0, "toy", None


class FakeVideo:
    """Twenty frames, and whatever a test wants to happen before one of them."""

    frames_in_file = 20
    before: Callable[[int], None] = staticmethod(lambda index: None)
    opens: Callable[[], None] = staticmethod(lambda: None)
    problem: str | None = None
    info = Info()
    decode_errors = 0

    def __init__(self, path: Path, threads: int, device: str = "cpu") -> None:
        self.frames_decoded = 0

    @property
    def verdict(self) -> Verdict:
        return Verdict.PARTIAL if self.problem else Verdict.COMPLETE

    def __enter__(self) -> Self:
        type(self).opens()
        return self

    def __exit__(self, *exc: object) -> None: ...

    frames_reread = 0

    def frames(
        self, sampler: Sampler, after: int | None = None, on_skipped: Callable[[], None] | None = None
    ) -> Iterator[Frame]:
        for index in range(self.frames_in_file):
            type(self).before(index)
            self.frames_decoded += 1
            wanted = sampler.wanted(index, index / 10)
            if after is not None and index <= after:
                self.frames_reread += 1
                assert on_skipped is not None
                on_skipped()
            elif wanted:
                self.last = index
                yield Frame(index, index / 10, picture(index, 12, 16))

    def bookmark(self) -> int:
        return self.last


@pytest.fixture
def video(monkeypatch: pytest.MonkeyPatch) -> type[FakeVideo]:
    fresh = type("Video", (FakeVideo,), {})
    monkeypatch.setattr(read, "VideoFile", fresh)
    return fresh


def queued(bench: Bench) -> None:
    job = VideoJob(VIDEO, Path("/videos/clip.mp4"), 1000)
    bench.push(
        Task(task_id=f"{VIDEO}:READ:file", category="READ", source_id=VIDEO, key=VIDEO, payload=pack(job))
    )


def read_once(bench: Bench) -> Exception | None:
    """One try of the reading task; an error fails it, as the worker does."""
    batch = bench.lease("READ")
    assert batch is not None
    try:
        bench.queue.complete("w", batch.task_ids, bench.build("READ").process(batch))
    except Exception as error:
        bench.queue.fail("w", batch.task_ids[0], repr(error))
        return error
    return None


def brought_in(bench: Bench) -> list[int]:
    """The frames that wait, each of which must be stored; they are done with that."""
    indexes: list[int] = []
    while batch := bench.lease("VEHICLE_DETECT"):
        for task in batch.tasks:
            record: SampledFrame = task.load()
            assert task.order == len(indexes)
            assert task.payload_ref in bench.store.leftovers()
            assert (bench.store.get(str(task.payload_ref)) == picture(record.frame_idx, 12, 16)).all()
            indexes.append(record.frame_idx)
        bench.queue.complete("w", batch.task_ids, read.Outcome())
    return indexes


def closing(bench: Bench) -> VideoRow:
    """The row with which the video is closed; everything else of it is drained."""
    for category in ("VEHICLE_DETECT", "TRACK", "FINAL_WRITE"):
        bench.drain(category)
    (record,) = bench.drain("SUMMARY")
    assert isinstance(record, VideoRead)
    assert bench.queue.unfinished() == 0
    assert bench.store.leftovers() == []
    return record.row


def test_every_wanted_frame_is_brought_in_once_in_order(tmp_path: Path, video: type[FakeVideo]) -> None:
    bench = Bench(tmp_path, Settings(sampling=SamplingSettings(stride=3)))
    queued(bench)
    assert read_once(bench) is None
    assert brought_in(bench) == [0, 3, 6, 9, 12, 15, 18]
    assert bench.drain("TRACK") == []  # the end waits for the frames before it
    assert [row.row.status for row in bench.drain("FINAL_WRITE")] == [VideoStatus.RUNNING]


def test_the_end_of_a_video_comes_behind_its_last_frame(tmp_path: Path, video: type[FakeVideo]) -> None:
    bench = Bench(tmp_path, EVERY)
    video.frames_in_file = 0
    queued(bench)
    read_once(bench)
    assert bench.drain("TRACK") == [EndOfVideo()]


def test_a_video_is_closed_with_what_reading_it_came_to(tmp_path: Path, video: type[FakeVideo]) -> None:
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    read_once(bench)
    brought_in(bench)
    progress = bench.board.snapshot().sources[VIDEO]
    assert (progress.position_s, progress.frames_in, progress.over) == (1.9, 20, True)


@pytest.mark.parametrize("dies_at", [0, 1, 3, 4, 5, 11, 19])
def test_a_reader_that_dies_is_followed_by_one_that_goes_on(
    tmp_path: Path, video: type[FakeVideo], dies_at: int
) -> None:
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    deaths = [None]

    def die_once(index: int) -> None:
        if index == dies_at and deaths:
            deaths.pop()
            raise RuntimeError("killed")

    video.before = staticmethod(die_once)
    assert isinstance(read_once(bench), RuntimeError)
    assert read_once(bench) is None
    assert brought_in(bench) == list(range(20))


def test_a_reader_that_dies_between_storing_and_pushing_loses_no_frame(
    tmp_path: Path, video: type[FakeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    progress, calls = bench.queue.progress, []

    def die_the_third_time(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise RuntimeError("killed")
        progress(*arguments)

    monkeypatch.setattr(bench.queue, "progress", die_the_third_time)
    assert isinstance(read_once(bench), RuntimeError)
    assert read_once(bench) is None
    assert brought_in(bench) == list(range(20))


def test_what_a_dead_reader_has_under_way_takes_no_frame_from_the_next_one(
    tmp_path: Path, video: type[FakeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last call comes in late, is refused, and the frames that it names are deleted."""
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    progress, late = bench.queue.progress, []

    def die_behind_the_first_frames(*arguments: Any) -> None:
        if arguments[2].new_frames:
            late.append(arguments)
            raise RuntimeError("killed")
        progress(*arguments)

    def come_behind_the_late_call(*arguments: Any) -> None:
        while late:
            with pytest.raises(LeaseLost):
                progress(*late.pop())
        progress(*arguments)

    reader, bench.tools = bench.tools, replace(bench.tools, worker_id="dead")
    batch = bench.lease("READ", owner="dead")
    assert batch is not None
    monkeypatch.setattr(bench.queue, "progress", die_behind_the_first_frames)
    with pytest.raises(RuntimeError):
        bench.build("READ").process(batch)
    bench.queue.requeue_owner("dead", "killed", interrupted=True)
    bench.tools = reader
    monkeypatch.setattr(bench.queue, "progress", come_behind_the_late_call)
    assert read_once(bench) is None
    assert late == []
    assert brought_in(bench) == list(range(20))


def test_a_second_try_does_not_say_again_that_the_video_is_running(
    tmp_path: Path, video: type[FakeVideo]
) -> None:
    """The first word may still wait to be written."""
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    for _ in range(2):
        video.before = staticmethod(_raise)
        assert isinstance(read_once(bench), RuntimeError)
    video.before = staticmethod(lambda index: None)
    assert read_once(bench) is None
    assert len(bench.drain("FINAL_WRITE")) == 1


def _raise(index: int) -> None:
    raise RuntimeError("broken")


@pytest.mark.parametrize("fails_at", [None, 0, 9])
def test_a_video_whose_reader_dies_again_and_again_is_closed_all_the_same(
    tmp_path: Path, video: type[FakeVideo], fails_at: int | None
) -> None:
    bench = Bench(tmp_path, EVERY, max_attempts=2)
    queued(bench)

    def fail(index: int) -> None:
        if index == (fails_at or 0):
            raise RuntimeError("crash")

    video.before = staticmethod(fail)
    while bench.queue.backlog("READ"):
        read_once(bench)
    frames = brought_in(bench)
    assert frames == list(range(8 if fails_at else 0))
    end = bench.lease("TRACK")
    assert end is None or [task.load() for task in end.tasks] == [EndOfVideo()]
    assert len(bench.queue.dead_letters()) == 1


def test_a_file_that_cannot_be_read_is_closed_as_failed_with_its_reason(
    tmp_path: Path, video: type[FakeVideo]
) -> None:
    bench = Bench(tmp_path, EVERY)
    queued(bench)

    def refuse() -> None:
        raise VideoUnreadable("/videos/clip.mp4", "it is a text file")

    video.opens = staticmethod(refuse)
    assert read_once(bench) is None
    row = closing(bench)
    assert (row.status, row.reason) == (VideoStatus.FAILED, "it is a text file")
    assert (row.size_bytes, row.filename, row.frames_sampled) == (1000, "clip.mp4", 0)


@pytest.mark.parametrize("problem", [None, "ends after 1.0 s of 2.0 s"])
def test_a_video_without_wanted_frames_is_closed(
    tmp_path: Path, video: type[FakeVideo], problem: str | None
) -> None:
    bench = Bench(tmp_path, EVERY)
    video.frames_in_file, video.problem = 0, problem
    queued(bench)
    read_once(bench)
    row = closing(bench)
    assert (row.status, row.reason) == (VideoStatus.PARTIAL if problem else VideoStatus.DONE, problem)
    assert (row.duration_s, row.width, row.height, row.fps, row.codec) == (2.0, 160, 120, 10.0, "toy")


def test_asked_to_stop_it_closes_the_video_behind_what_it_has_read(
    tmp_path: Path, video: type[FakeVideo]
) -> None:
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    video.before = staticmethod(lambda index: bench.stop.set() if index == 9 else None)
    assert read_once(bench) is None
    assert brought_in(bench) == list(range(8))
    assert bench.lease("TRACK") is None  # the end waits for the eight frames


def test_a_reader_that_is_told_to_wait_goes_on_when_there_is_room(
    tmp_path: Path, video: type[FakeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "ADMIT_WAIT_S", 0.0)
    bench = Bench(tmp_path, EVERY, gpu=Limits(4, 8, 8))
    queued(bench)
    taken: list[int] = []
    admit = bench.queue.admit

    def make_room(*arguments: Any) -> Any:
        answer = admit(*arguments)
        if not answer.admitted:
            batch = bench.lease("VEHICLE_DETECT", 1)
            assert batch is not None
            taken.append(batch.tasks[0].order)
            bench.queue.complete("w", batch.task_ids, read.Outcome())
        return answer

    monkeypatch.setattr(bench.queue, "admit", make_room)
    assert read_once(bench) is None
    assert taken == list(range(len(taken)))
    assert len(taken) + len(bench.drain("VEHICLE_DETECT")) == 20
    assert bench.queue.snapshot().frames.peak_bytes <= 8 * bench.store.weight(picture(0, 12, 16))


def test_a_disk_that_stays_full_ends_the_run_with_the_cure(tmp_path: Path, video: type[FakeVideo]) -> None:
    settings = EVERY.model_copy(update={"storage": StorageSettings(disk_patience_s=0.0)})
    bench = Bench(tmp_path, settings, min_free_bytes=10**13)
    queued(bench)
    error = read_once(bench)
    assert isinstance(error, DiskUnavailable)
    assert "min_free_mb" in str(error)


def test_a_reader_whose_video_was_given_to_another_stops_asking_for_room(
    tmp_path: Path, video: type[FakeVideo]
) -> None:
    bench = Bench(tmp_path, EVERY)
    queued(bench)
    batch = bench.lease("READ")
    assert batch is not None
    video.before = staticmethod(lambda index: bench.queue.requeue_owner("w", "silent") and None)
    with pytest.raises(LeaseLost):
        bench.build("READ").process(batch)
    assert bench.store.leftovers() == []


def checkpoints(bench: Bench) -> list[Checkpoint]:
    """Work everything off that is behind the frames brought in; the checkpoints that come of it."""
    made: list[Checkpoint] = []
    while bench.queue.unfinished():
        batch = bench.queue.lease("w", ["VEHICLE_DETECT", "TRACK", "FINAL_WRITE", "SUMMARY"])
        if batch is not None:
            follow = [
                replace(task, task_id=f"{task.task_id}-tracked", category="TRACK")
                for task in batch.tasks
                if batch.category == "VEHICLE_DETECT"
            ]
            bench.queue.complete("w", batch.task_ids, read.Outcome(push=tuple(follow)))
            continue
        made += bench.drain("CHECKPOINT")
    return made


def test_every_few_seconds_of_video_a_later_run_can_go_on(tmp_path: Path, video: type[FakeVideo]) -> None:
    settings = Settings(sampling=SamplingSettings(stride=1), run=RunSettings(checkpoint_s=0.5))
    bench = Bench(tmp_path, settings, checkpoints_to="CHECKPOINT")
    queued(bench)
    assert read_once(bench) is None
    at = [checkpoint.states for checkpoint in checkpoints(bench)]
    positions = [
        kept.state.load() for states in at for kept in states if kept.category == "READ" and kept.state
    ]
    orders = [kept.next_order for states in at for kept in states if kept.category == "TRACK"]
    assert [position.read_s for position in positions] == [0.7, 1.5]  # four frames come at once
    assert orders == [position.frames_in for position in positions] == [8, 16]


def gone_on(folder: Path) -> Bench:
    """A run that goes on behind the first checkpoint of another."""
    settings = Settings(sampling=SamplingSettings(stride=1), run=RunSettings(checkpoint_s=0.5))
    first = Bench(folder, settings, checkpoints_to="CHECKPOINT")
    queued(first)
    read_once(first)
    checkpoint = checkpoints(first)[0]
    later = Bench(folder, settings, checkpoints_to="CHECKPOINT")
    later.queue.restore(checkpoint, {})
    queued(later)
    return later


def test_a_later_run_brings_in_only_what_came_behind_the_checkpoint(
    tmp_path: Path, video: type[FakeVideo]
) -> None:
    later = gone_on(tmp_path)
    assert read_once(later) is None
    batch = later.lease("VEHICLE_DETECT", 99)
    assert batch is not None
    assert [task.load().frame_idx for task in batch.tasks] == list(range(8, 20))[: len(batch.tasks)]
    assert [task.order for task in batch.tasks] == list(range(8, 20))[: len(batch.tasks)]


def test_a_later_run_whose_process_has_the_same_id_says_again_that_it_reads(
    tmp_path: Path, video: type[FakeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = gone_on(tmp_path)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: 0.0)
    read_once(later)
    (said,) = later.drain("FINAL_WRITE")
    assert said.row.status is VideoStatus.RUNNING
    assert later.board.snapshot().sources[VIDEO].began_s == 0.7


def test_stopped_by_the_user_a_video_can_be_gone_on_with_right_there(
    tmp_path: Path, video: type[FakeVideo]
) -> None:
    bench = Bench(tmp_path, EVERY, checkpoints_to="CHECKPOINT")
    queued(bench)
    video.before = staticmethod(lambda index: bench.stop.set() if index == 9 else None)
    read_once(bench)
    (checkpoint,) = checkpoints(bench)
    (position,) = [kept.state.load() for kept in checkpoint.states if kept.category == "READ" and kept.state]
    assert position.frames_in == 8
