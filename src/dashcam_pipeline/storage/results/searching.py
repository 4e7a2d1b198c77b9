"""Finding sightings over all runs: by a plate as written, by a part of it, or by what it may have been misread as."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.reading import Sighting, sightings_of_ids
from dashcam_pipeline.storage.retention.plate_hash import hashed, is_hashed, normalised

DEFAULT_WITHIN = 1.0
MOST_WITHIN = 2.0
"""The greatest distance for which the index is promised to miss nothing, see `plate_near_keys` of migration 0008."""
LEAST_NEAR_CHARS = 3
"""Of fewer characters, nearly every plate is near."""
TELLING_CHARS = 3
"""A beginning of so many characters finds its rows well without help by the pieces behind it."""
MOST_OFFERED = 200

_WILDCARD = re.compile(r"[*?]")
_LIKE_SIGN = re.compile(r"[\\%_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """Which texts are wanted. One of the first three is set."""

    exact: str | None = None  # as it is compared: upper case, without signs
    pattern: str | None = None  # likewise, with * for any characters and ? for one
    near: str | None = None  # as exact
    within: float = DEFAULT_WITHIN  # of near: the greatest plate_distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which sightings are wanted; what is None or empty asks for nothing."""

    plate: Plate | None = None
    guesses: bool = True  # also by the best guess, where no plate is claimed
    since: datetime | None = None  # wall time, aware
    until: datetime | None = None  # likewise; this moment is not in it
    video_ids: tuple[str, ...] | None = None
    run_id: str | None = None
    vehicle_classes: tuple[str, ...] = ()
    min_confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A sighting that was found."""

    sighting: Sighting
    distance: float | None  # of its plate or best guess, where near ones were wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search has found, the best first: near plates, then claims, then the latest."""

    hits: tuple[Hit, ...]
    total: int  # more than hits where there was a limit


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    distance: float | None
    total: int


def wanted_plate(text: str, within: float | None = None) -> Plate:
    """What a user means by a plate: blanks, dashes and case don't count; `*` and `?` are wildcards.

    Args:
        text: as typed, or a hash as tables show it in full.
        within: find near plates, up to this distance.

    Raises:
        BadInput: there is nothing to look for in it, or near plates can't be had of it.
    """
    if is_hashed(text.strip()):
        if within is not None:
            raise BadInput(f"{text} is the hash of a plate: which plates are near it can't be told")
        return Plate(exact=text.strip())
    wild = "".join(
        part if _WILDCARD.fullmatch(part) else normalised(part) for part in re.split(r"([*?])", text)
    )
    plain = _WILDCARD.sub("", wild)
    if not wild:
        raise BadInput(f"{text!r} has no letter and no digit to look for: name a plate, or a part as LS15*")
    if within is None:
        return Plate(exact=wild) if plain == wild else Plate(pattern=re.sub(r"\*+", "*", wild))
    if plain != wild:
        raise BadInput(
            f"near plates are those near a whole plate: {text!r} has wildcards; leave them or --near out"
        )
    if len(plain) < LEAST_NEAR_CHARS:
        raise BadInput(
            f"near plates are looked for from {LEAST_NEAR_CHARS} characters on: {text!r} has {len(plain)}"
        )
    if not 0 <= within <= MOST_WITHIN:
        raise BadInput(f"near plates are those up to a distance of {MOST_WITHIN:g}, not {within:g}")
    return Plate(near=plain, within=within)


def search(
    connection: Connection, wanted: Search, limit: int, work_dir: Path | None = None, key: bytes | None = None
) -> Found:
    """Look for sightings in the whole database.

    Args:
        connection: to the database.
        wanted: what to look for.
        limit: at most so many.
        work_dir: where pictures are looked for that are not in the work dir of their run any more.
        key: for plates that are stored as hashes; without it they are not found by their text.
    """
    rows = _rows(connection, wanted, limit, key)
    distances = {str(row.id): row.distance for row in rows}
    sightings = sightings_of_ids(connection, [row.id for row in rows], work_dir)
    hits = tuple(Hit(sighting=seen, distance=distances[seen.uuid]) for seen in sightings)
    return Found(hits=hits, total=rows[0].total if rows else 0)


