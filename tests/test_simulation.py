"""The simulation of other hosts: nothing is lost in it, and it agrees with what can be calculated."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from dashcam_pipeline.config import QueueSettings, RunSettings, Settings
from dashcam_pipeline.engine.task import WorkerClass
from run_command import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

simpy = pytest.importorskip("simpy", reason="the simulation needs the dev extra")

from simulation import report  # noqa: E402
from simulation.check import RealRun, StageTime, compare  # noqa: E402
from simulation.host import simulate  # noqa: E402
from simulation.machine import Cores, OneAtATime, Steps  # noqa: E402
from simulation.params import Edge, GpuCost, GpuStage, ManagerCost, Params, StageCost, Video, load  # noqa: E402
from simulation.scenario import Measured, Scenario  # noqa: E402
from simulation.sizes import DEFAULTS, Point, Saturation, saturations  # noqa: E402

FREE = ManagerCost(call_s=0.0, task_s=0.0)
FRAMES = 1500  # enough for a rate
VIDEO = Video(seconds=30.0, frames=900, frames_looked_at=300, vehicles=30, frame_bytes=1000)


def params(manager: ManagerCost = FREE, spread: float = 0.0, **item_s: float) -> Params:
    """A pipeline of which only the named stages take time: every frame is searched, tracked, and has a plate."""
    names = (
        "READ VEHICLE_DETECT TRACK PLATE_DETECT OCR PLATE_SMOOTH SUMMARY FINAL_WRITE CHECKPOINT DEAD_LETTER"
    )
    follow = ["VEHICLE_DETECT", "TRACK", "PLATE_DETECT", "OCR", "PLATE_SMOOTH"]
    return Params(
        source="a test",
        video=VIDEO,
        stages={name: StageCost(item_s=item_s.get(name, 0.0), spread=spread) for name in names.split()},
        edges=tuple(Edge(parent=parent, child=child, per_task=1.0) for parent, child in pairwise(follow)),
        manager=manager,
        gpu=GpuCost(source="a test", stages={"VEHICLE_DETECT": GpuStage(batch_s=0.01, item_s=0.01)}),
    )


def crew(model_workers: int, **queue: int) -> Settings:
    return Settings(run=RunSettings(gpu_workers=model_workers), queue=QueueSettings(**queue))


# --- the host ----------------------------------------------------------------------------------------------


def ends(cores: int, jobs: list[tuple[float, float, float]]) -> list[float]:
    """When jobs (start, CPU seconds, width) end on so many cores."""
    env = simpy.Environment()
    host, ended = Cores(env, cores), [0.0] * len(jobs)

    def job(number: int, start_s: float, work_s: float, width: float) -> Steps[None]:
        yield env.timeout(start_s)
        yield host.run(work_s, width)
        ended[number] = env.now

    for number, one in enumerate(jobs):
        env.process(job(number, *one))
    env.run()
    return ended


@pytest.mark.parametrize(
    ("cores", "jobs", "expected"),
    [
        pytest.param(2, [(0, 3, 1), (0, 1, 1)], [3, 1], id="a core each"),
        pytest.param(1, [(0, 1, 1), (0, 1, 1)], [2, 2], id="two share one core"),
        pytest.param(1, [(0, 2, 1), (1, 1, 1)], [3, 3], id="one comes in the middle of the other"),
        pytest.param(1, [(0, 1, 1), (0, 3, 1)], [2, 4], id="who stays has the core alone again"),
        pytest.param(4, [(0, 4, 4)], [1], id="threads on cores of their own"),
        pytest.param(2, [(0, 4, 4)], [2], id="more threads than cores"),
        pytest.param(1, [(0, 0, 1)], [0], id="no work"),
    ],
)
def test_cores_are_shared_evenly(
    cores: int, jobs: list[tuple[float, float, float]], expected: list[float]
) -> None:
    assert ends(cores, jobs) == pytest.approx(expected)


@pytest.mark.parametrize("load_share", [0.3, 0.7, 0.9])
def test_one_server_with_random_arrivals_agrees_with_the_formula_of_pollaczek_and_khinchine(
    load_share: float,
) -> None:
    """M/D/1: the mean wait is load / (2 (1 - load)) service times."""
    env, rng = simpy.Environment(), random.Random(3)
    server, waits, service_s = OneAtATime(env), [], 1.0

    def customer() -> Steps[None]:
        came_s = env.now
        yield from server.serve(lambda: env.timeout(service_s))
        waits.append(env.now - came_s - service_s)

    def arrivals() -> Steps[None]:
        for _ in range(40_000):
            yield env.timeout(rng.expovariate(load_share / service_s))
            env.process(customer())

    env.process(arrivals())
    env.run()
    assert sum(waits) / len(waits) == pytest.approx(load_share / (2 * (1 - load_share)), rel=0.1)
    assert server.busy_s / env.now == pytest.approx(load_share, rel=0.02)


# --- a whole run -------------------------------------------------------------------------------------------


def test_every_task_of_every_frame_is_done_once() -> None:
    done = simulate(params(TRACK=0.001, VEHICLE_DETECT=0.004), Scenario(cores=4, videos=3))
    assert done.unfinished == 0
    frames = 3 * VIDEO.frames_looked_at
    ends_of_video = 3
    assert [
        done.stage_tasks[name] for name in ("READ", "VEHICLE_DETECT", "TRACK", "PLATE_DETECT", "OCR")
    ] == [
        frames,
        frames,
        frames + ends_of_video,
        frames,
        frames,
    ]
    assert done.stage_tasks["PLATE_SMOOTH"] == frames
    assert done.stage_tasks["SUMMARY"] == 3
    assert done.stage_tasks["DEAD_LETTER"] == 0


def test_as_many_tasks_follow_as_were_measured() -> None:
    figures = params(READ=0.001)
    split = (
        Edge(parent="VEHICLE_DETECT", child="TRACK", per_task=1.0),
        Edge(parent="TRACK", child="PLATE_SMOOTH", per_task=0.3),
        Edge(parent="PLATE_SMOOTH", child="PLATE_DETECT", per_task=0.6),  # a round of searches …
        Edge(parent="PLATE_SMOOTH", child="FINAL_WRITE", per_task=0.4),
        Edge(parent="PLATE_DETECT", child="PLATE_SMOOTH", per_task=1.0),  # … and its results
    )
    tasks = simulate(figures.model_copy(update={"edges": split}), Scenario(cores=4, videos=4)).stage_tasks
    passed = 0.3 * tasks["READ"]
    assert tasks["PLATE_SMOOTH"] == pytest.approx(passed / (1 - 0.6), abs=4)
    assert tasks["PLATE_DETECT"] == pytest.approx(0.6 * tasks["PLATE_SMOOTH"], abs=4)


def test_the_seconds_of_a_stage_are_those_that_were_put_in() -> None:
    costs = {"READ": 0.002, "VEHICLE_DETECT": 0.005, "TRACK": 0.001, "OCR": 0.003}
    done = simulate(params(spread=0.3, **costs), Scenario(cores=2, videos=8))
    for name, item_s in costs.items():
        assert done.stage_s[name] == pytest.approx(item_s * done.stage_tasks[name], rel=0.05)


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    figures = params(spread=0.5, READ=0.002, VEHICLE_DETECT=0.005)
    first, again, other = (simulate(figures, Scenario(cores=2, videos=2, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_host_that_is_full_does_all_the_work_of_its_cores() -> None:
    done = simulate(params(READ=0.002, VEHICLE_DETECT=0.008), Scenario(cores=2, measured_frames=FRAMES))
    assert done.core_use == pytest.approx(1.0, abs=0.02)
    assert done.frames_s == pytest.approx(2 / 0.010 * VIDEO.frames / VIDEO.frames_looked_at, rel=0.03)
    assert done.binding == "cores"


def test_more_cores_are_never_slower() -> None:
    figures = params(spread=0.2, READ=0.002, VEHICLE_DETECT=0.008, TRACK=0.001)
    speeds = [
        simulate(figures, Scenario(cores=cores, measured_frames=FRAMES)).frames_s
        for cores in (1, 2, 4, 8, 16)
    ]
    assert all(after > 0.97 * before for before, after in pairwise(speeds))


def test_a_slow_manager_is_the_limit_at_the_rate_that_it_can_serve() -> None:
    """Batches are full then, so a frame's share of calls and tasks can be counted."""
    task_s = 0.001
    done = simulate(
        params(manager=ManagerCost(call_s=0.0, task_s=task_s)),
        Scenario(cores=8, settings=crew(8), measured_frames=FRAMES),
    )
    assert done.manager_use == pytest.approx(1.0, abs=0.02)
    assert done.binding == "Manager"
    # brought in; then five stages lease and finish a frame's task, and four of them push another
    a_frame_s = (1 + 5 * 2 + 4) * task_s
    assert done.frames_s == pytest.approx(1 / a_frame_s * VIDEO.frames / VIDEO.frames_looked_at, rel=0.05)


