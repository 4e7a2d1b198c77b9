"""One pass over an open video: frames with their index and second, and the counts that judge it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import av.error

from dashcam_pipeline.sources import resuming
from dashcam_pipeline.sources.bookmark import Place
from dashcam_pipeline.sources.container import OpenVideo
from dashcam_pipeline.sources.decoding import DamageTolerantDecoder
from dashcam_pipeline.sources.picture import PictureConverter
from dashcam_pipeline.sources.resuming import DecodedFrame
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.timeline import Timeline
from dashcam_pipeline.vision.types import Image


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A decoded frame, not converted yet."""

    index: int
    pts_s: float
    wanted: bool  # by the sampler
    decoded: av.VideoFrame


class Reading:
    """From the start of a video just opened, or from a place in it, to its end."""

    def __init__(self, video: OpenVideo, sampler: Sampler) -> None:
        self.video = video
        self.frames_decoded = 0
        self.unconverted = 0  # wanted frames of which no picture could be made
        self.sizes: set[tuple[int, int]] = set()  # width and height of the upright pictures
        self.timeline = Timeline(
            video.time_base, video.stream.start_time, video.frames_per_s, video.duration_s
        )
        self._decoder = DamageTolerantDecoder(video)
        self.losses = self._decoder.losses
        self._frames = resuming.decode(self._decoder)
        self._converter = PictureConverter()
        self._sampler = sampler
        self._latest: DecodedFrame | None = None

    def go_to(self, place: Place, skipped: Callable[[], None]) -> bool:
        """Before anything else: go on behind a place, with the counts kept there.

        Args:
            skipped: called for every frame decoded on the way.

        Returns:
            False when that can't be done exactly; this reading is of no use then.
        """
        if not resuming.seek(self.video, place.found):
            return False
        frame = resuming.skip_to(place.found, self._decoder, self._frames, skipped)
        if frame is None or self._size(frame.picture) != (place.width, place.height):
            return False
        self._latest = frame
        self._frames = resuming.undisturbed(self._decoder, self._frames)
        self.frames_decoded = place.next_index
        self.sizes = {(place.width, place.height)}
        self.timeline = place.timeline.copy()
        self._sampler.memory = place.sampler
        return True

    def place(self) -> Place | None:
        """Behind the frame decoded last; None where seeking can't be exact."""
        if self._latest is None or len(self.sizes) != 1 or not self.timeline.untouched:
            return None
        ((width, height),) = self.sizes
        if (found := resuming.find(self.video, self._decoder, self._latest)) is None:
            return None
        return Place(
            found=found,
            next_index=self.frames_decoded,
            width=width,
            height=height,
            timeline=self.timeline.copy(),
            sampler=self._sampler.memory,
        )

    def frames(self) -> Iterator[TimedFrame]:
        """Every frame to the end of the file.

        Raises:
            Disturbed: only behind a place: the frames to come can only be had exactly from the start.
        """
        for frame in self._frames:
            self._latest, picture = frame, frame.picture
            index, pts_s = self.frames_decoded, self.timeline.seconds(picture.pts)
            self.frames_decoded += 1
            self.sizes.add(self._size(picture))
            yield TimedFrame(index, pts_s, self._sampler.wanted(index, pts_s), picture)

    def image(self, decoded: av.VideoFrame) -> Image | None:
        """The upright picture of a frame; None, and counted, when it can't be made."""
        try:
            return self._converter.image(decoded)
        except (av.error.FFmpegError, ValueError, MemoryError):
            self.unconverted += 1
            return None

    def _size(self, decoded: av.VideoFrame) -> tuple[int, int]:
        return self._converter.orientation(decoded).size(decoded.width, decoded.height)
