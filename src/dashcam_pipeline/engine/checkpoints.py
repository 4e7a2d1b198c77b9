"""Making a checkpoint of a source at the end of an epoch, and taking one up again.

A checkpoint is what the keyed categories remembered at the cut, where the ordered ones were, and what was counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dashcam_pipeline.engine.buckets import Bucket, KeyedBucket
from dashcam_pipeline.engine.source_book import SourceBook
from dashcam_pipeline.engine.states import Slot, StateBook
from dashcam_pipeline.engine.task import Checkpoint, KeptState, Task, pack


@dataclass(frozen=True, slots=True)
class CheckpointMaker:
    """Reads and fills the books of the queue that a checkpoint is made of."""

    buckets: Mapping[str, Bucket]  # by category
    states: StateBook
    sources: SourceBook

    def take(self, source_id: str, epoch: int) -> Checkpoint:
        """The source at the end of an epoch that is over."""
        states = dict(self.states.at(source_id, epoch))
        orders = {
            Slot(name, key): bucket.order_at(key, epoch)
            for name, bucket in self._ordered()
            for key in self.sources.keys(source_id, name)
        }
        return Checkpoint(
            source_id=source_id,
            epoch=epoch,
            states=tuple(
                KeptState(
                    category=slot.category,
                    key=slot.key,
                    state=states.get(slot),
                    next_order=orders.get(slot, 0),
                )
                for slot in {**states, **orders}
            ),
            tallies=self.sources.settle(source_id, epoch),
        )

    def put_back(self, checkpoint: Checkpoint) -> None:
        """Fill the books with what a checkpoint holds; its frames are registered already."""
        source_id, epoch = checkpoint.source_id, checkpoint.epoch
        ordered = dict(self._ordered())
        for kept in checkpoint.states:
            self.sources.knows(source_id, kept.category, kept.key)
            if kept.category in ordered:
                ordered[kept.category].go_on_at(kept.key, kept.next_order, epoch)
            if kept.state is not None:
                self.states.put(source_id, Slot(kept.category, kept.key), kept.state, epoch, epoch + 1)
        self.sources.tally(source_id, checkpoint.tallies, epoch)

    def _ordered(self) -> Iterator[tuple[str, KeyedBucket]]:
        for name, bucket in self.buckets.items():
            if isinstance(bucket, KeyedBucket) and bucket.ordered:
                yield name, bucket


def checkpoint_task(checkpoint: Checkpoint, category: str) -> Task:
    """The task that carries a checkpoint to who keeps it; its frames live as long."""
    return Task(
        task_id=f"{checkpoint.source_id}:{category}:{checkpoint.epoch}",
        category=category,
        source_id=checkpoint.source_id,
        key=checkpoint.source_id,
        epoch=checkpoint.epoch,
        payload=pack(checkpoint),
        dependencies=checkpoint.frames,
    )
