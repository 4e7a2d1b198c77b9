"""`dashcam render`: a video again, with what was found drawn into it, or with what must not be seen blurred."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashcam_pipeline.cli.options import Config, Db, WorkDir
from dashcam_pipeline.cli.render_progress import Progress, times_real
from dashcam_pipeline.cli.results import open_results
from dashcam_pipeline.cli.run import say_line, stopped_by_signals
from dashcam_pipeline.errors import EXIT_OK, EXIT_SOME_FAILED, BadInput
from dashcam_pipeline.render.output import check_output, default_output, whole_video
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.storage.location import resolve_location
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.results.finding_videos import KnownVideo, videos_named
from dashcam_pipeline.storage.results.paths import SightingPath, sightings_of_video
from dashcam_pipeline.storage.retention.plate_hash import hashed, normalised, plate_key
from dashcam_pipeline.storage.retention.plate_hash import shown as told_plate
from dashcam_pipeline.user_paths import expanded, shown

if TYPE_CHECKING:
    from dashcam_pipeline.render.hidden import Hidden
    from dashcam_pipeline.render.hiding import What
    from dashcam_pipeline.render.rendering import Render, Rendered
    from dashcam_pipeline.render.vehicles import Vehicle

MOST_PLATES_TOLD = 12


class CodecName(StrEnum):
    """How the new video is encoded."""

    H264 = "h264"
    HEVC = "hevc"


@dataclass(frozen=True, slots=True)
class _Known:
    """A video that is in the results."""

    path: Path
    sightings: tuple[SightingPath, ...]


def render(
    video: Annotated[
        str, typer.Argument(metavar="VIDEO", help="A video that was run: its path, or its file name or id.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Else NAME.rendered.mp4 in the current folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    from_s: Annotated[
        float, typer.Option("--from", metavar="SECONDS", help="Begin at this second of the video.")
    ] = 0.0,
    to_s: Annotated[
        float | None, typer.Option("--to", metavar="SECONDS", help="End at this second of the video.")
    ] = None,
    plate: Annotated[
        str | None,
        typer.Option("--plate", metavar="PLATE", help="Only this vehicle stands out, the others are thin."),
    ] = None,
    blur: Annotated[
        str | None,
        typer.Option(
            "--blur",
            metavar="WHAT",
            help="What nobody shall recognise: `plates` (all), `others` (all plates but --plate), `faces` (once "
            "`dashcam weights fetch yunet_n` was called); several with commas.",
        ),
    ] = None,
    boxes: Annotated[
        bool, typer.Option("--boxes/--no-boxes", help="Whether boxes and labels are drawn.")
    ] = True,
    codec: Annotated[CodecName, typer.Option("--codec", help="H.264, or HEVC: smaller and slower.")] = (
        CodecName.H264
    ),
    quality: Annotated[
        int | None,
        typer.Option(
            "--crf",
            "--quality",
            metavar="N",
            min=0,
            max=51,
            help="0 (best) to 51; else 23 for H.264, 28 for HEVC.",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", metavar="NAME", help="An encoder of FFmpeg, such as h264_nvenc; else software."
        ),
    ] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Whether the sound is kept.")] = True,
    show: Annotated[
        bool, typer.Option("--show", help="Show it in a window; a file is only written with -o.")
    ] = False,
    config: Config = None,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Draw boxes, tracks, plates and confidences into a video, or blur plates and faces in it.

    Frames keep their times, the sound is copied. The file appears when it is whole. Blurring searches the video itself
    once more and takes longer; what no detector finds is not blurred: see docs/render.md before you publish.

    Exit codes: 0 done, 1 the video could not be read to its end (what was readable is there), 2 bad arguments or not
    in the results, 3 database, weights, disk or screen can't be used, 130 stopped by the user: no file is left.

    Example: dashcam render drive.mp4 -o claim.mp4 --plate LS15EBC --blur others
    """
    with stopped_by_signals(), ExitStack() as stack:
        _check_window(from_s, to_s)
        what = _what(blur, plate)
        location = resolve_location(db, work_dir)
        with open_results(location) as connection:
            known = _known(connection, video)
        target = None
        if output is not None or not show:
            target = check_output(output or default_output(known.path), known.path, force)
        from dashcam_pipeline.render.drawing import Drawing
        from dashcam_pipeline.render.encoding import Encoding
        from dashcam_pipeline.render.reading import Window
        from dashcam_pipeline.render.rendering import Render, check
        from dashcam_pipeline.render.vehicles import Vehicle
        from dashcam_pipeline.render.window import Screen

        vehicles = tuple(Vehicle(sighting) for sighting in known.sightings)
        chosen = _chosen(vehicles, plate, known.path, location.work_dir)
        encoding = Encoding(codec=codec.value, encoder=encoder, quality=quality, audio=audio)
        if target is not None:
            check(known.path, target, encoding)
        job = Render(
            video=known.path,
            window=Window(from_s, math.inf if to_s is None else to_s),
            encoding=encoding,
            drawing=Drawing(
                vehicles=vehicles if boxes else (),
                chosen=chosen or None,
                hidden_texts=what is not None and what.plates,
            ),
            screen=stack.enter_context(Screen(known.path.name)) if show else None,
        )
        begun_s = time.monotonic()
        try:
            if what is not None:
                job = replace(job, hidden=_hidden(job, what, vehicles, chosen, config))
            done = _written(job, target, begun_s)
        except KeyboardInterrupt:
            say_line("dashcam: stopped before the video was whole; nothing of it is left")
            raise
    raise typer.Exit(_told(done, target, known.path))


