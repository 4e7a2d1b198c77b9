"""The table at the end of a series of trials."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from chaoskit.trial import Outcome

MOST_LINES = 12  # of what was wrong with one seed; the JSON has all


def seed_line(outcome: Outcome) -> str:
    """One seed in one line, and under it what was wrong."""
    done = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.injected.items())) or "nothing hit"
    codes = " ".join(map(str, outcome.exit_codes))
    line = (
        f"seed {outcome.seed}: {'FAILED' if outcome.failed else 'same'} | {outcome.seconds:.1f} s | "
        f"exit codes {codes} | {outcome.frames_twice} of {outcome.frames_read} frames read twice | "
        f"{outcome.continued} videos continued | {done}"
    )
    wrong = [*outcome.problems, *outcome.differing, *(f"left behind: {left}" for left in outcome.left)]
    more = [f"and {len(wrong) - MOST_LINES} more"] if len(wrong) > MOST_LINES else []
    return "\n".join([line, *(f"    {text}" for text in [*wrong[:MOST_LINES], *more])])


def summary(outcomes: Sequence[Outcome], usual_s: float, skipped: dict[str, str]) -> str:
    """What was done to the jobs, and what became of them."""
    injected: Counter[str] = Counter()
    planned: Counter[str] = Counter()
    for outcome in outcomes:
        injected.update(outcome.injected)
        planned.update(outcome.planned)
    seeds_of = {kind: sum(1 for o in outcomes if o.injected[kind]) for kind in planned}
    lines = ["", f"{'fault':<18}{'planned':>9}{'done':>7}{'seeds':>7}"]
    lines += [
        f"{kind:<18}{planned[kind]:>9}{injected[kind]:>7}{seeds_of[kind]:>7}" for kind in sorted(planned)
    ]
    lines += [f"{kind:<18}  left out: {why}" for kind, why in skipped.items()]
    failed = [outcome.seed for outcome in outcomes if outcome.failed]
    twice = [outcome.frames_twice for outcome in outcomes]
    lines += [
        "",
        f"seeds                {len(outcomes)}",
        f"faults               {sum(injected.values())}",
        f"calls of the command {sum(len(o.exit_codes) for o in outcomes)}, resumed {sum(o.resumes for o in outcomes)}",
        f"videos continued     {sum(o.continued for o in outcomes)} in their middle",
        f"rows compared        {sum(o.rows for o in outcomes)}",
        f"rows that differ     {sum(len(o.differing) for o in outcomes)}",
        f"things left behind   {sum(len(o.left) for o in outcomes)}",
        f"other problems       {sum(len(o.problems) for o in outcomes)}",
        f"frames read twice    {sum(twice)} of {sum(o.frames_read for o in outcomes)}",
        f"  most of a seed     {max(twice, default=0)}",
        f"seconds              {sum(o.seconds for o in outcomes):.0f} in all, undisturbed {usual_s:.1f} a job",
        f"seeds that failed    {' '.join(map(str, failed)) or 'none'}",
    ]
    return "\n".join(lines)


def write_json(path: Path, outcomes: Sequence[Outcome], usual_s: float) -> None:
    content = {"undisturbed_s": usual_s, "seeds": [_plain(outcome) for outcome in outcomes]}
    path.write_text(json.dumps(content, indent=1, default=str))


def _plain(outcome: Outcome) -> dict[str, object]:
    plain = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    return {**plain, "injected": dict(outcome.injected)}
