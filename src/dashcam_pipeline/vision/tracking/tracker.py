"""Joining the boxes of successive frames into vehicles, by ByteTrack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.vision.geometry import growth, iou
from dashcam_pipeline.vision.tracking.appearance import Signature, blended, difference
from dashcam_pipeline.vision.tracking.duplicates import parts
from dashcam_pipeline.vision.tracking.ego_motion import NO_SHIFT, Shift
from dashcam_pipeline.vision.types import Box, Detection

Boxes = NDArray[Any]
"""Shape (N, 4), or (4,) for one: left, top, right, bottom."""

NOMINAL_STEP_S = 0.1
"""Taken as the time between two frames whose timestamps don't increase."""

REFERENCE_FPS = 30.0
"""The library counts `lost_track_buffer` in frames of this rate."""

SPARSE_STEP_S = 2.0
"""Frames that are looked at this rarely still belong together; a longer gap is a hole in the video."""

UNCONFIRMED = -1
"""The library's number for a box that belongs to no confirmed track."""

MOST_GROWTH = 3.0
"""A vehicle that was out of sight is not found again this many times as wide or high, or the other way round."""

JUMP_GROWTH = 2.0
JUMP_IOU = 0.1
"""Between two frames, a box that changes this much in width or height, or overlaps less with where it was, jumps."""


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
    found_again: bool  # it was out of sight for a while


@dataclass(frozen=True, slots=True)
class TrackerStep:
    """What one frame did to the tracks."""

    seen: tuple[TrackedSight, ...]
    alive: frozenset[int]  # confirmed tracks that have not left yet


@dataclass(slots=True)
class _Followed:
    """What the library does not know of one of its tracks."""

    track: Any
    first: Sight
    box: Box  # where it was seen last, in pixels of the current frame
    seen_s: float  # when it was seen last, by the tracker's clock
    seen_step: int  # … and in which step
    signature: Signature | None
    confirmed: bool = False


