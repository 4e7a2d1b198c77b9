"""Shorter and longer videos made out of one, by copying its packets: nothing is encoded anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer

from benchkit.trouble import BenchTrouble

USUAL_FPS = 30.0  # of a file that does not say


@dataclass(frozen=True, slots=True)
class Piece:
    """A packet; times in ticks of its stream."""

    data: bytes
    pts: int
    dts: int
    duration: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of packets that begins with a key frame, in the order of decoding."""

    packets: tuple[Piece, ...]
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
            most = max(1, round(length_s * float(stream.average_rate or USUAL_FPS)))
            stretch = _stretch(reading, start_s, most, source)
            with av.open(str(target), "w") as writing:
                writing.metadata["title"] = name
                return _copy(stretch, stream, writing, most)
    except (av.FFmpegError, IndexError, OSError) as error:
        raise BenchTrouble(f"{source} can't be cut into clips: {error}; name another video") from error


def _stretch(reading: InputContainer, start_s: float, most: int, source: Path) -> Stretch:
    """The packets from `start_s` on, as many as are needed once."""
    stream = reading.streams.video[0]
    taken: list[Piece] = []
    for packet in reading.demux(stream):
        if packet.pts is None or packet.dts is None:
            continue
        if taken or (packet.is_keyframe and float(packet.pts * packet.time_base) >= start_s):
            taken.append(
                Piece(bytes(packet), packet.pts, packet.dts, packet.duration or 1, packet.is_keyframe)
            )
        if len(taken) == most:
            break
    if not taken:
        raise BenchTrouble(f"{source} has no key frame at or behind {start_s} s: choose an earlier start")
    first = min(piece.pts for piece in taken)
    return Stretch(tuple(taken), first, max(piece.pts + piece.duration for piece in taken) - first)


def _copy(stretch: Stretch, stream: av.VideoStream, writing: OutputContainer, most: int) -> int:
    """Write the stretch as often as it takes."""
    assert stream.time_base is not None  # of an opened stream
    copied = writing.add_stream_from_template(stream)
    count, last_dts = 0, None
    for turn in range(-(-most // len(stretch.packets))):
        shift = turn * stretch.span - stretch.first_pts
        for piece in stretch.packets[: most - count]:
            again = av.Packet(piece.data)
            again.stream, again.time_base = copied, stream.time_base
            dts = piece.dts + shift
            if last_dts is not None:
                dts = max(dts, last_dts + 1)  # a muxer wants them to grow
            last_dts = again.dts = dts
            again.pts, again.duration, again.is_keyframe = piece.pts + shift, piece.duration, piece.is_key
            writing.mux(again)
            count += 1
    return count
