"""DEAD_LETTER: what is known of a task that was given up is kept, with its frame."""

from __future__ import annotations

from dashcam_pipeline.engine.task import Batch, Outcome
from dashcam_pipeline.stages.context import StageContext


class KeepDeadLetter:
    """The processor of DEAD_LETTER. See the module."""

    def __init__(self, context: StageContext) -> None:
        self._context = context

    def process(self, batch: Batch, /) -> Outcome:
        return Outcome()
