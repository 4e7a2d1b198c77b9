"""TRACK: the vehicles of a video's frames, in order, become passing vehicles and looks worth a plate search.

One batch of one video at a time; the tracker travels with the queue as that video's state.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashcam_pipeline.engine.monitor import FRAMES_DONE
from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, Task, pack
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.frames import stored_frame
from dashcam_pipeline.stages.records import (
    EndOfVideo,
    SampledFrame,
    SearchedFrame,
    VehicleLook,
    VehiclePassed,
)
from dashcam_pipeline.vision.watch import Passing, Watch, WatchStep


class Track:
    """The processor of TRACK. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context

    def process(self, batch: Batch, /) -> Outcome:
        settings = self._context.settings
        watch: Watch = batch.state.load() if batch.state else Watch(settings.tracking, settings.looks)
        pushed: list[Task] = []
        frames, over = 0, False
        for task in batch.tasks:
            record = task.load()
            if isinstance(record, EndOfVideo):
                step, over = watch.close(), True
            else:
                step, frames = self._step(watch, task, record), frames + 1
            pushed += self._looks(task, step) + self._passed(task, step.ended)
        return Outcome(
            push=tuple(pushed),
            state=None if over else KeyState(pack(watch)),
            tallies={FRAMES_DONE: frames},
        )

    def _step(self, watch: Watch, task: Task, record: SearchedFrame | SampledFrame) -> WatchStep:
        if isinstance(record, SampledFrame):  # the search of this frame was given up
            return watch.step(record.frame_idx, record.ts_s, [], None)
        image = stored_frame(self._context.tools.store, task)
        return watch.step(record.frame_idx, record.ts_s, list(record.vehicles), image)

    def _looks(self, task: Task, step: WatchStep) -> list[Task]:
        return [
            self._context.route.task(
                VehicleLook(look),
                task,
                f"{look.track_id}-{look.frame_idx}",
                key=vehicle_key(task.source_id, look.track_id),
                payload_ref=task.payload_ref,
                frames=task.dependencies,
            )
            for look in step.looks
        ]

    def _passed(self, task: Task, ended: Sequence[Passing]) -> list[Task]:
        return [
            self._context.route.task(
                VehiclePassed(passing),
                task,
                f"{passing.track_id}-passed",
                key=vehicle_key(task.source_id, passing.track_id),
            )
            for passing in ended
        ]


def vehicle_key(source_id: str, track_id: int) -> str:
    """What all tasks of one vehicle share."""
    return f"{source_id}/{track_id}"
