"""What tests of the stages that write share: rows that wait, a writer that leaves at the end, a dead letter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dashcam_pipeline.stages.final_write import FinalWrite
from dashcam_pipeline.stages.records import (
    RowToWrite,
)
from dashcam_pipeline.storage.row_json import OutboxRow
from dashcam_pipeline.storage.rows import SightingRow, VideoRow
from dashcam_pipeline.storage.writing.outbox import Outbox
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.voting import LookResult
from stage_bench import Bench, task

NOBODY = "postgresql://127.0.0.1:1/x"
REASON = "Traceback (most recent call last):\n  File 'ocr.py', line 1\nValueError: no such colour\n"


def waiting_rows(bench: Bench) -> list[OutboxRow]:
    with Outbox(bench.job.work_dir / "outbox.sqlite3") as outbox:
        return [entry.row for entry in outbox.peek(1000)]


@contextmanager
def writing(bench: Bench) -> Iterator[FinalWrite]:
    """FINAL_WRITE of a worker that leaves at the end."""
    stage = bench.build("FINAL_WRITE")
    assert isinstance(stage, FinalWrite)
    try:
        yield stage
    finally:
        stage.close()


def push_rows(bench: Bench, *rows: SightingRow | VideoRow) -> None:
    bench.open_video()
    bench.push(*(task("FINAL_WRITE", str(number), RowToWrite(row)) for number, row in enumerate(rows)))


RESULT = LookResult(track_id=1, frame_idx=30, ts_s=1.2, vehicle_box=Box(0, 0, 9, 9), searched=True)
