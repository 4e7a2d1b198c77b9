"""Watching one video: which vehicles pass, and which views of each are the best to search for its plate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from dashcam_pipeline.config import DetectionSettings, LookSettings, TrackingSettings
from dashcam_pipeline.vision.plates.plate_gates import Surroundings
from dashcam_pipeline.vision.quality import sharpness
from dashcam_pipeline.vision.tracking.appearance import signature_of
from dashcam_pipeline.vision.tracking.box_path import BoxPath
from dashcam_pipeline.vision.tracking.ego_motion import NO_SHIFT, EgoMotion
from dashcam_pipeline.vision.tracking.overlay import Overlay
from dashcam_pipeline.vision.tracking.scene import ShotCuts
from dashcam_pipeline.vision.tracking.tracker import Sight, TrackedSight, VehicleTracker
from dashcam_pipeline.vision.types import Box, Detection, Image

PICTURE_GROWTH = 1.5
"""A vehicle that stays too small for a search is pictured again whenever it is this much wider."""


MOTORCYCLE = "motorcycle"
MOTORCYCLE_SHARE = 0.5
"""A plate takes about twice the share of a motorcycle's width than of a car's."""


CUT_OFF_SHARE = 0.5
"""What a view is worth whose vehicle reaches the edge of the frame: its plate may be outside."""

EDGE_SHARE = 0.01
"""So near to an edge, as a share of the frame's width and height, a box is taken to reach it."""


KEPT_A_SEGMENT = 3
"""So many searchable views of each stretch between two gaps are kept, if there are as many, and room for them."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames over which a vehicle was never out of sight for long."""

    first_frame: int
    last_frame: int


@dataclass(frozen=True, slots=True)
class Look:
    """One view of a vehicle that is worth more work."""

    track_id: int
    frame_idx: int
    ts_s: float
    box: Box  # of the vehicle, pixels of the frame
    search: bool  # wide enough to be searched for a plate; else it is only a picture for the evidence
    worth: float  # the more, the better its plate should be readable
    others: tuple[Box, ...] = ()  # other vehicles in this frame whose boxes overlap this one's

    @property
    def rank(self) -> tuple[bool, float, int]:
        """A total order of one vehicle's views: the greater, the sooner it is searched."""
        return (self.search, self.worth, -self.frame_idx)


@dataclass(frozen=True, slots=True)
class Passing:
    """One vehicle that has passed."""

    track_id: int
    vehicle_class: str
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    looks: tuple[
        Look, ...
    ]  # its best views, the best first; at least one, unless a stage failed on its frames
    segments: tuple[Segment, ...] = ()  # in order; more than one if it was out of sight in between
    first_box: Box | None = None  # of the vehicle at first and at last sight, pixels of the frame
    last_box: Box | None = None
    overlay: tuple[Box, ...] = ()  # where the camera writes into its picture, as far as that touches a look
    masks: tuple[Box, ...] = ()  # `detection.masks` in pixels of the frame, as far as they touch a look
    shot: int = 0  # shot cuts of the video before it
    path: BoxPath = field(default_factory=BoxPath)  # its box in the frames in which it was seen

    def around(self, look: Look) -> Surroundings:
        """What else was in the frame around one of its looks."""
        return Surroundings(look.others, self.overlay, self.masks)


@dataclass(frozen=True, slots=True)
class WatchStep:
    """What one frame brought."""

    looks: tuple[Look, ...]  # new ones, all in the frame given to this step: cut them out
    dropped: tuple[Look, ...]  # looks of this or earlier steps that better ones have replaced
    ended: tuple[Passing, ...]


