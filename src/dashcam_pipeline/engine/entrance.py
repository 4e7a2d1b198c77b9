"""What may come into the queue: whatever is not sound is refused as a whole, before anything has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from dashcam_pipeline.engine.frames import FrameLedger
from dashcam_pipeline.engine.task import Category, Outcome, Task


@dataclass(frozen=True, slots=True)
class Entrance:
    """Looks at tasks and outcomes; changes nothing."""

    categories: Mapping[str, Category]
    live: AbstractSet[str]  # ids of all tasks that wait or are leased
    frames: FrameLedger

    def check(self, tasks: Sequence[Task], new_frames: Iterable[str] = ()) -> None:
        """Raise ValueError for an unknown category, an id in use, or a frame that is not stored."""
        new = set(new_frames)
        seen: set[str] = set()
        for task in tasks:
            if task.category not in self.categories:
                raise ValueError(f"task {task.task_id!r} has the unknown category {task.category!r}")
            if task.task_id in self.live or task.task_id in seen:
                raise ValueError(f"task id {task.task_id!r} is in use")
            seen.add(task.task_id)
            if not task.dependencies:
                continue
            missing = [frame for frame in self.frames.unknown(task.dependencies) if frame not in new]
            if missing:
                raise ValueError(f"task {task.task_id!r} depends on frames that are not stored: {missing}")

    def check_outcome(self, tasks: Sequence[Task], outcome: Outcome) -> None:
        """Raise ValueError for what could not be applied as a whole."""
        new, closer = outcome.new_frames, outcome.closer
        self.check((*outcome.push, closer) if closer else outcome.push, new)
        stored = set(new).difference(self.frames.unknown(new)) if new else None
        if stored:
            raise ValueError(f"frames are written once, these are stored already: {stored}")
        held = () if outcome.state is None else outcome.state.frames
        unknown = [frame for frame in self.frames.unknown(held) if frame not in new]
        if unknown:
            raise ValueError(f"the state of {tasks[0].key!r} holds frames that are not stored: {unknown}")
        if closer is not None and (closer.dependencies or closer.source_id != tasks[0].source_id):
            raise ValueError(f"the closer {closer.task_id!r} must be of its own source, and hold no frames")
