"""What a plate format's opinion is worth: fits `GAIN_PER_BIT` of vision/plates/grammar.py on photos with known plates.

    python benchmarks/fit_grammar.py PHOTOS...

PHOTOS are folders with IMAGE.txt files: image, x, y, width, height, plate, tab-separated, a line a plate; a seventh
column marks doubtful labels, which are left out. Each plate is read by both readers at several sizes. Where they
disagree and one of them is right, the pair counts, each plate as much as any other.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from dashcam_pipeline.config import DetectionSettings, ModelSettings
from dashcam_pipeline.vision.models.plate_reader import PlateReader, open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.plates.crops import plate_picture
from dashcam_pipeline.vision.plates.grammar import Grammar, region_of
from dashcam_pipeline.vision.plates.plate_format_files import own_countries
from dashcam_pipeline.vision.plates.plate_formats import plain
from dashcam_pipeline.vision.types import Box, Image, PlateRead
from dashcam_pipeline.weights import Role, resolve

WIDTHS_PX = (
    30,
    36,
    42,
    50,
    60,
    80,
)  # a plate as a camera further away would show it; wider ones also as they are
RIDGE = 0.05  # keeps coefficients of few pairs small


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of one plate picture, of which the first is right."""

    plate: str
    right: PlateRead
    wrong: PlateRead
    region: str | None


def pictures(folder: Path) -> Iterator[tuple[str, Image]]:
    """Every plate with a sure label, at several sizes."""
    settings = DetectionSettings()
    for listing in sorted(folder.glob("*.txt")):
        for line in listing.read_text("utf-8").splitlines():
            name, x, y, width, height, label, *doubt = line.split("\t")
            photo = cv2.imread(str(folder / name))
            if doubt or photo is None:
                continue
            box = Box(float(x), float(y), float(x) + float(width), float(y) + float(height))
            crop = plate_picture(photo, box, settings)
            yield plain(label), crop
            for target in WIDTHS_PX:
                if target < box.width:
                    scale = target / box.width
                    yield (
                        plain(label),
                        cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
                    )


def pairs(folders: Sequence[Path], readers: Sequence[PlateReader]) -> list[Pair]:
    """The disagreements that have a right side."""
    found = []
    for folder in folders:
        for label, picture in pictures(folder):
            reads = [reader.read([picture])[0] for reader in readers]
            right = [read for read in reads if read.text == label]
            wrong = [read for read in reads if read.text != label]
            if len(right) == 1 and len(wrong) == 1 and wrong[0].text:
                found.append(Pair(label, right[0], wrong[0], region_of(reads)))
    return found


def bits(grammar: Grammar, text: str, region: str | None) -> float:
    """What a format of the region says of a text, else 0."""
    match = grammar.judge(text, region)
    return match.bits if match is not None and match.of_region else 0.0


def log_weight(read: PlateRead) -> float:
    return math.log(read.confidence * read.weakest)


def fit(differences: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[float, float]:
    """The coefficients of Δ log weight and Δ bits in the logistic model of which text is right."""

    def loss(coefficients: NDArray[np.float64]) -> float:
        return float(
            shares @ np.log1p(np.exp(-differences @ coefficients)) + RIDGE * coefficients @ coefficients
        )

    weight, format_bits = minimize(loss, np.zeros(2)).x
    return float(weight), float(format_bits)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    folders = parser.parse_args().photos
    cv2.setNumThreads(1)
    models = ModelSettings()
    options = RuntimeOptions(engine="openvino", threads=1, precision="f32")
    files = [resolve(name, Role.PLATE_READER) for name in models.reader_models]
    readers = [open_plate_reader("fast-plate-ocr", file, options) for file in files]
    grammar = Grammar(own_countries())
    found = pairs(folders, readers)
    of_plate = Counter(pair.plate for pair in found)
    shares = np.array([1.0 / of_plate[pair.plate] for pair in found])
    gains = np.array(
        [bits(grammar, p.right.text, p.region) - bits(grammar, p.wrong.text, p.region) for p in found]
    )
    weights = np.array([log_weight(pair.right) - log_weight(pair.wrong) for pair in found])
    weight, format_bits = fit(np.column_stack([weights, gains]), shares)
    factors = np.array(
        [
            math.log(grammar.factor(p.right.text, p.region) / grammar.factor(p.wrong.text, p.region))
            for p in found
        ]
    )
    total = shares.sum()
    print(f"{len(found)} disagreements over {len(of_plate)} plates")
    print(
        f"the text that fits its region better is right: {shares[gains > 0].sum() / shares[gains != 0].sum():.2f}"
    )
    print(f"the heavier text is right: {shares[weights > 0].sum() / total:.2f}")
    print(f"so with the factors of the formats: {shares[weights + factors > 0].sum() / total:.2f}")
    print(f"GAIN_PER_BIT = {math.exp(format_bits / weight):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
