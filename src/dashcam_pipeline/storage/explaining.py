"""All that is stored of one sighting, found by its id or by its plate."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from psycopg.rows import class_row
from pydantic import TypeAdapter

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.connection import Connection
from dashcam_pipeline.storage.evidence_place import EvidencePlace
from dashcam_pipeline.storage.plate_hash import hashed, normalised, plate_key
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.reading import LATEST, find_run, iterate_sightings, with_offset
from dashcam_pipeline.storage.rows import LookRow

ID = re.compile(r"(?P<prefix>[0-9a-f]+)-(?P<track>\d{1,15})(?:-(?P<part>\d{1,9}))?")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ID_CHARS = 8  # of the video's id that stand in a sighting's
MOST_NAMED = 8  # sightings in a message that asks for one of them


def public_id(video_id: str, track_id: int, part: int, chars: int = ID_CHARS) -> str:
    """What a sighting is called in commands."""
    return f"{video_id[:chars]}-{track_id}{f'-{part}' if part else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A sighting without its looks. Fields are named as the columns of the view `sightings`."""

    uuid: str
    video_id: str
    track_id: int
    part: int
    part_of: str | None  # public id of the sighting that speaks for this one
    run_id: str
    video_path: str | None
    video_filename: str | None
    until_video_filename: str | None
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    span_s: float
    vehicle_class: str
    final_plate: str | None
    plate_confidence: float | None
    best_guess: str | None
    no_plate_reason: str | None
    plate_region: str | None
    plate_format: str | None
    confidence_parts: dict[str, float] | None
    reads: int
    agreeing_reads: int
    char_votes: list[dict[str, float]]
    best_read: str | None
    shown_video_filename: str | None
    frame_idx: int
    video_ts_frame: float
    ts: datetime | None
    car_bbox: list[float] | None
    plate_bbox: list[float] | None
    utc_offset_min: int | None
    time_source: str | None
    latitude: float | None
    longitude: float | None
    speed_kmh: float | None
    heading_deg: float | None
    position_source: str | None
    frame_width: int | None  # of the video, in whose pixels the boxes are
    frame_height: int | None
    work_dir: str | None  # of the run whose pictures are shown
    host: str | None
    claim_confidence: float | None  # that run's setting
    min_reads: int | None  # likewise, and so the next ones
    enough_reads: int | None
    enough_confidence: float | None
    kept_views: int | None
    evidence_mb: int | None
    vehicle_picture: str | None
    plate_picture: str | None
    frame_picture: str | None
    strip_picture: str | None

    @property
    def id(self) -> str:
        return public_id(self.video_id, self.track_id, self.part)

    @property
    def text(self) -> str | None:
        """Of the plate, or else of the best guess."""
        return self.final_plate or self.best_guess

    def pictures(self) -> dict[str, str]:
        """Those that there are, by what they show, relative to the work dir."""
        named = {
            "frame": self.frame_picture,
            "vehicle": self.vehicle_picture,
            "plate": self.plate_picture,
            "all looks at the plate": self.strip_picture,
        }
        return {what: path for what, path in named.items() if path}


@dataclass(frozen=True, slots=True)
class LooksOf:
    """The looks of one row of `vehicles`: a sighting that was joined has several."""

    id: str
    video: str | None  # file name
    looks: tuple[LookRow, ...]  # in the order of their frames


@dataclass(frozen=True, slots=True)
class Explanation:
    """A sighting and its looks."""

    sighting: Explained
    parts: tuple[LooksOf, ...]
    place: EvidencePlace  # of the pictures
    not_in: str | None = (
        None  # the latest run, where it was asked for by a plate that only an earlier one has
    )

    def pictures(self) -> dict[str, Path]:
        """Those that were written, by what they show; they may be gone."""
        return {what: self.place.find(path) for what, path in self.sighting.pictures().items()}


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
class _Matched:
    uuid: str
    not_in: str | None = None


@dataclass(frozen=True, slots=True)
class _Looks:
    whose: str  # uuid of the sighting
    video_id: str
    track_id: int
    part: int
    video_filename: str | None
    looks: object


def explain(connection: Connection, name: str, work_dir: Path | None = None) -> Explanation:
    """The sighting that `name` means: an id, one with more characters of the video's id, the key in the database,
    or a plate or best guess, of the latest run that has it.

    Args:
        connection: to the database.
        name: see above.
        work_dir: where pictures are looked for that are not in the work dir of their run any more.

    Raises:
        BadInput: there is none, or several.
    """
    known = _by_uuid(connection, name) or _by_id(connection, name)
    matched = _Matched(known) if known else _by_plate(connection, name, work_dir)
    found = explain_all(connection, [matched.uuid], work_dir)
    if not found:  # removed in this moment by a run that read its video again
        raise BadInput(f"the sighting {name!r} is gone: its video was read again; `dashcam export` lists all")
    return replace(found[0], not_in=matched.not_in)


def explain_all(
    connection: Connection, uuids: Sequence[str], work_dir: Path | None = None
) -> list[Explanation]:
    """Several sightings at once, in the order of their keys; those that are gone meanwhile are left out.

    Args:
        connection: to the database.
        uuids: their keys; of sightings, not also of their parts.
        work_dir: as in `explain`.
    """
    named = {"uuids": list(uuids)}
    with connection.cursor(row_factory=class_row(Explained)) as cursor:
        found = {row.uuid: row for row in cursor.execute(query("explain", "explained"), named)}
    with connection.cursor(row_factory=class_row(_Looks)) as looks:
        rows = looks.execute(query("explain", "looks"), named).fetchall()
    parts: dict[str, list[_Looks]] = defaultdict(list)
    for row in rows:
        parts[row.whose].append(row)
    return [
        Explanation(
            _in_its_zone(found[uuid]),
            tuple(_looks_of(row, found[uuid].text) for row in parts[uuid]),
            EvidencePlace(found[uuid].work_dir, found[uuid].host, work_dir),
        )
        for uuid in uuids
        if uuid in found
    ]


def _in_its_zone(found: Explained) -> Explained:
    return replace(found, ts=with_offset(found.ts, found.utc_offset_min))


def _looks_of(row: _Looks, text: str | None) -> LooksOf:
    """The looks of one part; what agrees with its own text need not agree with that of the whole vehicle."""
    looks = tuple(_held_against(look, text) for look in _LOOKS.validate_python(row.looks))
    return LooksOf(public_id(row.video_id, row.track_id, row.part), row.video_filename, looks)


def _held_against(look: LookRow, text: str | None) -> LookRow:
    reads = (replace(read, agrees=read.weight > 0 and read.text == text) for read in look.reads)
    return replace(look, reads=tuple(reads))


_LOOKS: TypeAdapter[tuple[LookRow, ...]] = TypeAdapter(tuple[LookRow, ...])


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


def telling_chars(video_ids: Iterable[str]) -> int:
    """So many characters of their ids tell these videos from each other; at least `ID_CHARS`."""
    different = set(video_ids)
    longest = max([ID_CHARS, *map(len, different)])
    return next(
        n for n in range(ID_CHARS, longest + 1) if len({one[:n] for one in different}) == len(different)
    )


def _by_plate(connection: Connection, name: str, work_dir: Path | None) -> _Matched:
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
    return _Matched(found[0].uuid, None if in_latest else latest.run_id)


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
