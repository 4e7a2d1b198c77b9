"""Disturbs the job at random moments, calls it again until it is done, and compares its table with an undisturbed one.

Examples:
  python scripts/chaos.py --seeds 1-100
  python scripts/chaos.py --seeds 7 --kinds kill_supervisor,stop_worker --keep
  python scripts/chaos.py kills
  python scripts/chaos.py database
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaoskit.clips import FEW_PIECES, PIECES, data_folder, make_clips
from chaoskit.faults import KINDS, Plan, dealt_out, plan_of
from chaoskit.long_runs import kills, outages
from chaoskit.ramdisk import can_mount
from chaoskit.report import seed_line, summary, write_json
from chaoskit.surroundings import write_tracks
from chaoskit.table import Result
from chaoskit.trial import SMALL_JOB, Outcome, Setting, Trial
from chaoskit.undisturbed import undisturbed


def main() -> int:
    given = _arguments()
    base = given.base or Path(tempfile.gettempdir()) / f"dashcam-chaos-{os.getpid()}"
    base.mkdir(parents=True, exist_ok=True)
    data = data_folder(given.data)
    if given.mode == "kills":
        return kills(data, base)
    if given.mode == "database":
        return outages(data, base)
    pieces = FEW_PIECES if given.few else PIECES
    clips = tuple(make_clips(pieces, data, base / "clips"))
    write_tracks(pieces, base / "clips")
    return series(given, Setting(clips, base, SMALL_JOB))


def series(given: argparse.Namespace, setting: Setting) -> int:
    """The trials of many seeds. 1 when anything was not as it should be."""
    skipped = _impossible(given.kinds, setting)
    kinds = [kind for kind in KINDS if kind in given.kinds and kind not in skipped]
    expected, usual = undisturbed(setting)
    usual_s = usual.seconds
    print(
        f"undisturbed: {usual_s:.1f} s, {len(expected.vehicles)} vehicles, {len(expected.pictures)} pictures"
    )
    plans = dealt_out(given.seeds, kinds) if given.deal else [plan_of(seed, kinds) for seed in given.seeds]
    outcomes = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for outcome in pool.map(
            lambda plan: one(setting, plan, expected, usual.frames_read, given.keep), plans
        ):
            outcomes.append(outcome)
            print(seed_line(outcome), flush=True)
            if outcome.failed:
                print(
                    f"    again: {_again(given, outcome.seed)}\n    kept: {setting.folder(f'seed-{outcome.seed}')}"
                )
    print(summary(outcomes, usual_s, skipped))
    if given.json:
        write_json(given.json, outcomes, usual_s)
    return int(any(outcome.failed for outcome in outcomes))


def one(setting: Setting, plan: Plan, expected: Result, frames: int, keep: bool) -> Outcome:
    """The trial of one plan."""
    trial = Trial(setting, f"seed-{plan.seed}", plan, frames)
    trial.remove()
    try:
        trial.run(expected)
    except Exception as error:  # of the trial itself; the others go on
        trial.outcome.problems.append(f"the trial broke down: {error!r}")
    if not (keep or trial.outcome.failed):
        trial.remove()
    return trial.outcome


def _impossible(kinds: Sequence[str], setting: Setting) -> dict[str, str]:
    """Kinds that this host does not let us try, and why."""
    wanted = [kind for kind in kinds if KINDS[kind].disk]
    reason = can_mount(setting.folder("mount-probe")) if wanted else None
    return {} if reason is None else dict.fromkeys(wanted, reason)


def _again(given: argparse.Namespace, seed: int) -> str:
    """The command that repeats one seed."""
    seeds = given.seeds_text if given.deal else str(seed)
    parts = [sys.executable, "scripts/chaos.py", "--seeds", seeds, "--kinds", ",".join(given.kinds), "--keep"]
    parts += [name for name, on in (("--few", given.few), ("--deal", given.deal)) if on]
    return " ".join(parts + (["--data", str(given.data)] if given.data else []))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", nargs="?", choices=("seeds", "kills", "database"), default="seeds")
    parser.add_argument("--seeds", dest="seeds_text", default="1-20", metavar="A-B", help="which seeds")
    parser.add_argument("--kinds", default=",".join(KINDS), metavar="A,B", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--deal", action="store_true", help="each kind once, dealt out over the seeds")
    parser.add_argument("--few", action="store_true", help="fewer and shorter clips")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trials at the same time")
    parser.add_argument(
        "--keep", action="store_true", help="keep the folders of all trials, not of failed ones only"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="test data, else DASHCAM_TEST_DATA")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="where the trials' folders are made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    given.kinds = given.kinds.split(",")
    unknown = [kind for kind in given.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"--kinds: {', '.join(unknown)}: there are {', '.join(KINDS)}")
    first, _, last = given.seeds_text.partition("-")
    given.seeds = range(int(first), int(last or first) + 1)
    return given


if __name__ == "__main__":
    sys.exit(main())
