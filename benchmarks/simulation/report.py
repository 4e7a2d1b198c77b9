"""The simulated sizes as a table, as JSON, as a picture, and as the section of docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from dashcam_pipeline.engine.task import WorkerClass
from simulation.params import Params
from simulation.sizes import (
    BOTH,
    CORES_PER_CPU_WORKER,
    CORES_PER_READER,
    DEFAULTS,
    LARGE_BATCHES,
    ONE_CALL,
    WIDE,
    Point,
    Saturation,
    saturations,
)

BEGIN = "<!-- other sizes: written by benchmarks/simulate.py --write-docs -->"
END = "<!-- end of other sizes -->"
HEAD = (
    "| cores | GPUs | readers / model / CPU workers | frames/s | × 2 cores | cores used | Manager | GPUs | limit |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|---|",
)
CREW = f"a reader for every {CORES_PER_READER} and a CPU worker for every {CORES_PER_CPU_WORKER}"
LOOKS = {DEFAULTS: "o-", WIDE: "s-", LARGE_BATCHES: "^--", ONE_CALL: "v--", BOTH: "D:"}


def table(points: Sequence[Point], base: float) -> str:
    """A Markdown table; `base` are the frames/s that count as 1."""
    return "\n".join((*HEAD, *(_row(point, base) for point in points)))


def base_of(points: Sequence[Point]) -> float:
    """Frames/s of the smallest host without a GPU at the defaults."""
    plain = [point for point in points if point.series == DEFAULTS and not point.gpus]
    return min(plain, key=lambda point: point.cores).measured.frames_s


def report(params: Params, points: Sequence[Point]) -> str:
    """All tables with what they say."""
    base = base_of(points)
    on_cores = [point for point in points if not point.gpus]
    parts = []
    for series, title in (
        (DEFAULTS, "Default crew"),
        (WIDE, f"Wide crew: a model worker a core, {CREW}"),
    ):
        parts.append(f"{title}:\n\n{table([p for p in on_cores if p.series == series], base)}")
    parts.append("\n".join(_said(one) for one in saturations(points)))
    if on_gpus := [point for point in points if point.gpus]:
        as_assumed = [point for point in on_gpus if point.gpu_factor == 1.0]
        parts.append(
            f"With GPUs, one process each, default crew. GPU times: {' '.join(params.gpu.source.split())}\n\n"
            f"{table(as_assumed, base)}\n\n{_factors(on_gpus)}"
        )
    return "\n\n".join(parts)


def save_json(path: Path, params: Params, points: Sequence[Point]) -> None:
    """Everything, with the figures that it comes from."""
    saved = {
        "params": params.model_dump(mode="json"),
        "points": [asdict(point) | {"binding": point.measured.binding} for point in points],
        "saturation": [asdict(one) for one in saturations(points)],
    }
    path.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")


def write_docs(docs: Path, text: str) -> None:
    """Put the tables between the marks. Raises SystemExit where the marks are not there."""
    content = docs.read_text(encoding="utf-8")
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{docs} lacks the lines `{BEGIN}` and `{END}`, between which the tables go")
    docs.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def draw(path: Path, points: Sequence[Point]) -> None:
    """Frames a second and the use of the Manager over the number of cores, and frames a second over GPUs."""
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit("a picture needs matplotlib: pip install -e '.[bench]'") from error
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "simulation"
    from matplotlib import pyplot

    figure, (speed, use, gpus) = pyplot.subplots(1, 3, figsize=(15, 5), layout="constrained")
    for series, look in LOOKS.items():
        line = [point for point in points if point.series == series and not point.gpus]
        if not line:
            continue
        cores = [point.cores for point in line]
        speed.plot(cores, [point.measured.frames_s for point in line], look, label=series)
        use.plot(cores, [100 * point.measured.manager_use for point in line], look, label=series)
    plain = sorted({point.cores for point in points if not point.gpus})
    ideal = [base_of(points) * number / plain[0] for number in plain]
    speed.plot(plain, ideal, color="grey", linewidth=0.8, label="2 cores, in proportion")
    speed.set(xscale="log", yscale="log", xlabel="cores", ylabel="frames/s", title="simulated frames/s")
    use.set(xscale="log", xlabel="cores", ylabel="% of the time", title="use of the Manager", ylim=(0, 102))
    for axes in (speed, use):
        axes.set_xscale("log", base=2)
        axes.set_xticks(plain, [str(number) for number in plain])
    for factor, look in zip(
        sorted({point.gpu_factor for point in points if point.gpus}), ("^--", "o-", "v--"), strict=False
    ):
        line = [point for point in points if point.gpus and point.gpu_factor == factor and point.cores == 64]
        gpus.plot(
            [p.gpus for p in line], [p.measured.frames_s for p in line], look, label=f"GPU times × {factor:g}"
        )
    gpus.set(
        xlabel="GPUs (64 cores)", ylabel="frames/s", title="simulated, GPU times assumed", ylim=(0, None)
    )
    for axes in (speed, use, gpus):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def _row(point: Point, base: float) -> str:
    measured = point.measured
    crew = " / ".join(
        str(measured.workers[one]) for one in (WorkerClass.SOURCE, WorkerClass.GPU, WorkerClass.CPU)
    )
    gpu_use = f"{measured.gpu_use:.0%}" if point.gpus else ""
    return (
        f"| {point.cores} | {point.gpus or ''} | {crew} | {measured.frames_s:,.0f} | {measured.frames_s / base:.1f} | "
        f"{measured.core_use:.0%} | {measured.manager_use:.0%} | {gpu_use} | {measured.binding} |"
    )


def _said(one: Saturation) -> str:
    where = f"full from {one.cores} cores on" if one.cores else "not full at any size"
    return f"- {one.series}: the Manager is {where}; at most {one.most_frames_s:,.0f} frames/s"


def _factors(points: Sequence[Point]) -> str:
    """How much hangs on the assumed times."""
    hosts = dict.fromkeys((point.cores, point.gpus) for point in points)
    factors = sorted({point.gpu_factor for point in points})
    speeds = {(p.cores, p.gpus, p.gpu_factor): p.measured.frames_s for p in points}
    head = "| cores, GPUs | " + " | ".join(f"GPU times × {factor:g}" for factor in factors) + " |"
    rows = (
        f"| {cores}, {gpus} | "
        + " | ".join(f"{speeds[cores, gpus, factor]:,.0f}" for factor in factors)
        + " |"
        for cores, gpus in hosts
    )
    return "\n".join((head, "|---|" + "--:|" * len(factors), *rows))