class VehicleTracker:
    """ByteTrack (arXiv:2110.06864) of the `trackers` library, in seconds instead of frames.

    Picklable: about 1 kB, and 6 kB more a live track. Equal inputs give equal outputs, also across a
    pickle in between. A box becomes a vehicle when boxes of `min_hits` successive frames match.

    What the library matches by overlap alone is checked by looks: a vehicle that is found again after a while, or
    whose box jumps, has to look as it did, else it is another one.
    """

    def __init__(
        self,
        *,
        lost_after_s: float,
        activation_score: float,
        min_hits: int,
        min_iou: float,
        step_s: float,
        gap_s: float,
        most_difference: float,
    ) -> None:
        """Start with no tracks.

        Args:
            lost_after_s: a track that isn't matched for this long ends.
            activation_score: only boxes at or above it begin a track and are matched first; weaker
                boxes can only prolong one.
            min_hits: boxes in successive frames that confirm a track.
            min_iou: overlap of a box with a track's predicted box, below which they don't match.
            step_s: the usual time between two frames, to which the motion model's noise is scaled.
            gap_s: a vehicle that wasn't seen for this long, and in at least one frame, was out of sight.
            most_difference: it is the same up to this `appearance.difference`.
        """
        from trackers import ByteTrackTracker  # takes most of a second: only processes that track pay for it

        from dashcam_pipeline.vision.tracking.association import CheckedIoU

        self._overlap = CheckedIoU()
        self._tracker: Any = ByteTrackTracker(
            lost_track_buffer=round(lost_after_s * REFERENCE_FPS),
            frame_rate=1 / step_s,
            track_activation_threshold=activation_score,
            high_conf_det_threshold=activation_score,
            minimum_consecutive_frames=min_hits,
            minimum_iou_threshold=min_iou,
            iou=self._overlap,
        )
        self._activation_score = activation_score
        self._gap_s = gap_s
        self._most_difference = most_difference
        self._most_step_s = lost_after_s / 2  # so that where few frames are looked at, one may miss a vehicle
        self._followed: list[_Followed] = []
        self._step = 0
        self._clock_s = 0.0
        self._last_ts_s: float | None = None

    def step(
        self,
        frame_idx: int,
        ts_s: float,
        detections: Sequence[Detection],
        signatures: Sequence[Signature | None] = (),
        shift: Shift = NO_SHIFT,
    ) -> TrackerStep:
        """Take the detections of the next frame.

        Args:
            frame_idx: number of the frame.
            ts_s: its time; steps of any length are fine, one that doesn't increase counts as `NOMINAL_STEP_S`.
            detections: its vehicles, possibly none.
            signatures: what they look like, as far as that is known: what is not, is not checked.
            shift: how far the whole picture has moved since the frame before.
        """
        import supervision as sv

        boxes = np.array([d.box for d in detections], dtype=np.float32).reshape(-1, 4)
        looks = tuple(signatures) or (None,) * len(detections)
        self._step += 1
        self._advance(ts_s)
        self._move(shift)
        self._overlap.refuses = self._check(boxes, [d.box for d in detections], looks)
        tracked = self._tracker.update(
            sv.Detections(
                xyxy=boxes,
                confidence=self._scores(detections),
                class_id=np.arange(len(detections)),  # carries the place in `detections` through the library
            ),
            timestamp=self._clock_s,
        )
        self._overlap.refuses = None
        numbers = (
            dict(zip(tracked.class_id.tolist(), tracked.tracker_id.tolist(), strict=True))
            if len(tracked)
            else {}
        )
        sights = [Sight(frame_idx, ts_s, detection) for detection in detections]
        seen = self._note(self._places(boxes, numbers), sights, looks)
        alive = frozenset(int(one.track.tracker_id) + 1 for one in self._followed if one.confirmed)
        return TrackerStep(tuple(sorted(seen, key=lambda one: one.track_id)), alive)

    def cut(self) -> None:
        """End all tracks: the next frame shows something else."""
        self._tracker.tracks = []
        self._followed = []

    def _scores(self, detections: Sequence[Detection]) -> NDArray[np.float32]:
        """How sure each vehicle is; a part of another one can only prolong a track, not begin one."""
        scores = np.array([detection.score for detection in detections], dtype=np.float32)
        weak = np.nextafter(np.float32(self._activation_score), np.float32(0.0))
        return np.where(parts(detections), np.minimum(scores, weak), scores)

    def _move(self, shift: Shift) -> None:
        """Put all tracks where a moved camera shows them, as BoT-SORT (arXiv:2206.14651) does."""
        if shift == NO_SHIFT:
            return
        for one in self._followed:
            state = one.track.state_estimator.kf.state  # left, top, right, bottom, and their speeds
            state[[0, 2]] += shift.dx
            state[[1, 3]] += shift.dy
            one.box = one.box.shifted(*shift)

    def _advance(self, ts_s: float) -> None:
        """Our own clock, which always increases whatever the timestamps do."""
        if self._last_ts_s is not None:
            passed = ts_s - self._last_ts_s
            if passed < SPARSE_STEP_S:
                passed = min(passed, self._most_step_s)
            self._clock_s += passed if passed > 0 else NOMINAL_STEP_S
        self._last_ts_s = ts_s

    def _check(
        self, boxes: Boxes, found: Sequence[Box], looks: Sequence[Signature | None]
    ) -> Callable[[Boxes, int, Boxes], bool]:
        """For `CheckedIoU.refuses`: whether a track and a found box are two vehicles."""
        places = {box.tobytes(): place for place, box in enumerate(boxes)}

        def refuses(predicted: Boxes, row: int, box: Boxes) -> bool:
            place = places[box.tobytes()]
            look = looks[place]
            return look is not None and self._is_another(self._at(predicted, row), found[place], look)

        return refuses

    def _at(self, predicted: Boxes, row: int) -> _Followed:
        """Whose box is predicted in that row: the library leaves tracks out, but never changes their order."""
        known = {id(one.track): one for one in self._followed}
        same = [
            track for track in self._tracker.tracks if np.array_equal(track.get_state_bbox(), predicted[row])
        ]
        earlier = sum(np.array_equal(other, predicted[row]) for other in predicted[:row])
        return known[id(same[earlier])]

    def _is_another(self, one: _Followed, box: Box, look: Signature) -> bool:
        """Whether `box` can't be the vehicle followed so far, although it is where that one should be."""
        before = one.box
        if self._was_away(one):
            if growth(before, box) > MOST_GROWTH:
                return True
        elif growth(before, box) <= JUMP_GROWTH and iou(before, box) >= JUMP_IOU:
            return False
        return one.signature is not None and difference(one.signature, look) > self._most_difference

    def _was_away(self, one: _Followed) -> bool:
        """Whether a track that is seen now was out of sight until then."""
        return self._step - one.seen_step > 1 and self._clock_s - one.seen_s >= self._gap_s

    def _places(self, boxes: Boxes, numbers: dict[int, int]) -> dict[int, int]:
        """Which box each track got, by the identity of the library's tracks.

        The library does not tell which box an unconfirmed track got, but the state of one that was matched just now
        is close to that box, and that of a new one is that very box.
        """
        confirmed = {number: place for place, number in numbers.items() if number != UNCONFIRMED}
        loose = [place for place, number in numbers.items() if number == UNCONFIRMED]
        places = {}
        for track in self._tracker.tracks:
            if track.time_since_update:
                continue
            if track.tracker_id != UNCONFIRMED:
                places[id(track)] = confirmed[int(track.tracker_id)]
            else:
                distances = np.abs(boxes[loose] - track.get_state_bbox()).sum(axis=1)
                places[id(track)] = loose[int(distances.argmin())]
        return places

    def _note(
        self, places: dict[int, int], sights: Sequence[Sight], looks: Sequence[Signature | None]
    ) -> list[TrackedSight]:
        """Bring what is followed up to the library's tracks; the vehicles among those that were seen now."""
        before = {id(one.track): one for one in self._followed}
        seen = []
        self._followed = []
        for track in self._tracker.tracks:
            one = before.get(id(track))
            place = places.get(id(track))
            if place is not None:
                one = one or _Followed(
                    track, sights[place], sights[place].detection.box, self._clock_s, self._step, None
                )
                tracked = self._saw(one, sights[place], looks[place])
                seen += [] if tracked is None else [tracked]
            if one is not None:
                self._followed.append(one)
        return seen

    def _saw(self, one: _Followed, sight: Sight, look: Signature | None) -> TrackedSight | None:
        """Note the newest view of a track; None as long as it is no vehicle yet."""
        away = self._was_away(one)
        one.box, one.seen_s, one.seen_step = sight.detection.box, self._clock_s, self._step
        one.signature = blended(one.signature, look)
        if one.track.tracker_id == UNCONFIRMED:
            return None
        birth = None if one.confirmed else one.first
        one.confirmed = True
        return TrackedSight(int(one.track.tracker_id) + 1, sight, birth, away)
