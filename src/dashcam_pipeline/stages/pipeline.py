"""The one table that says which stage takes what, on what kind of worker, and what may follow.

Records travel by their type: a stage makes a record, and `Router` puts it into the category that takes records of
that type. A new stage is a new record, a new file, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name

from dashcam_pipeline.engine.task import Category, Task, WorkerClass, pack
from dashcam_pipeline.engine.worker import Processor, Tools
from dashcam_pipeline.stages import records
from dashcam_pipeline.stages.context import Job, StageContext

READ = "READ"
CHECKPOINT = "CHECKPOINT"
DEAD_LETTER = "DEAD_LETTER"


@dataclass(frozen=True, slots=True)
class FromModule:
    """Makes a stage's processor. Its module is loaded by the workers that run it, and by nobody else."""

    place: str  # `module:Class`, the module in this package

    def __call__(self, context: StageContext) -> Processor:
        made: Processor = resolve_name(f"{__package__}.{self.place}")(context)
        return made


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the table."""

    category: Category
    takes: tuple[type, ...]  # the records that are routed to it
    gives: tuple[type, ...]  # the records that it may make
    build: Callable[[StageContext], Processor]  # loads what it needs, once a worker


def stages(vehicle_batch: int = 8, plate_batch: int = 8, reader_batch: int = 16) -> tuple[Stage, ...]:
    """The table, from the source to the database. A tombstone tells the next stage of a task that was given up."""
    return (
        Stage(
            Category(name=READ, worker_class=WorkerClass.SOURCE, keyed=True, on_dead=READ),
            takes=(records.VideoJob,),
            gives=(records.SampledFrame, records.EndOfVideo, records.VideoRead, records.RowToWrite),
            build=FromModule("read:Read"),
        ),
        Stage(
            Category(
                name="VEHICLE_DETECT",
                worker_class=WorkerClass.GPU,
                batch=vehicle_batch,
                rank=1,
                on_dead="TRACK",
            ),
            takes=(records.SampledFrame,),
            gives=(records.SearchedFrame,),
            build=FromModule("vehicle_detect:VehicleDetect"),
        ),
        Stage(
            Category(name="TRACK", worker_class=WorkerClass.CPU, batch=16, rank=2, ordered=True),
            takes=(records.SearchedFrame, records.EndOfVideo),
            gives=(records.VehiclePassed,),
            build=FromModule("track:Track"),
        ),
        Stage(
            Category(
                name="PLATE_DETECT",
                worker_class=WorkerClass.GPU,
                batch=plate_batch,
                rank=3,
                on_dead="PLATE_SMOOTH",
            ),
            takes=(records.ViewToSearch,),
            gives=(records.PlateToRead, records.LookDone),
            build=FromModule("plate_detect:PlateDetect"),
        ),
        Stage(
            Category(
                name="OCR",
                worker_class=WorkerClass.GPU,
                batch=reader_batch,
                rank=4,
                on_dead="PLATE_SMOOTH",
            ),
            takes=(records.PlateToRead,),
            gives=(records.LookDone,),
            build=FromModule("ocr:Ocr"),
        ),
        Stage(
            Category(
                name="PLATE_SMOOTH",
                worker_class=WorkerClass.CPU,
                batch=32,
                rank=5,
                keyed=True,
                on_dead="PLATE_SMOOTH",
            ),
            takes=(records.VehiclePassed, records.LookDone),
            gives=(records.ViewToSearch, records.RowToWrite),
            build=FromModule("plate_smooth:PlateSmooth"),
        ),
        Stage(
            Category(name="SUMMARY", worker_class=WorkerClass.CPU, rank=6),
            takes=(records.VideoRead,),
            gives=(records.RowToWrite,),
            build=FromModule("summary:Summary"),
        ),
        Stage(
            Category(name="FINAL_WRITE", worker_class=WorkerClass.WRITER, batch=64, rank=7),
            takes=(records.RowToWrite,),
            gives=(),
            build=FromModule("final_write:FinalWrite"),
        ),
        # The queue itself makes the tasks of the next two, see `QueueRules`.
        Stage(
            Category(name=CHECKPOINT, worker_class=WorkerClass.WRITER, batch=16, rank=8, keyed=True),
            takes=(),
            gives=(),
            build=FromModule("checkpoint:SaveCheckpoint"),
        ),
        Stage(
            Category(name=DEAD_LETTER, worker_class=WorkerClass.WRITER, rank=9),
            takes=(),
            gives=(),
            build=FromModule("dead_letter:KeepDeadLetter"),
        ),
    )


class Router:
    """Makes tasks out of the records of one stage."""

    def __init__(self, stage: Stage, table: tuple[Stage, ...]) -> None:
        self._gives = stage.gives
        self._category_of = {record: row.category.name for row in table for record in row.takes}

    def task(
        self,
        record: object,
        parent: Task,
        name: str,
        *,
        key: str = "",
        order: int = 0,
        payload_ref: str | None = None,
        frames: tuple[str, ...] = (),
    ) -> Task:
        """The task that carries a record to the stage that takes it.

        Args:
            record: what the next stage gets.
            parent: the task that it follows from; it belongs to the same source and epoch.
            name: tells it from the source's other tasks of that category; the same on every try.
            key, order: its place in a keyed or ordered category.
            payload_ref: the stored frame to work on.
            frames: the stored frames that must be kept until it is done.
        """
        if type(record) not in self._gives:
            raise TypeError(
                f"the stage's row in pipeline.py does not say that it gives {type(record).__name__}"
            )
        category = self._category_of[type(record)]
        return Task(
            task_id=f"{parent.source_id}:{category}:{name}",
            category=category,
            source_id=parent.source_id,
            epoch=parent.epoch,
            key=key,
            order=order,
            payload=pack(record),
            payload_ref=payload_ref,
            dependencies=frames,
        )


@dataclass(frozen=True, slots=True)
class BuildStages:
    """Builds the processors of a worker's categories; travels to the worker processes."""

    job: Job

    def __call__(self, tools: Tools, categories: tuple[str, ...]) -> Mapping[str, Processor]:
        table = table_for(self.job)
        return {
            stage.category.name: stage.build(StageContext(self.job, tools, Router(stage, table)))
            for stage in table
            if stage.category.name in categories
        }


def table_for(job: Job) -> tuple[Stage, ...]:
    """The table with the batch sizes of a job's settings."""
    models = job.settings.models
    return stages(models.vehicle_batch, models.plate_batch, models.reader_batch)
