"""Which hosts and set-ups are simulated, and what the series say together: where the Manager is the limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.config import FrameStoreSettings, ModelSettings, RunSettings, Settings
from dashcam_pipeline.stages.read import CHUNK
from simulation.host import simulate
from simulation.params import Params
from simulation.scenario import Measured, Scenario

CORES = (2, 4, 8, 16, 32, 64, 128, 512)
GPU_HOSTS = ((8, 1), (64, 1), (64, 2), (64, 4), (64, 8), (512, 8))
GPU_FACTORS = (0.5, 1.0, 2.0)
STORE_MB_PER_WORKER = 256  # of the wide crew, so that frames in waiting are no limit
CORES_PER_READER = 2  # of the wide crew, so that models are what is worked at most …
CORES_PER_CPU_WORKER = 4  # … and neither readers nor CPU workers are the limit
LARGER = 4  # times the usual batch
SATURATED = 0.9  # share of the time from which on the Manager is the limit

DEFAULTS = "default crew"
WIDE = "wide crew"
LARGE_BATCHES = f"… with batches {LARGER} times as large"
ONE_CALL = "… with a call that hands in and claims"
BOTH = "… with both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One simulated host."""

    series: str
    cores: int
    gpus: int
    gpu_factor: float  # a GPU takes so many times as long as assumed
    measured: Measured


@dataclass(frozen=True, slots=True)
class Saturation:
    """Where the Manager becomes the limit of a series."""

    series: str
    cores: int | None  # the first simulated size at which it is; None: at none
    most_frames_s: float  # the fastest of the series, at any size


def cpu_points(
    params: Params, cores: Sequence[int] = CORES, said: Callable[[Point], None] = print
) -> list[Point]:
    """All series without a GPU."""
    points = []
    for number in cores:
        scenarios = {
            DEFAULTS: Scenario(cores=number),
            WIDE: _wide(number),
            LARGE_BATCHES: _wide(number, LARGER),
            ONE_CALL: replace(_wide(number), one_call=True),
            BOTH: replace(_wide(number, LARGER), one_call=True),
        }
        for series, scenario in scenarios.items():
            measured = simulate(params, scenario)
            points.append(Point(series=series, cores=number, gpus=0, gpu_factor=1.0, measured=measured))
            said(points[-1])
    return points


def gpu_points(
    params: Params,
    hosts: Sequence[tuple[int, int]] = GPU_HOSTS,
    factors: Sequence[float] = GPU_FACTORS,
    said: Callable[[Point], None] = print,
) -> list[Point]:
    """Hosts with GPUs, as slow and as fast as they may be."""
    points = []
    for cores, gpus in hosts:
        for factor in factors:
            measured = simulate(params.scaled_gpu(factor), Scenario(cores=cores, gpus=gpus))
            points.append(
                Point(series=DEFAULTS, cores=cores, gpus=gpus, gpu_factor=factor, measured=measured)
            )
            said(points[-1])
    return points


def saturations(points: Sequence[Point]) -> list[Saturation]:
    """Of every series without a GPU."""
    series = dict.fromkeys(point.series for point in points if not point.gpus)
    return [_saturation(name, [p for p in points if p.series == name and not p.gpus]) for name in series]


def _saturation(series: str, points: Sequence[Point]) -> Saturation:
    at_limit = [point.cores for point in points if point.measured.manager_use >= SATURATED]
    return Saturation(series, min(at_limit, default=None), max(p.measured.frames_s for p in points))


def _wide(cores: int, batches: int = 1) -> Scenario:
    usual = ModelSettings()
    settings = Settings(
        run=RunSettings(
            gpu_workers=cores,
            readers=max(1, cores // CORES_PER_READER),
            cpu_workers=max(1, cores // CORES_PER_CPU_WORKER),
        ),
        frame_store=FrameStoreSettings(
            quota_mb=max(FrameStoreSettings().quota_mb, STORE_MB_PER_WORKER * cores)
        ),
        models=ModelSettings(
            vehicle_batch=usual.vehicle_batch * batches,
            plate_batch=usual.plate_batch * batches,
            reader_batch=usual.reader_batch * batches,
        ),
    )
    return Scenario(cores=cores, settings=settings, chunk=CHUNK * batches)
