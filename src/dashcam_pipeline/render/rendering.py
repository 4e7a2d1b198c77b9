"""The whole way of a video: decoded in one thread, drawn in another, encoded in a third."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import av.error

from dashcam_pipeline.errors import BadInput, VideoUnreadable
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.render.canvas import Canvas, CanvasMaker, timed
from dashcam_pipeline.render.drawing import Drawing, Painter
from dashcam_pipeline.render.encoding import Encoding, Shape, Sound, Writer, check_encoder
from dashcam_pipeline.render.hidden import Hidden
from dashcam_pipeline.render.reading import FrameReader, TimedPicture, Window
from dashcam_pipeline.render.threads import Behind, ahead
from dashcam_pipeline.render.window import Screen
from dashcam_pipeline.sources.container import OpenVideo
from dashcam_pipeline.user_paths import shown

OnFrame = Callable[[int, float], None]
"""Called with the frames that are done and the second of the video that they reach to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """What is to be made."""

    video: Path
    window: Window
    encoding: Encoding
    drawing: Drawing
    hidden: Hidden | None = None  # None: nothing is blurred
    output: Path | None = None  # None: only shown
    screen: Screen | None = None  # None: not shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What was made."""

    frames: int
    problem: str | None  # what of the video could not be read, in one line
    left_out: int  # packets of sound that no file can hold: their times do not grow
    closed: bool = False  # the user closed the window before the end


def render(job: Render, on_frame: OnFrame) -> Rendered:
    """Make the video; `job.output` is written in place.

    Raises:
        VideoUnreadable: not one frame of the window can be had.
        BadInput: the new file can't hold the sound.
        EngineUnavailable: the encoder can't be had here.
        DiskUnavailable: the file can't be written.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(FrameReader(job.video, job.window, usable_cores()))
        sink = _Sink(job, reader, stack)
        painter = Painter(job.drawing)
        maker = CanvasMaker()
        frames = unconverted = 0
        closed = False
        pictures = stack.enter_context(contextlib.closing(ahead(reader.pictures())))
        for picture in pictures:
            try:
                canvas = maker.canvas(picture.decoded, reader.orientation(picture.decoded))
            except (av.error.FFmpegError, ValueError, MemoryError):
                unconverted += 1
                continue
            if job.hidden is not None:
                canvas.blur(job.hidden.at(picture.ts_s))
            painter.paint(canvas, picture.ts_s)
            if job.screen is not None and not job.screen.show(canvas.image(), picture.ts_s):
                closed = True
                break
            sink.take(picture, canvas)
            frames += 1
            on_frame(frames, picture.ts_s)
        if not frames and not closed:
            raise _nothing(job)
        sink.finish()
        return Rendered(
            frames=frames,
            problem=_problem(reader.problem, unconverted),
            left_out=sink.left_out,
            closed=closed,
        )


def check(video: Path, output: Path, encoding: Encoding) -> None:
    """See before the work whether the encoder can be had, and whether the new file can hold the sound.

    Raises:
        EngineUnavailable: it can't.
        BadInput: nor that.
    """
    check_encoder(encoding)
    if encoding.audio:
        with contextlib.closing(Sound(video, 0.0, math.inf, 0.0)) as sound:
            sound.check_fits(output)


class _Sink:
    """Where finished frames go; the file is opened when the first of them says how large they are."""

    def __init__(self, job: Render, reader: FrameReader, stack: ExitStack) -> None:
        self._job, self._reader, self._stack = job, reader, stack
        self._writer: Writer | None = None
        self._sound: Sound | None = None
        self._behind: Behind[_Frame] | None = None
        self._shift = 0  # what is taken of the times, in the video's time base

    @property
    def left_out(self) -> int:
        return self._sound.left_out if self._sound else 0

    def take(self, picture: TimedPicture, canvas: Canvas) -> None:
        """Hand a frame on. Raises what writing an earlier one raised."""
        if self._job.output is None:
            return
        if self._behind is None:
            self._behind = self._opened(self._job.output, picture, canvas)
        time_base = self._reader.video.time_base
        frame = timed(canvas.frame, picture.pts - self._shift, time_base)
        self._behind.put(_Frame(frame, float(picture.pts * time_base)))

    def finish(self) -> None:
        """Write what is left."""
        if self._behind is not None and self._writer is not None:
            self._behind.finish()
            self._writer.finish()

    def _opened(self, output: Path, picture: TimedPicture, canvas: Canvas) -> Behind[_Frame]:
        job, video = self._job, self._reader.video
        start_s = (
            float(picture.pts * video.time_base) - picture.ts_s
        )  # of the video, on the container's clock
        if not job.window.is_all:  # the part begins at 0; a whole video keeps its times
            self._shift = math.floor((start_s + job.window.from_s) / video.time_base)
        if job.encoding.audio:
            first_s = -math.inf if job.window.from_s <= 0 else start_s + job.window.from_s
            shift_s = float(self._shift * video.time_base)
            self._sound = Sound(job.video, first_s, start_s + job.window.to_s, shift_s)
            self._stack.callback(self._sound.close)
            self._sound.check_fits(output)
        shape = _shape(canvas, video, turned=self._reader.orientation(picture.decoded).turns % 2 == 1)
        self._writer = self._stack.enter_context(Writer(output, job.encoding, shape, self._sound))
        return self._stack.enter_context(Behind(self._write))

    def _write(self, frame: _Frame) -> None:
        assert self._writer is not None
        self._writer.write(frame.picture, frame.clock_s)


@dataclass(frozen=True, slots=True)
class _Frame:
    picture: av.VideoFrame
    clock_s: float  # its time on the container's clock


def _shape(canvas: Canvas, video: OpenVideo, turned: bool) -> Shape:
    context = video.stream.codec_context
    pixel_shape = video.stream.sample_aspect_ratio
    return Shape(
        width=canvas.width,
        height=canvas.height,
        time_base=video.time_base,
        frames_per_s=video.frames_per_s,
        pixel_shape=1 / pixel_shape if pixel_shape and turned else pixel_shape,
        color_range=int(canvas.frame.color_range),
        colorspace=int(canvas.frame.colorspace),
        color_primaries=int(context.color_primaries),
        color_trc=int(context.color_trc),
    )


def _problem(read: str | None, unconverted: int) -> str | None:
    said = [read] if read else []
    if unconverted:
        said.append(f"{unconverted} frames in a form that can't be converted")
    return "; ".join(said) or None


def _nothing(job: Render) -> Exception:
    if job.window.is_all:
        return VideoUnreadable(shown(job.video), "no frame can be decoded")
    until = f"to {job.window.to_s:g} s" if math.isfinite(job.window.to_s) else "s on"
    return BadInput(f"{shown(job.video)} has no frame from {job.window.from_s:g} {until}")
