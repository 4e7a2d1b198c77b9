"""Joining the boxes of successive frames into vehicles, by ByteTrack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashcam_pipeline.vision.types import Detection

NOMINAL_STEP_S = 0.1
"""Taken as the time between two frames whose timestamps don't increase."""

REFERENCE_FPS = 30.0
"""The library counts `lost_track_buffer` in frames of this rate."""

SPARSE_STEP_S = 2.0
"""Frames that are looked at this rarely still belong together; a longer gap is a hole in the video."""

UNCONFIRMED = -1
"""The library's number for a box that belongs to no confirmed track."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A detection with its place in the video."""

    frame_idx: int
    ts_s: float
    detection: Detection


@dataclass(frozen=True, slots=True)
class TrackedSight:
    """A vehicle seen in the current frame."""

    track_id: int  # counts from 1 in order of confirmation
    sight: Sight
    birth: Sight | None  # at the frame that confirms it: the box it began with; None later


@dataclass(frozen=True, slots=True)
class TrackerStep:
    """What one frame did to the tracks."""

    seen: tuple[TrackedSight, ...]
    alive: frozenset[int]  # confirmed tracks that have not left yet


class VehicleTracker:
    """ByteTrack (arXiv:2110.06864) of the `trackers` library, in seconds instead of frames.

    Picklable: about 1 kB, and 5 kB more a live track. Equal inputs give equal outputs, also across a
    pickle in between. A box becomes a vehicle when boxes of `min_hits` successive frames match.
    """

    def __init__(
        self, *, lost_after_s: float, activation_score: float, min_hits: int, min_iou: float, step_s: float
    ) -> None:
        """Start with no tracks.

        Args:
            lost_after_s: a track that isn't matched for this long ends.
            activation_score: only boxes at or above it begin a track and are matched first; weaker
                boxes can only prolong one.
            min_hits: boxes in successive frames that confirm a track.
            min_iou: overlap of a box with a track's predicted box, below which they don't match.
            step_s: the usual time between two frames, to which the motion model's noise is scaled.
        """
        from trackers import ByteTrackTracker  # takes most of a second: only processes that track pay for it

        self._tracker: Any = ByteTrackTracker(
            lost_track_buffer=round(lost_after_s * REFERENCE_FPS),
            frame_rate=1 / step_s,
            track_activation_threshold=activation_score,
            high_conf_det_threshold=activation_score,
            minimum_consecutive_frames=min_hits,
            minimum_iou_threshold=min_iou,
        )
        self._most_step_s = lost_after_s / 2  # so that where few frames are looked at, one may miss a vehicle
        self._births: list[tuple[Any, Sight]] = []  # unconfirmed tracks with the box they began with
        self._clock_s = 0.0
        self._last_ts_s: float | None = None

    def step(self, frame_idx: int, ts_s: float, detections: Sequence[Detection]) -> TrackerStep:
        """Take the detections of the next frame.

        Args:
            frame_idx: number of the frame.
            ts_s: its time; steps of any length are fine, one that doesn't increase counts as `NOMINAL_STEP_S`.
            detections: its vehicles, possibly none.
        """
        import supervision as sv

        boxes = np.array([d.box for d in detections], dtype=np.float32).reshape(-1, 4)
        tracked = self._tracker.update(
            sv.Detections(
                xyxy=boxes,
                confidence=np.array([d.score for d in detections], dtype=np.float32),
                class_id=np.arange(len(detections)),  # carries the place in `detections` through the library
            ),
            timestamp=self._advance(ts_s),
        )
        sights = [Sight(frame_idx, ts_s, detection) for detection in detections]
        births = self._take_births()
        seen = (
            [
                TrackedSight(int(number) + 1, sights[int(place)], births.get(int(number)))
                for number, place in zip(tracked.tracker_id, tracked.class_id, strict=True)
                if number != UNCONFIRMED
            ]
            if len(tracked)
            else []
        )
        self._note_births(boxes, sights)
        seen.sort(key=lambda tracked_sight: tracked_sight.track_id)
        alive = frozenset(
            int(track.tracker_id) + 1 for track in self._tracker.tracks if track.tracker_id != UNCONFIRMED
        )
        return TrackerStep(tuple(seen), alive)

    def _advance(self, ts_s: float) -> float:
        """Our own clock, which always increases whatever the timestamps do."""
        if self._last_ts_s is not None:
            passed = ts_s - self._last_ts_s
            if passed < SPARSE_STEP_S:
                passed = min(passed, self._most_step_s)
            self._clock_s += passed if passed > 0 else NOMINAL_STEP_S
        self._last_ts_s = ts_s
        return self._clock_s

    def _take_births(self) -> dict[int, Sight]:
        """First boxes of the tracks that were confirmed just now; those of dropped tracks are forgotten."""
        alive = {id(track) for track in self._tracker.tracks}
        confirmed = {
            int(track.tracker_id): sight for track, sight in self._births if track.tracker_id != UNCONFIRMED
        }
        self._births = [
            (track, sight)
            for track, sight in self._births
            if track.tracker_id == UNCONFIRMED and id(track) in alive
        ]
        return confirmed

    def _note_births(self, boxes: np.ndarray[Any, Any], sights: Sequence[Sight]) -> None:
        """Remember the first box of tracks that began in this frame.

        The library does not tell which box began a track, but a new track's state is that very box.
        """
        known = {id(track) for track, _ in self._births}
        for track in self._tracker.tracks:
            if track.age == 0 and track.tracker_id == UNCONFIRMED and id(track) not in known:
                distances = np.abs(boxes - track.get_state_bbox()).sum(axis=1)
                self._births.append((track, sights[int(distances.argmin())]))
