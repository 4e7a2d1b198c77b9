"""Opening a video file with FFmpeg, safely and with a clear reason when it can't be done."""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.explain import intact_bytes, why_unopenable
from dashcam_pipeline.sources.hardware import CPU, opened_on
from dashcam_pipeline.sources.names import shown

_OPEN_TIMEOUT_S = 60.0
_READ_TIMEOUT_S = 60.0  # for one packet: a network disk may be slow, but not silent for ever

# Self-contained video formats only: a playlist or a manifest renamed to .mp4 must not make us open
# other files or addresses.
_FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,rm,dv,dhav,"
    "ivf,obu,av1,h263,h264,hevc,m4v,vc1,mjpeg"
)
_CONTAINER_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}

_OPEN_ERRORS = (av.error.FFmpegError, OSError, ValueError, MemoryError)

_MAX_PIXELS = 8192 * 8192  # above any camera; a damaged header may claim more and exhaust the memory

# FFmpeg's chatter never reaches the terminal, and no lock is shared between decoder threads and Python.
av.logging.set_level(None)


@dataclass(slots=True)
class OpenVideo:
    """An open file and its video stream, ready to be decoded. Used as a context manager."""

    path: Path
    size_bytes: int
    container: InputContainer
    stream: VideoStream
    warnings: tuple[str, ...]
    part: _FileStart | None = None  # set when only the whole part of a cut-off file could be opened

    @property
    def time_base(self) -> Fraction:
        return self.stream.time_base or Fraction(1, av.time_base)

    @property
    def stream_duration_s(self) -> float | None:
        """As the stream's own header has it; None for formats that keep none a stream (Matroska)."""
        if self.stream.duration is None or self.stream.duration <= 0:
            return None
        return float(self.stream.duration * self.time_base)

    @property
    def container_duration_s(self) -> float | None:
        """Of the longest stream."""
        if self.container.duration is None or self.container.duration <= 0:
            return None
        length_s = self.container.duration / av.time_base
        # In Matroska, FFmpeg writes when the last frame ends, not how long that is after the first one.
        begin_s = (self.container.start_time or 0) / av.time_base
        is_end = "matroska" in self.container.format.name and 0.0 < begin_s < length_s
        return length_s - begin_s if is_end else length_s

    @property
    def duration_s(self) -> float | None:
        return self.stream_duration_s or self.container_duration_s

    @property
    def frames_per_s(self) -> float | None:
        """The average rate."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(rate) if rate and rate > 0 else None

    @property
    def created_at(self) -> datetime | None:
        """The creation time in its metadata, aware; nominally UTC, but many cameras write their local time there."""
        for metadata in (self.container.metadata, self.stream.metadata):
            with suppress(ValueError, OverflowError):
                time = datetime.fromisoformat(metadata.get("creation_time", ""))
                return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.container.close()
        if self.part is not None:
            self.part.close()

    def ends_in_a_fragment(self) -> bool:
        """Whether a fragmented MP4 ends in the middle of a fragment, the one sign that it was cut off."""
        if not self.container.format.name.startswith("mov"):
            return False
        with suppress(OSError):
            return self.part is not None or intact_bytes(self.path) is not None
        return False


class _FileStart(io.FileIO):
    """A file that seems to end early."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(path, "rb")
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left)) or b""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_END:
            return super().seek(self._size + offset)
        return super().seek(offset, whence)


def open_video(path: Path, threads: int = 1, device: str = CPU) -> OpenVideo:
    """Open a file and choose its video stream.

    Args:
        path: a regular file.
        threads: threads of the decoder; more than one decodes several frames at a time.
        device: what decodes, see `hardware.py`.

    Raises:
        VideoUnreadable: with the reason.
    """
    size_bytes = _checked_size(path)
    part = None
    try:
        container = opened_on(device, lambda hwaccel: _open(str(path.absolute()), hwaccel))
    except _OPEN_ERRORS as error:
        # A fragmented MP4 that was cut off inside a fragment's header is refused as a whole.
        part = _whole_part(path)
        try:
            if part is None:
                raise
            container = _open(part)
        except _OPEN_ERRORS:
            raise unreadable(path, _why_not_opened(path, error)) from error
    try:
        stream = _choose_stream(path, container)
        context = stream.codec_context
        context.options = {"max_pixels": str(_MAX_PIXELS)}
        context.thread_count = threads
        context.thread_type = "FRAME" if threads > 1 else "NONE"
        videos = sum(not _is_picture(stream) for stream in container.streams.video)
        more = (f"{videos} video streams: only stream {stream.index} is read",) if videos > 1 else ()
        return OpenVideo(path, size_bytes, container, stream, more, part)
    except BaseException:
        container.close()
        raise


def _open(source: str | _FileStart, hwaccel: HWAccel | None = None) -> InputContainer:
    return av.open(
        source,
        "r",
        container_options=_CONTAINER_OPTIONS,
        metadata_errors="replace",
        timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S),
        hwaccel=hwaccel,
    )


def _whole_part(path: Path) -> _FileStart | None:
    with suppress(OSError):
        size = intact_bytes(path)
        return _FileStart(path, size) if size else None
    return None


def unreadable(path: Path, reason: str) -> VideoUnreadable:
    """The error for a file, its name made printable."""
    return VideoUnreadable(shown(path), reason)


def ffmpeg_says(error: BaseException) -> str:
    """FFmpeg's words for an error, without the file name."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _checked_size(path: Path) -> int:
    """The size of a file in bytes, if it is one that can be read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise unreadable(path, "is not a regular file")
        if status.st_size == 0:
            raise unreadable(path, "is empty (zero bytes)")
        with path.open("rb"):
            return status.st_size
    except FileNotFoundError as error:
        raise unreadable(path, "no such file") from error
    except PermissionError as error:
        raise unreadable(path, "can't be read: permission denied") from error
    except OSError as error:
        raise unreadable(path, f"can't be read: {error.strerror}") from error


def _why_not_opened(path: Path, error: BaseException) -> str:
    if isinstance(error, av.error.ExitError):
        return f"could not be opened within {_OPEN_TIMEOUT_S:.0f} s"
    with suppress(OSError):
        if reason := why_unopenable(path):
            return reason
    if isinstance(error, av.error.InvalidDataError | av.error.ArgumentError):
        return "is not a video, or its header is damaged"
    return f"can't be opened: {ffmpeg_says(error)}"


def _choose_stream(path: Path, container: InputContainer) -> VideoStream:
    videos = [stream for stream in container.streams.video if not _is_picture(stream)]
    if not videos:
        kinds = sorted({stream.type for stream in container.streams})
        has = f"has no video stream, only {' and '.join(kinds)}" if kinds else None
        raise unreadable(path, has or why_unopenable(path) or "has no video stream")
    best = container.streams.best("video")
    stream = best if best in videos and isinstance(best, VideoStream) else videos[0]
    if stream.codec_context is None:  # FFmpeg has no decoder for it
        raise unreadable(path, "its video codec is unknown to this build of FFmpeg, or its header is damaged")
    return stream


def _is_picture(stream: VideoStream) -> bool:
    """Cover art is stored as a video stream of one picture."""
    return bool(stream.disposition & Disposition.attached_pic)
