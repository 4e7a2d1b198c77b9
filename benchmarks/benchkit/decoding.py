"""What it takes to decode a video and to convert the frames that a run looks at, and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchkit.ideal import Cost
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.config import SamplingSettings
from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.vision.types import Image


@dataclass(frozen=True, slots=True)
class Decoded:
    """One reading of a video."""

    cost: Cost
    frames: int
    converted: int
    picture: Image  # one of its frames, from its second half


def decode(path: Path, sampling: SamplingSettings, threads: int) -> Decoded:
    """Decode all frames with so many threads; of those that the sampling wants, a picture is made.

    Raises:
        BenchTrouble: it can't be decoded.
    """
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    converted = 0
    kept: Image | None = None
    try:
        with VideoFile(path, threads) as video:
            for frame in video.frames(Sampler(sampling.frames_per_s, sampling.stride)):
                converted += 1
                if converted.bit_count() == 1:  # 1, 2, 4 …: the last of them lies behind the middle
                    kept = frame.image
            frames = video.frames_decoded
    except VideoUnreadable as error:
        raise BenchTrouble(str(error)) from error
    cost = Cost(time.perf_counter() - wall_s, time.process_time() - cpu_s)
    if kept is None:
        raise BenchTrouble(f"{path} has no frame that a run would look at: name another video")
    return Decoded(cost, frames, converted, kept)
