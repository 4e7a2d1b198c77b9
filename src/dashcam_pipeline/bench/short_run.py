"""One real run over the beginning of a video: the command itself, in a folder that is gone afterwards."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import yaml

from dashcam_pipeline.bench.idle import IdleWatch
from dashcam_pipeline.config import Settings
from dashcam_pipeline.configuration import DSN_VARIABLE, VARIABLE_PREFIX
from dashcam_pipeline.errors import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    DashcamError,
    DiskUnavailable,
    VideoUnreadable,
)
from dashcam_pipeline.storage.last_used import STATE_DIR_VARIABLE

COMMAND = (sys.executable, "-m", "dashcam_pipeline", "run")
BETWEEN_SIGNALS_S = 0.3  # the command takes two within 0.1 s for one
LEAST_S = 1e-3  # a run that was over with its first frame
FEWEST_FRAMES = 20  # looked at; with fewer, what a frame takes is mostly chance
LEAST_VIDEO_S = 1.0
LAST_WORDS_S = 10.0  # a run that was told to stop at once is killed after this


ELSEWHERE = "free some space there, or set TMPDIR to a folder on another disk"


class RunFailed(DashcamError):
    """The short run came to no end."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage as the run timed it."""

    name: str
    tasks: int
    batches: int
    worker_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortRun:
    """What `dashcam run --timings` says of the run."""

    wall_s: float
    first_read_s: float
    first_frame_s: float
    working_s: float
    frames: int
    frames_looked_at: int
    video_s: float
    stages: tuple[StageRow, ...]
    inferences: Mapping[str, int]
    cpu_s: Mapping[str, float]
    idle: float  # share of the cores' time that nobody used, from the first frame looked at to the last row
    readers_waited_s: float
    written: Mapping[str, Any]  # the file as it is

    @property
    def steady_s(self) -> float:
        """From the first frame looked at to the last row: what grows with the length of a video."""
        return max(self.first_read_s + self.working_s - self.first_frame_s, LEAST_S)

    @property
    def too_short(self) -> bool:
        """Whether nothing follows from it for longer videos."""
        return self.frames_looked_at < FEWEST_FRAMES or self.video_s < LEAST_VIDEO_S

    @property
    def hour_s(self) -> float | None:
        """How long an hour of such video takes, its start included; None where it was too short to say."""
        if self.too_short:
            return None
        return self.first_frame_s + self.steady_s / self.video_s * 3600.0


@contextmanager
def playground(settings: Settings) -> Iterator[tuple[Path, Settings]]:
    """A work dir that is gone afterwards, and the settings with which nothing else is touched.

    The rows go into an embedded database in that folder; frames wait where the settings say, in a folder of their own.

    Raises:
        DiskUnavailable: no such folder can be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="dashcam-bench-"))
    except OSError as error:
        raise DiskUnavailable(f"no temporary folder can be made ({error.strerror}); {ELSEWHERE}") from error
    wished = settings.frame_store.dir
    frames = folder / "frame_store"
    try:
        if wished is not None:
            wished.mkdir(parents=True, exist_ok=True)
            frames = Path(tempfile.mkdtemp(prefix="dashcam-bench-", dir=wished))
        storage = settings.storage.model_copy(update={"dsn": None})
        store = settings.frame_store.model_copy(update={"dir": frames})
        yield folder, settings.model_copy(update={"storage": storage, "frame_store": store})
    finally:
        for made in (frames, folder):
            shutil.rmtree(made, ignore_errors=True)


def beginning(video: Path, target: Path, seconds: float) -> Path:
    """Copy the first seconds of a video, without encoding anything anew.

    Args:
        target: an `.mkv` file, which holds what nearly every container does.

    Raises:
        VideoUnreadable: its packets can't be copied.
        DiskUnavailable: the disk of `target` is full.
    """
    try:
        with av.open(str(video)) as reading, av.open(str(target), "w") as writing:
            stream = reading.streams.video[0]
            copied = writing.add_stream_from_template(stream)
            first_s: float | None = None
            for packet in reading.demux(stream):
                if packet.dts is None or packet.time_base is None:
                    continue
                at_s = float(packet.dts * packet.time_base)
                first_s = at_s if first_s is None else first_s
                if at_s - first_s >= seconds:
                    break
                packet.stream = copied
                writing.mux(packet)
    except (av.FFmpegError, IndexError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskUnavailable(f"{target} can't be written ({error.strerror}); {ELSEWHERE}") from error
        raise VideoUnreadable(
            str(video), f"its beginning can't be copied ({error}); name another video"
        ) from error
    return target


def short_run(video: Path, settings: Settings, folder: Path) -> ShortRun:
    """Run the command on a video and wait for its end. `folder` and `settings` are of a `playground`.

    Raises:
        RunFailed: it ended in an error, whose last line is said.
    """
    config, timings = folder / "bench-settings.yaml", folder / "bench-timings.json"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json")), encoding="utf-8")
    arguments = (str(video), "--work-dir", str(folder), "--config", str(config), "--timings", str(timings))
    running = subprocess.Popen(
        [*COMMAND, *arguments, "--no-hud"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=_environment(folder),
        start_new_session=True,  # Ctrl+C is for us to pass on
    )
    try:
        with IdleWatch() as watch:
            _, said = running.communicate()
    except BaseException:
        _stop(running)
        raise
    if running.returncode not in (EXIT_OK, EXIT_SOME_FAILED) or not timings.exists():
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
        raise RunFailed(f"the short run failed: {of_bench(last.removeprefix('dashcam: '))}")
    return read_run(json.loads(timings.read_text(encoding="utf-8")), watch.share)


def of_bench(said: str) -> str:
    """What a run says of its work dir, for a user of the bench: it lies where TMPDIR says."""
    return said.replace("--work-dir", "TMPDIR")


def read_run(written: Mapping[str, Any], idle_share: Callable[[float, float], float]) -> ShortRun:
    """The record of a file of `--timings`, with the share of the cores' time that was left between two seconds.

    Raises:
        RunFailed: the run has looked at no frame.
    """
    if written["first_frame_s"] is None or not written["working_s"]:
        raise RunFailed("the short run looked at no frame: name a longer video, or give more --seconds")
    return ShortRun(
        wall_s=written["wall_s"],
        first_read_s=written["first_read_s"],
        first_frame_s=written["first_frame_s"],
        working_s=written["working_s"],
        frames=written["frames"],
        frames_looked_at=written["frames_looked_at"],
        video_s=written["video_s"],
        stages=tuple(StageRow(name, **counts) for name, counts in written["stages"].items()),
        inferences=written["inferences"],
        cpu_s=written["cpu_s"],
        idle=idle_share(written["first_frame_s"], written["first_read_s"] + written["working_s"]),
        readers_waited_s=written["queue"]["readers_waited_s"],
        written=written,
    )


def _environment(folder: Path) -> dict[str, str]:
    """Of the run: nothing that would take it to another place or to other settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != DSN_VARIABLE and not name.startswith(VARIABLE_PREFIX)
    }
    return {**kept, STATE_DIR_VARIABLE: str(folder / "state")}


def _stop(running: subprocess.Popen[str]) -> None:
    """End the run at once: a second signal does not wait for what is under way."""
    for _ in range(2):
        with suppress(ProcessLookupError):
            running.send_signal(signal.SIGTERM)
        time.sleep(BETWEEN_SIGNALS_S)
    try:
        running.communicate(timeout=LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.communicate()
