"""What every source of frames offers, so that files, cameras and uploads are read alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self, runtime_checkable

from dashcam_pipeline.sources.bookmark import Bookmark
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.vision.types import Image


class Verdict(StrEnum):
    """How far the reading of a source came."""

    UNFINISHED = "unfinished"  # the end has not been reached (yet)
    COMPLETE = "complete"  # read to its end without an error
    PARTIAL = "partial"  # damaged or cut off: what was readable has been given


@dataclass(frozen=True, slots=True)
class Frame:
    """One wanted picture."""

    index: int  # counts every decoded frame from 0, in the order of presentation
    pts_s: float  # seconds since the start of the stream; grows strictly from frame to frame
    image: Image  # upright


@runtime_checkable
class FrameSource(Protocol):
    """A stream of frames with an account of what was lost. Used as a context manager."""

    @property
    def frames_decoded(self) -> int:
        """Frames that came out of the decoder so far, wanted or not."""

    @property
    def decode_errors(self) -> int:
        """Packets that could not be decoded, and pictures that the decoder marked as damaged."""

    @property
    def problem(self) -> str | None:
        """Once the end is reached: what was lost, in one line; None when nothing was."""

    @property
    def verdict(self) -> Verdict:
        """UNFINISHED until `frames` is exhausted, then PARTIAL when there is a problem, else COMPLETE."""

    def frames(
        self,
        sampler: Sampler,
        after: Bookmark | None = None,
        on_skipped: Callable[[], None] | None = None,
    ) -> Iterator[Frame]:
        """The frames that the sampler wants, in order; those behind a bookmark where there is one."""

    def bookmark(self) -> Bookmark:
        """The point behind the frame yielded last."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
