"""Rates, progress and the stage that binds a run, out of what the queue and the board show."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any

import pytest

from dashcam_pipeline.engine.board import KEPT_HIGHLIGHTS, KEPT_LOG_LINES, Fatal, LogLine, RunBoard
from dashcam_pipeline.engine.monitor import (
    BYTES_DONE,
    FRAMES_DONE,
    JobSize,
    Monitor,
    RunSnapshot,
    binding_stage,
    share_done,
)
from dashcam_pipeline.engine.shared import Shared
from dashcam_pipeline.engine.task import Outcome, WorkerClass
from engine_toys import Clock, World, task
from snapshots import queue_snapshot, source, worker

WORKERS = {WorkerClass.SOURCE: 1, WorkerClass.GPU: 2, WorkerClass.CPU: 1, WorkerClass.WRITER: 1}


@pytest.mark.parametrize(
    ("changed", "frames_done", "share"),
    [
        ({}, 300, 0.5),
        ({}, 150, 0.25),
        ({}, 0, 0.0),
        ({"duration_s": None}, 300, 0.0),
        ({"duration_s": 0.0}, 300, 0.0),
        ({"over": True}, 300, 1.0),
        ({"over": True}, 150, 0.5),
        ({"position_s": 90.0}, 300, 1.0),  # longer than the container said
        ({"position_s": 0.0, "frames_in": 0}, 0, 0.0),
        ({"over": True, "frames_in": 0}, 0, 1.0),
        ({}, 999, 0.5),
    ],
)
def test_a_source_is_done_as_far_as_it_was_read_and_worked_off(
    changed: dict[str, Any], frames_done: int, share: float
) -> None:
    assert share_done(replace(source("clip"), **changed), frames_done) == pytest.approx(share)


@pytest.mark.parametrize(
    ("busy_s", "waited", "binds"),
    [
        ({}, False, "reading"),
        ({"OCR": 1.0}, False, "reading"),  # two workers of ten seconds each had little to do
        ({"OCR": 12.0, "VEHICLE_DETECT": 7.0}, False, "OCR"),
        ({"OCR": 5.0, "VEHICLE_DETECT": 6.0}, True, "VEHICLE_DETECT"),
        ({"OCR": 8.0, "TRACK": 9.0}, False, "TRACK"),  # one worker of its class, all of its time
        ({"FINAL_WRITE": 9.5, "TRACK": 5.0}, True, "FINAL_WRITE"),
        ({"READ": 99.0}, False, "reading"),
    ],
)
def test_the_stage_that_binds_is_the_heaviest_of_the_busiest_class(
    busy_s: dict[str, float], waited: bool, binds: str
) -> None:
    before = queue_snapshot(100.0)
    wait_s = {"gpu": 3.0} if waited else {}
    now = queue_snapshot(110.0, busy_s, pressure=replace(before.pressure, wait_s=wait_s))
    assert binding_stage(before, now, WORKERS) == binds


def test_two_looks_at_the_same_moment_do_not_divide_by_zero() -> None:
    assert binding_stage(queue_snapshot(1.0), queue_snapshot(1.0), WORKERS) == "reading"


class Watched:
    """A run whose clock a test turns."""

    def __init__(self, **sizes: int) -> None:
        self.world = World()
        self.board = RunBoard(clock=Clock())
        shared = Shared(self.world.queue, self.board, threading.Event(), threading.Event())
        self.monitor = Monitor(shared, JobSize(source_bytes=sizes), WORKERS)

    def sample(self, seconds: float = 0.0) -> RunSnapshot:
        self.world.clock.turn(seconds)
        return self.monitor.sample([os.getpid()], "running", None)

    def read(self, name: str, **progress: Any) -> None:
        self.board.source(replace(source(name), **progress))


def test_rates_are_over_the_last_seconds() -> None:
    watched = Watched(s=100)
    watched.sample()
    watched.world.read()
    for _ in range(40):
        watched.world.queue.progress("r", "read-s", Outcome(tallies={FRAMES_DONE: 10}))
        watched.world.push(task("a"))
        watched.world.queue.complete("w", watched.world.lease_ids("SEARCH"), Outcome())
        now = watched.sample(0.5)
    assert now.frames_per_s == pytest.approx(20.0)
    assert now.tasks_per_s["SEARCH"] == pytest.approx(2.0)
    for _ in range(12):
        now = watched.sample(0.5)
    assert (now.frames_per_s, now.tasks_per_s["SEARCH"]) == (0.0, 0.0)
    assert now.elapsed_s == pytest.approx(26.0)


def test_progress_weighs_sources_by_their_bytes() -> None:
    watched = Watched(big=300, small=100)
    assert (watched.sample().progress, watched.sample().eta_s) == (0.0, None)
    for name in ("big", "small"):
        watched.world.read(name)
    watched.read("small", over=True)
    watched.world.queue.progress("r", "read-small", Outcome(tallies={FRAMES_DONE: 300}))
    now = watched.sample(10.0)
    assert now.progress == pytest.approx(0.25)
    assert now.eta_s == pytest.approx(30.0)
    watched.world.queue.progress("r", "read-small", Outcome(tallies={BYTES_DONE: 100}))
    assert watched.sample().progress == pytest.approx(0.25)  # it is still on the board: not counted twice
    watched.board.source_over("small")
    watched.read("big")
    watched.world.queue.progress("r", "read-big", Outcome(tallies={FRAMES_DONE: 150}))
    assert watched.sample().progress == pytest.approx(0.25 + 0.75 * 0.25)


def test_a_source_that_was_never_shown_counts_when_it_is_over() -> None:
    """It could not be opened, or was done between two looks."""
    watched = Watched(unreadable=50, other=50)
    watched.world.read("unreadable")
    watched.world.queue.complete("r", ["read-unreadable"], Outcome(tallies={BYTES_DONE: 50}))
    assert watched.sample().progress == pytest.approx(0.5)


def test_memory_of_processes_that_are_gone_counts_as_none() -> None:
    watched = Watched()
    own = watched.sample()
    assert own.rss_bytes > 0
    watched.monitor.sample([2**22 + 1], "running", None)
    now = watched.monitor.sample([], "running", None)
    assert (now.rss_bytes, now.peak_rss_bytes >= own.rss_bytes) == (0, True)


def test_a_job_without_bytes_is_done() -> None:
    assert Watched().sample().progress == 1.0


class TestBoard:
    def test_the_last_heartbeat_of_every_worker_is_kept_with_the_boards_own_time(self) -> None:
        clock = Clock(5.0)
        board = RunBoard(clock)
        board.heartbeat(worker("a", None, beat_s=-1.0))
        clock.turn(2.0)
        board.heartbeat(worker("a", "OCR", beat_s=-1.0))
        board.heartbeat(worker("b", None, beat_s=-1.0))
        board.gone("b")
        board.gone("never there")
        (status,) = board.worker_status().values()
        assert (status.category, status.last_heartbeat) == ("OCR", 7.0)

    def test_the_first_fatal_reason_stands(self) -> None:
        board = RunBoard()
        assert board.fatality() is None
        for reason in ("one", "two"):
            board.fatal(Fatal("w", reason, 3))
        assert board.fatality() == Fatal("w", "one", 3)

    def test_logs_and_highlights_are_bounded_and_logs_given_once(self) -> None:
        board = RunBoard()
        for n in range(3 * KEPT_LOG_LINES):
            board.log(LogLine(0.0, 30, "w", "l", str(n)))
            board.highlight(str(n))
        lines = board.drain_log()
        assert (len(lines), lines[-1].message) == (KEPT_LOG_LINES, str(3 * KEPT_LOG_LINES - 1))
        assert board.drain_log() == []
        assert len(board.snapshot().highlights) == KEPT_HIGHLIGHTS

    def test_sources_that_are_over_are_shown_no_longer(self) -> None:
        board = RunBoard()
        board.source(source("a"))
        board.source(source("b"))
        board.source_over("a")
        board.source_over("never there")
        board.service("database", "ok")
        shown = board.snapshot()
        assert (list(shown.sources), shown.services) == (["b"], {"database": "ok"})
