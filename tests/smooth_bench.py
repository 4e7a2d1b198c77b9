"""What tests of PLATE_SMOOTH share: a vehicle that passes, and the stages that search its views."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from dashcam_pipeline.engine.task import Outcome, Task
from dashcam_pipeline.stages.plate_smooth import PlateSmooth
from dashcam_pipeline.stages.records import LookDone, RowToWrite, ViewToSearch
from dashcam_pipeline.storage.rows import SightingRow
from dashcam_pipeline.vision.tracking.watch import Look
from dashcam_pipeline.vision.types import Box, PlateRead
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.rounds import Search
from stage_bench import VIDEO, Bench, passed, picture, task

LARGE = Box(20, 20, 720, 500)
"""A vehicle of which a search in full shows more than a shrunk one."""

Sees = Callable[[Search], LookResult]


def result(search: Search, text: str | None = "AB12CDE", *, sure: float = 0.98, px: int = 60) -> LookResult:
    """A search that found a plate; a text of None: it found none."""
    return LookResult(
        track_id=search.look.track_id,
        frame_idx=search.look.frame_idx,
        ts_s=search.look.ts_s,
        vehicle_box=search.look.box,
        searched=True,
        in_full=search.in_full,
        plate_box=None if text is None else Box(50, 60, 50 + px, 80),
        plate_score=0.0 if text is None else 0.9,
        reads=() if text is None else (PlateRead(text, (sure,) * len(text)),),
    )


def nothing(search: Search) -> LookResult:
    return result(search, None)


def leaves(bench: Bench, *looks: Look, track_id: int = 1) -> None:
    """A vehicle passes, with the pictures of its views in the store."""
    record = passed(*looks, track_id=track_id)
    names = tuple(one.frame_id for one in record.pictures)
    made = task("PLATE_SMOOTH", "passed", record, key=f"{VIDEO}/{track_id}", dependencies=names)
    made = replace(made, task_id=f"{made.task_id}-{track_id}")
    bench.bring_in({name: picture(place) for place, name in enumerate(names)}, made)


def smooth_of(bench: Bench) -> PlateSmooth:
    smooth = bench.build("PLATE_SMOOTH")
    assert isinstance(smooth, PlateSmooth)
    return smooth


def searches(bench: Bench) -> list[Task]:
    """All searches that wait, taken by a worker."""
    taken: list[Task] = []
    while batch := bench.lease("PLATE_DETECT"):
        taken += batch.tasks
    return taken


def answer(bench: Bench, asked: Task, sees: Sees) -> None:
    """What PLATE_DETECT and OCR hand on."""
    record: ViewToSearch = asked.load()
    done = LookDone(sees(record.search), record.picture)
    follower = replace(
        task("PLATE_SMOOTH", record.search.name, done, key=asked.key, epoch=asked.epoch),
        dependencies=asked.dependencies,
    )
    bench.queue.complete("w", (asked.task_id,), Outcome(push=(follower,)))


def rounds(bench: Bench, sees: Sees, shuffle: random.Random | None = None) -> list[list[str]]:
    """Work off everything; the searches of each round, by name. With `shuffle`, in another order and other batches."""
    smooth, asked = smooth_of(bench), []
    while True:
        while bench.work("PLATE_SMOOTH", smooth):
            pass
        taken = searches(bench)
        if not taken:
            return asked
        asked.append([one.load().search.name for one in taken])
        if shuffle is not None:
            shuffle.shuffle(taken)
        for one in taken:
            answer(bench, one, sees)
            if shuffle is not None and shuffle.random() < 0.5:
                bench.work("PLATE_SMOOTH", smooth)


def row_of(bench: Bench) -> SightingRow:
    """The one row that came of it. No picture is left in the store."""
    (record,) = bench.drain("FINAL_WRITE")
    assert isinstance(record, RowToWrite)
    assert isinstance(record.row, SightingRow)
    assert bench.store.leftovers() == []
    return record.row
