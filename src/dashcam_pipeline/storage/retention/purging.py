"""Removing sightings with their pictures, so that whatever interrupts it, no row points at a picture that is gone.

Of each batch, the transaction that removes the rows notes their pictures in the table `purged_pictures`; then the
pictures are deleted, then the note. So a picture without a row is always noted, and `purged_pictures.sweep` deletes it.
All functions take a connection that commits by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.rows import class_row, scalar_row

from dashcam_pipeline.storage import joining
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.retention.purged_pictures import Places, Removed, Step, note, sweep
from dashcam_pipeline.storage.rows import REFUSED

BATCH = 500
"""Vehicles that are removed in one transaction: others wait for its locks no longer than that takes."""

LIKE_SPECIAL = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is to be removed: what meets all that is given."""

    before: datetime | None = None  # seen before
    video_ids: tuple[str, ...] | None = None
    plates: tuple[str, ...] | None = None  # as they are stored: normalised, and hashed
    keep: tuple[str, ...] = ()  # plates whose sightings stay, likewise

    @property
    def parameters(self) -> dict[str, object]:
        """For the statements of purge.sql."""
        return {
            "before": self.before,
            "video_ids": None if self.video_ids is None else list(self.video_ids),
            "plates": None if self.plates is None else list(self.plates),
            "keep": list(self.keep),
            # A row that the database refused stands in a dead letter as JSON.
            "plate_texts": None if self.plates is None else [_in_json(plate) for plate in self.plates],
            "keep_texts": [_in_json(plate) for plate in self.keep],
            "refused": REFUSED,
        }


@dataclass(frozen=True, slots=True)
class Chosen:
    """How much meets an aim."""

    sightings: int
    parts: int  # rows of `vehicles` of these
    timed: int  # sightings whose age is that of their wall time; of the others, that of their run's end
    kept: int  # sightings that meet it and stay, for their plate
    dead_letters: int
    tracks: int  # videos of which it is stored where the camera was


@dataclass(frozen=True, slots=True)
class _Head:
    ordinal: int
    head: str
    parts: int
    chosen_at: datetime


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that is to be removed."""

    id: str
    head: str
    run_id: str
    video_id: str
    pictures: list[str]
    updated_at: datetime


# --- what it would be ---------------------------------------------------------------------------------------


def choose(connection: Connection, aim: Aim) -> Chosen:
    """Note in this session which sightings meet an aim. A joined vehicle is as old as its youngest part."""
    connection.execute(query("purge", "make_chosen"))
    connection.execute(query("purge", "choose"), aim.parameters)
    counted = connection.execute(query("purge", "counted")).fetchone()
    assert counted is not None
    with connection.cursor(row_factory=scalar_row) as cursor:
        dead = cursor.execute(query("purge", "count_dead_letters"), aim.parameters).fetchone()
        tracks = cursor.execute(query("purge", "count_tracks"), aim.parameters).fetchone()
    return Chosen(*(int(str(value)) for value in (*counted, dead, tracks)))


# --- removing -----------------------------------------------------------------------------------------------


def remove(
    connection: Connection, aim: Aim, places: Places, step: Step = lambda name: None
) -> Iterator[Removed]:
    """Remove what `choose` has noted in this session, batch by batch, with its pictures.

    Only while the work dirs of `places` are held. A sighting that was changed or joined otherwise meanwhile stays.

    Yields:
        what each batch removed.

    Raises:
        DiskUnavailable: a picture can't be deleted; the same call again goes on.
    """
    after = 0
    while True:
        with connection.cursor(row_factory=class_row(_Head)) as cursor:
            heads = cursor.execute(query("purge", "next_heads"), {"after": after, "most": BATCH}).fetchall()
        if not heads:
            break
        after = heads[-1].ordinal
        with connection.transaction():
            joining.lock(connection)
            rows = _unchanged(connection, heads)
            connection.execute(query("purge", "remove_rows"), {"ids": [row.id for row in rows]})
            note(connection, rows, places)
            _count_anew(connection, rows)
            step("before commit")
        step("rows removed")
        yield Removed(sightings=len({row.head for row in rows})) + sweep(connection, places.distinct, step)
    connection.execute(query("purge", "remove_strayed_alerts"), aim.parameters)
    yield from _remove_dead_letters(connection, aim, places, step)
    if aim.plates is None:  # where the camera was says nothing of a plate
        yield Removed(tracks=connection.execute(query("purge", "remove_tracks"), aim.parameters).rowcount)


def _unchanged(connection: Connection, heads: Sequence[_Head]) -> list[_Row]:
    """The rows of those vehicles that are still made of the parts they were chosen for."""
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(
            query("purge", "parts_of_heads"), {"heads": [head.head for head in heads]}
        ).fetchall()
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.head, []).append(row)
    whole = {
        head.head
        for head in heads
        if len(found.get(head.head, ())) == head.parts
        and all(row.updated_at <= head.chosen_at for row in found[head.head])
    }
    return [row for row in rows if row.head in whole]


def _remove_dead_letters(connection: Connection, aim: Aim, places: Places, step: Step) -> Iterator[Removed]:
    while True:
        with connection.transaction():
            with connection.cursor(row_factory=class_row(_Row)) as cursor:
                rows = cursor.execute(
                    query("purge", "remove_dead_letters"), {**aim.parameters, "most": BATCH}
                ).fetchall()
            note(connection, [_with_siblings(row) for row in rows], places)
        step("dead letters removed")
        if not rows:
            return
        yield Removed(dead_letters=len(rows)) + sweep(connection, places.distinct, step)


def _with_siblings(row: _Row) -> _Row:
    """A dead letter of a refused row names the vehicle's picture alone; the others have no row either."""
    found: list[str] = []
    for picture in row.pictures:
        stem, is_vehicle, rest = picture.rpartition("_vehicle.")
        kinds = ("vehicle", "plate", "frame", "strip") if is_vehicle else ()
        found += [f"{stem}_{kind}.{rest}" for kind in kinds] or [picture]
    return replace(row, pictures=found)


def _count_anew(connection: Connection, rows: Sequence[_Row]) -> None:
    """What the videos' rows say of their vehicles is what is left."""
    touched = sorted({(row.run_id, row.video_id) for row in rows})
    if touched:
        run_ids, video_ids = (list(column) for column in zip(*touched, strict=True))
        connection.execute(query("purge", "count_rows"), {"run_ids": run_ids, "video_ids": video_ids})
        connection.execute(query("purge", "count_sightings"), {"video_ids": sorted(set(video_ids))})


def _in_json(plate: str) -> str:
    return f'%"{plate.translate(LIKE_SPECIAL)}"%'
