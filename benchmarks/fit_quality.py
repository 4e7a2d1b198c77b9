"""Fit the chance that a plate can be read on what is measured of its picture: configs/fitted/plate_quality.yaml.

    python benchmarks/fit_quality.py DRIVE.mp4 ... --held-out DRIVE.mp4 ... [--write]

`NAME.json` beside `NAME.mp4` is the truth, plate boxes included. Every known plate in the frames that a run looks at
is found, measured and read by each reader. Figures for the drives of the fit are cross-validated by plate; those of
the held-out ones are of the model that is written. Plates that end at the edge of their picture are made for the fit,
by cutting; they are left out of the figures, as they are easily told. Without --write nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from accuracykit.drives import opened
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.assets import configs_folder
from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.plate_quality import MODEL_FILE, features
from fitkit.logistic import Fit, Floats, auc, cross_validated, fit, log_loss
from fitkit.plate_samples import Sample, open_models, samples_of

FOLDS = 5
MOST_CONFIDENCE = 0.9999  # of a reader, before the logarithm of its odds


@dataclass(frozen=True, slots=True)
class Figures:
    """How well something tells right reads from wrong ones."""

    name: str
    auc: float
    log_loss: float | None  # None: it is no chance


def main() -> int:
    given = _arguments()
    try:
        fitted_on, held_out = (_samples(videos, given.threads) for videos in (given.drives, given.held_out))
    except (BenchTrouble, DashcamError) as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    names, model = _fitted(fitted_on)
    inside = compared(fitted_on, _validated(fitted_on), _validated_with_confidence(fitted_on))
    print(_text(f"cross-validated over {FOLDS} folds of plates", fitted_on, inside))
    outside: list[Figures] = []
    if held_out:
        both = fit(_with_confidence(fitted_on, _validated(fitted_on)), _right(fitted_on))
        logits = model.logits(_matrix(held_out))
        outside = compared(held_out, logits, both.logits(_with_confidence(held_out, logits)))
        print(_text("held out", held_out, outside))
    if given.write:
        path = configs_folder() / MODEL_FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(_yaml(names, model, fitted_on, inside, held_out, outside), encoding="utf-8")
        print(f"written: {path}", file=sys.stderr)
    return 0


def compared(samples: Sequence[Sample], quality: Floats, both: Floats) -> list[Figures]:
    """The fitted measure beside simpler ones.

    Args:
        samples: reads.
        quality: logits of the model for each.
        both: logits of quality and the reader's own confidence together.
    """
    whole = np.array([not one.quality.cut_off for one in samples])
    right, quality, both = _right(samples)[whole], quality[whole], both[whole]
    width = np.array([one.quality.width_px for one in samples])[whole]
    confidence = _confidence(samples)[whole]
    return [
        Figures("width alone", auc(width, right), None),
        Figures("quality", auc(quality, right), log_loss(quality, right)),
        Figures("reader's confidence", auc(confidence, right), None),
        Figures("confidence and quality", auc(both, right), log_loss(both, right)),
    ]


def _samples(videos: Sequence[Path], threads: int) -> list[Sample]:
    if not videos:
        return []
    cv2.setNumThreads(threads)
    settings = Settings()
    models = open_models(settings, RuntimeOptions(engine="openvino", threads=threads))
    samples: list[Sample] = []
    for video in videos:
        samples += samples_of(opened(video), models, settings)
        print(f"{video.name}: {len(samples)} reads so far", file=sys.stderr)
    if not samples:
        raise BenchTrouble("no known plate was found in these drives")
    return samples


def _fitted(samples: Sequence[Sample]) -> tuple[list[str], Fit]:
    return list(features(samples[0].quality)), fit(_matrix(samples), _right(samples))


def _validated(samples: Sequence[Sample]) -> Floats:
    return cross_validated(_matrix(samples), _right(samples), [one.plate for one in samples], FOLDS)


def _validated_with_confidence(samples: Sequence[Sample]) -> Floats:
    both = _with_confidence(samples, _validated(samples))
    return cross_validated(both, _right(samples), [one.plate for one in samples], FOLDS)


def _matrix(samples: Sequence[Sample]) -> Floats:
    return np.array([list(features(one.quality).values()) for one in samples], dtype=np.float64)


def _right(samples: Sequence[Sample]) -> Floats:
    return np.array([one.right for one in samples], dtype=np.float64)


def _confidence(samples: Sequence[Sample]) -> Floats:
    """Log odds."""
    share = np.clip([one.confidence for one in samples], 1 - MOST_CONFIDENCE, MOST_CONFIDENCE)
    return np.asarray(np.log(share / (1 - share)))


def _with_confidence(samples: Sequence[Sample], quality: Floats) -> Floats:
    return np.column_stack([_confidence(samples), quality])


def _text(title: str, samples: Sequence[Sample], figures: Sequence[Figures]) -> str:
    lines = [f"{title}: {_counted(samples)}, {_right(samples).mean():.1%} of them right"]
    for one in figures:
        loss = "" if one.log_loss is None else f"  log loss {one.log_loss:.3f}"
        lines.append(f"  {one.name:24} AUC {one.auc:.3f}{loss}")
    return "\n".join(lines)


def _counted(samples: Sequence[Sample]) -> str:
    plates = len({one.plate for one in samples})
    cut = sum(one.quality.cut_off for one in samples)
    drives = ", ".join(sorted({one.drive for one in samples}))
    return f"{len(samples)} reads ({cut} of them cut off) of {plates} plates in {drives}"


def _yaml(
    names: Sequence[str],
    model: Fit,
    samples: Sequence[Sample],
    inside: Sequence[Figures],
    held_out: Sequence[Sample],
    outside: Sequence[Figures],
) -> str:
    """The file that the package reads; what it was fitted on stands above."""
    lines = [
        "# The chance that one read of a plate is right, from what is measured of its picture: a logistic model.",
        f"# Written by benchmarks/fit_quality.py on {datetime.now(UTC).date().isoformat()}.",
        f"# Fitted on {_counted(samples)}.",
        f"# AUC, cross-validated by plate: {_aucs(inside)}.",
    ]
    if held_out:
        lines += [f"# Held out: {_counted(held_out)}.", f"# AUC there: {_aucs(outside)}."]
    lines += [f"intercept: {model.intercept:.5f}", "weights:"]
    lines += [f"  {name}: {weight:.5f}" for name, weight in zip(names, model.weights, strict=True)]
    return "\n".join(lines) + "\n"


def _aucs(figures: Sequence[Figures]) -> str:
    return ", ".join(f"{one.name} {one.auc:.3f}" for one in figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drives", nargs="+", type=Path, help="drives to fit on")
    parser.add_argument("--held-out", nargs="+", type=Path, default=[], help="drives that only judge the fit")
    parser.add_argument("--threads", type=int, default=1, help="of the models (%(default)s)")
    parser.add_argument("--write", action="store_true", help="replace the file that travels with the package")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
