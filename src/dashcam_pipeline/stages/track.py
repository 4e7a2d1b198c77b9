"""TRACK: the vehicles of a video's frames, in order, become passing vehicles, each with pictures of its best views.

One batch of one video at a time; the tracker travels with the queue as that video's state. What is worth keeping of a
frame is cut out here, so that no later stage needs the whole frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dashcam_pipeline.engine.monitor import FRAMES_DONE
from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, Task, pack
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.frames import store_frame, stored_frame
from dashcam_pipeline.stages.records import (
    EndOfVideo,
    SampledFrame,
    SearchedFrame,
    VehiclePassed,
    VehiclePicture,
    stored_names,
)
from dashcam_pipeline.stages.scenes import SCENE_QUALITY, scene_picture, scene_scale
from dashcam_pipeline.vision.plates.crops import SearchPicture, search_picture
from dashcam_pipeline.vision.tracking.watch import Look, Passing, Watch, WatchStep
from dashcam_pipeline.vision.types import Image


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is remembered of a video between two batches."""

    watch: Watch
    pictures: dict[Look, VehiclePicture] = field(default_factory=dict)  # of the looks that are kept

    def state(self) -> KeyState:
        return KeyState(pack(self), stored_names(self.pictures.values()))


@dataclass(slots=True)
class _Findings:
    """What a batch brings, until all its frames were seen: most views are soon replaced by better ones."""

    cuts: dict[Look, SearchPicture] = field(default_factory=dict)
    frames_of_looks: dict[int, Image] = field(default_factory=dict)  # by their numbers
    passed: list[tuple[Task, Passing]] = field(default_factory=list)
    frames: int = 0


class Track:
    """The processor of TRACK. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context

    def process(self, batch: Batch, /) -> Outcome:
        settings = self._context.settings
        scene: _Scene = (
            batch.state.load()
            if batch.state
            else _Scene(Watch(settings.tracking, settings.looks, settings.detection))
        )
        findings, over = _Findings(), False
        for task in batch.tasks:
            record = task.load()
            if isinstance(record, EndOfVideo):
                step, over = scene.watch.close(), True
            else:
                step = self._step(scene.watch, task, record, findings)
            for look in step.dropped:
                scene.pictures.pop(look, None)
                findings.cuts.pop(look, None)
            findings.passed += [(task, passing) for passing in step.ended]
        stored = self._store(batch, scene, findings)
        return Outcome(
            push=tuple(self._passed(scene, task, passing) for task, passing in findings.passed),
            state=None if over else scene.state(),
            new_frames=stored,
            tallies={FRAMES_DONE: findings.frames},
        )

    def _step(
        self, watch: Watch, task: Task, record: SearchedFrame | SampledFrame, findings: _Findings
    ) -> WatchStep:
        findings.frames += 1
        if isinstance(record, SampledFrame):  # the search of this frame was given up
            return watch.step(record.frame_idx, record.ts_s, [], None)
        frame = stored_frame(self._context.tools.store, task)
        step = watch.step(record.frame_idx, record.ts_s, list(record.vehicles), frame)
        for look in step.looks:
            findings.cuts[look] = search_picture(frame, look.box, self._context.settings.detection)
        if any(look.search for look in step.looks):
            findings.frames_of_looks[record.frame_idx] = frame
        return step

    def _store(self, batch: Batch, scene: _Scene, findings: _Findings) -> dict[str, int]:
        """Store the new views that are still among the best, and the frames that they are in; sizes in bytes by name.
        All or none."""
        stored: dict[str, int] = {}
        try:
            for look, cut in findings.cuts.items():
                quality = self._context.settings.looks.picture_quality
                name = self._name(batch, f"{look.track_id}-{look.frame_idx}")
                stored[name] = store_frame(self._context, batch.task_ids, name, cut.image, quality)
                scene_id, scale = None, 1.0
                if look.search:
                    frame = findings.frames_of_looks[look.frame_idx]
                    scale = scene_scale(frame, self._context.settings.storage)
                    scene_id = self._store_scene(batch, look.frame_idx, frame, stored)
                scene.pictures[look] = VehiclePicture(name, cut.left, cut.top, scene_id, scale)
        except BaseException:  # the queue never hears of them
            for name in stored:
                self._context.tools.store.delete(name)
            raise
        return stored

    def _store_scene(self, batch: Batch, frame_idx: int, frame: Image, stored: dict[str, int]) -> str:
        """Store a whole frame, shrunk, if another look in it has not done so; its name."""
        name = self._name(batch, f"scene-{frame_idx}")
        if name not in stored:
            whole = scene_picture(frame, self._context.settings.storage)
            stored[name] = store_frame(self._context, batch.task_ids, name, whole, SCENE_QUALITY)
        return name

    def _name(self, batch: Batch, picture: str) -> str:
        """The worker's name tells this try from another one that is still under way somewhere."""
        return f"{batch.tasks[0].source_id}-{picture}-{self._context.tools.worker_id}.jpg"

    def _passed(self, scene: _Scene, task: Task, passing: Passing) -> Task:
        pictures = tuple(scene.pictures.pop(look) for look in passing.looks)
        return self._context.route.task(
            VehiclePassed(passing, pictures),
            task,
            f"{passing.track_id}-passed",
            key=vehicle_key(task.source_id, passing.track_id),
            frames=stored_names(pictures),
        )


def vehicle_key(source_id: str, track_id: int) -> str:
    """What all tasks of one vehicle share."""
    return f"{source_id}/{track_id}"
