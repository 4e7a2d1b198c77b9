"""A video file as a source of frames: true times, upright pictures, and an account of what was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from dashcam_pipeline.sources import account
from dashcam_pipeline.sources.base import Frame, Verdict
from dashcam_pipeline.sources.bookmark import Bookmark
from dashcam_pipeline.sources.container import OpenVideo, open_video
from dashcam_pipeline.sources.probe import VideoInfo, nothing_decoded, probe
from dashcam_pipeline.sources.reading import Reading
from dashcam_pipeline.sources.resuming import Disturbed
from dashcam_pipeline.sources.sampling import Sampler

SIGN_EVERY = 50  # frames decoded without a picture for the caller, until it is given a moment


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
            for frame in video.frames(Sampler(frames_per_s=10)):
                bookmark = video.bookmark()  # to go on behind this frame another time
            print(video.verdict, video.problem)
    """

    def __init__(self, path: Path, threads: int = 1, device: str = "cpu") -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.path = path
        self.threads = threads
        self.device = device
        self.frames_reread = 0  # decoded only to come to the bookmark again
        self.problem: str | None = None
        self._info: VideoInfo | None = None
        self._video: OpenVideo | None = None
        self._reading: Reading | None = None
        self._after = Bookmark()
        self._on_skipped: Callable[[], None] | None = None
        self._unyielded = 0
        self._ended = False

    def __enter__(self) -> Self:
        self._video = open_video(self.path, self.threads, self.device)
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
    def frames_decoded(self) -> int:
        """Frames that came out of the decoder so far, wanted or not, those before a bookmark included."""
        return self._reading.frames_decoded if self._reading else 0

    @property
    def decode_errors(self) -> int:
        """Packets that could not be decoded, and pictures that the decoder marked as damaged."""
        return account.decode_errors(self._reading) if self._reading else 0

    @property
    def verdict(self) -> Verdict:
        """UNFINISHED until `frames` is exhausted, then PARTIAL when there is a problem, else COMPLETE."""
        if not self._ended:
            return Verdict.UNFINISHED
        return Verdict.PARTIAL if self.problem else Verdict.COMPLETE

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the frames read so far, but no loss; one line each."""
        return account.warnings(self._reading) if self._reading else ()

    def frames(
        self,
        sampler: Sampler,
        after: Bookmark | None = None,
        on_skipped: Callable[[], None] | None = None,
    ) -> Iterator[Frame]:
        """Decode the file to its end and yield the frames that the sampler wants. To be called once.

        Every frame is decoded and counted; only wanted ones are converted to a picture. Behind a bookmark of
        the same file, all is as if it had been read in one go: frames, counts, verdict, problem and warnings.
        Where that can be done exactly, the decoder begins at a key frame shortly before the bookmark; else at
        the start of the file. `frames_reread` says what it took.

        Args:
            sampler: a fresh one, with the settings that it had when the bookmark was made.
            after: where to go on; without it, all frames come.
            on_skipped: called now and then while frames are decoded and none is yielded, to show a sign of
                life; what it raises ends the reading.

        Raises:
            VideoUnreadable: the end was reached and not one frame could be decoded; or the file can no longer
                be opened.
        """
        if self._video is None:
            raise RuntimeError("frames() outside of the with block")
        if self._reading is not None:
            raise RuntimeError("frames() can be called once; open the file again")
        self._after = after or Bookmark()
        self._on_skipped = on_skipped
        self._reading = Reading(self._video, sampler)
        return self._read(self._reading, sampler)

    def bookmark(self) -> Bookmark:
        """The point behind the frame yielded last; at the end, behind the last frame of the file."""
        if self._video is None:
            raise RuntimeError("bookmark() outside of the with block")
        reading = self._reading
        if reading is None or reading.frames_decoded <= self._after.next_index:
            return self._after
        return Bookmark(
            next_index=reading.frames_decoded,
            last_s=reading.timeline.last_s,
            unconverted=reading.unconverted,
            place=reading.place(),
        )

    def _read(self, reading: Reading, sampler: Sampler) -> Iterator[Frame]:
        at_start = sampler.memory
        if place := self._after.place:
            if reading.go_to(place, self._reread):
                try:
                    yield from self._wanted(reading)
                    return
                except Disturbed:
                    self._after = self.bookmark()
            sampler.memory = at_start
            reading = self._reading = Reading(self._reopened(), sampler)
        yield from self._wanted(reading)

    def _wanted(self, reading: Reading) -> Iterator[Frame]:
        """The wanted frames behind the bookmark, then the judgement."""
        reading.unconverted = self._after.unconverted
        for frame in reading.frames():
            if frame.index < self._after.next_index:
                self._reread()
            elif frame.wanted and (image := reading.image(frame.decoded)) is not None:
                self._unyielded = 0
                yield Frame(frame.index, frame.pts_s, image)
            else:
                self._skipped()
        if not reading.frames_decoded:
            raise nothing_decoded(reading.video, reading.losses)
        self.problem = account.problem(reading)
        self._ended = True

    def _reopened(self) -> OpenVideo:
        """The file as if nothing had been read of it."""
        if self._video is not None:
            self._video.close()
        self._video = open_video(self.path, self.threads, self.device)
        return self._video

    def _reread(self) -> None:
        self.frames_reread += 1
        self._skipped()

    def _skipped(self) -> None:
        self._unyielded += 1
        if self._on_skipped is not None and self._unyielded % SIGN_EVERY == 0:
            self._on_skipped()
