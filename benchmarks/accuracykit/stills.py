"""Photos with known plates: what the product's searches, readers and vote make of one look.

A photo with one plate is given to PLATE_SMOOTH as the only view of a vehicle that has passed. One with several is
searched for vehicles first, and each of them is such a view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from accuracykit.causes import Cause
from accuracykit.one_process import OneProcess, bench
from accuracykit.truth import SAME_PLATE_IOU, alike, holds, iou
from accuracykit.watching import SeenWatcher
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import Settings
from dashcam_pipeline.stages.records import VehiclePassed, VehiclePicture
from dashcam_pipeline.vision.plates.grammar import Grammar, open_grammar
from dashcam_pipeline.vision.tracking.watch import Look, Passing
from dashcam_pipeline.vision.types import Box, Image
from score import plain

BESIDE, ABOVE = 0.15, 0.3
"""A photo of a car is often cut closer than a vehicle's box: the vehicle is taken to go on by these shares of it."""


@dataclass(frozen=True, slots=True)
class LabelledPlate:
    """A plate of a photo."""

    box: Box  # pixels of the photo
    text: str
    scored: bool  # False: a doubtful reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """What came of a plate."""

    file: str
    plate: str
    read: str | None  # None: it was not found
    cause: Cause | None  # None: right
    detail: str = ""  # of a miss: the known formats of label and read, or what was found instead


@dataclass(frozen=True, slots=True)
class StillsResult:
    """A folder of photos."""

    name: str
    stills: tuple[Still, ...]

    @property
    def right(self) -> int:
        return sum(one.cause is None for one in self.stills)

    @property
    def of_label(self) -> int:
        """Misses in which nothing but O/0 or I/1 differs."""
        return sum(one.cause is Cause.LABEL_DOUBTFUL for one in self.stills)


def read_folder(folder: Path, settings: Settings) -> StillsResult:
    """Read the plates of all photos of a folder.

    Raises:
        BenchTrouble: there are none, or a label can't be read.
    """
    stills: list[Still] = []
    watcher = SeenWatcher()
    with bench(settings, watcher) as one:
        reading = _Reading(one, watcher, open_grammar(settings.vote))
        for label in sorted(folder.glob("*.txt")):
            file, plates = read_label(label)
            image = cv2.imread(str(folder / file))
            if image is None:
                raise BenchTrouble(f"{label} names {file}, which is no picture")
            stills += reading.photo(file, image, plates)  # type: ignore[arg-type]
    if not stills:
        raise BenchTrouble(f"{folder} has no labelled photos: IMAGE.txt beside IMAGE.jpg, a line a plate")
    return StillsResult(folder.name, tuple(stills))


def read_label(path: Path) -> tuple[str, list[LabelledPlate]]:
    """The photo that a label is about, and its plates: file, x, y, width, height, text and maybe `low`, by tabs."""
    plates, file = [], ""
    try:
        for line in path.read_text(encoding="utf-8").strip().splitlines():
            file, x, y, width, height, text, *doubt = line.split("\t")
            left, top = int(x), int(y)
            box = Box(left, top, left + int(width), top + int(height))
            plates.append(LabelledPlate(box, plain(text), not doubt))
    except (OSError, ValueError) as error:
        raise BenchTrouble(f"{path} is no label of a photo: {error}") from error
    return file, plates


class _Reading:
    """Photos one after another, each vehicle under a number of its own."""

    def __init__(self, one: OneProcess, watcher: SeenWatcher, grammar: Grammar) -> None:
        self._one, self._watcher, self._grammar = one, watcher, grammar
        self._number = 0

    def photo(self, file: str, image: Image, plates: Sequence[LabelledPlate]) -> list[Still]:
        """What the product reads on each plate that is not doubtful."""
        height, width = image.shape[:2]
        whole = Box(-BESIDE * width, -ABOVE * height, (1 + BESIDE) * width, height)
        boxes = [whole] if len(plates) == 1 else [*self._one.vehicles_in(image, file), whole]
        vehicles = {self._pass_by(image, box): box for box in boxes}
        self._one.work_off()
        return [self._still(file, plate, vehicles) for plate in plates if plate.scored]

    def _pass_by(self, image: Image, vehicle: Box) -> int:
        """A vehicle that was seen once; its number."""
        self._number += 1
        look = Look(track_id=self._number, frame_idx=0, ts_s=0.0, box=vehicle, search=True, worth=1.0)
        passing = Passing(
            track_id=self._number,
            vehicle_class="car",
            first_frame=0,
            last_frame=0,
            first_s=0.0,
            last_s=0.0,
            looks=(look,),
        )
        picture = VehiclePicture(f"look-{self._number}.png", 0, 0)
        self._one.hand_in(VehiclePassed(passing, (picture,)), str(self._number), {picture.frame_id: image})
        return self._number

    def _still(self, file: str, plate: LabelledPlate, vehicles: Mapping[int, Box]) -> Still:
        """The text of the smallest vehicle around the plate on which the plate was found."""
        seen = self._watcher.seen
        found = {
            search.track_id
            for search in seen.searches
            if search.track_id in vehicles
            and search.plate is not None
            and iou(search.plate, plate.box) >= SAME_PLATE_IOU
            and holds(vehicles[search.track_id], plate.box)
        }
        chosen = min(found, key=lambda number: (vehicles[number].area, number), default=None)
        read = next((row.text or "" for row in seen.rows if row.track_id == chosen), None)
        cause = cause_of(plate.text, read)
        detail = (
            ""
            if cause is None
            else self._instead(vehicles)
            if read is None
            else self._formats(plate.text, read)
        )
        return Still(file=file, plate=plate.text, read=read, cause=cause, detail=detail)

    def _instead(self, vehicles: Mapping[int, Box]) -> str:
        """What the searches of a photo came to."""
        searches = [one for one in self._watcher.seen.searches if one.track_id in vehicles]
        elsewhere = sum(one.plate is not None for one in searches)
        notes = sorted({one.note for one in searches if one.note})
        aside = f", put aside: {', '.join(notes)}" if notes else ""
        return f"{len(searches)} searches of {len(vehicles)} vehicles, {elsewhere} boxes elsewhere{aside}"

    def _formats(self, label: str, read: str) -> str:
        """Which known formats two texts have: a letter where the format wants a digit is seldom the plate's."""
        of_label, of_read = (self._grammar.judge(text) for text in (label, read))
        return f"formats: label {of_label or 'none'}, read {of_read or 'none'}"


def cause_of(plate: str, read: str | None) -> Cause | None:
    """Why a plate counts as missed; None where it does not."""
    if read is None:
        return Cause.NO_PLATE_FOUND
    if read == plate:
        return None
    return Cause.LABEL_DOUBTFUL if alike(read, plate) else Cause.MISREAD