def test_larger_batches_and_fewer_calls_relieve_the_manager() -> None:
    figures = params(manager=ManagerCost(call_s=0.0005, task_s=0.0), READ=0.0001, VEHICLE_DETECT=0.001)
    usual = Scenario(cores=8, settings=crew(8), measured_frames=FRAMES)
    asked = replace(usual, one_call=True)
    speeds = [simulate(figures, one).frames_s for one in (usual, replace(usual, chunk=16), asked)]
    assert speeds[1] > speeds[0]
    assert speeds[2] > speeds[0]


def test_callers_who_wait_in_vain_cost_the_manager_time() -> None:
    manager = ManagerCost(call_s=0.0001, task_s=0.0)
    herd = manager.model_copy(update={"wake_s": 0.001})
    scenario = Scenario(cores=16, settings=crew(16), measured_frames=FRAMES)
    calm, busy = (simulate(params(manager=one, READ=0.01), scenario) for one in (manager, herd))
    assert busy.manager_use > calm.manager_use


def test_the_gates_bound_what_waits_however_slow_the_models_are() -> None:
    soft = 40
    scenario = Scenario(cores=8, settings=crew(2, gpu_soft=soft), videos=4)
    done = simulate(params(VEHICLE_DETECT=0.05), scenario)
    assert done.gate_waits["gpu"] > 0
    assert soft <= done.peak_gpu_tasks <= 4 * soft
    assert done.unfinished == 0