@dataclass(slots=True)
class _Vehicle:
    """A confirmed vehicle in sight."""

    track_id: int
    first: Sight
    last: Sight
    segments: list[Segment]
    shot: int
    class_scores: dict[str, float] = field(default_factory=dict)  # scores times areas: large views show more
    looks: list[Look] = field(default_factory=list)
    path: BoxPath = field(default_factory=BoxPath)

    def saw(self, sight: Sight, found_again: bool) -> None:
        label, evidence = sight.detection.label, sight.detection.score * sight.detection.box.area
        self.class_scores[label] = self.class_scores.get(label, 0.0) + evidence
        self.last = sight
        self.path.add(sight.frame_idx, sight.ts_s, sight.detection.box)
        if found_again:
            self.segments.append(Segment(sight.frame_idx, sight.frame_idx))
        else:
            self.segments[-1] = replace(self.segments[-1], last_frame=sight.frame_idx)

    def worst(self, candidate: Look) -> Look:
        """What is lost if `candidate` is added: the worst of all looks that their segments can spare."""
        looks = [*self.looks, candidate]
        starts = [segment.first_frame for segment in self.segments]
        segments = [bisect_right(starts, look.frame_idx) for look in looks]
        spared = min(KEPT_A_SEGMENT, len(self.looks) // len(starts))
        spare = [look for look, own in zip(looks, segments, strict=True) if segments.count(own) > spared]
        return min(spare, key=lambda look: look.rank)

    def passing(self) -> Passing:
        best_class = max(sorted(self.class_scores), key=self.class_scores.__getitem__)
        return Passing(
            self.track_id,
            best_class,
            self.first.frame_idx,
            self.last.frame_idx,
            self.first.ts_s,
            self.last.ts_s,
            tuple(sorted(self.looks, key=lambda look: look.rank, reverse=True)),
            tuple(self.segments),
            self.first.detection.box,
            self.last.detection.box,
            shot=self.shot,
            path=self.path.ended(self.last.frame_idx, self.last.ts_s, self.last.detection.box),
        )


class Watch:
    """The state of one video. Picklable; equal frames give equal results, also across a pickle in between.

    Nothing that happens later (reads, votes) feeds back, so results don't depend on timing.
    """

    def __init__(self, tracking: TrackingSettings, looks: LookSettings, detection: DetectionSettings) -> None:
        self._settings = looks
        self._detection = detection
        self._tracker = VehicleTracker(
            lost_after_s=tracking.lost_after_s,
            activation_score=tracking.activation_score,
            min_hits=tracking.min_hits,
            min_iou=tracking.min_iou,
            step_s=tracking.step_s,
            gap_s=tracking.gap_s,
            most_difference=tracking.most_difference,
        )
        self._cuts = ShotCuts()
        self._shot = 0
        self._ego_motion = EgoMotion()
        self._overlay = Overlay()
        self._masks: tuple[Box, ...] = ()
        self._vehicles: dict[int, _Vehicle] = {}

    def step(
        self, frame_idx: int, ts_s: float, detections: Sequence[Detection], image: Image | None
    ) -> WatchStep:
        """Take the next frame.

        Args:
            frame_idx: its number; increases from step to step.
            ts_s: its time in the video.
            detections: the vehicles found in it.
            image: the frame, needed to find cuts, to judge sharpness and to recognize vehicles; None for a frame
                on which a stage failed (then `detections` is empty and no looks come out).

        Returns:
            views that are now among the best of their vehicle, those that they replace, and the vehicles that
            have left.
        """
        shift = NO_SHIFT
        if image is not None:
            detections = self._unmasked(ts_s, detections, image)
            shift = self._ego_motion.step(image)
            if self._cuts.step(image):
                self._tracker.cut()
                self._shot += 1
        signatures = [] if image is None else [signature_of(image, one.box) for one in detections]
        tracks = self._tracker.step(frame_idx, ts_s, detections, signatures, shift)
        new: list[Look] = []
        dropped: list[Look] = []
        for seen in tracks.seen:
            vehicle = self._vehicle(seen)
            vehicle.saw(seen.sight, seen.found_again)
            look = None if image is None else self._look(vehicle, seen.sight, image)
            if look is not None:
                look = replace(look, others=_overlapping(look.box, tracks.seen))
                new.append(look)
                dropped += self._keep(vehicle, look)
        gone = [number for number in self._vehicles if number not in tracks.alive]
        ended = tuple(self._passing(self._vehicles.pop(number)) for number in sorted(gone))
        return WatchStep(tuple(new), tuple(dropped), ended)

    def close(self) -> WatchStep:
        """End of the video: every vehicle still in sight has passed."""
        ended = tuple(self._passing(self._vehicles.pop(number)) for number in sorted(self._vehicles))
        return WatchStep((), (), ended)

    def _unmasked(self, ts_s: float, detections: Sequence[Detection], image: Image) -> Sequence[Detection]:
        """The vehicles outside of the masks; from the picture is learnt what the camera writes into it."""
        height, width = image.shape[:2]
        self._masks = tuple(
            Box(one.x1 * width, one.y1 * height, one.x2 * width, one.y2 * height)
            for one in self._detection.masks
        )
        if self._detection.overlay:
            self._overlay.step(ts_s, image, [one.box for one in detections])
        if not self._masks:
            return detections
        return [one for one in detections if not any(one.box.has_centre_in(mask) for mask in self._masks)]

    def _passing(self, vehicle: _Vehicle) -> Passing:
        """A vehicle that has left, with what is known by then of what is fixed in the picture around it."""
        passing = vehicle.passing()
        boxes = [look.box for look in passing.looks]
        return replace(
            passing,
            overlay=_touching(self._overlay.rectangles(), boxes),
            masks=_touching(self._masks, boxes),
        )

    def _vehicle(self, seen: TrackedSight) -> _Vehicle:
        if seen.track_id not in self._vehicles:
            first = seen.birth or seen.sight
            vehicle = _Vehicle(
                seen.track_id, first, first, [Segment(first.frame_idx, first.frame_idx)], self._shot
            )
            vehicle.saw(first, found_again=False)
            self._vehicles[seen.track_id] = vehicle
        return self._vehicles[seen.track_id]

    def _look(self, vehicle: _Vehicle, sight: Sight, image: Image) -> Look | None:
        """This view of the vehicle, if it belongs among its best."""
        box, label = sight.detection.box, sight.detection.label
        share = MOTORCYCLE_SHARE if label == MOTORCYCLE else 1.0
        search = box.width >= self._settings.min_vehicle_px * share
        if not search and not self._worth_picture(vehicle, box):
            return None
        worth = box.width * sharpness(box.crop(image)) if search else box.width
        if _is_cut_off(box, image):
            worth *= CUT_OFF_SHARE
        look = Look(vehicle.track_id, sight.frame_idx, sight.ts_s, box, search, worth)
        full = len(vehicle.looks) >= self._settings.kept_views
        return None if full and vehicle.worst(look) == look else look

    def _keep(self, vehicle: _Vehicle, look: Look) -> list[Look]:
        """Put a look among the vehicle's best; those that it replaces.

        A view that is too small to be searched is the only one of its vehicle, until there is a better one.
        """
        replaced = [kept for kept in vehicle.looks if not kept.search]
        if not replaced and len(vehicle.looks) >= self._settings.kept_views:
            replaced = [vehicle.worst(look)]
        vehicle.looks = [kept for kept in vehicle.looks if kept not in replaced]
        vehicle.looks.append(look)
        return replaced

    def _worth_picture(self, vehicle: _Vehicle, box: Box) -> bool:
        """The first view of all, and wider ones as long as there is nothing better."""
        widest_px = max((look.box.width * PICTURE_GROWTH for look in vehicle.looks), default=0.0)
        return not any(look.search for look in vehicle.looks) and box.width > widest_px


def _is_cut_off(box: Box, image: Image) -> bool:
    """Whether the vehicle may go on outside of the frame, to the sides or below; above, there is no plate."""
    height, width = image.shape[:2]
    margin_x, margin_y = EDGE_SHARE * width, EDGE_SHARE * height
    return bool(box.x1 < margin_x or box.x2 > width - margin_x or box.y2 > height - margin_y)


def _overlapping(box: Box, seen: Iterable[TrackedSight]) -> tuple[Box, ...]:
    """The boxes of other vehicles that overlap a vehicle's."""
    return tuple(
        other for sight in seen if (other := sight.sight.detection.box) != box and other.overlaps(box)
    )


def _touching(parts: Iterable[Box], boxes: Sequence[Box]) -> tuple[Box, ...]:
    return tuple(part for part in parts if any(part.overlaps(box) for box in boxes))
