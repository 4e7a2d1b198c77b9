"""Fit the confidence of a vote on drives with known plates: configs/fitted/confidence.yaml.

    python benchmarks/fit_confidence.py DRIVE.mp4 ... --held-out DRIVE.mp4 ... [--cache DIR] [--write]

`NAME.json` beside `NAME.mp4` is the truth, plate boxes included. All kept views of every vehicle are searched; then a
vote is held over its best two, three, four, six and all views, as rounds may end with any of these. A vote is right
when its winner is the plate that is known to be where it was read. One that differs from the label by O for 0 or I
for 1 alone says nothing about the vote, for the label may be wrong: it is left out of the fit, and counts as wrong for
the most that a vote may say of itself. Figures for the drives of the fit are cross-validated by plate.
Without --write nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from accuracykit.drives import Drive, opened
from accuracykit.model_cache import ModelCache, cached_models
from accuracykit.one_process import bench
from accuracykit.truth import alike, plate_under
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.config import LookSettings, Settings
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.stages.records import LookDone, VehiclePassed
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.vote import voting
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.confidence import MODEL_FILE, Grounds
from dashcam_pipeline.vision.vote.voting import decide
from fitkit.logistic import Fit, Floats, auc, cross_validated, fit, log_loss

FOLDS = 5
VIEWS = (2, 3, 4, 6, 12)
ALL_VIEWS = LookSettings(enough_reads=10_000, fruitless_searches=10_000)
SURE_LOGIT = 4.0
"""Among votes beyond it, the model can't tell better from worse; the share of right ones is the most that it says."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One sample."""

    drive: str
    plate: str  # the known one, or, where none is known, what was read
    grounds: Grounds
    right: bool
    doubtful: bool  # the label may be wrong


def main() -> int:
    given = _arguments()
    # The file that is to be written may be of other features, or not there; and nothing is to be unreadable here.
    voting.confidence_of = lambda grounds: 1.0
    cache = cached_models(ModelCache(given.cache)) if given.cache else nullcontext()
    try:
        with cache:
            seen, held_out = (
                [vote for video in videos for vote in votes_of(opened(video))]
                for videos in (given.drives, given.held_out)
            )
    except (BenchTrouble, DashcamError) as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    fitted_on, held_out = ([vote for vote in votes if not vote.doubtful] for votes in (seen, held_out))
    model = fit(_matrix(fitted_on), _right(fitted_on))
    plates = [vote.plate for vote in fitted_on]
    inside = cross_validated(_matrix(fitted_on), _right(fitted_on), plates, FOLDS)
    lines = [f"Fitted on {_figures(fitted_on, inside)} (cross-validated by plate)."]
    if held_out:
        lines.append(f"Held out: {_figures(held_out, model.logits(_matrix(held_out)))}.")
    text = _yaml(model, _most(seen, model.logits(_matrix(seen))), lines)
    print(text)
    if given.write:
        path = configs_folder() / MODEL_FILE
        path.write_text(text, encoding="utf-8")
        print(f"written: {path}", file=sys.stderr)
    return 0


def votes_of(drive: Drive) -> Iterator[Vote]:
    """The votes over more and more views of every vehicle of a drive."""
    settings = Settings(looks=ALL_VIEWS)
    grammar = open_grammar(settings.vote)
    print(f"{drive.path.name} …", file=sys.stderr)
    for results in _results(drive.path, settings):
        for views in VIEWS:
            some = results[:views]
            if len(some) < views and views > VIEWS[0]:
                break
            verdict = decide(some, settings.vote, grammar)
            shown = verdict.evidence
            if verdict.grounds is None or verdict.text is None or shown is None or shown.plate_box is None:
                continue
            known = plate_under(drive.plates, shown.frame_idx, shown.plate_box)
            right = known is not None and known.text == verdict.text
            doubtful = known is not None and alike(known.text, verdict.text)
            plate = known.text if known else verdict.text
            yield Vote(drive.name, plate, verdict.grounds, right, doubtful)


def _results(video: Path, settings: Settings) -> Iterator[list[LookResult]]:
    """What came of all searches at each vehicle, its best views first; of two at one view, the one that found more."""
    ranks: dict[int, dict[int, int]] = {}
    found: dict[int, dict[int, LookResult]] = defaultdict(dict)

    def watch(record: object) -> None:
        if isinstance(record, VehiclePassed):
            looks = record.passing.looks
            ranks[record.passing.track_id] = {look.frame_idx: rank for rank, look in enumerate(looks)}
        elif isinstance(record, LookDone):
            result = record.result
            other = found[result.track_id].get(result.frame_idx)
            if other is None or other.plate_box is None:
                found[result.track_id][result.frame_idx] = result

    with bench(settings, watch) as one:
        one.read(video)
    for track_id, by_frame in sorted(found.items()):
        rank = ranks[track_id]
        yield [by_frame[frame] for frame in sorted(by_frame, key=lambda frame: rank[frame])]


def _most(votes: Sequence[Vote], logits: Floats) -> float:
    """The share of plates of which all sure votes are right, by Laplace's rule of succession: reads of one plate err
    alike, so that many right votes on it are one piece of evidence."""
    sure = [vote for vote, logit in zip(votes, logits, strict=True) if logit >= SURE_LOGIT]
    plates, wrong = {vote.plate for vote in sure}, {vote.plate for vote in sure if not vote.right}
    return (len(plates) - len(wrong) + 1) / (len(plates) + 2)


def _matrix(votes: Sequence[Vote]) -> Floats:
    return np.array([list(vote.grounds.features().values()) for vote in votes], dtype=np.float64)


def _right(votes: Sequence[Vote]) -> Floats:
    return np.array([vote.right for vote in votes], dtype=np.float64)


def _figures(votes: Sequence[Vote], logits: Floats) -> str:
    plates, right = len({vote.plate for vote in votes}), _right(votes)
    drives = ", ".join(sorted({vote.drive for vote in votes}))
    return (
        f"{len(votes)} votes on {plates} plates in {drives}: {right.mean():.1%} right, "
        f"AUC {auc(logits, right):.3f}, log loss {log_loss(logits, right):.3f}"
    )


def _yaml(model: Fit, most: float, lines: Sequence[str]) -> str:
    """The file that the package reads."""
    names = Grounds.nothing().features()
    return "\n".join(
        [
            "# How sure a vote is of its winner: a logistic model of how the vote stands.",
            f"# Written by benchmarks/fit_confidence.py on {datetime.now(UTC).date().isoformat()}.",
            *(f"# {line}" for line in lines),
            f"intercept: {model.intercept:.5f}",
            "weights:",
            *(f"  {name}: {weight:.5f}" for name, weight in zip(names, model.weights, strict=True)),
            f"most: {most:.4f} # no vote is surer than this",
            "",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drives", nargs="+", type=Path, help="drives to fit on")
    parser.add_argument("--held-out", nargs="+", type=Path, default=[], help="drives that only judge the fit")
    parser.add_argument("--cache", type=Path, help="folder that keeps what models said, for the next time")
    parser.add_argument("--write", action="store_true", help="replace the file that travels with the package")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
