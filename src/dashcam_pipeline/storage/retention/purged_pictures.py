"""The pictures of sightings that are purged: where they lie, and deleting them however often that is interrupted."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from psycopg.rows import class_row, scalar_row

from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.proof.evidence_budget import FOLDER as EVIDENCE
from dashcam_pipeline.storage.queries import query

BATCH = 2000
"""Pictures between two looks into the database."""

Step = Callable[[str], object]
"""Told of every step that is done, by name; for tests, which interrupt there."""


class WithPictures(Protocol):
    """A row that is removed."""

    @property
    def run_id(self) -> str: ...
    @property
    def video_id(self) -> str: ...
    @property
    def pictures(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Removed:
    """What a purge has removed so far."""

    sightings: int = 0
    dead_letters: int = 0
    pictures: int = 0
    freed_bytes: int = 0
    tracks: int = 0  # of videos: where the camera was

    def __add__(self, other: Removed) -> Removed:
        return Removed(
            self.sightings + other.sightings,
            self.dead_letters + other.dead_letters,
            self.pictures + other.pictures,
            self.freed_bytes + other.freed_bytes,
            self.tracks + other.tracks,
        )


@dataclass(frozen=True, slots=True)
class _Sample:
    run_id: str
    work_dir: str | None
    host: str | None
    vehicle_picture: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A run whose pictures are on another disk than those of this host."""

    run_id: str
    work_dir: str | None
    host: str | None


@dataclass(frozen=True, slots=True)
class Places:
    """Where on this host the pictures of runs lie."""

    folders: dict[str, Path]  # the work dir, by run
    unreachable: tuple[Unreachable, ...]

    @property
    def distinct(self) -> tuple[Path, ...]:
        return tuple(sorted(set(self.folders.values())))


@dataclass(frozen=True, slots=True)
class _Noted:
    folder: str
    path: str
    in_use: bool


@dataclass(frozen=True, slots=True)
class _Sized:
    run_id: str
    work_dir: str | None
    host: str | None
    pictures: list[str]


def places_of(connection: Connection, aim: dict[str, object], in_use: Path) -> Places:
    """Where the pictures of what was chosen lie.

    Args:
        aim: see `purging.Aim.parameters`.
        in_use: the work dir of the command, into which those of others may have been moved.
    """
    folders: dict[str, Path] = {}
    unreachable = {}
    with connection.cursor(row_factory=class_row(_Sample)) as cursor:
        samples = cursor.execute(query("purge", "one_picture_of_each_run")).fetchall()
        samples += cursor.execute(query("purge", "one_picture_of_dead_letters"), aim).fetchall()
    for sample in samples:
        found = _folder_of(sample, in_use)
        if found is not None:
            folders.setdefault(sample.run_id, found)
        else:
            unreachable[sample.run_id] = Unreachable(sample.run_id, sample.work_dir, sample.host)
    return Places(folders, tuple(one for run_id, one in sorted(unreachable.items()) if run_id not in folders))


def _folder_of(sample: _Sample, in_use: Path) -> Path | None:
    """The work dir with a run's pictures; None: it is on another host, or gone.

    Another host's folder can have the name of one here by chance.
    """
    here = sample.host in (None, platform.node())
    recorded = Path(sample.work_dir) if here and sample.work_dir else None
    candidates = [folder for folder in (recorded, in_use) if folder is not None]
    for folder in candidates:
        if (folder / sample.vehicle_picture).exists():
            return folder
    return recorded if recorded is not None and (recorded / EVIDENCE).is_dir() else None


def picture_sizes(connection: Connection, places: Places) -> Iterator[int]:
    """The bytes of every picture of the chosen sightings that is here, one after the other."""
    with (
        connection.transaction(),
        connection.cursor("pictures", row_factory=class_row(_Sized)) as cursor,
    ):
        for row in cursor.execute(query("purge", "pictures_of_chosen")):
            folder = places.folders.get(row.run_id)
            for path in row.pictures if folder is not None else ():
                assert folder is not None
                with suppress(OSError):
                    yield (folder / path).stat().st_size


def note(connection: Connection, rows: Iterable[WithPictures], places: Places) -> None:
    """Note the pictures of rows that are removed in this transaction."""
    noted = [
        (str(places.folders[row.run_id]), path, row.video_id)
        for row in rows
        if row.run_id in places.folders
        for path in row.pictures
    ]
    if noted:
        folders, paths, video_ids = (list(column) for column in zip(*noted, strict=True))
        connection.execute(
            query("purge", "note_pictures"),
            {"host": platform.node(), "folders": folders, "paths": paths, "video_ids": video_ids},
        )


def sweep(connection: Connection, folders: Collection[Path], step: Step = lambda name: None) -> Removed:
    """Delete the pictures that an interrupted purge has left in these work dirs, which are held.

    Those of a work dir that is not there, as on a disk that is not mounted, wait.

    Raises:
        DiskUnavailable: one can't be deleted.
    """
    removed = Removed()
    where = {
        "host": platform.node(),
        "folders": [str(folder) for folder in folders if folder.is_dir()],
        "most": BATCH,
    }
    while True:
        with connection.transaction(), connection.cursor(row_factory=class_row(_Noted)) as cursor:
            noted = cursor.execute(query("purge", "noted_pictures"), where).fetchall()
        if not noted:
            return removed
        for one in noted:
            if not one.in_use:
                removed += delete(Path(one.folder), one.path)
                step("picture deleted")
        with connection.transaction():
            gone = {"folders": [one.folder for one in noted], "paths": [one.path for one in noted]}
            connection.execute(query("purge", "forget_pictures"), {"host": platform.node(), **gone})
        step("pictures forgotten")


def noted_folders(connection: Connection) -> list[Path]:
    """The work dirs of this host in which an interrupted purge has left pictures."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query("purge", "noted_folders"), {"host": platform.node()}).fetchall()
    return [Path(str(folder)) for folder in found]


def delete(folder: Path, relative: str) -> Removed:
    """Delete a picture of a work dir, and its folders when they are empty; one that is gone is no error.

    Raises:
        DiskUnavailable: it can't be deleted.
    """
    path = folder / relative
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return Removed()
    except OSError as error:
        raise DiskUnavailable(
            f"the picture {path} can't be deleted: {error.strerror or error}. What to do: make its folder writable "
            "and run the same command again; its row is gone, and it is deleted then."
        ) from error
    with suppress(OSError):  # not empty
        path.parent.rmdir()
        path.parent.parent.rmdir()
    return Removed(pictures=1, freed_bytes=size)


# --- pictures without a row ---------------------------------------------------------------------------------


def orphaned(connection: Connection, work_dir: Path) -> Iterator[str]:
    """The evidence pictures of a work dir, which is held, that no row points at; relative to it.

    Only of videos that the database knows and that are not half read: pictures of another database are left alone.
    """
    for folder in sorted((work_dir / EVIDENCE).glob("*/*/")):
        ids = {"video_ids": [folder.name]}
        with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
            if not cursor.execute(query("purge", "settled_videos"), ids).fetchall():
                continue
            wanted = set(cursor.execute(query("purge", "pictures_of_videos"), ids).fetchall())
        for path in sorted(folder.iterdir()):
            relative = path.relative_to(work_dir).as_posix()
            if relative not in wanted and path.is_file():
                yield relative
