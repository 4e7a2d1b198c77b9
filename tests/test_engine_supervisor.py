"""Whole runs of the engine in processes of their own, with toys for models, and what may go wrong in them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

PLANT = Path(__file__).with_name("engine_plant.py")
LOOK_S = 0.02
PATIENCE_S = 60.0  # a run that takes longer hangs


def until(what: Callable[[], Any]) -> Any:
    """What a condition gives once it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(LOOK_S)
    return found


class Plant:
    """A run of `engine_plant.py` in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, **orders: Any) -> None:
        environment = dict(os.environ)
        if (self.folder / "waits").is_dir():
            environment["PLANT_GATE"] = str(self.folder)
        self._process = subprocess.Popen(
            [sys.executable, str(PLANT), str(self.folder), json.dumps(orders)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # a job of its own, as a shell makes it
            env=environment,
        )

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def end(self) -> tuple[dict[str, Any], str]:
        """What the run came to and what it logged; nothing of it is left then."""
        out, log = self.process.communicate(timeout=PATIENCE_S)
        until(lambda: not self.members())
        assert list((self.folder / "frames").iterdir()) == []
        return (json.loads(out) if out else {}), log

    def run(self, **orders: Any) -> tuple[dict[str, Any], str]:
        self.start(**orders)
        return self.end()

    def members(self) -> list[int]:
        """Processes of the run that are still there."""
        return [pid for pid in psutil.pids() if _group(pid) == self.process.pid and not _is_zombie(pid)]

    def children(self) -> list[psutil.Process]:
        """The processes that the supervisor started, the Manager first."""
        spawned = psutil.Process(self.process.pid).children()
        ours = [child for child in spawned if not _is_zombie(child.pid) and _is_spawned(child)]
        return sorted(ours, key=lambda child: child.create_time())

    def searched(self) -> Counter[str]:
        """How often each task came to SEARCH."""
        return Counter((self.folder / "searched").read_text().split())

    def reached(self, name: str) -> None:
        until((self.folder / name).exists)

    def counts(self) -> dict[str, dict[str, int]]:
        """What was counted for each source that is over."""
        return {path.name: json.loads(path.read_text()) for path in (self.folder / "results").glob("*")}


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _is_spawned(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    plant = Plant(tmp_path)
    yield plant
    if plant._process is not None:
        for pid in plant.members():
            os.kill(pid, signal.SIGKILL)
        plant.process.wait()


def test_a_run_ends_when_nothing_is_left_to_do(plant: Plant) -> None:
    result, _ = plant.run(frames={"s1": 25, "s2": 3, "empty": 0}, readers=2)
    assert result["end"] == "finished"
    assert result["done"] == {"READ": 3, "SEARCH": 28, "ORDER": 28, "CLOSE": 3}
    assert plant.counts()["s1"] == {"frames_in": 25, "frames_done": 25, "lost": 0}
    assert (result["sources_done"], result["unfinished"], result["dead"]) == (3, 0, [])
    assert result["left_frames"] == []


def test_a_plan_without_tasks_ends_at_once(plant: Plant) -> None:
    result, _ = plant.run(frames={})
    assert (result["end"], result["done"]["READ"]) == ("finished", 0)


def test_a_task_that_kills_its_worker_is_given_up_alone(plant: Plant) -> None:
    result, log = plant.run(search={"s1:5": "crash", "s2:3": "raise"}, max_attempts=2)
    assert result["end"] == "finished"
    assert result["dead"] == ["s1:5", "s2:3"]
    assert any("killed by signal 11" in reason for reason in result["reasons"])
    assert plant.counts() == {
        source: {"frames_in": 12, "frames_done": 11, "lost": 1, "dead_letters": 1} for source in ("s1", "s2")
    }
    assert result["left_frames"] == []
    assert "worker gpu died (killed by signal 11)" in log
    assert "worker gpu.2 died" in log


def test_a_source_that_kills_the_reader_takes_no_other_one_with_it(plant: Plant) -> None:
    """The others are being read whenever it kills, until it is given up."""
    result, _ = plant.run(
        frames={"bad": 9, "good": 12, "fine": 12},
        readers=3,
        kills_reader_at={"bad": 4},
        waits_for_the_buried_at={"good": 0, "fine": 0},
    )
    assert (result["end"], result["dead"]) == ("finished", ["bad:READ"])
    frames = {source: counts["frames_done"] for source, counts in plant.counts().items()}
    assert frames == {"bad": 4, "good": 12, "fine": 12}
    assert result["totals"]["lost"] == 0


@pytest.mark.parametrize(
    ("start", "said"),
    [("dies", "exit code 7"), ("raises", "no model here"), ("says why", "put the model there")],
)
def test_a_worker_that_cannot_start_ends_the_run_with_its_reason(plant: Plant, start: str, said: str) -> None:
    result, log = plant.run(start=start)
    assert result["error"] == ("DashcamError" if start == "says why" else "WorkerKeepsDying")
    assert said in result["said"] + log


class TestStopping:
    @pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
    def test_asked_once_the_readers_stop_and_the_rest_is_finished(self, plant: Plant, asked: int) -> None:
        plant.start(frames={"s1": 10**9, "s2": 10**9})
        plant.reached("read/s1/20")
        os.killpg(plant.process.pid, asked)  # as a terminal does: to every process
        result, log = plant.end()
        assert result["end"] == "drained"
        assert result["done"]["READ"] == 1  # the other source was withdrawn
        counts = plant.counts()["s1"]
        assert counts["frames_done"] == counts["frames_in"] > 20
        assert (result["unfinished"], result["left_frames"]) == (0, [])
        assert "died" not in log

    def test_asked_twice_it_ends_at_once_and_leaves_nothing(self, plant: Plant) -> None:
        plant.start(search={"s1:5": "hang"})
        plant.reached("met/s1:5")
        os.kill(plant.process.pid, signal.SIGINT)
        os.kill(plant.process.pid, signal.SIGTERM)
        result, _ = plant.end()
        assert result["end"] == "abandoned"
        assert result["unfinished"] > 0

    def test_what_does_not_end_in_time_is_abandoned(self, plant: Plant) -> None:
        plant.start(search={"s1:5": "hang"}, drain_deadline_s=0.2)
        plant.reached("met/s1:5")
        os.kill(plant.process.pid, signal.SIGINT)
        result, _ = plant.end()
        assert result["end"] == "abandoned"

    def test_ctrl_c_while_the_processes_start_kills_none_of_them(self, plant: Plant) -> None:
        """Nobody knows yet to ignore it: they are still importing."""
        for name in ("waits", "open"):
            (plant.folder / name).mkdir()
        plant.start()
        (manager,) = until(lambda: list((plant.folder / "waits").iterdir()))
        os.killpg(plant.process.pid, signal.SIGINT)
        (plant.folder / "open" / manager.name).touch()
        until(lambda: len(list((plant.folder / "waits").iterdir())) == 4)
        os.killpg(plant.process.pid, signal.SIGTERM)
        for waiting in (plant.folder / "waits").iterdir():
            (plant.folder / "open" / waiting.name).touch()
        result, log = plant.end()
        assert result["end"] == "drained"
        assert "Traceback" not in log
        assert "died" not in log


class TestDeaths:
    def test_a_worker_that_is_silent_too_long_is_replaced(self, plant: Plant) -> None:
        result, log = plant.run(search={"s1:5": "stop once"}, lease_s=3.0)
        assert (result["end"], result["dead"]) == ("finished", [])
        assert result["totals"]["frames_done"] == 24
        assert "worker gpu died (it was silent for 3 s)" in log

    def test_an_idle_worker_that_stands_still_is_replaced_too(self, plant: Plant) -> None:
        """It holds no lease that could run out."""
        plant.start(frames={"s1": 40}, search={"s1:20": "hang"}, lease_s=3.0)
        plant.reached("ordered")  # so it is ready
        plant.reached("met/s1:20")
        stopped = plant.children()[3]
        stopped.suspend()
        until(lambda: len(plant.children()) == 4 and stopped not in plant.children())
        (plant.folder / "go on").touch()
        result, log = plant.end()
        assert (result["end"], result["dead"]) == ("finished", [])
        assert plant.counts()["s1"]["frames_done"] == 40
        assert "worker cpu died (it was silent for 3 s); 0 tasks handed back" in log

    def test_a_task_that_gets_stuck_again_and_again_is_given_up_alone(self, plant: Plant) -> None:
        """Its process beats all the time."""
        result, log = plant.run(search={"s1:5": "hang"}, stuck_s=1.0, max_attempts=2)
        assert (result["end"], result["dead"]) == ("finished", ["s1:5"])
        assert plant.counts()["s1"] == {"frames_in": 12, "frames_done": 11, "lost": 1, "dead_letters": 1}
        assert plant.counts()["s2"]["frames_done"] == 12
        assert "it was stuck" in log

    def test_a_worker_that_is_killed_from_outside_is_no_fault_of_its_tasks(self, plant: Plant) -> None:
        orders = {f"s1:{n}": "kill once" for n in range(0, 12, 4)}
        result, log = plant.run(search=orders, max_attempts=1)
        assert (result["end"], result["dead"]) == ("finished", [])
        assert plant.counts()["s1"]["frames_done"] == 12
        assert "worker gpu.3 died (killed by signal 9)" in log

    def test_a_worker_that_dies_idle_again_and_again_stops_the_run(self, plant: Plant) -> None:
        result, _ = plant.run(frames={"s1": 2}, start="dies idle", waits_for_the_buried_at={"s1": 0})
        assert result["error"] == "WorkerKeepsDying"
        assert "exit code 9" in result["said"]

    def test_an_idle_worker_that_is_killed_loses_nothing(self, plant: Plant) -> None:
        """It dies in its call for work, which the Manager still holds when work comes in."""
        plant.start(frames={"s1": 40}, search={"s1:0": "hang"})
        plant.reached("met/s1:0")
        killed = plant.children()[3]
        killed.kill()
        until(lambda: len(plant.children()) == 4 and killed not in plant.children())
        (plant.folder / "go on").touch()
        result, _ = plant.end()
        assert (result["end"], result["dead"]) == ("finished", [])
        assert plant.counts()["s1"]["frames_done"] == 40

    def test_without_the_manager_the_run_ends_with_a_clear_error(self, plant: Plant) -> None:
        plant.start(search={"s1:5": "hang"})
        plant.reached("met/s1:5")
        plant.children()[0].kill()
        result, log = plant.end()
        assert (result["error"], result["code"]) == ("ManagerDied", 3)
        assert "Traceback" not in log

    def test_a_manager_that_stands_still_ends_the_run_likewise(self, plant: Plant) -> None:
        plant.start(search={"s1:5": "hang"}, lease_s=3.0)
        plant.reached("met/s1:5")
        plant.children()[0].suspend()
        result, log = plant.end()
        assert (result["error"], result["code"]) == ("ManagerDied", 3)
        assert "does not answer and is killed" in log
        assert "Traceback" not in log

    def test_who_leaves_at_once_does_not_wait_for_a_manager_that_stands_still(self, plant: Plant) -> None:
        plant.start(search={"s1:5": "hang"})
        plant.reached("met/s1:5")
        plant.children()[0].suspend()
        os.kill(plant.process.pid, signal.SIGINT)
        os.kill(plant.process.pid, signal.SIGTERM)
        result, log = plant.end()
        assert result["end"] == "abandoned"
        assert "Traceback" not in log

    def test_a_killed_supervisor_takes_all_with_it_and_the_next_run_sweeps_its_frames(
        self, plant: Plant
    ) -> None:
        plant.start(search={"s1:5": "hang"})
        plant.reached("met/s1:5")
        os.kill(plant.process.pid, signal.SIGKILL)
        plant.process.wait()
        until(lambda: not plant.members())
        assert list((plant.folder / "frames").glob("toys/*.npy")) != []
        result, _ = plant.run(frames={"s3": 2})
        assert result["end"] == "finished"


class TestRecycling:
    def test_a_worn_out_worker_is_replaced_and_no_task_is_lost_or_tried_twice(self, plant: Plant) -> None:
        result, log = plant.run(frames={"s1": 25, "s2": 3}, max_tasks=6)
        assert (result["end"], result["dead"]) == ("finished", [])
        assert result["done"] == {"READ": 2, "SEARCH": 28, "ORDER": 28, "CLOSE": 2}
        assert set(plant.searched().values()) == {1}
        assert "WARNING" not in log
        closed = {path.name for path in (plant.folder / "closed").iterdir()}
        assert closed >= {"gpu", "gpu.2", "gpu.3"}

    def test_a_worker_closes_its_processors_at_the_end_of_the_run(self, plant: Plant) -> None:
        plant.run(frames={"s1": 1})
        assert [path.name for path in (plant.folder / "closed").iterdir()] == ["gpu"]


class TestStandingStill:
    """Ctrl+Z and `fg`."""

    LEASE_S = 3.0

    def stop(self, plant: Plant) -> None:
        plant.start(search={"s1:5": "hang"}, lease_s=self.LEASE_S, stuck_s=self.LEASE_S)
        plant.reached("met/s1:5")
        os.killpg(plant.process.pid, signal.SIGTSTP)  # as a terminal does: to every process
        until(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in plant.members()))

    @pytest.mark.parametrize("to_all", [True, False], ids=["as a shell does", "only the supervisor is told"])
    def test_all_processes_stop_and_go_on_and_nobody_is_taken_for_silent(
        self, plant: Plant, to_all: bool
    ) -> None:
        self.stop(plant)
        time.sleep(self.LEASE_S + 1.0)  # the leases run out meanwhile
        (plant.folder / "go on").touch()
        (os.killpg if to_all else os.kill)(plant.process.pid, signal.SIGCONT)
        result, log = plant.end()
        assert (result["end"], result["dead"]) == ("finished", [])
        assert result["totals"]["frames_done"] == 24
        assert "died" not in log

    def test_a_stopped_run_can_be_asked_to_end(self, plant: Plant) -> None:
        self.stop(plant)
        os.kill(plant.process.pid, signal.SIGTERM)
        (plant.folder / "go on").touch()
        os.kill(plant.process.pid, signal.SIGCONT)  # as a shell does with a job that it ends
        result, log = plant.end()
        assert result["end"] == "drained"
        assert "died" not in log

    def test_killed_while_it_stands_still_the_supervisor_takes_all_with_it(self, plant: Plant) -> None:
        self.stop(plant)
        os.kill(plant.process.pid, signal.SIGKILL)
        plant.process.communicate()
        until(lambda: not plant.members())

    def test_a_pause_of_all_processes_from_outside_does_no_harm(self, plant: Plant) -> None:
        """As of a container, or a laptop that sleeps."""
        plant.start(search={"s1:5": "hang"}, lease_s=self.LEASE_S)
        plant.reached("met/s1:5")
        os.killpg(plant.process.pid, signal.SIGSTOP)
        time.sleep(self.LEASE_S + 1.0)
        (plant.folder / "go on").touch()
        os.killpg(plant.process.pid, signal.SIGCONT)
        result, log = plant.end()
        assert (result["end"], result["dead"]) == ("finished", [])
        assert "died" not in log


def test_no_process_of_a_run_has_anything_in_shared_memory(plant: Plant) -> None:
    """So nothing of it can be left there, however it ends."""
    plant.start(search={"s1:5": "hang"})
    plant.reached("met/s1:5")
    mapped = [part.path for pid in plant.members() for part in psutil.Process(pid).memory_maps()]
    opened = [file.path for pid in plant.members() for file in psutil.Process(pid).open_files()]
    assert [path for path in (*mapped, *opened) if path.startswith("/dev/shm")] == []
    (plant.folder / "go on").touch()
    plant.end()
