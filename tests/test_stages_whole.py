"""All stages between reader and writer together, whatever fails on the way: one row a vehicle, no picture left."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dashcam_pipeline.config import LookSettings, Settings
from dashcam_pipeline.engine.task import Batch, Checkpoint, LeaseLost, Outcome
from dashcam_pipeline.engine.worker import Processor
from dashcam_pipeline.stages import ocr, plate_detect, vehicle_detect
from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.stages.records import EndOfVideo, RowToWrite, SampledFrame
from dashcam_pipeline.storage.rows import SightingRow
from dashcam_pipeline.vision.types import Box, Detection, Image, PlateRead
from stage_bench import VIDEO, Bench, frame_task, picture, task

STAGES = ("VEHICLE_DETECT", "TRACK", "PLATE_DETECT", "OCR", "PLATE_SMOOTH")
SETTINGS = Settings(looks=LookSettings(min_vehicle_px=60, kept_views=5))
FRAMES = 40
WIDTH, HEIGHT = 400, 120


def vehicles_in(frame_idx: int) -> list[Detection]:
    """Two vehicles that pass one after the other, and one that stays and is at the edge of the frame."""
    seen = [Detection(Box(330, 20, 399.6, 100), "truck", 0.8)]
    if frame_idx < 18:
        seen.append(Detection(Box(10, 20, 80 + 2 * frame_idx, 100), "car", 0.9))
    elif frame_idx > 25:
        seen.append(Detection(Box(100, 20, 210 - 2 * (frame_idx - 25), 100), "car", 0.9))
    return seen


class SeesVehicles:
    """The number of the frame is in its first pixel."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [vehicles_in(int(image[0, 0, 0])) for image in images]


class SeesPlates:
    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [
            [Detection(Box(10, image.shape[0] - 30, 60, image.shape[0] - 14), "plate", 0.8)]
            for image in images
        ]


class Reads:
    def read(self, images: Sequence[Image]) -> list[PlateRead]:
        return [PlateRead("AB12CDE", (0.95,) * 7) for _ in images]


@pytest.fixture(autouse=True, scope="module")
def _toys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StageContext, "weights", lambda self, name, role: Path(name))
        patch.setattr(vehicle_detect, "open_vehicle_detector", lambda *given, **named: SeesVehicles())
        patch.setattr(plate_detect, "open_plate_detector", lambda *given, **named: SeesPlates())
        patch.setattr(ocr, "open_plate_reader", lambda *given, **named: Reads())
        yield


def frame(frame_idx: int) -> Image:
    pixels = picture(7, HEIGHT, WIDTH)
    pixels[0, 0] = frame_idx
    return pixels


