"""Trials with one whole video: killed at ten moments, and with a database that goes away."""

from __future__ import annotations

import random
from pathlib import Path

from chaoskit.faults import Fault, Plan
from chaoskit.report import seed_line
from chaoskit.table import Result
from chaoskit.trial import Outcome, Setting, Trial
from chaoskit.undisturbed import undisturbed

VIDEO = "drive_mixed.mp4"
KILLS = 10
CHECKPOINT_S = 2.0  # the default of run.checkpoint_s
AWAY_S = 60.0
AWAY_AT_END_S = 20.0


def kills(data: Path, base: Path) -> int:
    """`kill -9` of the supervisor at ten moments of one run, which is called again each time."""
    setting = Setting((data / "videos" / VIDEO,), base, {})
    expected, usual = undisturbed(setting)
    chance = random.Random(KILLS)
    faults = tuple(
        Fault("kill_supervisor", (number + chance.random()) / (KILLS + 1), 0.0, 0.0, 0.0)
        for number in range(KILLS)
    )
    outcome = _trial(setting, "kills", Plan(0, faults, CHECKPOINT_S), expected, usual)
    twice, all_of = outcome.frames_twice, usual.frames_read
    print(
        f"killed {outcome.injected['kill_supervisor']} times, rows compared {outcome.rows}, "
        f"rows that differ {len(outcome.differing)}\n"
        f"frames read twice {twice}, of {all_of} in the video ({twice / max(1, outcome.resumes):.1f} a resume)\n"
        f"{outcome.seconds:.1f} s in all, undisturbed {usual.seconds:.1f} s"
    )
    return int(outcome.failed)


def outages(data: Path, base: Path) -> int:
    """A database of the user's that goes away in mid-run, and at the end of a run."""
    setting = Setting((data / "videos" / VIDEO,), base, {}, note_work=True)
    expected, usual = undisturbed(setting)
    print(f"undisturbed: {usual.seconds:.1f} s, longest stall of the workers {usual.longest_stall_s:.1f} s")
    failed = False
    for name, fault in (
        ("mid-run", Fault("postgres_away", 0.3, 0.0, AWAY_S, 1.0)),
        ("at the end", Fault("postgres_away", 1.0, 0.0, AWAY_AT_END_S, 1.0)),
    ):
        plan = Plan(0, (fault,), CHECKPOINT_S)
        outcome = _trial(setting, name.replace(" ", "-"), plan, expected, usual)
        print(
            f"{name}: away for {fault.hold_s:.0f} s, rows compared {outcome.rows}, rows that differ "
            f"{len(outcome.differing)}, longest stall of the workers {outcome.longest_stall_s:.1f} s, "
            f"{outcome.seconds:.1f} s in all"
        )
        failed |= outcome.failed
    return int(failed)


def _trial(setting: Setting, name: str, plan: Plan, expected: Result, usual: Outcome) -> Outcome:
    trial = Trial(setting, name, plan, usual.frames_read)
    trial.remove()
    trial.run(expected)
    print(seed_line(trial.outcome).replace("seed 0", name), flush=True)
    if not trial.outcome.failed:
        trial.remove()
    return trial.outcome
