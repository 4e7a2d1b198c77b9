"""Decoding that survives damage: packet by packet, counting what was lost, never without an end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import av
import av.error

from dashcam_pipeline.sources.container import OpenVideo, ffmpeg_says

MAX_DAMAGED_RUN = 3000  # damaged packets in a row (100 s of video) before a stream is given up
_MAX_READ_ERRORS = 20  # failed reads in a row before a file is given up
_PACKETS_KEPT = 128  # of which the numbers are remembered; more than any decoder holds back
_RESYNC_BYTES = 32 << 10  # the least that the MPEG-TS reader skips before it reports that it found no packet

_DECODER_ERRORS = (av.error.FFmpegError, ValueError, MemoryError)
_READ_ERRORS = (av.error.FFmpegError, OSError, ValueError)


@dataclass(slots=True)
class Losses:
    """What a reading met."""

    packets: int = 0  # of the video stream
    hidden: int = 0  # packets that show no frame of their own: cut by an edit list, or empty
    before_key: int = 0  # packets before the first key frame, which can't be decoded without it
    failed_reads: int = 0  # at the end of a file, or before a gap
    gaps: int = 0  # stretches without a packet, with packets behind them
    damaged_packets: int = 0
    damaged_frames: int = 0  # came out, marked as damaged by the decoder
    end_s: float | None = None  # where the latest packet of any stream ends, on the container's clock
    read_error: str | None = None  # why reading stopped before the end of the file
    gave_up: bool = False  # too much damage in a row

    @property
    def none(self) -> bool:
        """Whether every packet so far was read and decoded without a fault."""
        return not (
            self.before_key
            or self.failed_reads
            or self.damaged_packets
            or self.damaged_frames
            or self.read_error
            or self.gave_up
        )


@dataclass(frozen=True, slots=True)
class PacketCount:
    """How many packets of the video stream had come with the one of this time."""

    pts: int
    packets: int
    hidden: int


class DamageTolerantDecoder:
    """Yields all frames that can be had from the stream, in order of presentation; used once.

    A packet that can't be decoded is counted and left out. The loop ends because a file has an end, and
    because neither failing reads nor damaged packets in a row are taken without limit.
    """

    def __init__(self, video: OpenVideo) -> None:
        self.losses = Losses()
        self._video = video
        self._damaged_run = 0
        self._key_seen = False
        self._recent: deque[PacketCount] = deque(maxlen=_PACKETS_KEPT)

    @property
    def furthest_pts(self) -> int:
        """The latest time of a frame that the decoder may hold."""
        return max((count.pts for count in self._recent), default=0)

    def count_at(self, pts: int) -> PacketCount | None:
        """The count at the packet with these pts; None when it is none of the latest."""
        return next((count for count in reversed(self._recent) if count.pts == pts), None)

    def count_on(self, count: PacketCount) -> bool:
        """Go on with the counts of another reading, which it had at the packet with the same pts."""
        here = self.count_at(count.pts)
        if here is None:
            return False
        packets, hidden = count.packets - here.packets, count.hidden - here.hidden
        self.losses.packets += packets
        self.losses.hidden += hidden
        moved = [
            replace(one, packets=one.packets + packets, hidden=one.hidden + hidden) for one in self._recent
        ]
        self._recent = deque(moved, maxlen=_PACKETS_KEPT)
        return True

    def frames(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            yield from self._decoded(packet)
            if self._damaged_run >= MAX_DAMAGED_RUN:
                self.losses.gave_up = True
                break
        yield from self._decoded(None)

    def _packets(self) -> Iterator[av.Packet[Any]]:
        """All packets of the video stream; the other streams' only serve to know where the file ends."""
        container, stream = self._video.container, self._video.stream
        failures, resyncs_left = 0, self._video.size_bytes // _RESYNC_BYTES
        unconfirmed = 0  # packets still to come before the last failure counts as a gap and not as the end
        while True:
            try:
                for packet in container.demux():
                    if packet.dts is None and packet.size == 0:
                        continue  # one of PyAV's own, that ask the decoders for what is left
                    failures = 0
                    if unconfirmed:
                        unconfirmed -= 1
                        self.losses.gaps += not unconfirmed
                    self._note_end(packet)
                    if packet.stream_index == stream.index:
                        yield packet
                return
            except IndexError:  # PyAV's own end of a file in which damage made streams appear on the way
                return
            except _READ_ERRORS as error:
                self.losses.failed_reads += 1
                unconfirmed = len(container.streams) + 1  # at the end, each stream gives what it held back
                if isinstance(error, av.error.BlockingIOError) and resyncs_left > 0:
                    resyncs_left -= 1
                    continue
                failures += 1
                if failures >= _MAX_READ_ERRORS or isinstance(error, av.error.ExitError):
                    self.losses.read_error = ffmpeg_says(error)
                    return

    def _note_end(self, packet: av.Packet[Any]) -> None:
        if packet.pts is None or packet.time_base is None:
            return
        end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
        if self.losses.end_s is None or end_s > self.losses.end_s:
            self.losses.end_s = end_s

    def _decoded(self, packet: av.Packet[Any] | None) -> list[av.VideoFrame]:
        """The frames that come out after this packet (None: the rest at the end of the stream)."""
        losses = self.losses
        if packet is not None:
            losses.packets += 1
            if packet.size == 0:  # a repeated frame in AVI; to the decoder it would mean the end
                losses.hidden += 1
                return []
            losses.hidden += packet.is_discard
            if packet.pts is not None:
                self._recent.append(PacketCount(packet.pts, losses.packets, losses.hidden))
            self._key_seen = self._key_seen or packet.is_keyframe
        try:
            frames = self._video.stream.codec_context.decode(packet)
        except av.error.EOFError:
            return []
        except _DECODER_ERRORS:
            self._count_failure(packet)
            return []
        if packet is not None and not self._key_seen and not frames:
            losses.before_key += 1
        if frames:
            self._damaged_run = 0
            self._key_seen = True
            losses.damaged_frames += sum(frame.is_corrupt for frame in frames)
        return frames

    def _count_failure(self, packet: av.Packet[Any] | None) -> None:
        if packet is not None and not self._key_seen:
            self.losses.before_key += 1
        else:
            self.losses.damaged_packets += 1
        self._damaged_run += 1
