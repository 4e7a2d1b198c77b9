"""The queue behind a real Manager process, with several processes at it at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from dashcam_pipeline.engine.deadman import HURRY_S, LOOK_S, START_PATIENCE_S, Deadman
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.manager import ManagerProcess
from dashcam_pipeline.engine.shared import MANAGER_GONE, Shared
from dashcam_pipeline.engine.task import LeaseLost, Outcome
from engine_crowd import work
from engine_toys import CATEGORIES, RULES, task

TASKS = 1500


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    manager = ManagerProcess()
    yield manager.start(CATEGORIES, RULES, FrameStore(tmp_path))
    manager.shutdown()
    assert not manager.is_alive()


@pytest.mark.parametrize("dies_after", [None, 400])
def test_each_of_thousands_of_tasks_is_done_once_by_one_of_several_processes(
    shared: Shared, tmp_path: Path, dies_after: int | None
) -> None:
    """Also when one of them is killed in the middle, and its tasks are handed to the others."""
    queue, context = shared.queue, get_context("spawn")
    for n in range(TASKS):
        queue.push(f"t{n}", task(f"t{n}", source=f"s{n % 7}"))
    logs = [tmp_path / f"w{n}.log" for n in range(3)]
    crowd = [
        context.Process(
            target=work,
            args=(shared, f"w{n}", os.getpid(), log, dies_after if n == 0 else None),
        )
        for n, log in enumerate(logs)
    ]
    crowd[0].start()
    while not (logs[0].exists() and logs[0].read_text()):  # it is to have its share before it dies
        assert crowd[0].is_alive()
        time.sleep(0.01)
    for process in crowd[1:]:
        process.start()
    crowd[0].join()
    if dies_after is not None:
        assert crowd[0].exitcode == -9
        assert queue.requeue_owner("w0", "killed") > 0
    for process in crowd[1:]:
        process.join()
    done = Counter(name for log in logs for name in log.read_text().split())
    expected = {f"t{n}" for n in range(TASKS)} | {f"t{n}-after" for n in range(TASKS)}
    assert set(done.values()) == {1}
    assert done.keys() == expected
    now = queue.snapshot()
    assert (now.unfinished, now.dead_letters) == (0, 0)
    assert {load.name: load.done for load in now.categories}["CLOSE"] == TASKS


def test_errors_of_the_queue_reach_the_caller_as_they_are_and_change_nothing(
    shared: Shared,
) -> None:
    queue = shared.queue
    queue.push("a", task("a"))
    with pytest.raises(ValueError, match="'a' is in use"):
        queue.push("a", task("a"))
    batch = queue.lease("w", ["SEARCH"])
    assert batch is not None
    with pytest.raises(LeaseLost, match="another"):
        queue.complete("another", batch.task_ids, Outcome())
    with pytest.raises(ValueError, match="not stored"):
        queue.complete("w", batch.task_ids, Outcome(push=(task("b", frames=("f",)),)))
    queue.complete("w", batch.task_ids, Outcome())
    assert queue.unfinished() == 0


def test_the_manager_deletes_the_files_of_frames_that_nobody_needs(shared: Shared, tmp_path: Path) -> None:
    queue = shared.queue
    (tmp_path / "f.npy").write_bytes(b"x")
    queue.push("read", task("read", "READ"))
    queue.lease("r", ["READ"])
    queue.progress("r", "read", Outcome(push=(task("a", frames=("f.npy",)),), new_frames={"f.npy": 1}))
    assert (tmp_path / "f.npy").exists()
    queue.complete("w", queue.lease("w", ["SEARCH"]).task_ids, Outcome())  # type: ignore[union-attr]
    assert not (tmp_path / "f.npy").exists()


def test_events_and_board_are_shared(shared: Shared) -> None:
    assert not shared.stop.is_set()
    shared.stop.set()
    assert (shared.stop.is_set(), shared.terminate.is_set()) == (True, False)
    shared.board.service("database", "ok")
    assert shared.board.snapshot().services == {"database": "ok"}


class TestGone:
    """What a Manager that is no longer there, or no longer answers, means for who calls it."""

    @pytest.fixture
    def manager(self) -> Iterator[ManagerProcess]:
        manager = ManagerProcess()
        yield manager
        manager.shutdown()
        assert not manager.is_alive()

    def test_a_call_to_a_manager_that_is_gone_says_so(self, manager: ManagerProcess, tmp_path: Path) -> None:
        shared = manager.start(CATEGORIES, RULES, FrameStore(tmp_path))
        manager.kill()
        with pytest.raises(MANAGER_GONE):
            while True:
                shared.queue.total_backlog()
        assert manager.has_died()

    def test_one_that_stands_still_is_ended_all_the_same(
        self, manager: ManagerProcess, tmp_path: Path
    ) -> None:
        manager.start(CATEGORIES, RULES, FrameStore(tmp_path))
        manager.signal(signal.SIGSTOP)
        manager.shutdown()
        assert not manager.is_alive()

    def test_one_that_was_never_started_can_be_ended(self, manager: ManagerProcess) -> None:
        manager.kill()
        assert (manager.pid, manager.is_alive()) == (None, False)


class Watched:
    """A Deadman's Manager."""

    def __init__(self, patience_s: float = 10.0) -> None:
        self.killed = 0
        self.hurry = False
        self.deadman = Deadman(self.kill, patience_s, lambda: self.hurry)

    def kill(self) -> None:
        self.killed += 1

    def look_for(self, seconds: float) -> None:
        for _ in range(int(seconds / LOOK_S)):
            self.deadman.look()


class TestDeadman:
    def test_a_manager_that_answers_is_left_alone(self) -> None:
        watched = Watched(patience_s=10.0)
        for _ in range(20):
            watched.deadman.answered()
            watched.look_for(10.0)
        assert watched.killed == 0

    def test_one_that_owes_an_answer_for_too_long_is_killed(self) -> None:
        watched = Watched(patience_s=10.0)
        watched.deadman.answered()
        watched.look_for(10.0)
        assert watched.killed == 0
        watched.look_for(1.0)
        assert watched.killed > 0

    def test_the_first_answer_may_take_longer(self) -> None:
        watched = Watched(patience_s=10.0)
        watched.look_for(START_PATIENCE_S)
        assert watched.killed == 0
        watched.look_for(1.0)
        assert watched.killed > 0

    def test_when_all_is_to_end_at_once_it_is_killed_also_if_it_answers(self) -> None:
        watched = Watched()
        watched.hurry = True
        watched.deadman.answered()
        watched.look_for(HURRY_S)
        assert watched.killed == 0
        watched.look_for(1.0)
        assert watched.killed > 0

    def test_a_manager_that_does_not_return_from_a_call_is_noticed(self) -> None:
        """Through its own threads: the ping hangs, the watch goes on."""
        dead, hangs = threading.Event(), threading.Event()
        with Deadman(dead.set, patience_s=0.0) as deadman:
            deadman.answered()
            deadman.listen(hangs.wait)
            assert dead.wait(START_PATIENCE_S)
        hangs.set()
