"""What a run would do on other hosts: the engine's own queue, policy and crew under a simulated clock.

    python benchmarks/simulate.py --measure VIDEO               # the figures of this tree, into measured.yaml
    python benchmarks/simulate.py --check VIDEO                 # beside real runs with 1 and 2 model workers
    python benchmarks/simulate.py --write-docs --json FILE      # all sizes: tables, docs/performance.md, the picture

All three together are one command. Figures are CPU times, so other load on the host matters little to --measure; the
real runs of --check need a quiet host.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dashcam_pipeline.config import Settings
from simulation import check, report
from simulation.manager_cost import manager_cost
from simulation.measure import measure
from simulation.params import ManagerCost, Measured, load, save
from simulation.sizes import Point, cpu_points, gpu_points

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
MEASURED, GPU = HERE / "simulation" / "measured.yaml", HERE / "simulation" / "gpu.yaml"
MODEL_WORKERS = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--params", type=Path, default=MEASURED, help="measured figures (default: %(default)s)"
    )
    parser.add_argument("--gpu", type=Path, default=GPU, help="times of a GPU (default: %(default)s)")
    parser.add_argument(
        "--measure", type=Path, metavar="VIDEO", help="measure this tree first, into --params"
    )
    parser.add_argument("--check", type=Path, metavar="VIDEO", help="run it for real, and compare")
    parser.add_argument(
        "--timings", type=Path, nargs="+", default=[], help="compare with these runs on this host"
    )
    parser.add_argument("--json", type=Path, help="save all results here")
    parser.add_argument("--chart", type=Path, help="draw them here (SVG)")
    parser.add_argument(
        "--write-docs", action="store_true", help="rewrite docs/performance.md and its picture"
    )
    parser.add_argument("--no-sizes", action="store_true", help="measure and check only")
    args = parser.parse_args()
    if args.measure:
        save(args.params, measured(args.measure, args.gpu))
    params, parts = load(args.params, args.gpu), []
    if reals := real_runs(args.check, args.timings):
        parts.append(
            "Beside real runs on this host:\n\n"
            + check.table([check.compare(params, real) for real in reals])
        )
        print(parts[-1])
    if args.no_sizes:
        return
    points = cpu_points(params, said=say) + gpu_points(params, said=say)
    parts.append(report.report(params, points))
    print(f"\n{parts[-1]}")
    if args.json:
        report.save_json(args.json, params, points)
    if args.chart:
        report.draw(args.chart, points)
    if args.write_docs:
        report.draw(DOCS / "images" / "simulation.svg", points)
        report.write_docs(DOCS / "performance.md", "\n\n".join([*parts, f"Figures: {params.source}"]))


def measured(video: Path, gpu: Path) -> Measured:
    """The figures of this tree on this host."""
    seen = measure(video, Settings())
    nothing = ManagerCost(call_s=0.0, task_s=0.0)
    figures = Measured(
        source=f"CPU times of every stage over {video.name} in one process, and of the Manager; load {load_now()}",
        video=seen.video,
        stages=dict(seen.stages),
        edges=seen.edges,
        manager=nothing,
    )
    return figures.model_copy(update={"manager": manager_cost(figures)})


def real_runs(video: Path | None, files: list[Path]) -> list[check.RealRun]:
    """Those to compare with."""
    runs = [check.RealRun.model_validate_json(path.read_text(encoding="utf-8")) for path in files]
    return runs + ([check.real_run(video, workers) for workers in MODEL_WORKERS] if video else [])


def load_now() -> str:
    """The load of the host, for whoever reads the figures."""
    return f"{os.getloadavg()[0]:.1f}"


def say(point: Point) -> None:
    """A line a simulated host."""
    measured = point.measured
    gpus = f", {point.gpus} GPUs × {point.gpu_factor:g}" if point.gpus else ""
    print(
        f"{point.cores} cores{gpus}, {point.series}: {measured.frames_s:,.0f} frames/s, limit: {measured.binding}"
    )


if __name__ == "__main__":
    main()
