"""How often `dashcam render --blur plates` hides a plate: `python benchmarks/render.py DRIVE.mp4 …`.

Beside each drive lies its truth, DRIVE.json: every plate's box in every frame. The drive is searched as the command
does it, without any results of a run; then each plate in each frame is held against what would be blurred there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashcam_pipeline.configuration import load
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.render.hidden import Hidden
from dashcam_pipeline.render.hiding import What, open_finders, search
from dashcam_pipeline.render.reading import FrameReader, Window
from dashcam_pipeline.vision.blur import grown
from dashcam_pipeline.vision.types import Box

MOST_SAID = 12


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate in one frame."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Covered:
    """What the blur of one plate in one frame comes to."""

    frame: int
    plate: Plate
    share: float  # of the plate's area


def main() -> None:
    """Print a line a drive, and the plates that were seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drives", nargs="+", type=Path, help="videos with their truth beside them")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="only so much of each drive")
    options = parser.parse_args()
    for drive in options.drives:
        measure(drive, Window(0.0, options.seconds))


def measure(drive: Path, window: Window) -> None:
    """Search a drive and print how much of its plates is hidden."""
    what = What(faces=False, plates=True)
    finders = open_finders(what, load().settings)
    began = time.perf_counter()
    hidden = search(drive, window, finders, what, (), (), lambda _frames, _ts_s: None)
    took_s = time.perf_counter() - began
    seen, blurred_share, length_s = held_against(drive, window, hidden)
    whole = sum(one.share >= 1.0 for one in seen)
    most = sum(one.share >= 0.9 for one in seen)
    none = sum(one.share < 0.1 for one in seen)
    print(
        f"{drive.name}: {len(seen)} plates in frames; wholly covered {whole / len(seen):.4f}, at least 9/10 of it "
        f"{most / len(seen):.4f}, open {none / len(seen):.4f}; {blurred_share:.2%} of the picture is blurred; "
        f"searched at {length_s / took_s:.2f}× real time on {usable_cores()} cores"
    )
    missed = Counter(one.plate.text for one in seen if one.share < 1.0)
    for text, frames in missed.most_common(MOST_SAID):
        shares = [one for one in seen if one.plate.text == text and one.share < 1.0]
        worst = min(shares, key=lambda one: one.share)
        print(f"  {text}: {frames} frames not whole, the worst {worst.share:.2f} in frame {worst.frame}")


def held_against(drive: Path, window: Window, hidden: Hidden) -> tuple[list[Covered], float, float]:
    """Each plate in each frame; the share of the picture that is blurred on average; the seconds of the window."""
    truth = truth_of(drive)
    seen: list[Covered] = []
    areas: list[float] = []
    ts_s = 0.0
    with FrameReader(drive, window, usable_cores()) as reader:
        for index, picture in enumerate(reader.pictures()):
            width, height = picture.decoded.width, picture.decoded.height
            mask = np.zeros((height, width), np.bool_)
            for box in hidden.at(picture.ts_s):
                x1, y1, x2, y2 = map(int, grown(box, width, height))
                mask[y1:y2, x1:x2] = True
            areas.append(float(mask.mean()))
            for plate in truth[index]:
                inside = mask[int(plate.box.y1) : int(plate.box.y2), int(plate.box.x1) : int(plate.box.x2)]
                if inside.size:
                    seen.append(Covered(index, plate, float(inside.mean())))
            ts_s = picture.ts_s
    return seen, float(np.mean(areas)), ts_s


def truth_of(drive: Path) -> dict[int, list[Plate]]:
    """The plates of each frame."""
    found: dict[int, list[Plate]] = defaultdict(list)
    for sighting in json.loads(drive.with_suffix(".json").read_text())["sightings"]:
        for frame, (x, y, width, height) in sighting["boxes"].items():
            found[int(frame)].append(Plate(sighting["plate"], Box(x, y, x + width, y + height)))
    return found


if __name__ == "__main__":
    main()
