"""The watchlist in the database: which plates are watched for, and which of them were seen before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.searching import DEFAULT_WITHIN, LEAST_NEAR_CHARS
from dashcam_pipeline.storage.retention.plate_hash import hashed
from dashcam_pipeline.storage.text import storable

NEAR = DEFAULT_WITHIN
"""The greatest plate_distance of a hit on an entry that has near ones: two characters taken for lookalikes, or one
character taken for any other, put in or left out."""
LONGEST_PLATE = 32  # characters; plates have at most 10
BETWEEN = " -._:/·\t"
"""What may stand between the characters of a plate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A plate that is to come onto the list."""

    spelling: str  # as `sound_plate` gave it back
    note: str | None = None
    near: float = 0.0  # the greatest plate_distance that is a hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An entry of the list."""

    plate: str  # as it is compared
    spelling: str  # as it was given
    note: str | None
    near: float
    added_at: datetime
    alerts: int  # that it has raised
    last_alert_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of a plate that was added."""

    plate: str  # as it is compared
    spelling: str
    near: float
    new: bool  # it was not on the list


def sound_plate(text: str) -> str:
    """A plate as it was given, without blanks around it.

    Raises:
        BadInput: it can be no plate.
    """
    plate = " ".join(text.split())
    odd = sorted({character for character in plate if not (character.isalnum() or character in BETWEEN)})
    if odd:
        raise BadInput(
            f"{text!r} is no plate: it has {' '.join(odd)}. A watched plate has letters and digits, "
            "with spaces, dashes or dots between them; --near finds those that are nearly it"
        )
    length = sum(character.isalnum() for character in plate)
    if length < 2 or length > LONGEST_PLATE:
        raise BadInput(
            f"{text!r} is no plate: it has {length} letters and digits; one has 2 to {LONGEST_PLATE}"
        )
    return plate


def wanted(plate: str, note: str | None, near: bool) -> Wanted:
    """A plate for the list, as somebody gave it.

    Raises:
        BadInput: it can be no plate, or is too short for near ones.
    """
    spelling = sound_plate(plate)
    if near and sum(character.isalnum() for character in spelling) < LEAST_NEAR_CHARS:
        raise BadInput(
            f"too much is near {plate!r}: --near is for plates of {LEAST_NEAR_CHARS} characters or more"
        )
    return Wanted(spelling=spelling, note=sound_note(note), near=NEAR if near else 0.0)


def sound_note(text: str | None) -> str | None:
    """A note in one line; None for an empty one."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", storable(text or ""))
    return " ".join(line.split()) or None


def add(connection: Connection, wanted: Sequence[Wanted]) -> list[Added]:
    """Put plates onto the list, each once. One that is there already gets the note, where there is one, and `near`."""
    parameters = {
        "spellings": [storable(entry.spelling) for entry in wanted],
        "notes": [entry.note for entry in wanted],
        "nears": [entry.near for entry in wanted],
    }
    with connection.cursor(row_factory=class_row(Added)) as cursor:
        return cursor.execute(query("watchlist", "add"), parameters).fetchall()


def remove(connection: Connection, plate: str) -> bool:
    """Take a plate off the list; False where it was not on it. Its alerts stay."""
    return (
        connection.execute(query("watchlist", "remove"), {"spelling": storable(plate)}).fetchone() is not None
    )


def list_watched(connection: Connection) -> list[Watched]:
    """All entries, by plate."""
    with connection.cursor(row_factory=class_row(Watched)) as cursor:
        return cursor.execute(query("watchlist", "list")).fetchall()


def sightings_of(connection: Connection, added: Sequence[Added], key: bytes | None) -> dict[str, set[str]]:
    """The ids of stored sightings that have one of these plates, or where it says so nearly, by entry.

    Args:
        key: of hashed plates, where some may be hashed.
    """
    asked = {entry.plate: [entry.plate] for entry in added}
    if key is not None:
        for entry in added:
            asked[entry.plate].append(hashed(entry.spelling, key))
    parameters = {
        "plates": [plate for plate, texts in asked.items() for _ in texts],
        "texts": [text for texts in asked.values() for text in texts],
    }
    found: dict[str, set[str]] = {}
    for name in ("seen", "seen_near") if any(entry.near for entry in added) else ("seen",):
        with connection.cursor(row_factory=class_row(_Seen)) as cursor:
            for row in cursor.execute(query("watchlist", name), parameters):
                found.setdefault(row.plate, set()).update(row.ids)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    plate: str
    ids: list[str]
