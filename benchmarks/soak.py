"""Hundreds of short clips in one run: memory, open files and time a clip, early and late in the run.

The clips are cut out of every video in a folder, half a second apart, each a different one. While `dashcam run` works
on them, its processes are looked at four times a second; how many clips are done is asked of the database.

Example: python benchmarks/soak.py ../shared/videos --clips 520
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import av
import cv2
import numpy as np
import psutil
import psycopg
from numpy.typing import NDArray

from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer

CLIP_S = 1.0
STEP_S = 0.5  # between the beginnings of two clips of a video
WIDTH = 640  # pixels; a soak is about the number of clips, not about their size
LOOK_S = 0.25
AROUND = 15  # clips before and after the one in question over which is averaged
MARKS = (50, 500)
DONE = "SELECT count(*) FROM videos WHERE status IN ('done', 'partial', 'failed')"
MB = 10**6


Picture = NDArray[np.uint8]
"""uint8, shape (height, width, 3), BGR."""


@dataclass(frozen=True, slots=True)
class Look:
    """All processes of the run at one moment."""

    at_s: float
    clips: int  # done by then
    rss_mb: float  # supervisor, Manager and workers
    postgres_mb: float  # proportional: its processes share most of their memory
    open_files: int  # of supervisor, Manager and workers: files, sockets, pipes
    processes: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the looks around one clip come to."""

    clip: int
    rss_mb: float
    rss_most_mb: float
    postgres_mb: float
    open_files: float
    processes: float
    seconds_a_clip: float


def cut_clips(sources: Sequence[Path], folder: Path, wanted: int, step_s: float) -> list[Path]:
    """Cut up to `wanted` clips, as evenly over the sources as they go. A source is decoded once."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for source in sources:
        with suppress(av.FFmpegError):
            for clip in _clips_of(source, folder, step_s):
                made.append(clip)
                if len(made) == wanted:
                    return made
    return made


def _clips_of(source: Path, folder: Path, step_s: float) -> Iterator[Path]:
    with av.open(str(source)) as reading:
        video = reading.streams.video[0]
        video.thread_type = "AUTO"
        fps = int(video.average_rate or 25)
        window: list[Picture] = []
        number = 0
        for frame in reading.decode(video):
            height = round(WIDTH * frame.height / frame.width / 2) * 2
            picture = cv2.resize(frame.to_ndarray(format="bgr24"), (WIDTH, height))
            window.append(np.asarray(picture, np.uint8))
            if len(window) < CLIP_S * fps:
                continue
            name = f"{source.stem}-{number:04d}"
            mixed = zlib.crc32(name.encode())  # a run goes by names: clips of all videos early and late
            target = folder / f"{mixed:08x}-{name}.mp4"
            _encode(window, fps, target)
            yield target
            number += 1
            del window[: max(1, int(step_s * fps))]


def _encode(pictures: Sequence[Picture], fps: int, target: Path) -> None:
    with av.open(str(target), "w") as writing:
        out = writing.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "23"})
        out.height, out.width = pictures[0].shape[:2]
        out.pix_fmt = "yuv420p"
        for picture in pictures:
            writing.mux(out.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        writing.mux(out.encode())


def watch(command: subprocess.Popen[bytes], work: Path) -> list[Look]:
    """Look at the run until it is over."""
    looks: list[Look] = []
    started = time.monotonic()
    connection = None
    while command.poll() is None:
        time.sleep(LOOK_S)
        try:
            connection = connection or psycopg.connect(EmbeddedServer(work).url, autocommit=True)
            row = connection.execute(DONE).fetchone()
            looks.append(_look(command.pid, work, time.monotonic() - started, row[0] if row else 0))
        except Exception:  # the server or its tables are not there yet, or no more
            connection = None
    return looks


def _look(pid: int, work: Path, at_s: float, clips: int) -> Look:
    rss, files, count = 0, 0, 0
    supervisor = psutil.Process(pid)
    for process in (supervisor, *supervisor.children(recursive=True)):
        with suppress(psutil.Error):
            rss += process.memory_info().rss
            files += process.num_fds()
            count += 1
    postgres = 0
    with suppress(psutil.Error):
        server = psutil.Process(EmbeddedServer(work).pid or 0)
        postgres = sum(one.memory_full_info().pss for one in (server, *server.children(recursive=True)))
    return Look(at_s, clips, rss / MB, postgres / MB, files, count)


def around(looks: Sequence[Look], clip: int) -> Stretch:
    """The looks while the clips around this one were worked on."""
    near = [look for look in looks if abs(look.clips - clip) <= AROUND]
    done = near[-1].clips - near[0].clips
    return Stretch(
        clip=clip,
        rss_mb=mean(look.rss_mb for look in near),
        rss_most_mb=max(look.rss_mb for look in near),
        postgres_mb=mean(look.postgres_mb for look in near),
        open_files=mean(look.open_files for look in near),
        processes=mean(look.processes for look in near),
        seconds_a_clip=(near[-1].at_s - near[0].at_s) / done,
    )


def main() -> int:
    """Cut, run, watch, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, metavar="FOLDER", help="videos to cut the clips out of")
    parser.add_argument("--clips", type=int, default=520, metavar="N", help="at least 516")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where clips and work dir stay")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all looks there")
    given = parser.parse_args()
    base = given.keep or Path(tempfile.mkdtemp(prefix="dashcam-soak-"))
    base.chmod(0o755)
    sources = sorted(path for path in given.videos.iterdir() if path.suffix == ".mp4")
    clips = sorted((base / "clips").glob("*.mp4")) or cut_clips(sources, base / "clips", given.clips, STEP_S)
    if len(clips) <= MARKS[-1] + AROUND:
        parser.error(f"{given.videos} is enough for {len(clips)} clips only")
    print(f"{len(clips)} clips of {CLIP_S:.0f} s, {WIDTH} pixels wide", flush=True)
    work = base / "work"
    arguments = ("run", base / "clips", "--work-dir", work, "--no-hud")
    with (base / "run.log").open("wb") as log:
        command = subprocess.Popen(
            [sys.executable, "-m", "dashcam_pipeline", *map(str, arguments)], stdout=log, stderr=log
        )
        started = time.monotonic()
        looks = watch(command, work)
    seconds = time.monotonic() - started
    print(f"exit code {command.returncode}, {seconds:.0f} s, {len(looks)} looks")
    stretches = [around(looks, clip) for clip in MARKS]
    print(f"{'at clip':<22}" + "".join(f"{stretch.clip:>10}" for stretch in stretches))
    for name in ("rss_mb", "rss_most_mb", "postgres_mb", "open_files", "processes", "seconds_a_clip"):
        digits = 3 if name == "seconds_a_clip" else 1
        print(f"{name:<22}" + "".join(f"{getattr(stretch, name):>10.{digits}f}" for stretch in stretches))
    if given.json:
        content = {
            "clips": len(clips),
            "seconds": seconds,
            "exit_code": command.returncode,
            "stretches": [asdict(stretch) for stretch in stretches],
            "looks": [asdict(look) for look in looks],
        }
        given.json.write_text(json.dumps(content, indent=1))
    return int(command.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
