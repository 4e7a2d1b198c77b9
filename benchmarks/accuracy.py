"""One process, no scheduler: the vision functions over one video, scored and timed.

    python benchmarks/accuracy.py VIDEO ROWS.json [--weights DIR] [--set section.key=value ...]

Writes the claimed plates as rows (plate, first_frame, last_frame, …) and prints one JSON object with
frames/s and counts. It is the reference that the whole pipeline is compared with, and the tool for
tuning: `--results FILE` keeps the results of all looks, for voting on them again.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import cv2
import numpy as np
import yaml

from dashcam_pipeline.config import Settings
from dashcam_pipeline.vision.crops import SearchPicture, plate_in_frame, plate_picture, search_picture
from dashcam_pipeline.vision.detector import Detector, open_plate_detector, open_vehicle_detector
from dashcam_pipeline.vision.plate_reader import PlateReader, open_plate_reader
from dashcam_pipeline.vision.quality import sharpness
from dashcam_pipeline.vision.rounds import Search, next_round
from dashcam_pipeline.vision.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Detection, Image
from dashcam_pipeline.vision.voting import LookResult, Verdict, decide
from dashcam_pipeline.vision.watch import Look, Passing, Watch
from dashcam_pipeline.weights import Role, resolve, shipped


@dataclass(frozen=True, slots=True)
class Models:
    vehicles: Detector
    plates: Detector
    plates_in_full: Detector
    reader: PlateReader


@dataclass(slots=True)
class Tally:
    """Where the work went."""

    frames: int = 0
    sampled: int = 0
    looks: int = 0  # views that were cut out, kept or not
    kept: int = 0  # views that a vehicle had when it had passed
    searches: int = 0
    in_full: int = 0  # of these, at the plate detector's own input size
    plates: int = 0
    reads: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(slots=True)
class Seen:
    """All that a video showed."""

    passings: list[Passing] = field(default_factory=list)
    results: dict[int, list[LookResult]] = field(default_factory=lambda: defaultdict(list))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--weights", type=Path, help="folder of models; without it, the one `dashcam` uses")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=0, help="stop after this many; 0 = all")
    parser.add_argument("--set", nargs="*", default=[], metavar="SECTION.KEY=VALUE", help="change a setting")
    parser.add_argument("--results", type=Path, help="pickle of passings and look results")
    args = parser.parse_args()

    settings = changed_settings(args.set)
    models = open_models(args.weights, settings, args.threads)
    tally, started = Tally(), time.perf_counter()
    seen = watch_video(args.video, settings, models, tally, args.frames)
    verdicts = [(p, decide(p, seen.results[p.track_id], settings.vote)) for p in seen.passings]
    elapsed_s = time.perf_counter() - started
    args.rows.write_text(json.dumps([row(p, v) for p, v in verdicts], indent=1))
    if args.results:
        args.results.write_bytes(pickle.dumps((seen.passings, dict(seen.results))))
    print(json.dumps(summary(tally, verdicts, elapsed_s)))


def changed_settings(changes: list[str]) -> Settings:
    """The default settings with `section.key=value` applied."""
    sections: dict[str, dict[str, object]] = defaultdict(dict)
    for change in changes:
        name, _, value = change.partition("=")
        section, _, key = name.partition(".")
        sections[section][key] = yaml.safe_load(value)
    return Settings.model_validate(sections)


def open_models(weights: Path | None, settings: Settings, threads: int) -> Models:
    """The configured models on the CPU, from `weights` or, without it, from where `dashcam` keeps them."""
    chosen, detection = settings.models, settings.detection
    options = RuntimeOptions(engine=chosen.engine, threads=threads, precision=chosen.precision)

    def file(name: str, role: Role) -> Path:
        if weights is None or Path(name).exists():
            return resolve(name, role)
        return weights / shipped().of_role(name, role).files[0].path

    own_model = chosen.plate_reader == "fast-plate-ocr"
    reader_model = file(chosen.reader_model, Role.PLATE_READER) if own_model else None
    vehicles, plates = (
        file(chosen.vehicle_detector, Role.VEHICLE_DETECTOR),
        file(chosen.plate_detector, Role.PLATE_DETECTOR),
    )
    plate_score = detection.plate_min_score
    shrunk = open_plate_detector(plates, options, plate_score, chosen.plate_input_px)
    return Models(
        open_vehicle_detector(
            vehicles, options, detection.vehicle_min_score, fitted=chosen.vehicle_input == "fitted"
        ),
        shrunk,
        shrunk if chosen.plate_input_px is None else open_plate_detector(plates, options, plate_score),
        open_plate_reader(chosen.plate_reader, reader_model, options),
    )


def watch_video(video: Path, settings: Settings, models: Models, tally: Tally, most_frames: int) -> Seen:
    """Run all stages but the vote, one frame after another."""
    watch, seen, views = Watch(settings.tracking, settings.looks), Seen(), Views(settings)
    for frame_idx, ts_s, frame in sampled_frames(video, settings, tally, most_frames):
        clock = time.perf_counter()
        detections = models.vehicles.detect([frame])[0]
        tally.seconds["vehicles"] += (passed := time.perf_counter()) - clock
        step = watch.step(frame_idx, ts_s, detections, frame)
        for look in step.looks:
            views.keep(frame, look)
        for look in step.dropped:
            views.take(look)
        tally.looks += len(step.looks)
        tally.seconds["track"] += time.perf_counter() - passed
        for passing in step.ended:
            see(passing, views, settings, models, tally, seen)
    for passing in watch.close().ended:
        see(passing, views, settings, models, tally, seen)
    return seen


class Views:
    """The kept views of vehicles, as the pipeline keeps them: cut out, as JPEG."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cuts: dict[Look, tuple[SearchPicture, bytes]] = {}

    def keep(self, frame: Image, look: Look) -> None:
        cut = search_picture(frame, look.box, self._settings.detection)
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._settings.looks.picture_quality]
        self._cuts[look] = cut, cv2.imencode(".jpg", cut.image, quality)[1].tobytes()

    def take(self, look: Look) -> SearchPicture:
        """A view, which is not kept any more."""
        cut, encoded = self._cuts.pop(look)
        image: Image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[assignment]
        return replace(cut, image=image)


