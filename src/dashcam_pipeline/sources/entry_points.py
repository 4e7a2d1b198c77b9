"""Where the decoding of a video may begin so that every later picture is exact to the last bit.

A container's "key frame" is not enough: H.264 files mark pictures that only promise to look right after a while
(recovery points, intra refresh), and frames behind them may rest on frames before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
from av.video.stream import VideoStream

_H264_IDR = 5  # nal_unit_type, ITU-T H.264 table 7-1
_H264_SLICES = range(1, 6)
_HEVC_IRAP = range(16, 24)  # nal_unit_type, ITU-T H.265 table 7-1
_HEVC_SLICES = range(32)

_KEY_RESETS_ALL = frozenset({"vp9", "av1", "libdav1d", "mpeg4", "mjpeg"})
"""Codecs in which nothing behind a key frame, in order of presentation, can rest on what comes before it.

Not VP8, whose segment map outlives key frames.
"""

SEEKABLE_CONTAINERS = ("mov,", "matroska,")
"""Formats, by the start of FFmpeg's name, that keep the time of every frame and an index of key frames.

Transport streams and raw streams don't: there, times depend on what was read before.
"""


def is_entry_point(packet: av.Packet[Any], stream: VideoStream) -> bool:
    """Whether decoding can begin with this packet, and every frame shown behind its frame is exact."""
    if not packet.is_keyframe:
        return False
    context = stream.codec_context
    codec = context.name
    if codec in _KEY_RESETS_ALL:
        return True
    if codec not in ("h264", "hevc"):
        return False
    extradata = bytes(context.extradata or b"")
    first_bytes = _nal_first_bytes(bytes(packet), _length_size(codec, extradata))
    if codec == "h264":
        slices = [kind for kind in (byte & 0x1F for byte in first_bytes) if kind in _H264_SLICES]
        return bool(slices) and all(kind == _H264_IDR for kind in slices)
    slices = [kind for kind in (byte >> 1 & 0x3F for byte in first_bytes) if kind in _HEVC_SLICES]
    return bool(slices) and all(kind in _HEVC_IRAP for kind in slices)


def _length_size(codec: str, extradata: bytes) -> int | None:
    """Bytes of the length before each NAL unit (ISO 14496-15, avcC and hvcC); None: start codes, Annex B."""
    position = 4 if codec == "h264" else 21
    if len(extradata) <= position or extradata[0] != 1:
        return None
    return (extradata[position] & 3) + 1


def _nal_first_bytes(data: bytes, length_size: int | None) -> Iterator[int]:
    """The first byte of each NAL unit of a packet."""
    position = 0
    if length_size is None:
        while (position := data.find(b"\0\0\1", position)) >= 0 and position + 3 < len(data):
            position += 3
            yield data[position]
        return
    while position + length_size < len(data):
        length = int.from_bytes(data[position : position + length_size], "big")
        position += length_size
        if length:
            yield data[position]
        position += length
