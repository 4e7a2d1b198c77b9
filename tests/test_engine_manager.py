"""The queue behind a real Manager process, with several processes at it at once."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.manager import MANAGER_GONE, ManagerProcess
from dashcam_pipeline.engine.task import LeaseLost, Outcome
from engine_crowd import work
from engine_toys import CATEGORIES, RULES, task

TASKS = 1500


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    manager = ManagerProcess(CATEGORIES, RULES, FrameStore(tmp_path))
    yield manager
    manager.shutdown()
    assert not manager.is_alive()


@pytest.mark.parametrize("dies_after", [None, 400])
def test_each_of_thousands_of_tasks_is_done_once_by_one_of_several_processes(
    manager: ManagerProcess, tmp_path: Path, dies_after: int | None
) -> None:
    """Also when one of them is killed in the middle, and its tasks are handed to the others."""
    queue, context = manager.shared.queue, get_context("spawn")
    for n in range(TASKS):
        queue.push(f"t{n}", task(f"t{n}", source=f"s{n % 7}"))
    logs = [tmp_path / f"w{n}.log" for n in range(3)]
    crowd = [
        context.Process(
            target=work,
            args=(manager.shared, f"w{n}", os.getpid(), log, dies_after if n == 0 else None),
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
    manager: ManagerProcess,
) -> None:
    queue = manager.shared.queue
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


def test_the_manager_deletes_the_files_of_frames_that_nobody_needs(
    manager: ManagerProcess, tmp_path: Path
) -> None:
    queue = manager.shared.queue
    (tmp_path / "f.npy").write_bytes(b"x")
    queue.push("read", task("read", "READ"))
    queue.lease("r", ["READ"])
    queue.progress("r", "read", Outcome(push=(task("a", frames=("f.npy",)),), new_frames={"f.npy": 1}))
    assert (tmp_path / "f.npy").exists()
    queue.complete("w", queue.lease("w", ["SEARCH"]).task_ids, Outcome())  # type: ignore[union-attr]
    assert not (tmp_path / "f.npy").exists()


def test_events_and_board_are_shared(manager: ManagerProcess) -> None:
    shared = manager.shared
    assert not shared.stop.is_set()
    shared.stop.set()
    assert (shared.stop.is_set(), shared.terminate.is_set()) == (True, False)
    shared.board.service("database", "ok")
    assert shared.board.snapshot().services == {"database": "ok"}


def test_a_call_to_a_manager_that_is_gone_says_so(tmp_path: Path) -> None:
    manager = ManagerProcess(CATEGORIES, RULES, FrameStore(tmp_path))
    assert manager.pid is not None
    os.kill(manager.pid, 9)
    with pytest.raises(MANAGER_GONE):
        while True:
            manager.shared.queue.total_backlog()
    manager.shutdown()
