"""Coming to a frame of a file by seeking, and proving that it is the frame."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import av
import av.error
import numpy as np

from dashcam_pipeline.sources.bookmark import FileFacts, FoundFrame
from dashcam_pipeline.sources.container import OpenVideo
from dashcam_pipeline.sources.decoding import DamageTolerantDecoder
from dashcam_pipeline.sources.entry_points import SEEKABLE_CONTAINERS, is_entry_point
from dashcam_pipeline.sources.picture import PictureConverter

_SEEK_ERRORS = (av.error.FFmpegError, OSError, ValueError, MemoryError)
_MOST_STEPS_BACK = 100  # from key frame to key frame, to find a clean start
_MAX_WAITING = 64  # frames held back; more than any stream reorders


class Disturbed(Exception):
    """Behind a place come frames that may differ from those of a reading from the start."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame, and how far the reading was when the decoder gave it."""

    picture: av.VideoFrame
    packets: int  # of the video stream
    end_s: float | None  # where the latest packet of any stream ends
    settled_at: int  # with the frame of these pts, all frames have come on which this one may rest


def decode(decoder: DamageTolerantDecoder) -> Iterator[DecodedFrame]:
    """All frames of the decoder, each with its circumstances."""
    for picture in decoder.frames():
        losses = decoder.losses
        yield DecodedFrame(picture, losses.packets, losses.end_s, decoder.furthest_pts)


def undisturbed(decoder: DamageTolerantDecoder, frames: Iterator[DecodedFrame]) -> Iterator[DecodedFrame]:
    """Frames behind a place, for as long as they are surely those of a reading from the start.

    What a decoder makes of damage depends on what its buffers held before. Frames are given out when all those
    are known to be whole that were decoded before them and are shown after them. Damage that the decoder itself
    does not notice (an HEVC slice that ends early) is not noticed here either.

    Raises:
        Disturbed: something is damaged. No frame has been given that could show it.
    """
    waiting: deque[DecodedFrame] = deque()
    for frame in frames:
        pts = frame.picture.pts
        if not decoder.losses.none or pts is None or len(waiting) == _MAX_WAITING:
            raise Disturbed
        waiting.append(frame)
        while waiting and waiting[0].settled_at <= pts:
            yield waiting.popleft()
    if not decoder.losses.none:
        raise Disturbed
    yield from waiting


def find(video: OpenVideo, decoder: DamageTolerantDecoder, frame: DecodedFrame) -> FoundFrame | None:
    """What is needed to come to a frame again; None where seeking can't be exact."""
    whole_file = video.part is None and video.container.format.name.startswith(SEEKABLE_CONTAINERS)
    if not (whole_file and decoder.losses.none) or frame.picture.pts is None:
        return None
    if (at := decoder.count_at(frame.picture.pts)) is None:
        return None
    return FoundFrame(
        file=_facts(video),
        at=at,
        packets=frame.packets,
        end_s=frame.end_s,
        picture_crc32=_crc32(frame.picture),
    )


def seek(video: OpenVideo, found: FoundFrame) -> bool:
    """Go to a packet at or before a frame with which decoding can begin. Nothing may have been decoded yet."""
    if _facts(video) != found.file:
        return False
    target_pts = found.at.pts
    try:
        for _ in range(_MOST_STEPS_BACK):
            first = _first_packet(video, target_pts)
            if first is None or first.pts is None:
                return False
            if first.pts <= found.at.pts and is_entry_point(first, video.stream):
                video.container.seek(target_pts, stream=video.stream, backward=True)
                return True
            # A picture that is decoded before the frame and shown behind it, or no clean start: one further back.
            before = min(first.pts, first.pts if first.dts is None else first.dts) - 1
            if before >= target_pts:
                return False
            target_pts = before
    except _SEEK_ERRORS:
        pass
    return False


def _first_packet(video: OpenVideo, pts: int) -> av.Packet[Any] | None:
    video.container.seek(pts, stream=video.stream, backward=True)
    return next((packet for packet in video.container.demux(video.stream) if packet.size), None)


def skip_to(
    found: FoundFrame,
    decoder: DamageTolerantDecoder,
    frames: Iterator[DecodedFrame],
    skipped: Callable[[], None],
) -> DecodedFrame | None:
    """Decode up to a frame, and take over the counts that the decoder had there.

    Args:
        frames: those of `decoder`; they go on behind the frame.
        skipped: called for every decoded frame.

    Returns:
        The frame; None when it can't be come to, or isn't what it was.
    """
    for frame in frames:
        skipped()
        pts = frame.picture.pts
        if not decoder.losses.none or pts is None or pts > found.at.pts:
            return None
        if pts == found.at.pts:
            return _taken_over(found, decoder, frame)
    return None


def _taken_over(
    found: FoundFrame, decoder: DamageTolerantDecoder, frame: DecodedFrame
) -> DecodedFrame | None:
    losses = decoder.losses
    if not decoder.count_on(found.at) or _crc32(frame.picture) != found.picture_crc32:
        return None
    if losses.packets != found.packets:  # the decoder holds back more or fewer frames than it did then
        return None
    losses.end_s = max((end for end in (losses.end_s, found.end_s) if end is not None), default=None)
    return replace(frame, packets=losses.packets, end_s=losses.end_s)


def _facts(video: OpenVideo) -> FileFacts:
    return FileFacts(
        size_bytes=video.size_bytes,
        container=video.container.format.name,
        codec=video.stream.codec_context.name,
        time_base=video.time_base,
        packets_promised=video.stream.frames,
        threads=video.stream.codec_context.thread_count,
    )


def _crc32(frame: av.VideoFrame) -> int:
    """A checksum of a picture as the decoder gave it, without the padding of its lines."""
    try:
        pixels = frame.to_ndarray()
    except (ValueError, av.error.FFmpegError):  # a format that numpy has no shape for
        pixels = PictureConverter().image(frame)
    return zlib.crc32(np.ascontiguousarray(pixels).data)
