"""The job without any fault: what all others are compared with."""

from __future__ import annotations

import time

from chaoskit.faults import Plan
from chaoskit.report import seed_line
from chaoskit.table import Result
from chaoskit.trial import Outcome, Setting, Trial, database_template

QUIET = Plan(0, (), 2.0)


def undisturbed(setting: Setting) -> tuple[Result, Outcome]:
    """The result, and what it took. Raises SystemExit when it went wrong by itself."""
    database_template(setting)
    trial = Trial(setting, f"undisturbed-{time.monotonic_ns()}", QUIET)
    result = trial.run()
    if trial.outcome.failed or not result.vehicles:
        raise SystemExit(f"the undisturbed run went wrong, see {trial.folder}\n{seed_line(trial.outcome)}")
    trial.remove()
    return result, trial.outcome
