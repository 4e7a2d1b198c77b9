"""Coming to a frame of a file by seeking, and proving that it is the frame."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import av
import av.error
import numpy as np

from dashcam_pipeline.sources.bookmark import FileFacts, FoundFrame
from dashcam_pipeline.sources.container import OpenVideo
from dashcam_pipeline.sources.decoding import DamageTolerantDecoder
from dashcam_pipeline.sources.entry_points import SEEKABLE_CONTAINERS, is_entry_point
from dashcam_pipeline.sources.picture import PictureConverter

_SEEK_ERRORS = (av.error.FFmpegError, OSError, ValueError, MemoryError)


def find(video: OpenVideo, decoder: DamageTolerantDecoder, frame: av.VideoFrame) -> FoundFrame | None:
    """What is needed to come again to the frame decoded last; None where seeking can't be exact."""
    whole_file = video.part is None and video.container.format.name.startswith(SEEKABLE_CONTAINERS)
    if not (whole_file and decoder.losses.none) or frame.pts is None:
        return None
    if (at := decoder.count_at(frame.pts)) is None:
        return None
    return FoundFrame(
        file=_facts(video),
        at=at,
        packets=decoder.losses.packets,
        end_s=decoder.losses.end_s,
        picture_crc32=_crc32(frame),
    )


def seek(video: OpenVideo, found: FoundFrame) -> bool:
    """Go to a packet at or before a frame with which decoding can begin. Nothing may have been decoded yet."""
    pts, stream, container = found.at.pts, video.stream, video.container
    if _facts(video) != found.file:
        return False
    try:
        container.seek(pts, stream=stream, backward=True)
        first = next((packet for packet in container.demux(stream) if packet.size), None)
        if first is None or first.pts is None or first.pts > pts or not is_entry_point(first, stream):
            return False
        container.seek(pts, stream=stream, backward=True)
    except _SEEK_ERRORS:
        return False
    return True


def skip_to(
    found: FoundFrame,
    decoder: DamageTolerantDecoder,
    frames: Iterator[av.VideoFrame],
    skipped: Callable[[], None],
) -> av.VideoFrame | None:
    """Decode up to a frame, and take over the counts that the decoder had there.

    Args:
        frames: those of `decoder`; they go on behind the frame.
        skipped: called for every decoded frame.

    Returns:
        The frame; None when it can't be come to, or isn't what it was.
    """
    pts = found.at.pts
    for frame in frames:
        skipped()
        if not decoder.losses.none or frame.pts is None or frame.pts > pts:
            return None
        if frame.pts == pts:
            return frame if _is_the_same(found, decoder, frame) else None
    return None


def _is_the_same(found: FoundFrame, decoder: DamageTolerantDecoder, frame: av.VideoFrame) -> bool:
    if not decoder.count_on(found.at):
        return False
    losses = decoder.losses
    losses.end_s = max((end for end in (losses.end_s, found.end_s) if end is not None), default=None)
    # As many packets ahead of the frame as then: the decoder holds back as many frames.
    return losses.packets == found.packets and _crc32(frame) == found.picture_crc32


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
