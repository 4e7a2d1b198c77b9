"""The sighting that a name means: an id, a key in the database, or a plate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from psycopg.rows import class_row

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.public_ids import public_id, telling_chars
from dashcam_pipeline.storage.results.reading import LATEST, find_run, iterate_sightings
from dashcam_pipeline.storage.retention.plate_hash import hashed, normalised, plate_key

ID = re.compile(r"(?P<prefix>[0-9a-f]+)-(?P<track>\d{1,15})(?:-(?P<part>\d{1,9}))?")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_NAMED = 8  # sightings in a message that asks for one of them


@dataclass(frozen=True, slots=True)
class _Named:
    uuid: str
    video_id: str
    track_id: int
    part: int


@dataclass(frozen=True, slots=True)
class _OfPlate:
    """A sighting with the plate that is asked for."""

    uuid: str
    video_id: str
    track_id: int
    part: int
    run_id: str
    video: str | None  # file name
    first_s: float
    claimed: bool  # or else its best guess


@dataclass(frozen=True, slots=True)
class Matched:
    """What was found, by its key."""

    uuid: str
    not_in: str | None = None  # the latest run, where it has no such plate


def find_sighting(connection: Connection, name: str, work_dir: Path | None) -> Matched:
    """See `explaining.explain`."""
    known = _by_uuid(connection, name) or _by_id(connection, name)
    return Matched(known) if known else _by_plate(connection, name, work_dir)


def _by_uuid(connection: Connection, name: str) -> str | None:
    """The row with that key; None where there is none."""
    if UUID.fullmatch(name.lower()) is None:
        return None
    with connection.cursor(row_factory=class_row(_Named)) as cursor:
        found = cursor.execute(query("explain", "by_uuid"), {"uuid": name}).fetchone()
    return found.uuid if found else None


def _by_id(connection: Connection, name: str) -> str | None:
    """The row of that id; None where it can only be a plate."""
    match = ID.fullmatch(name.lower())
    if match is None:
        return None
    parameters = {"prefix": match["prefix"], "track_id": int(match["track"]), "part": int(match["part"] or 0)}
    with connection.cursor(row_factory=class_row(_Named)) as cursor:
        found = cursor.execute(query("explain", "by_id"), parameters).fetchall()
    if len(found) > 1:
        chars = telling_chars([row.video_id for row in found])
        names = ", ".join(
            public_id(row.video_id, row.track_id, row.part, chars) for row in found[:MOST_NAMED]
        )
        raise BadInput(
            f"{len(found)} sightings are called {name!r}, in videos with ids that begin alike: say {names}"
        )
    return found[0].uuid if found else None


def _by_plate(connection: Connection, name: str, work_dir: Path | None) -> Matched:
    """The sighting with that plate, or else that best guess, in the latest run that has one."""
    latest = find_run(connection, LATEST)
    texts = _as_stored(name, work_dir)
    if not normalised(name):
        raise BadInput(f"no sighting is called {name!r}: `dashcam export` lists the ids")
    in_latest = [
        _OfPlate(
            one.uuid, one.video_id, one.track_id, one.part, latest.run_id, one.video, one.first_s, is_claim
        )
        for one in iterate_sightings(connection, latest)
        if (is_claim := normalised(one.plate or "") in texts) or normalised(one.best_guess or "") in texts
    ]
    seen = in_latest or _in_any_run(connection, texts)
    if not seen:
        raise BadInput(
            f"no sighting is called {name!r}, and none has that plate or best guess: `dashcam search` finds parts of "
            "plates and what is near them, `dashcam export` lists the ids"
        )
    found = [one for one in seen if one.run_id == seen[0].run_id]
    found = [one for one in found if one.claimed] or found
    if len(found) > 1:
        chars = telling_chars([one.video_id for one in found])
        names = ", ".join(_said(one, chars) for one in found[:MOST_NAMED])
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise BadInput(
            f"{len(found)} sightings of run {found[0].run_id} have the plate {name}: name one of {names}{more}"
        )
    return Matched(found[0].uuid, None if in_latest else latest.run_id)


def _in_any_run(connection: Connection, texts: list[str]) -> list[_OfPlate]:
    with connection.cursor(row_factory=class_row(_OfPlate)) as cursor:
        return cursor.execute(query("explain", "by_plate"), {"texts": texts}).fetchall()


def _said(seen: _OfPlate, chars: int) -> str:
    name = public_id(seen.video_id, seen.track_id, seen.part, chars)
    return f"{name} ({seen.video or seen.video_id}, {seen.first_s:.1f} s)"


def _as_stored(plate: str, work_dir: Path | None) -> list[str]:
    """How rows may have a plate, as plates are compared: as text, and as a hash where the key is at hand."""
    key = None if work_dir is None else plate_key(work_dir, create=False)
    return [normalised(plate), *([] if key is None else [normalised(hashed(plate, key))])]
