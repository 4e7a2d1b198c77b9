"""Shorter and longer videos made out of one, by copying its packets: nothing is encoded anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

from benchkit.trouble import BenchTrouble


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of packets that begins with a key frame, in the order of decoding."""

    packets: tuple[av.Packet, ...]
    first_pts: int
    span: int  # from the first frame's beginning to the last one's end, in ticks of the stream


def make_clip(source: Path, target: Path, *, start_s: float, length_s: float, name: str = "") -> int:
    """Copy a stretch of a video into a file of its own; a stretch longer than the video goes round.

    Args:
        source: a video.
        target: an `.mp4` file.
        start_s: the clip begins with the first key frame at or behind this second.
        length_s: how long it gets, to within a frame. Where it is longer than what follows `start_s`, that part is
            copied again and again, with timestamps that go on.
        name: written into the file as its title, so that two copies of the same stretch are two different files.

    Returns:
        the number of frames.

    Raises:
        BenchTrouble: the source can't be read, or has no key frame there.
    """
    try:
        with av.open(str(source)) as reading:
            stream = reading.streams.video[0]
            stretch = _stretch(stream, start_s, length_s, source)
            with av.open(str(target), "w") as writing:
                writing.metadata["title"] = name
                copied = writing.add_stream_from_template(stream)
                return _copy(stretch, stream, writing, copied, length_s)
    except (av.FFmpegError, IndexError, OSError) as error:
        raise BenchTrouble(f"{source} can't be cut into clips: {error}; name another video") from error


def _stretch(stream: av.VideoStream, start_s: float, length_s: float, source: Path) -> Stretch:
    """The packets from `start_s` on, as many as are needed once."""
    taken: list[av.Packet] = []
    most = round(length_s * float(stream.average_rate or 30))
    for packet in stream.container.demux(stream):
        if packet.pts is None or packet.dts is None or len(taken) == most:
            continue
        if taken or (packet.is_keyframe and float(packet.pts * packet.time_base) >= start_s):
            taken.append(packet)
    if not taken:
        raise BenchTrouble(f"{source} has no key frame at or behind {start_s} s: choose an earlier start")
    first = min(packet.pts for packet in taken)
    last = max(taken, key=lambda packet: packet.pts)
    return Stretch(tuple(taken), first, last.pts + (last.duration or 1) - first)


def _copy(
    stretch: Stretch,
    stream: av.VideoStream,
    writing: av.container.OutputContainer,
    copied: av.VideoStream,
    length_s: float,
) -> int:
    """Write the stretch as often as it takes."""
    most = round(length_s * float(stream.average_rate or 30))
    count, last_dts = 0, None
    for turn in range(-(-most // len(stretch.packets))):
        shift = turn * stretch.span - stretch.first_pts
        for packet in stretch.packets[: most - count]:
            again = av.Packet(bytes(packet))
            again.stream, again.time_base = copied, packet.time_base
            again.pts, again.dts = packet.pts + shift, packet.dts + shift
            if last_dts is not None:
                again.dts = max(again.dts, last_dts + 1)  # a muxer wants them to grow
            last_dts, again.duration, again.is_keyframe = again.dts, packet.duration, packet.is_keyframe
            writing.mux(again)
            count += 1
    return count
