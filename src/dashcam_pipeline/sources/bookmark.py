"""A point inside a video file, and all that is needed to go on reading behind it as if there had been no break."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from dashcam_pipeline.sources.decoding import PacketCount
from dashcam_pipeline.sources.sampling import SamplerMemory
from dashcam_pipeline.sources.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What must be the same for a reading to go on in a file that was opened again."""

    size_bytes: int
    container: str
    codec: str
    time_base: Fraction
    packets_promised: int  # by the container's header; 0 where it keeps no such count
    threads: int  # of the decoder; they change how far packets run ahead of frames


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFrame:
    """A frame that can be come to by seeking, and how far the decoder was with it."""

    file: FileFacts
    at: PacketCount  # the packet that holds the frame
    packets: int  # of the video stream, read when the frame came out of the decoder
    end_s: float | None  # where the latest packet of any stream ended, on the container's clock
    picture_crc32: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Behind a frame, and the account of the reading there. No packet or timestamp was at fault so far."""

    found: FoundFrame
    next_index: int
    width: int  # of the upright picture, the same in all frames so far
    height: int
    timeline: Timeline
    sampler: SamplerMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """The point behind a frame of a video file. Can be pickled; well under 2 kB."""

    next_index: int = 0  # of the first frame behind it
    last_s: float = 0.0  # second of the frame before it
    unconverted: int = 0  # wanted frames before it of which no picture could be made
    place: Place | None = None  # None: only reading from the start leads there exactly
