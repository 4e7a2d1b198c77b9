"""Where a vehicle was in the frames that were looked at, kept small: it travels with the tracker's state."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from dashcam_pipeline.vision.types import Box

MOST_POINTS = 600
"""A vehicle that is followed for longer than so many frames keeps every second of them, then every fourth …"""

FARTHEST_PX = 2**16 - 1


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The vehicle's box in one frame."""

    frame_idx: int
    ts_s: float
    box: Box  # whole pixels of the frame


@dataclass(slots=True)
class BoxPath:
    """The boxes of one vehicle, in the order of its frames; bounded, however long it is followed."""

    _frames: array[int] = field(default_factory=lambda: array("I"))
    _times: array[float] = field(default_factory=lambda: array("d"))
    _corners: array[int] = field(default_factory=lambda: array("H"))  # four a point
    _step: int = 1  # one of so many frames is kept
    _passed: int = 0  # frames since the one that was kept last

    def add(self, frame_idx: int, ts_s: float, box: Box) -> None:
        """The vehicle in the next frame."""
        if self._frames and self._frames[-1] == frame_idx:
            return
        self._passed += 1
        if self._frames and self._passed < self._step:
            return
        self._put(frame_idx, ts_s, box)
        if len(self._frames) >= MOST_POINTS:
            self._thin_out()

    def ended(self, frame_idx: int, ts_s: float, box: Box) -> BoxPath:
        """The path of a vehicle that has left, with its last frame in any case."""
        if not self._frames or self._frames[-1] != frame_idx:
            self._put(frame_idx, ts_s, box)
        return self

    def between(self, first_frame: int, last_frame: int) -> BoxPath:
        """The part over these frames."""
        part = BoxPath()
        for point in self:
            if first_frame <= point.frame_idx <= last_frame:
                part._put(point.frame_idx, point.ts_s, point.box)
        return part

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[PathPoint]:
        for number, (frame_idx, ts_s) in enumerate(zip(self._frames, self._times, strict=True)):
            corners = self._corners[4 * number : 4 * number + 4]
            yield PathPoint(frame_idx, ts_s, Box(*map(float, corners)))

    def _put(self, frame_idx: int, ts_s: float, box: Box) -> None:
        self._passed = 0
        self._frames.append(frame_idx)
        self._times.append(ts_s)
        self._corners.extend(min(max(0, round(at)), FARTHEST_PX) for at in (box.x1, box.y1, box.x2, box.y2))

    def _thin_out(self) -> None:
        """Keep every second point, from now on too. There is an even number of them: the last one goes."""
        kept = list(self)[::2]
        self._frames, self._times, self._corners = array("I"), array("d"), array("H")
        for point in kept:
            self._put(point.frame_idx, point.ts_s, point.box)
        self._passed = self._step
        self._step *= 2
