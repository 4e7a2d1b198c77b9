"""How right the product is: one table over drives and photos with known plates, and the cause of every miss.

    python benchmarks/accuracy.py DRIVE.mp4 ... [--photos DIR ...] [--set section.key=value ...] [--ablations]

Over each drive it runs `dashcam run` in a fresh work dir and judges the rows that `dashcam export` prints; `NAME.json`
beside `NAME.mp4` is the truth, plate boxes included. The same stages run once more in one process, where each of them
can be watched: that tells how far a missed plate came. Answers of models are kept with --cache, so that a drive is
seen again in seconds when only tracking, vote or grammar changed. With --without-run that is all: no `dashcam run`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accuracykit.ablations import ABLATIONS, Ablated, ablate
from accuracykit.before import read_before
from accuracykit.diagram import draw
from accuracykit.docs import DOCUMENT, IMAGES, write_docs
from accuracykit.drives import Drive, measured, opened
from accuracykit.model_cache import ModelCache, cached_models
from accuracykit.plateless import look_at
from accuracykit.reliability import binned, calibration_error, sure_ones
from accuracykit.report import DIAGRAM, Report, text
from accuracykit.settings import changed
from accuracykit.stills import read_folder
from benchkit.curves import require_matplotlib
from benchkit.progress import Progress
from benchkit.saving import described, save
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.errors import EXIT_STOPPED, DashcamError
from dashcam_pipeline.host import describe_host


def main() -> int:
    given = _arguments()
    try:
        if given.write_docs:
            require_matplotlib()
        report = measure(given)
        print(text(report))
        if given.json:
            save(given.json, "accuracy", as_json(report, given))
        if given.write_docs:
            draw(report.points, IMAGES / DIAGRAM)
            write_docs(report)
            print(f"written: {DOCUMENT}", file=sys.stderr)
    except (BenchTrouble, DashcamError) as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return EXIT_STOPPED
    return 0


def measure(given: argparse.Namespace) -> Report:
    """All that was asked for. Raises BenchTrouble, DashcamError."""
    drives = [opened(path) for path in given.drives]
    before = read_before(given.before) if given.before else None
    ablations = len(drives) * (1 + len(ABLATIONS)) if given.ablations else 0
    progress = Progress(len(drives) + len(given.photos) + len(given.plateless) + ablations)
    with tempfile.TemporaryDirectory() as folder:
        settings, options = changed(given.set, Path(folder))
        cache = ModelCache(given.cache or Path(folder))
        try:
            with cached_models(cache):
                results = []
                for drive in drives:
                    with progress.step(drive.name):
                        results.append(measured(drive, settings, options, without_run=given.without_run))
                stills = []
                for photos in given.photos:
                    with progress.step(f"photos {photos.name}"):
                        stills.append(read_folder(photos, settings))
                plateless = []
                for video in given.plateless:
                    with progress.step(video.stem):
                        plateless.append(look_at(video, settings, options, without_run=given.without_run))
                ablated = _ablated(given, drives, Path(folder), progress)
        finally:
            cache.close()
    return Report(
        drives=tuple(results),
        stills=tuple(stills),
        plateless=tuple(plateless),
        ablations=tuple(ablated),
        before=before,
    )


def as_json(report: Report, given: argparse.Namespace) -> dict[str, Any]:
    """Every figure, row, point and cause."""
    points = report.points
    confidence = {
        "bins": [asdict(one) for one in binned(points)],
        "calibration_error": calibration_error(binned(points)),
        "sure": asdict(sure_ones(points)),
    }
    return described(asdict(describe_host())) | asdict(report) | {"confidence": confidence, "set": given.set}


def _ablated(
    given: argparse.Namespace, drives: Sequence[Drive], folder: Path, progress: Progress
) -> list[Ablated]:
    return ablate(drives, given.set, folder / "ablations", progress) if given.ablations else []


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "drives", type=Path, nargs="*", metavar="DRIVE", help="a video with its truth beside it"
    )
    parser.add_argument(
        "--photos", type=Path, nargs="+", default=[], metavar="DIR", help="folders of labelled photos"
    )
    parser.add_argument(
        "--plateless",
        type=Path,
        nargs="+",
        default=[],
        metavar="VIDEO",
        help="videos without a readable plate",
    )
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="SECTION.KEY=VALUE", help="change settings of the product"
    )
    parser.add_argument("--ablations", action="store_true", help="also f1 with each part switched off")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep the answers of models there")
    parser.add_argument(
        "--without-run", action="store_true", help="judge the rows of the stages in one process: quicker"
    )
    parser.add_argument("--before", type=Path, metavar="FILE", help="what --json saved of an earlier version")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save every figure")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the tables into {DOCUMENT.name}, and draw its diagram"
    )
    given = parser.parse_args(words)
    if not (given.drives or given.photos or given.plateless):
        parser.error("name a drive, or photos with --photos, or videos with --plateless")
    return given


if __name__ == "__main__":
    sys.exit(main())