def test_a_gpu_is_used_by_one_batch_at_a_time_and_faster_ones_finish_more() -> None:
    figures = params(READ=0.0001)
    one, two = (simulate(figures, Scenario(cores=16, gpus=gpus, measured_frames=FRAMES)) for gpus in (1, 2))
    fast = simulate(figures.scaled_gpu(0.5), Scenario(cores=16, gpus=1, measured_frames=FRAMES))
    batch = 8
    gpu_frame_s = 0.01 + 0.01 / batch
    assert one.gpu_use == pytest.approx(1.0, abs=0.02)
    assert one.frames_s == pytest.approx(1 / gpu_frame_s * VIDEO.frames / VIDEO.frames_looked_at, rel=0.05)
    assert two.frames_s == pytest.approx(2 * one.frames_s, rel=0.05)
    assert fast.frames_s == pytest.approx(2 * one.frames_s, rel=0.05)


# --- what is said of it ------------------------------------------------------------------------------------


def point(cores: int, frames_s: float, manager_use: float) -> Point:
    measured = Measured(
        frames_s=frames_s,
        wall_s=1.0,
        core_use=0.5,
        manager_use=manager_use,
        gpu_use=0.0,
        class_use=dict.fromkeys(WorkerClass, 0.1),
        workers=dict.fromkeys(WorkerClass, 1),
        stage_s={},
        stage_tasks={},
        gate_waits={},
        peak_gpu_tasks=0,
        unfinished=0,
    )
    return Point(series=DEFAULTS, cores=cores, gpus=0, gpu_factor=1.0, measured=measured)


def test_the_manager_is_said_to_be_full_at_the_first_size_at_which_it_is() -> None:
    points = [point(2, 100, 0.1), point(64, 900, 0.95), point(512, 950, 1.0)]
    assert saturations(points) == [Saturation(DEFAULTS, 64, 950)]
    assert saturations(points[:1]) == [Saturation(DEFAULTS, None, 100)]


def test_docs_keep_all_but_what_is_between_the_marks(tmp_path: Path) -> None:
    docs = tmp_path / "performance.md"
    docs.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_docs(docs, "new")
    assert docs.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_docs_without_the_marks_are_left_alone(tmp_path: Path) -> None:
    docs = tmp_path / "performance.md"
    docs.write_text("text")
    with pytest.raises(SystemExit, match="lacks the lines"):
        report.write_docs(docs, "new")
    assert docs.read_text() == "text"


def test_a_picture_shows_every_series(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the bench extra")
    picture = tmp_path / "images" / "sizes.svg"
    report.draw(picture, [point(2, 100, 0.1), point(8, 400, 0.3)])
    assert "<svg" in picture.read_text()


def test_a_run_that_took_just_as_long_is_not_off() -> None:
    figures = params(READ=0.004, VEHICLE_DETECT=0.02)
    alone = simulate(figures, Scenario(cores=1, settings=crew(1), videos=1))
    real = RealRun(
        working_s=alone.wall_s,
        frames=VIDEO.frames,
        frames_looked_at=VIDEO.frames_looked_at,
        videos=1,
        video_s=VIDEO.seconds,
        settings={"run.gpu_workers": 1},
        cpu_s={"supervisor": 1.5, "gpu-0": 6.0},
        stages={"TRACK": StageTime(tasks=VIDEO.frames_looked_at + 1, batches=20, worker_s=1.0)},
    )
    compared = compare(figures, real, cores=1)
    assert compared.off == pytest.approx(0.0, abs=1e-6)
    assert compared.worst_share == 0.0
    models = next(cpu for cpu in compared.cpu_s if cpu.name == "model workers")
    assert (models.real_s, models.simulated_s) == pytest.approx((6.0, 300 * 0.02))
    assert (compared.real_cpu_s, compared.simulated_cpu_s) == pytest.approx((7.5, 300 * 0.024), rel=0.01)


def test_figures_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--measure VIDEO"):
        load(tmp_path / "none.yaml", tmp_path / "gpu.yaml")


def test_the_figures_in_the_repository_are_of_stages_that_there_are() -> None:
    folder = REPOSITORY / "benchmarks" / "simulation"
    done = simulate(load(folder / "measured.yaml", folder / "gpu.yaml"), Scenario(cores=2, videos=1))
    assert done.unfinished == 0
