"""Watching one video: which vehicles pass, and which views of them are worth a plate search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dashcam_pipeline.config import LookSettings, TrackingSettings
from dashcam_pipeline.vision.quality import sharpness
from dashcam_pipeline.vision.tracker import Sight, TrackedSight, VehicleTracker
from dashcam_pipeline.vision.types import Box, Detection, Image

PICTURE_GROWTH = 1.5
"""A vehicle that stays too small for a search is pictured again whenever it is this much wider."""


MOTORCYCLE = "motorcycle"
MOTORCYCLE_SHARE = 0.5
"""A plate takes about twice the share of a motorcycle's width than of a car's."""


SHARPNESS_HALF_LIFE_S = 2.0
"""The sharpest view fades as a measure, for light and distance change while a vehicle is in sight."""


@dataclass(frozen=True, slots=True)
class Look:
    """One view of a vehicle that is worth more work."""

    track_id: int
    frame_idx: int
    ts_s: float
    box: Box  # of the vehicle, pixels of the frame
    search: bool  # search it for a plate; else it is only a picture for the evidence


@dataclass(frozen=True, slots=True)
class Passing:
    """One vehicle that has passed."""

    track_id: int
    vehicle_class: str
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    looks: int  # looks emitted for it; at least one


@dataclass(frozen=True, slots=True)
class WatchStep:
    """What one frame brought."""

    looks: tuple[Look, ...]  # all in the frame given to this step
    ended: tuple[Passing, ...]


@dataclass(slots=True)
class _Vehicle:
    """A confirmed vehicle in sight."""

    track_id: int
    first_frame: int
    first_s: float
    last_frame: int
    last_s: float
    class_scores: dict[str, float] = field(default_factory=dict)
    looks: int = 0
    searches: int = 0
    last_search_s: float = 0.0
    searched_px: float = 0.0  # width of the widest view searched so far
    pictured_px: float = 0.0  # width of the last view taken as a picture only
    sharpest: float = 0.0  # of its recent views
    sharpest_s: float = 0.0  # when `sharpest` was last updated

    def saw(self, sight: Sight) -> None:
        label, score = sight.detection.label, sight.detection.score
        self.class_scores[label] = self.class_scores.get(label, 0.0) + score
        self.last_frame, self.last_s = sight.frame_idx, sight.ts_s

    def compared_sharpness(self, ts_s: float, sharp: float) -> float:
        """A view's sharpness as a share of the sharpest recent one; 1 when it is the sharpest itself."""
        faded = self.sharpest * 0.5 ** (max(0.0, ts_s - self.sharpest_s) / SHARPNESS_HALF_LIFE_S)
        self.sharpest, self.sharpest_s = max(sharp, faded), ts_s
        return sharp / self.sharpest if self.sharpest > 0 else 1.0

    def passing(self) -> Passing:
        best_class = max(sorted(self.class_scores), key=self.class_scores.__getitem__)
        return Passing(
            self.track_id,
            best_class,
            self.first_frame,
            self.last_frame,
            self.first_s,
            self.last_s,
            self.looks,
        )


class Watch:
    """The state of one video. Picklable; equal frames give equal results, also across a pickle in between.

    Nothing that happens later (reads, votes) feeds back, so results don't depend on timing.
    """

    def __init__(self, tracking: TrackingSettings, looks: LookSettings) -> None:
        self._settings = looks
        self._tracker = VehicleTracker(
            lost_after_s=tracking.lost_after_s,
            activation_score=tracking.activation_score,
            min_hits=tracking.min_hits,
            min_iou=tracking.min_iou,
            step_s=tracking.step_s,
        )
        self._vehicles: dict[int, _Vehicle] = {}

    def step(
        self, frame_idx: int, ts_s: float, detections: Sequence[Detection], image: Image | None
    ) -> WatchStep:
        """Take the next frame.

        Args:
            frame_idx: its number; increases from step to step.
            ts_s: its time in the video.
            detections: the vehicles found in it.
            image: the frame, needed to judge sharpness; None for a frame on which a stage failed
                (then `detections` is empty and no looks come out).

        Returns:
            views worth a search or a picture, all in this frame, and the vehicles that have left.
        """
        tracks = self._tracker.step(frame_idx, ts_s, detections)
        looks = [look for seen in tracks.seen if (look := self._look_at(seen, image)) is not None]
        gone = [number for number in self._vehicles if number not in tracks.alive]
        return WatchStep(tuple(looks), tuple(self._vehicles.pop(number).passing() for number in sorted(gone)))

    def close(self) -> WatchStep:
        """End of the video: every vehicle still in sight has passed."""
        ended = tuple(self._vehicles.pop(number).passing() for number in sorted(self._vehicles))
        return WatchStep((), ended)

    def _look_at(self, seen: TrackedSight, image: Image | None) -> Look | None:
        vehicle = self._vehicle(seen)
        sight = seen.sight
        vehicle.saw(sight)
        if image is None:
            return None
        box = sight.detection.box
        search = self._worth_search(vehicle, sight, image)
        if not search and not self._worth_picture(vehicle, box):
            return None
        vehicle.looks += 1
        if search:
            vehicle.searches += 1
            vehicle.last_search_s = sight.ts_s
            vehicle.searched_px = max(vehicle.searched_px, box.width)
        else:
            vehicle.pictured_px = box.width
        return Look(vehicle.track_id, sight.frame_idx, sight.ts_s, box, search)

    def _vehicle(self, seen: TrackedSight) -> _Vehicle:
        if seen.track_id not in self._vehicles:
            first = seen.birth or seen.sight
            vehicle = _Vehicle(seen.track_id, first.frame_idx, first.ts_s, first.frame_idx, first.ts_s)
            vehicle.saw(first)
            self._vehicles[seen.track_id] = vehicle
        return self._vehicles[seen.track_id]

    def _worth_search(self, vehicle: _Vehicle, sight: Sight, image: Image) -> bool:
        """Wide enough, not blurred beside earlier views, and not one of too many alike."""
        settings, box = self._settings, sight.detection.box
        narrowest_px = settings.min_vehicle_px * (
            MOTORCYCLE_SHARE if sight.detection.label == MOTORCYCLE else 1.0
        )
        if box.width < narrowest_px or vehicle.searches >= settings.max_looks:
            return False
        waited_s = sight.ts_s - vehicle.last_search_s
        grown = box.width > vehicle.searched_px * settings.growth
        if vehicle.searches >= settings.burst and waited_s < settings.min_interval_s and not grown:
            return False
        if settings.min_sharpness_share == 0:
            return True
        return (
            vehicle.compared_sharpness(sight.ts_s, sharpness(box.crop(image))) >= settings.min_sharpness_share
        )

    def _worth_picture(self, vehicle: _Vehicle, box: Box) -> bool:
        """The first view of all, and wider ones as long as there is nothing better."""
        if vehicle.searches:
            return False
        return vehicle.looks == 0 or box.width > vehicle.pictured_px * PICTURE_GROWTH
