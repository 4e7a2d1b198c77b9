"""A video file as a source of frames: true times, upright pictures, and an account of what was lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import av
import av.error

from dashcam_pipeline.sources.base import Frame, Verdict, Wanted
from dashcam_pipeline.sources.container import OpenVideo, open_video
from dashcam_pipeline.sources.decoding import MAX_DAMAGED_RUN, DamageTolerantDecoder, Losses
from dashcam_pipeline.sources.picture import PictureConverter
from dashcam_pipeline.sources.probe import VideoInfo, nothing_decoded, probe
from dashcam_pipeline.sources.timeline import Timeline

_FRAMES_SHORT = 2  # so many frames fewer than promised are not worth a word
_SECONDS_SHORT = 0.5  # the same where the container keeps a duration, but no count of frames


class VideoFile:
    """Reads one file once.

    Args:
        path: the file.
        threads: threads of the decoder. The pictures are the same with any number; of damaged files, one
            thread gives the same frames every time.

    Raises:
        VideoUnreadable: on entering the `with` block, when the file can't be opened.

    Example:
        with VideoFile(path) as video:
            for frame in video.frames(Sampler(frames_per_s=10).wanted):
                ...
            print(video.verdict, video.problem)
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.path = path
        self.threads = threads
        self.frames_decoded = 0
        self.problem: str | None = None
        self._info: VideoInfo | None = None
        self._video: OpenVideo | None = None
        self._losses = Losses()
        self._timeline: Timeline | None = None
        self._unconverted = 0
        self._sizes: set[tuple[int, int]] = set()
        self._started = self._ended = False

    def __enter__(self) -> Self:
        self._video = open_video(self.path, self.threads)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None

    @property
    def info(self) -> VideoInfo:
        """What `probe` says of the file (VideoUnreadable when no frame can be decoded)."""
        if self._info is None:
            self._info = probe(self.path)
        return self._info

    @property
    def decode_errors(self) -> int:
        """Packets that could not be decoded, and pictures that the decoder marked as damaged."""
        return self._losses.damaged_packets + self._losses.damaged_frames + self._unconverted

    @property
    def verdict(self) -> Verdict:
        """UNFINISHED until `frames` is exhausted, then PARTIAL when there is a problem, else COMPLETE."""
        if not self._ended:
            return Verdict.UNFINISHED
        return Verdict.PARTIAL if self.problem else Verdict.COMPLETE

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the frames read so far, but no loss; one line each."""
        said = [*(self._timeline.warnings() if self._timeline else ())]
        if self._losses.before_key:
            said.append(
                f"starts {self._losses.before_key} frames before its first key frame; they can't be decoded"
            )
        if len(self._sizes) > 1:
            sizes = ", ".join(f"{width}x{height}" for width, height in sorted(self._sizes))
            said.append(f"the size of the picture changes: {sizes}")
        return tuple(said)

    def frames(self, wanted: Wanted, first: int = 0) -> Iterator[Frame]:
        """Decode the file from its start to its end and yield the wanted frames.

        Every frame is decoded and counted; only wanted ones are converted to a picture. To be called once.

        Args:
            wanted: asked for every decoded frame in order, also for those before `first`, so that a sampler
                with memory decides the same after a resume.
            first: no frame below this index is converted or yielded.

        Raises:
            VideoUnreadable: the end was reached and not one frame could be decoded.
        """
        if self._video is None:
            raise RuntimeError("frames() outside of the with block")
        if self._started:
            raise RuntimeError("frames() can be called once; open the file again")
        self._started = True
        return self._read(self._video, wanted, first)

    def _read(self, video: OpenVideo, wanted: Wanted, first: int) -> Iterator[Frame]:
        decoder = DamageTolerantDecoder(video)
        converter = PictureConverter()
        self._losses = decoder.losses
        self._timeline = Timeline(
            video.time_base, video.stream.start_time, video.frames_per_s, video.duration_s
        )
        for decoded in decoder.frames():
            index, pts_s = self.frames_decoded, self._timeline.seconds(decoded.pts)
            self.frames_decoded += 1
            self._sizes.add(converter.orientation(decoded).size(decoded.width, decoded.height))
            if not wanted(index, pts_s) or index < first:
                continue
            try:
                image = converter.image(decoded)
            except (av.error.FFmpegError, ValueError, MemoryError):
                self._unconverted += 1
                continue
            yield Frame(index, pts_s, image)
        if not self.frames_decoded:
            raise nothing_decoded(video, decoder.losses)
        self.problem = self._problem(video)
        self._ended = True

    def _problem(self, video: OpenVideo) -> str | None:
        losses = self._losses
        said = [end] if (end := self._early_end(video)) else []
        if losses.gaps:
            said.append(_count(losses.gaps, "unreadable stretch", "es") + " skipped")
        if losses.damaged_packets and not losses.gave_up:
            said.append(_count(losses.damaged_packets, "damaged packet") + " skipped")
        if losses.damaged_frames:
            frames = _count(self.frames_decoded, "frame")
            said.append(f"{losses.damaged_frames} of {frames} decoded with damage")
        if self._unconverted:
            said.append(_count(self._unconverted, "frame") + " in a form that can't be converted")
        return "; ".join(said) or None

    def _early_end(self, video: OpenVideo) -> str | None:
        end = f"{self._end_s():.1f} s"
        if self._losses.read_error:
            return f"reading stopped after {end}: {self._losses.read_error}"
        if self._losses.gave_up:
            return f"given up after {end} and {MAX_DAMAGED_RUN} damaged packets in a row"
        if self._is_cut_off(video):
            return f"ends after {end} of {video.duration_s:.1f} s: the file is truncated"
        if video.ends_in_a_fragment():
            return f"ends after {end}: the file is truncated"
        return None

    def _is_cut_off(self, video: OpenVideo) -> bool:
        """Whether the container promised more than it held.

        Both the count of packets and the time must fall short: headers count frames that were never
        written, and durations include sound that goes on after the picture.
        """
        if video.duration_s is None:
            return False
        if promised := video.stream.frames:
            missing = promised - self._losses.packets
            short_s = video.duration_s - self._end_s()
            return missing > _FRAMES_SHORT and short_s > _FRAMES_SHORT * self._step_s()
        end_s = self._losses.end_s
        start_s = (video.container.start_time or 0) / av.time_base
        return end_s is not None and end_s - start_s < video.duration_s - _SECONDS_SHORT

    def _end_s(self) -> float:
        return (self._timeline.last_s if self._timeline else 0.0) + self._step_s()

    def _step_s(self) -> float:
        return self._timeline.step_s if self._timeline else 0.0


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"
