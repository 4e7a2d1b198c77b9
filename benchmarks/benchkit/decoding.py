"""What it takes to decode a video, and to convert the frames that a run looks at, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dashcam_pipeline.bench.part import Clock, Part
from dashcam_pipeline.bench.parts import decode
from dashcam_pipeline.config import SamplingSettings
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile


def decodings(video: Path, sampling: SamplingSettings, threads: int, repeat: int) -> tuple[Part, Part]:
    """Decode all frames, and decode all frames and convert the wanted ones, with so many threads of the decoder.

    Args:
        repeat: readings of each, in turn; the median ones count.

    Raises:
        VideoUnreadable: it can't be decoded.
    """
    counted = f"{threads} thread{'s' if threads > 1 else ''}"
    only, converted = [], []
    for _ in range(repeat):
        only.append(decode(video, threads, f"decode only, {counted}"))
        converted.append(_decode_and_convert(video, sampling, threads, f"… and convert, {counted}"))
    return _median(only), _median(converted)


def _decode_and_convert(video: Path, sampling: SamplingSettings, threads: int, name: str) -> Part:
    """As READ does: a picture is made of those frames that the sampling wants. n counts decoded frames."""
    clock = Clock()
    with VideoFile(video, threads) as opened:
        for _ in opened.frames(Sampler(sampling.frames_per_s, sampling.stride)):
            pass
        return clock.part(name, opened.frames_decoded)


def _median(parts: Sequence[Part]) -> Part:
    return sorted(parts, key=lambda part: part.wall_s)[len(parts) // 2]