@dataclass
class Crew:
    """Works off one video; workers may fail, die, or be taken for dead, as chance has it."""

    bench: Bench
    chance: random.Random = field(default_factory=random.Random)
    fails: float = 0.0  # share of batches in which a stage raises
    dies: float = 0.0  # … whose worker dies after it has done all the work, before it says so
    late: float = 0.0  # … whose worker was taken for dead, and hands in what is somebody else's by now
    workers: int = 1
    orphans: set[str] = field(default_factory=set)  # pictures of workers that died with them in hand
    checkpoints: list[Checkpoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stages = self.hire()

    def hire(self) -> dict[str, Processor]:
        """A worker with another name."""
        self.workers += 1
        self.bench.tools = replace(self.bench.tools, worker_id=f"w{self.workers}")
        return {name: self.bench.build(name) for name in STAGES}

    def bring_in(self, frames: range, cut_every: int = 0) -> None:
        for order in frames:
            made = frame_task("VEHICLE_DETECT", order, SampledFrame(order, order / 10))
            self.bench.bring_in({f"{order}.npy": frame(order)}, made)
            if cut_every and (order + 1) % cut_every == 0:
                self.bench.queue.progress("reader", "reading", Outcome(cut=True))

    def end(self) -> None:
        end = task("TRACK", "end", EndOfVideo(), key=VIDEO, order=FRAMES)
        self.bench.queue.complete("reader", ("reading",), Outcome(push=(end,)))

    def work(self, most: int = 10**6) -> None:
        """Until nothing is left, or so many batches are done."""
        for _ in range(most):
            batch = self._next()
            if batch is None:
                return
            self._one(batch)

    def _next(self) -> Batch | None:
        for name in self.chance.sample(STAGES, len(STAGES)):
            owner = self.bench.tools.worker_id
            if batch := self.bench.lease(name, self.chance.randrange(1, 9), owner):
                return batch
        return None

    def _one(self, batch: Batch) -> None:
        queue, owner = self.bench.queue, self.bench.tools.worker_id
        throw = self.chance.random()
        if throw < self.fails:
            if batch.task_ids[1:]:
                queue.give_back(owner, batch.task_ids[1:])
            queue.fail(owner, batch.task_ids[0], "as chance has it")
            return
        before = set(self.bench.store.leftovers())
        outcome = self.stages[batch.category].process(batch)
        if throw < self.fails + self.dies:
            self.orphans |= set(self.bench.store.leftovers()) - before
            queue.give_back(owner, batch.task_ids)
            self.stages = self.hire()
        elif throw < self.fails + self.dies + self.late:
            queue.give_back(owner, batch.task_ids)
            with pytest.raises(LeaseLost):
                queue.complete(owner, batch.task_ids, outcome)
            self.stages = self.hire()
        else:
            queue.complete(owner, batch.task_ids, outcome)

    def rows(self) -> list[SightingRow]:
        rows = []
        for record in self.bench.drain("FINAL_WRITE"):
            assert isinstance(record, RowToWrite)
            assert isinstance(record.row, SightingRow)
            rows.append(record.row)
        return sorted(rows, key=lambda row: row.track_id)


@dataclass(frozen=True)
class Result:
    """Of a run in which nothing happened."""

    folder: Path
    rows: list[SightingRow]

    def pictures(self) -> dict[str, bytes]:
        """By their names in the work dir."""
        files = (self.folder / "evidence").rglob("*.jpg")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("undisturbed")
    crew = Crew(Bench(folder, SETTINGS), random.Random(0))
    crew.bring_in(range(FRAMES))
    crew.end()
    crew.work()
    assert crew.bench.store.leftovers() == []
    return Result(folder, crew.rows())


def test_three_vehicles_are_three_rows_with_their_pictures(undisturbed: Result) -> None:
    assert [(row.vehicle_class, row.final_plate, row.no_plate_reason) for row in undisturbed.rows] == [
        ("truck", "AB12CDE", None),
        ("car", "AB12CDE", None),
        ("car", "AB12CDE", None),
    ]
    shown = {
        path
        for row in undisturbed.rows
        for path in (row.vehicle_picture, row.plate_picture, row.frame_picture, row.strip_picture)
    }
    assert shown - {None} == set(undisturbed.pictures())


@pytest.mark.parametrize("seed", range(8))
def test_workers_that_die_and_come_too_late_change_no_row(
    tmp_path: Path, seed: int, undisturbed: Result
) -> None:
    bench = Bench(tmp_path, SETTINGS, max_attempts=10**6)
    crew = Crew(bench, random.Random(seed), fails=0.1, dies=0.15, late=0.15)
    crew.bring_in(range(FRAMES), cut_every=7)
    crew.end()
    crew.work()
    rows = crew.rows()
    assert rows == undisturbed.rows
    # What a dead worker had stored and nobody ever heard of goes with the folder of the run.
    assert set(bench.store.leftovers()) <= crew.orphans
    assert Result(tmp_path, rows).pictures() == undisturbed.pictures()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_given_up_every_vehicle_that_was_tracked_gets_one_row(tmp_path: Path, seed: int) -> None:
    """And nothing waits for what will never come."""
    bench = Bench(tmp_path, SETTINGS, max_attempts=1)
    crew = Crew(bench, random.Random(seed))
    crew.bring_in(range(FRAMES), cut_every=9)
    crew.end()
    tracked = ("VEHICLE_DETECT", "TRACK")
    while any(bench.queue.backlog(name) for name in tracked):
        crew.fails = 0.0
        crew.work(1)
    crew.fails = 0.3
    crew.work()
    bench.drain("DEAD_LETTER")
    rows = crew.rows()
    assert len({row.track_id for row in rows}) == len(rows)
    lost = [letter for letter in bench.queue.dead_letters() if letter.task.tombstone_of is not None]
    assert len(rows) + len(lost) >= 3  # only a vehicle whose last word failed too is lost, and known by name
    assert bench.queue.snapshot().unfinished == 0
    assert bench.store.leftovers() == []


@dataclass
class Disk:
    """What outlives a kill."""

    rows: dict[int, SightingRow] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    pictures: dict[str, bytes] = field(default_factory=dict)

    def save(self, crew: Crew) -> None:
        """What FINAL_WRITE and CHECKPOINT do."""
        for row in crew.rows():
            self.rows[row.track_id] = row
        while batch := crew.bench.lease("CHECKPOINT"):
            self.checkpoint = batch.tasks[-1].load()
            assert {kept.category for kept in self.checkpoint.states} <= {"TRACK"}
            self.pictures = {name: crew.bench.store.read_bytes(name) for name in self.checkpoint.frames}
            crew.bench.queue.complete("w", batch.task_ids, Outcome())

    def restore(self, bench: Bench) -> int:
        """Go on from the last checkpoint; the first frame to be read."""
        if self.checkpoint is None:
            return 0
        sizes = {name: bench.store.put_back(name, data) for name, data in self.pictures.items()}
        bench.queue.restore(self.checkpoint, sizes)
        (tracked,) = [kept for kept in self.checkpoint.states if kept.category == "TRACK"]
        return tracked.next_order


@pytest.mark.parametrize("seed", range(10))
def test_a_run_that_is_killed_again_and_again_writes_the_same_rows(
    tmp_path: Path, seed: int, undisturbed: Result
) -> None:
    """Vehicles are in view at every cut; some are searched, and some wait to be, at every kill."""
    chance, disk, pictures = random.Random(seed), Disk(), {}
    kills, went_on_at = 0, {0}
    over = False
    while not over:
        folder = tmp_path / f"life-{kills}"
        folder.mkdir()
        bench = Bench(folder, SETTINGS, checkpoints_to="CHECKPOINT")
        crew = Crew(bench, chance)
        first = disk.restore(bench)
        went_on_at.add(first)
        over = live(crew, disk, first, may_be_killed=kills < 8)
        kills += not over
        pictures |= Result(folder, []).pictures()  # the work dir of all lives is the same in truth
    assert bench.store.leftovers() == []
    assert [disk.rows[track_id] for track_id in sorted(disk.rows)] == undisturbed.rows
    assert pictures == undisturbed.pictures()
    assert kills > 1
    assert len(went_on_at) > 1


def live(crew: Crew, disk: Disk, first: int, may_be_killed: bool) -> bool:
    """One life of a run; whether it came to the end of the video."""
    for start in range(first, FRAMES, 4):
        crew.bring_in(range(start, min(start + 4, FRAMES)), cut_every=6)
        crew.work(crew.chance.randrange(24))
        if crew.chance.random() < 0.6:
            disk.save(crew)
        if may_be_killed and crew.chance.random() < 0.35:
            return False
    crew.end()
    crew.work()
    while crew.bench.queue.backlog("FINAL_WRITE") or crew.bench.queue.backlog("CHECKPOINT"):
        disk.save(crew)
    return True
