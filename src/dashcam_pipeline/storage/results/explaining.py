"""All that is stored of a sighting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from psycopg.rows import class_row
from pydantic import TypeAdapter

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.proof.evidence_place import EvidencePlace
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.finding_sightings import find_sighting
from dashcam_pipeline.storage.results.original import Original
from dashcam_pipeline.storage.results.public_ids import public_id
from dashcam_pipeline.storage.results.reading import with_offset
from dashcam_pipeline.storage.rows import LookRow


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
    run_started_at: datetime | None  # of `run_id`, like the next two
    run_finished_at: datetime | None
    version: str | None  # of this program
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
    originals: tuple[Original, ...]  # the video files that it was seen in
    not_in: str | None = (
        None  # the latest run, where it was asked for by a plate that only an earlier one has
    )

    def pictures(self) -> dict[str, Path]:
        """Those that were written, by what they show; they may be gone."""
        return {what: self.place.find(path) for what, path in self.sighting.pictures().items()}


@dataclass(frozen=True, slots=True)
class _Looks:
    whose: str  # uuid of the sighting
    video_id: str
    track_id: int
    part: int
    video_filename: str | None
    video_path: str | None
    size_bytes: int | None
    duration_s: float | None
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
    matched = find_sighting(connection, name, work_dir)
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
            _originals(parts[uuid]),
        )
        for uuid in uuids
        if uuid in found
    ]


def _originals(parts: Sequence[_Looks]) -> tuple[Original, ...]:
    """Each file once, in the order of the parts."""
    files = {
        row.video_id: Original(
            video_id=row.video_id,
            path=row.video_path,
            filename=row.video_filename,
            size_bytes=row.size_bytes,
            duration_s=row.duration_s,
        )
        for row in parts
    }
    return tuple(files.values())


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
