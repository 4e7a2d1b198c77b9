"""What it takes to decode a video and to convert the frames that a run looks at, and nothing else."""

from __future__ import annotations

from pathlib import Path

from dashcam_pipeline.bench.part import Clock, Part
from dashcam_pipeline.config import SamplingSettings
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile


def decode_and_convert(video: Path, sampling: SamplingSettings, threads: int) -> Part:
    """Decode all frames with so many threads, as READ does; of those that the sampling wants, a picture is made.

    Returns:
        n counts decoded frames.

    Raises:
        VideoUnreadable: it can't be decoded.
    """
    clock = Clock()
    with VideoFile(video, threads) as opened:
        for _ in opened.frames(Sampler(sampling.frames_per_s, sampling.stride)):
            pass
        return clock.part(
            f"… and convert, {threads} thread{'s' if threads > 1 else ''}", opened.frames_decoded
        )
