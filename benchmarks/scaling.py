"""Whether time a frame and memory stay the same with more clips, longer clips and more cores.

    python benchmarks/scaling.py [--write-docs] [--only clips lengths cores] [--json FILE]

Clips are cut out of one video without encoding anew. --write-docs puts the tables and curves into docs/performance.md
and docs/images; --figures FILE takes what an earlier call has saved instead of measuring.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

from benchkit.contenders import OwnRun, run_own
from benchkit.curves import draw, require_matplotlib
from benchkit.progress import Progress
from benchkit.saving import RESULTS, described, save
from benchkit.scale_points import Plan, Point, Series, measure
from benchkit.scaling_docs import put_into, section, series_table
from benchkit.trouble import BenchTrouble
from benchkit.videos import REPOSITORY, chosen, drive
from dashcam_pipeline.errors import EXIT_STOPPED

DOCUMENT = REPOSITORY / "docs" / "performance.md"
IMAGES = "images"  # beside the document


class Host:
    """Remembers how the runs describe the host."""

    def __init__(self) -> None:
        self.described: Mapping[str, Any] = {}

    def run(self, *arguments: Any, **options: Any) -> OwnRun:
        done = run_own(*arguments, **options)
        self.described = done.timings.host
        return done


def main() -> int:
    given = _arguments()
    try:
        if given.write_docs:
            require_matplotlib()
        if given.figures:
            points, host, clip_s = read_figures(given.figures)
        else:
            points, host = _measured(_plan(given))
            clip_s = given.clip_s
            content = {"points": [asdict(point) for point in points], "clip_s": clip_s}
            print(f"saved in {save(given.json, 'scaling', described(host) | content)}", file=sys.stderr)
        for series in get_args(Series):
            if any(point.series == series for point in points):
                print(f"\n{series_table(points, series)}")
        if given.write_docs:
            draw(points, DOCUMENT.parent / IMAGES)
            put_into(DOCUMENT, section(points, host, clip_s, IMAGES))
    except BenchTrouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return EXIT_STOPPED
    return 0


def read_figures(path: Path) -> tuple[list[Point], Mapping[str, Any], float]:
    """What an earlier call has saved: points, host, seconds of a clip. Raises BenchTrouble."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return [Point(**point) for point in saved["points"]], saved["host"], float(saved["clip_s"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchTrouble(f"{path} is not what this bench saves: {error!r}") from error


def _measured(plan: Plan) -> tuple[list[Point], Mapping[str, Any]]:
    host = Host()
    return list(measure(plan, Progress(plan.steps), host.run)), host.described


def _plan(given: argparse.Namespace) -> Plan:
    source = chosen([given.video])[0].path if given.video else drive("drive_mixed.mp4")
    plan = Plan(
        source=source,
        clips=tuple(given.clips),
        clip_s=given.clip_s,
        lengths_s=tuple(given.lengths),
        cores=tuple(given.cores or _all_cores()),
        start_s=given.start_s,
        repeat=given.repeat,
    )
    return replace(
        plan,
        clips=plan.clips if "clips" in given.only else (),
        lengths_s=plan.lengths_s if "lengths" in given.only else (),
        cores=plan.cores if "cores" in given.only else (),
    )


def _all_cores() -> list[int]:
    """1, 2, 4 … and all."""
    usable = len(os.sched_getaffinity(0))
    return sorted({*(1 << power for power in range(usable.bit_length()) if 1 << power <= usable), usable})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--video", type=Path, help="cut the clips out of this one; else drive_mixed.mp4")
    parser.add_argument("--start-s", type=float, default=0.0, metavar="S", help="the clips begin here")
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 10, 100], metavar="N")
    parser.add_argument(
        "--clip-s", type=float, default=10.0, metavar="S", help="length of each of many clips"
    )
    parser.add_argument("--lengths", type=float, nargs="+", default=[1, 10, 60, 600], metavar="S")
    parser.add_argument("--cores", type=int, nargs="+", metavar="N", help="else 1, 2, 4 … and all")
    parser.add_argument("--only", nargs="+", choices=get_args(Series), default=get_args(Series))
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="runs a point, of which the medians count"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help=f"else in {RESULTS.relative_to(REPOSITORY)}"
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="put tables and curves into docs/performance.md"
    )
    parser.add_argument("--figures", type=Path, metavar="FILE", help="saved figures, instead of measuring")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
