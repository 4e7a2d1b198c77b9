"""The frames of a part of a video, in order, with their exact times."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from dashcam_pipeline.sources import account
from dashcam_pipeline.sources.container import OpenVideo, open_video
from dashcam_pipeline.sources.picture import Orientation, PictureConverter
from dashcam_pipeline.sources.reading import Reading
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.vision.types import Image

WORTH_SEEKING_S = 5.0
"""To begin nearer to the start than this, all is decoded from there."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a video, in its seconds; the end is not part of it."""

    from_s: float = 0.0
    to_s: float = math.inf

    @property
    def is_all(self) -> bool:
        return self.from_s <= 0.0 and self.to_s == math.inf


@dataclass(frozen=True, slots=True)
class TimedPicture:
    """A decoded frame, as it is stored."""

    pts: int  # in the time base of the video, growing from frame to frame
    ts_s: float  # seconds from the start of the video
    wanted: bool  # by the sampler
    decoded: av.VideoFrame


class FrameReader:
    """Reads a part of a video once; a context manager.

    Args:
        path: of the video.
        window: the part.
        threads: of the decoder.
        sampler: marks frames as wanted; None = every frame is.

    Raises:
        VideoUnreadable: on entering the `with` block, when the file can't be opened; while frames are read, when not
            one can be had.
    """

    def __init__(self, path: Path, window: Window, threads: int, sampler: Sampler | None = None) -> None:
        self._path, self._window, self._threads, self._sampler = path, window, threads, sampler
        self._converter = PictureConverter()
        self._size: tuple[int, int] | None = None  # width and height of the first picture
        self.problem: str | None = None  # what could not be read, in one line; known at the end

    def __enter__(self) -> FrameReader:
        self.video: OpenVideo = open_video(self._path, self._threads)
        return self

    def __exit__(self, *exc: object) -> None:
        self.video.close()

    def orientation(self, decoded: av.VideoFrame) -> Orientation:
        """How the frame is turned to stand upright."""
        return self._converter.orientation(decoded)

    def image(self, decoded: av.VideoFrame) -> Image | None:
        """The upright picture of a frame, as large as the first one, as canvases are; None when it can't be made."""
        with suppress(av.error.FFmpegError, ValueError, MemoryError):
            image = self._converter.image(decoded)
            size = (image.shape[1], image.shape[0])
            self._size = self._size or size
            return image if size == self._size else np.asarray(cv2.resize(image, self._size), np.uint8)
        return None

    def pictures(self) -> Iterator[TimedPicture]:
        """Every frame of the window."""
        reading, sought = self._begin()
        last_pts: int | None = None
        for frame in reading.frames():
            if frame.pts_s < self._window.from_s:
                continue
            if frame.pts_s >= self._window.to_s:
                return
            # Where timestamps are sound these are the source's own, as seconds times the time base are exact to
            # a small part of a tick; where they were repaired, they are the repaired ones.
            pts = (reading.timeline.start_pts or 0) + round(frame.pts_s / self.video.time_base)
            if last_pts is not None and pts <= last_pts:
                pts = last_pts + 1
            last_pts = pts
            yield TimedPicture(pts, frame.pts_s, frame.wanted, frame.decoded)
        if not sought:
            self.problem = account.problem(reading)

    def _begin(self) -> tuple[Reading, bool]:
        """A reading that has not passed the window's start, and whether it began behind the video's."""
        sampler = self._sampler or Sampler(frames_per_s=1, stride=1)
        stream = self.video.stream
        if self._window.from_s > WORTH_SEEKING_S and stream.start_time is not None:
            offset = stream.start_time + int((self._window.from_s - 1.0) / self.video.time_base)
            with suppress(av.error.FFmpegError, OSError, ValueError):
                self.video.container.seek(offset, stream=stream)
                if self._is_before_window():
                    self.video.container.seek(offset, stream=stream)
                    stream.codec_context.flush_buffers()
                    return Reading(self.video, sampler), True
            self.video.close()
            self.video = open_video(self._path, self._threads)
        return Reading(self.video, sampler), False

    def _is_before_window(self) -> bool:
        """Whether seeking came to a packet before the window's start, as it does where a file has an index."""
        packet = next(self.video.container.demux(self.video.stream), None)
        if packet is None or packet.pts is None or not packet.is_keyframe:
            return False
        start = self.video.stream.start_time or 0
        return float((packet.pts - start) * self.video.time_base) <= self._window.from_s