def see(passing: Passing, views: Views, settings: Settings, models: Models, tally: Tally, seen: Seen) -> None:
    """Search the views of a vehicle that has passed, in rounds."""
    cuts = {look: views.take(look) for look in passing.looks}
    tally.kept += len(cuts)
    results: list[LookResult] = []
    shrunk_px = settings.models.plate_input_px
    while searches := next_round(passing, results, settings.looks, settings.vote, shrunk_px):
        results += [look_result(cuts[one.look], one, settings, models, tally) for one in searches]
    seen.passings.append(passing)
    seen.results[passing.track_id] = results or [unsearched(look) for look in passing.looks]


def sampled_frames(
    video: Path, settings: Settings, tally: Tally, most_frames: int
) -> Iterator[tuple[int, float, Image]]:
    """Number, second and picture of the frames that are looked at; all others are only decoded."""
    sampling, next_s = settings.sampling, 0.0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first_s: float | None = None
        clock = time.perf_counter()
        for index, frame in enumerate(container.decode(stream)):
            if most_frames and index >= most_frames:
                break
            tally.frames += 1
            ts_s = float(frame.time or 0.0)
            first_s = ts_s if first_s is None else first_s
            ts_s -= first_s
            due = index % sampling.stride == 0 if sampling.stride else ts_s >= next_s - HALF_TICK_S
            if due:
                while next_s - HALF_TICK_S <= ts_s:
                    next_s += 1 / sampling.frames_per_s
                tally.sampled += 1
                picture = frame.to_ndarray(format="bgr24")
                tally.seconds["decode"] += time.perf_counter() - clock
                yield index, ts_s, picture
                clock = time.perf_counter()
        tally.seconds["decode"] += time.perf_counter() - clock


HALF_TICK_S = 0.001
"""Timestamps are rounded to the container's time base."""


def unsearched(look: Look) -> LookResult:
    return LookResult(
        track_id=look.track_id,
        frame_idx=look.frame_idx,
        ts_s=look.ts_s,
        vehicle_box=look.box,
        searched=False,
    )


def look_result(
    cut: SearchPicture, search: Search, settings: Settings, models: Models, tally: Tally
) -> LookResult:
    """Search and read one view of a vehicle."""
    tally.searches += 1
    tally.in_full += search.in_full
    clock = time.perf_counter()
    detector = models.plates_in_full if search.in_full else models.plates
    plate = plate_in_frame(cut, detector.detect([cut.image])[0])
    tally.seconds["plates"] += time.perf_counter() - clock
    nothing = replace(unsearched(search.look), searched=True, in_full=search.in_full)
    if plate is None:
        return nothing
    tally.plates += 1
    found = replace(nothing, plate_box=plate.box, plate_score=plate.score)
    if plate.box.width < settings.vote.min_plate_px:
        return found
    return read_result(cut, plate, found, settings, models, tally)


def read_result(
    cut: SearchPicture, plate: Detection, found: LookResult, settings: Settings, models: Models, tally: Tally
) -> LookResult:
    """Read the plate that was found on a view."""
    tally.reads += 1
    clock = time.perf_counter()
    crop = plate_picture(cut.image, plate.box.shifted(-cut.left, -cut.top), settings.detection)
    read = models.reader.read([crop])[0]
    tally.seconds["read"] += time.perf_counter() - clock
    return replace(found, read=read, sharpness=sharpness(crop))


def row(passing: Passing, verdict: Verdict) -> dict[str, object]:
    """A sighting as the scorer takes it."""
    return {
        "plate": verdict.plate or "",
        "best_guess": verdict.best_guess,
        "confidence": verdict.confidence,
        "reason": verdict.reason,
        "vehicle_class": passing.vehicle_class,
        "first_frame": passing.first_frame,
        "last_frame": passing.last_frame,
        "first_s": round(passing.first_s, 3),
        "last_s": round(passing.last_s, 3),
        "reads": verdict.reads,
        "agreeing_reads": verdict.agreeing_reads,
    }


def summary(tally: Tally, verdicts: list[tuple[Passing, Verdict]], elapsed_s: float) -> dict[str, object]:
    return {
        "frames": tally.frames,
        "seconds": round(elapsed_s, 2),
        "fps": round(tally.frames / elapsed_s, 2),
        "sampled": tally.sampled,
        "looks": tally.looks,
        "kept": tally.kept,
        "searches": tally.searches,
        "in_full": tally.in_full,
        "plates": tally.plates,
        "reads": tally.reads,
        "passings": len(verdicts),
        "claims": sum(verdict.plate is not None for _, verdict in verdicts),
        "stage_seconds": {stage: round(seconds, 2) for stage, seconds in tally.seconds.items()},
    }


if __name__ == "__main__":
    main()
