"""What a simulated stage makes of its tasks: as many tasks of the next categories as the figures say.

The categories, their keys and orders come from the pipeline's own table; how many tasks follow, from measured means.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from dashcam_pipeline.engine.task import Batch, Category, KeyState, Outcome, Task
from dashcam_pipeline.stages.pipeline import Stage
from dashcam_pipeline.stages.records import EndOfVideo, SampledFrame, VideoJob, VideoRead
from simulation.params import Edge, Measured

ALL_BUT_ONE = 1e-6
END = b"end"
STATE = KeyState(b"")


class Flow:
    """The tasks of a run.

    Args:
        table: the pipeline's stages.
        params: how many tasks follow a task.
        rng: where each mean begins to be rounded.
    """

    def __init__(self, table: Sequence[Stage], params: Measured, rng: random.Random) -> None:
        self._categories = {stage.category.name: stage.category for stage in table}
        self._video = params.video
        self._edges: dict[str, list[Edge]] = defaultdict(list)
        for edge in params.edges:
            self._edges[edge.parent].append(edge)
        self._saved = {(edge.parent, edge.child): rng.random() for edge in params.edges}
        self.reading = _taker(table, VideoJob)
        self._searching = _taker(table, SampledFrame)
        self.tracking = _taker(table, EndOfVideo)
        self._closing = _taker(table, VideoRead)

    def video(self, number: int) -> Task:
        """The task of reading a whole video."""
        source = f"v{number}"
        return Task(task_id=f"{source}:file", category=self.reading.name, source_id=source, key=source)

    def frames(self, video: Task, first: int, number: int) -> Outcome:
        """What a reader brings in with frames `first`, `first + 1`, …"""
        names = [f"{video.source_id}-{order}" for order in range(first, first + number)]
        return Outcome(
            push=tuple(
                self._task(video, self._searching, str(order), order, (name,))
                for order, name in enumerate(names, first)
            ),
            new_frames=dict.fromkeys(names, self._video.frame_bytes),
            state=STATE,
        )

    def end_of_video(self, video: Task, frames: int) -> Outcome:
        """What finishes the reading of a video."""
        end = self._task(video, self.tracking, "end", frames, (), END)
        return Outcome(push=(end,), closer=self._task(video, self._closing, "summary", frames, ()))

    def outcome(self, batch: Batch) -> Outcome:
        """What a batch of any other category comes to."""
        category = self._categories[batch.category]
        push = tuple(child for task in batch.tasks for child in self._children(task))
        keyed = category.keyed or category.ordered
        over = any(task.payload == END for task in batch.tasks)
        return Outcome(push=push, state=STATE if keyed and not over else None)

    def _children(self, task: Task) -> list[Task]:
        if task.payload == END:
            return []
        children: list[Task] = []
        for edge in self._followed(self._edges[task.category]):
            child = self._categories[edge.child]
            name = f"{task.task_id.partition(':')[2]}-{len(children)}"
            frames = task.dependencies if edge.keeps_frame else ()
            children.append(self._task(task, child, name, task.order, frames))
        return children

    def _followed(self, edges: Sequence[Edge]) -> list[Edge]:
        """One entry a task to be pushed.

        Every edge saves up its share until it is a whole task, so that the sums come out as measured. Edges that come
        to one a task together exclude each other.
        """
        for edge in edges:
            self._saved[edge.parent, edge.child] += edge.per_task
        if abs(sum(edge.per_task for edge in edges) - 1) < ALL_BUT_ONE:
            due = [max(edges, key=lambda edge: self._saved[edge.parent, edge.child])]
        else:
            due = [edge for edge in edges for _ in range(int(self._saved[edge.parent, edge.child]))]
        for edge in due:
            self._saved[edge.parent, edge.child] -= 1
        return due

    def _task(
        self,
        parent: Task,
        category: Category,
        name: str,
        order: int,
        frames: tuple[str, ...],
        payload: bytes = b"",
    ) -> Task:
        return Task(
            task_id=f"{parent.source_id}:{category.name}:{name}",
            category=category.name,
            source_id=parent.source_id,
            epoch=parent.epoch,
            key=self._key(parent, category, order),
            order=order,
            payload=payload,
            dependencies=frames,
        )

    def _key(self, parent: Task, category: Category, order: int) -> str:
        """Ordered categories go by the video; behind them, tasks go by the vehicle that was in sight then."""
        if category.ordered or parent.category in (self.reading.name, self._searching.name):
            return parent.source_id
        if parent.category != self.tracking.name:
            return parent.key
        return f"{parent.source_id}/{order * self._video.vehicles // self._video.frames_looked_at}"


def _taker(table: Sequence[Stage], record: type) -> Category:
    """The category that takes records of a type."""
    return next(stage.category for stage in table if record in stage.takes)
