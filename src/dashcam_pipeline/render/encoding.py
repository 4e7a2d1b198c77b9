"""Writing the new file: pictures encoded with the times of the source, sound copied as it is."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from dashcam_pipeline.errors import BadInput, DiskUnavailable, EngineUnavailable
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.sources.container import OpenVideo, ffmpeg_says, open_video

Codec = Literal["h264", "hevc"]

SOFTWARE = {"h264": "libx264", "hevc": "libx265"}
QUALITY = {"h264": 23, "hevc": 28}
"""Constant rate factors that look alike, as the encoders' authors choose them."""

PRESET = "veryfast"
"""Twice as fast as the encoders' own choice, for a file a tenth larger."""

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""By the ending of a file's name: containers that keep times exactly and hold H.264 and HEVC."""

_MUX_ERRORS = (av.error.FFmpegError, ValueError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the pictures are encoded."""

    codec: Codec = "h264"
    encoder: str | None = None  # of FFmpeg by its name, such as h264_nvenc; None: software
    quality: int | None = None  # 0 (best) to 51; None: what suits the codec
    audio: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """What of the source's pictures has to be said in the new file."""

    width: int
    height: int
    time_base: Fraction
    frames_per_s: float | None  # on average
    pixel_shape: Fraction | None  # width of a pixel by its height
    color_range: int
    colorspace: int
    color_primaries: int
    color_trc: int


_TRIAL_SHAPE = Shape(640, 360, Fraction(1, 25), 25.0, None, 0, 2, 2, 2)
"""Large enough for encoders in hardware; of unnamed colours."""


class Writer:
    """Writes one file; to be used in a `with` block.

    Args:
        path: of the new file, with an ending of `FORMATS`.
        encoding: codec and quality.
        shape: of the frames that will come.
        source: whose sound is copied; None = none.
        window: the part of the source whose sound is copied.

    Raises:
        BadInput: the sound can't be kept in such a file.
        EngineUnavailable: the encoder can't be had here.
        DiskUnavailable: the file can't be written.
    """

    def __init__(self, path: Path, encoding: Encoding, shape: Shape, sound: Sound | None) -> None:
        self._path = path
        self._sound = sound
        try:
            self._container = _created(path)
        except _MUX_ERRORS as error:
            raise _disk(path, error) from error
        try:
            self._video = _video_stream(self._container, encoding, shape)
            self._audio = (
                [self._container.add_stream_from_template(one) for one in sound.streams] if sound else []
            )
            _open(self._video, encoding)
        except BaseException:
            self._abandon()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def write(self, frame: av.VideoFrame, until_s: float) -> None:
        """Encode a frame, whose `pts` and `time_base` say when it is shown.

        Args:
            frame: of the shape that was said.
            until_s: its second on the container's clock: sound until there goes first.
        """
        try:
            self._write_sound(until_s)
            self._container.mux(self._video.encode(frame))
        except _MUX_ERRORS as error:
            raise _disk(self._path, error) from error

    def finish(self) -> None:
        """Write what encoder and source still hold, and the file's index."""
        try:
            self._container.mux(self._video.encode(None))
            self._write_sound(None)
            self._container.close()
        except _MUX_ERRORS as error:
            raise _disk(self._path, error) from error

    def _write_sound(self, until_s: float | None) -> None:
        if self._sound is None:
            return
        for number, packet in self._sound.packets(until_s):
            packet.stream = self._audio[number]
            self._container.mux(packet)

    def _abandon(self) -> None:
        with contextlib.suppress(*_MUX_ERRORS):
            self._container.close()


def check_encoder(encoding: Encoding) -> None:
    """See before the work whether the encoder can be had. Raises EngineUnavailable."""
    with contextlib.suppress(*_MUX_ERRORS), av.open(io.BytesIO(), "w", format="matroska") as trial:
        _open(_video_stream(trial, encoding, _TRIAL_SHAPE), encoding)


class Sound:
    """The sound of a video, read a second time beside the pictures: packets as they are stored.

    Args:
        path: of the source.
        from_s: where to begin, on the container's clock.
        to_s: where to end.
        shift_s: seconds by which times are put back in the new file.
    """

    def __init__(self, path: Path, from_s: float, to_s: float, shift_s: float) -> None:
        self._source: OpenVideo = open_video(path)
        self._from_s, self._to_s, self._shift_s = from_s, to_s, shift_s
        self.streams: list[AudioStream] = [
            stream for stream in self._source.container.streams.audio if stream.codec_context is not None
        ]
        self._packets = self._read(self._source.container)
        self._next: tuple[int, av.Packet[Any]] | None = None
        self.left_out = 0  # packets whose times do not grow, which no file can hold

    def close(self) -> None:
        self._source.close()

    def check_fits(self, path: Path) -> None:
        """Raises BadInput when a file with that ending can't hold this sound."""
        for stream in self.streams:
            if _holds(FORMATS[path.suffix.lower()], stream):
                continue
            other = path.with_suffix(".mkv").name
            ways = f"write -o {other}, or leave" if _holds(FORMATS[".mkv"], stream) else "leave"
            raise BadInput(
                f"a {path.suffix} file can't hold the sound as it is ({stream.codec_context.name}): {ways} the sound "
                "out with --no-audio"
            )

    def packets(self, until_s: float | None) -> Iterator[tuple[int, av.Packet[Any]]]:
        """The packets from where the last call ended to a second of the container's clock; None = the rest."""
        while True:
            self._next = self._next or next(self._packets, None)
            if self._next is None or (until_s is not None and _second(self._next[1]) > until_s):
                return
            number, packet = self._next
            self._next = None
            shift = round(self._shift_s / packet.time_base)
            if packet.pts is not None and packet.dts is not None:  # `_read` passes no others on
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            yield number, packet

    def _read(self, container: InputContainer) -> Iterator[tuple[int, av.Packet[Any]]]:
        numbers = {stream.index: number for number, stream in enumerate(self.streams)}
        last_dts: dict[int, int] = {}
        if not numbers:
            return
        if self._from_s > 0:
            with contextlib.suppress(*_MUX_ERRORS):
                container.seek(int(max(0.0, self._from_s - 1) * av.time_base))
        packets = container.demux(self.streams)
        while True:
            try:
                packet = next(packets)
            except (
                StopIteration,
                *_MUX_ERRORS,
            ):  # the sound of a damaged file ends where it can't be read on
                return
            if packet.dts is None or packet.pts is None or packet.size == 0:
                continue
            if _second(packet) >= self._to_s:
                return
            if _second(packet) < self._from_s:
                continue
            if packet.dts <= last_dts.get(packet.stream_index, packet.dts - 1):
                self.left_out += 1
                continue
            last_dts[packet.stream_index] = packet.dts
            yield numbers[packet.stream_index], packet


def _holds(kind: str, stream: AudioStream) -> bool:
    """Whether a container of that kind takes the stream as it is stored."""
    try:
        with av.open(io.BytesIO(), "w", format=kind) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except _MUX_ERRORS:
        return False
    return True


def _second(packet: av.Packet[Any]) -> float:
    assert packet.pts is not None
    return float(packet.pts * packet.time_base)


def _created(path: Path) -> OutputContainer:
    kind = FORMATS[path.suffix.lower()]
    options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
    return av.open(str(path), "w", format=kind, options=options)


def _video_stream(container: OutputContainer, encoding: Encoding, shape: Shape) -> VideoStream:
    name = encoding.encoder or SOFTWARE[encoding.codec]
    rate = Fraction(shape.frames_per_s or 25).limit_denominator(1001)
    try:
        if av.Codec(name, "w").type != "video":
            raise _no_encoder(name, ValueError("it encodes no pictures"))
        stream = container.add_stream(name, rate=rate)
    except _MUX_ERRORS as error:
        raise _no_encoder(name, error) from error
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
    stream.time_base = context.time_base = shape.time_base
    if shape.pixel_shape:
        context.sample_aspect_ratio = shape.pixel_shape
    context.color_range, context.colorspace = shape.color_range, shape.colorspace
    context.color_primaries, context.color_trc = shape.color_primaries, shape.color_trc
    return stream


def _open(stream: VideoStream, encoding: Encoding) -> None:
    """Before anything is drawn, so that an encoder that is not here is told at once."""
    context = stream.codec_context
    context.thread_count = usable_cores()
    quality = str(QUALITY[encoding.codec] if encoding.quality is None else encoding.quality)
    if encoding.encoder is None:
        context.options = {"preset": PRESET, "crf": quality}
        if encoding.codec == "hevc":
            context.options = {**context.options, "x265-params": f"log-level=none:pools={usable_cores()}"}
            context.codec_tag = "hvc1"  # without which some players show nothing
    else:
        context.options = {"cq": quality} if "nvenc" in encoding.encoder else {"global_quality": quality}
    try:
        context.open()
    except _MUX_ERRORS as error:
        raise _no_encoder(encoding.encoder or SOFTWARE[encoding.codec], error) from error


def _no_encoder(name: str, error: BaseException) -> EngineUnavailable:
    return EngineUnavailable(
        f"--encoder {name} can't be had here ({ffmpeg_says(error)}): leave it out to encode in software"
    )


def _disk(path: Path, error: BaseException) -> DiskUnavailable:
    return DiskUnavailable(f"can't write {path}: {ffmpeg_says(error)}; name another file with -o")
