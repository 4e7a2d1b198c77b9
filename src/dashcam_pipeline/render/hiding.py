"""Searching a video for what nobody shall recognise: plates and faces, whatever the results know of them.

The results hold the plates of vehicles that were followed, in the views that were searched. Here the whole picture is
searched, ten times a second, with thresholds so low that a wrong blur is likelier than a missed plate.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from dashcam_pipeline.config import Settings
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.render.hidden import Found, Hidden, without
from dashcam_pipeline.render.reading import FrameReader, Window
from dashcam_pipeline.render.vehicles import Vehicle
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.vision.models.detector import open_plate_detector
from dashcam_pipeline.vision.models.face_detector import FaceDetector
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Box, Image
from dashcam_pipeline.weights import Role, resolve

FACE_MODEL = "yunet_n"

FRAMES_PER_S = 10.0
"""Frames searched: between two of them even a plate that passes close by moves less than its own size."""

MIN_PLATE_SCORE = 0.1
MIN_FACE_SCORE = 0.3
"""Far below what makes a find: here a miss is worse than a blurred shop sign."""

LARGEST_SHARE = 0.5
"""What is wider than this share of the frame is no plate, but a bus, or the road."""

AROUND_S = 1.0
"""Searched before and after the window, too: what is first seen there is hidden in it."""

KEPT_GROWN = 0.6
"""The plate that stays visible is looked for around where the results say it is, grown by this share of its size."""

KEPT_BEYOND_S = 0.5
"""And so long before and after the results have the vehicle in sight: detectors see it come and go."""

OnFrame = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class What:
    """What is to be blurred."""

    faces: bool
    plates: bool
    keep: bool = False  # but not the plate of the vehicles that were chosen

    def __str__(self) -> str:
        return " and ".join(
            name for name, wanted in (("plates", self.plates), ("faces", self.faces)) if wanted
        )


class Finder(Protocol):
    """Finds what is to be blurred in one picture."""

    def find(self, image: Image) -> list[Box]:
        """Boxes in pixels of the picture."""
        ...


class PlateFinder:
    """Plates in the whole picture, and in overlapping parts of it."""

    def __init__(self, model: Path, options: RuntimeOptions) -> None:
        self._detector = open_plate_detector(model, options, MIN_PLATE_SCORE)

    def find(self, image: Image) -> list[Box]:
        """See `Finder.find`."""
        height, width = image.shape[:2]
        found: list[Box] = []
        for part in parts(width, height):
            seen = self._detector.detect([part.crop(image)])[0]
            found += [one.box.shifted(part.x1, part.y1) for one in seen]
        return [box for box in found if box.width <= LARGEST_SHARE * width]


class FaceFinder:
    """Faces in the whole picture."""

    def __init__(self, model: Path, options: RuntimeOptions) -> None:
        self._detector = FaceDetector(model, options, MIN_FACE_SCORE)

    def find(self, image: Image) -> list[Box]:
        """See `Finder.find`."""
        return [face.box for face in self._detector.detect(image)]


def parts(width: int, height: int) -> list[Box]:
    """The whole picture, and squares that overlap and cover it: in these, small plates are large enough."""
    whole = Box(0, 0, width, height)
    side = min(width, height)
    longest = max(width, height)
    count = math.ceil((longest - side) / (side * 0.8)) + 1 if longest > side else 0
    starts = [round((longest - side) * number / max(1, count - 1)) for number in range(count)]
    if width >= height:
        return [whole, *(Box(x, 0, x + side, side) for x in starts)]
    return [whole, *(Box(0, y, side, y + side) for y in starts)]


def open_finders(what: What, settings: Settings) -> list[list[Finder]]:
    """For each core of this host the finders that are needed: they are not for two threads at once.

    Raises:
        ConfigError, WeightsMissing, WeightsCorrupt, EngineUnavailable: a model can't be had.
    """
    plates = resolve(settings.models.plate_detector, Role.PLATE_DETECTOR) if what.plates else None
    faces = resolve(FACE_MODEL, Role.FACE_DETECTOR) if what.faces else None
    options = RuntimeOptions(engine=settings.models.engine, precision=settings.models.precision)
    made: list[list[Finder]] = []
    for _ in range(usable_cores()):
        finders: list[Finder] = []
        if plates is not None:
            finders.append(PlateFinder(plates, options))
        if faces is not None:
            finders.append(FaceFinder(faces, options))
        made.append(finders)
    return made


def search(
    video: Path,
    window: Window,
    finders: Sequence[Sequence[Finder]],
    what: What,
    vehicles: Sequence[Vehicle],
    chosen: Sequence[Vehicle],
    on_frame: OnFrame,
) -> Hidden:
    """Search a part of a video, on as many threads as there are sets of finders.

    Args:
        video: the file.
        window: the part that will be shown.
        finders: from `open_finders`.
        what: is to be blurred.
        vehicles: all that the results know: their plates are hidden where they say, beside what is found here.
        chosen: those whose plate stays visible, when `what.keep`.
        on_frame: called with the frames searched and the second reached.

    Raises:
        VideoUnreadable: the file can't be opened.
    """
    found: list[Found] = []
    wider = Window(max(0.0, window.from_s - AROUND_S), window.to_s + AROUND_S)
    for count, (ts_s, boxes) in enumerate(_searched(video, wider, finders), start=1):
        found += [Found(ts_s, box) for box in boxes]
        on_frame(count, min(max(ts_s, window.from_s), window.to_s))
    kept = tuple(chosen) if what.keep else ()
    visible = _PlatesOf(kept)
    others = [vehicle for vehicle in vehicles if vehicle not in kept] if what.plates else []
    return Hidden(without(found, visible.at), others)


class _PlatesOf:
    """Where the plates that stay visible are."""

    def __init__(self, vehicles: Sequence[Vehicle]) -> None:
        self._vehicles = vehicles

    def at(self, ts_s: float) -> list[Box]:
        near = [
            (vehicle, min(max(ts_s, vehicle.first_s), vehicle.last_s))
            for vehicle in self._vehicles
            if vehicle.first_s - KEPT_BEYOND_S <= ts_s <= vehicle.last_s + KEPT_BEYOND_S
        ]
        boxes = (vehicle.plate_at(in_sight_s, math.inf) for vehicle, in_sight_s in near)
        return [_grown(box) for box in boxes if box is not None]


def _grown(box: Box) -> Box:
    dx, dy = box.width * KEPT_GROWN, box.height * KEPT_GROWN
    return Box(box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy)


def _searched(
    video: Path, window: Window, finders: Sequence[Sequence[Finder]]
) -> Iterator[tuple[float, list[Box]]]:
    """Second and boxes of each frame that is searched, in order."""
    free: SimpleQueue[Sequence[Finder]] = SimpleQueue()
    for one in finders:
        free.put(one)

    def find(image: Image) -> list[Box]:
        mine = free.get()
        try:
            return [box for finder in mine for box in finder.find(image)]
        finally:
            free.put(mine)

    under_way: deque[tuple[float, Future[list[Box]]]] = deque()
    with (
        ThreadPoolExecutor(len(finders)) as pool,
        FrameReader(video, window, 1, Sampler(FRAMES_PER_S)) as reader,
    ):
        try:
            for picture in reader.pictures():
                if not picture.wanted or (image := reader.image(picture.decoded)) is None:
                    continue
                under_way.append((picture.ts_s, pool.submit(find, image)))
                if len(under_way) > 2 * len(finders):
                    ts_s, future = under_way.popleft()
                    yield ts_s, future.result()
            for ts_s, future in under_way:
                yield ts_s, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