def count_timeless(connection: Connection, wanted: Search, key: bytes | None = None) -> int:
    """How many sightings would be wanted, but for a wall time that is not known."""
    rows = _rows(connection, wanted, 1, key, timeless=True)
    return rows[0].total if rows else 0


def near_plates(connection: Connection, wanted: Search) -> list[str]:
    """Other texts near the plate that was looked for, the nearest first, each once; none where that can't be told."""
    plate = wanted.plate
    if plate is None or plate.exact is None or is_hashed(plate.exact) or len(plate.exact) < LEAST_NEAR_CHARS:
        return []
    around = replace(wanted, plate=Plate(near=plate.exact))
    found = search(connection, around, MOST_OFFERED)
    texts = (hit.sighting.plate or hit.sighting.best_guess for hit in found.hits)
    return list(dict.fromkeys(text for text in texts if text is not None))


def videos_like(connection: Connection, name: str) -> tuple[str, ...]:
    """The ids of the videos with that file name or path, in which * and ? are wildcards, or with that id.

    Raises:
        BadInput: there is none.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        parameters = {"pattern": _like(name), "name": name}
        found = cursor.execute(query("search", "videos_like"), parameters).fetchall()
    if not found:
        raise BadInput(f"no run has read a video {name!r}: `dashcam runs show` lists the videos of a run")
    return tuple(found)


def has_hashes(connection: Connection) -> bool:
    """Whether plates are stored here as hashes, see `privacy.hash_plates`."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(cursor.execute(query("search", "has_hashes")).fetchone())


def parameters_of(
    wanted: Search, limit: int, key: bytes | None = None, *, timeless: bool = False
) -> dict[str, object]:
    """What the statement `found` of search.sql takes."""
    plate = wanted.plate or Plate()
    return {
        "exact": None if plate.exact is None else _spellings(plate.exact, key),
        "pattern": None if plate.pattern is None else _like(plate.pattern),
        "pieces": None if plate.pattern is None else _pieces(plate.pattern),
        "near": plate.near,
        "within": plate.within,
        "guesses": wanted.guesses,
        "since": wanted.since,
        "until": wanted.until,
        "timeless": timeless,
        "video_ids": None if wanted.video_ids is None else list(wanted.video_ids),
        "run_id": wanted.run_id,
        "vehicle_classes": list(wanted.vehicle_classes) or None,
        "min_confidence": wanted.min_confidence,
        "limit": limit,
    }


def _rows(
    connection: Connection, wanted: Search, limit: int, key: bytes | None, *, timeless: bool = False
) -> list[_Row]:
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        parameters = parameters_of(wanted, limit, key, timeless=timeless)
        return cursor.execute(query("search", "found"), parameters).fetchall()


def _spellings(plain: str, key: bytes | None) -> list[str]:
    """How a plate may be stored: as its text, and as its hash."""
    return list(dict.fromkeys([plain, hashed(plain, key)])) if key is not None else [plain]


def _like(pattern: str) -> str:
    """A pattern with * and ? as LIKE takes it."""
    return _LIKE_SIGN.sub(r"\\\g<0>", pattern).replace("*", "%").replace("?", "_")


def _pieces(pattern: str) -> list[str] | None:
    """Those keys of `plate_keys` that every text has which fits the pattern; None where others find it better."""
    if len(_WILDCARD.split(pattern)[0]) >= TELLING_CHARS:
        return None
    parts = _WILDCARD.split(f"^{pattern}$")
    return [f"~{part[i : i + 2]}" for part in parts for i in range(len(part) - 1)] or None