def _known(connection: Connection, name: str) -> _Known:
    """The video that a name means, and what is stored of it. Raises BadInput."""
    path = expanded(name)
    if path.is_file():
        if path.stat().st_size == 0:
            raise BadInput(f"{shown(path)} is empty (zero bytes)")
        identity = video_id(path)
        if not videos_named(connection, identity):
            raise BadInput(f"{shown(path)} is not in the results: run `dashcam run {shown(path)}` first")
        return _Known(path, tuple(sightings_of_video(connection, identity)))
    found = videos_named(connection, name)
    if not found:
        raise BadInput(
            f"{shown(name)}: there is no such file, and no video of that name or id in the results; `dashcam runs "
            "show` lists them"
        )
    there = [one for one in found if Path(one.path).is_file()] or found
    if len(there) > 1:
        paths = ", ".join(shown(one.path) for one in there)
        raise BadInput(f"{len(there)} videos are called {shown(name)}: name one by its path: {paths}")
    return _Known(_there(there[0]), tuple(sightings_of_video(connection, there[0].video_id)))


def _there(known: KnownVideo) -> Path:
    path = Path(known.path)
    if not path.is_file():
        raise BadInput(f"{known.filename} is not at {known.path} any more: give the path where it is now")
    return path


def _check_window(from_s: float, to_s: float | None) -> None:
    if not (math.isfinite(from_s) and from_s >= 0):
        raise BadInput(f"--from {from_s:g} won't do: a second of the video, 0 or more")
    if to_s is not None and not (math.isfinite(to_s) and to_s > from_s):
        raise BadInput(f"--to {to_s:g} won't do: it must be later than --from {from_s:g}")


def _what(blur: str | None, plate: str | None) -> What | None:
    """What is to be blurred, as `--blur` says it. Raises BadInput."""
    if blur is None:
        return None
    from dashcam_pipeline.render.hiding import What

    names = [name.strip() for name in blur.split(",") if name.strip()]
    unknown = [name for name in names if name not in ("faces", "plates", "others")]
    if unknown or not names:
        raise BadInput(f"--blur {blur}: say faces, plates or others, or several with commas")
    if "others" in names and "plates" in names:
        raise BadInput("--blur: `plates` hides all plates and `others` all but one; say one of the two")
    if "others" in names and plate is None:
        raise BadInput("--blur others: say whose plate stays visible, with --plate")
    return What(faces="faces" in names, plates="plates" in names or "others" in names, keep="others" in names)


def _chosen(
    vehicles: tuple[Vehicle, ...], plate: str | None, path: Path, work_dir: Path
) -> tuple[Vehicle, ...]:
    """The vehicles with a plate, claimed or guessed, as text or as its hash. Raises BadInput when there is none."""
    if plate is None:
        return ()
    stored = {plate.strip(), normalised(plate)} - {""}
    if (key := plate_key(work_dir, create=False)) is not None:
        stored.add(hashed(plate.strip(), key))
    found = tuple(one for one in vehicles if stored & {one.sighting.plate, one.sighting.best_guess})
    if not found:
        plates = sorted({told_plate(one.sighting.plate) for one in vehicles if one.sighting.plate})
        told = ", ".join(plates[:MOST_PLATES_TOLD]) + (", …" if len(plates) > MOST_PLATES_TOLD else "")
        raise BadInput(f"--plate {plate}: {shown(path.name)} has {f'only {told}' if told else 'no plate'}")
    return found


def _hidden(
    job: Render,
    what: What,
    vehicles: tuple[Vehicle, ...],
    chosen: tuple[Vehicle, ...],
    config: str | None,
) -> Hidden:
    from dashcam_pipeline.configuration import load
    from dashcam_pipeline.render.hiding import open_finders, search

    finders = open_finders(what, load(config).settings)
    with Progress(f"looking for {what}", job.video, job.window) as progress:
        return search(job.video, job.window, finders, what, vehicles, chosen, progress.update)


def _written(job: Render, target: Path | None, begun_s: float) -> tuple[Rendered, float]:
    """What was made, and how many times as fast as it plays, the search for what is blurred included."""
    from dashcam_pipeline.render.rendering import render as make

    with ExitStack() as stack:
        if target is not None:
            job = replace(job, output=stack.enter_context(whole_video(target)))
        progress = stack.enter_context(Progress("drawing", job.video, job.window))
        done = make(job, progress.update)
        return done, progress.done_s / (time.monotonic() - begun_s)


def _told(made: tuple[Rendered, float], target: Path | None, video: Path) -> int:
    done, real_time = made
    if target is not None:
        print(f"{shown(target)}: {done.frames} frames, {times_real(real_time)}")
    if done.left_out:
        say_line(f"dashcam: {done.left_out} packets of sound without a sound time were left out")
    if done.problem is None:
        return EXIT_OK
    say_line(f"dashcam: {shown(video)}: {done.problem}; what was readable is there")
    return EXIT_SOME_FAILED
