"""What an export writes: sightings, tracks and boxes, each fetched only when its format asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.rows import class_row, scalar_row
from pydantic import TypeAdapter

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.paths import SightingPath, sightings_of_video
from dashcam_pipeline.storage.results.reading import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedVideo:
    """A video of a run."""

    video_id: str
    filename: str
    width: int | None  # of the upright frame
    height: int | None
    started_at: datetime | None  # wall time of its first frame


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a camera was."""

    t_s: float  # second of the video
    latitude: float  # degrees, WGS84
    longitude: float
    speed_kmh: float | None
    heading_deg: float | None  # clockwise from north


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """Where the camera of a video was."""

    video: ExportedVideo
    fixes: tuple[Fix, ...]


@dataclass(frozen=True, slots=True)
class VideoBoxes:
    """The vehicles of a video with their boxes."""

    video: ExportedVideo
    sightings: tuple[SightingPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What there is to write. Each part is lazy, and read at most once."""

    sightings: Iterable[Sighting] = ()
    tracks: Iterable[VideoTrack] = ()
    boxes: Iterable[VideoBoxes] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    found: int  # sightings that there were
    written: int  # of these, those that the format could hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which sightings are wanted."""

    vehicle_classes: frozenset[str] = frozenset()  # empty: all
    plates_only: bool = False  # only those with a claimed plate
    min_confidence: float = 0.0  # 0..1, of the plate or the best guess; above 0, none without
    since: datetime | None = None  # aware; where given, no sighting whose time is unknown
    until: datetime | None = None  # likewise, exclusive

    @property
    def by_time(self) -> bool:
        """Whether it matters when a sighting was."""
        return self.since is not None or self.until is not None

    def takes_vehicle(self, seen: Sighting | SightingPath) -> bool:
        """Whether a sighting is wanted, whenever it was."""
        return (
            (not self.vehicle_classes or seen.vehicle_class in self.vehicle_classes)
            and (not self.plates_only or seen.plate is not None)
            and (seen.confidence or 0.0) >= self.min_confidence
        )

    def takes_time(self, ts: datetime) -> bool:
        """Whether it was when it is wanted."""
        return (self.since is None or ts >= self.since) and (self.until is None or ts < self.until)


@dataclass(slots=True)
class Chosen:
    """The wanted ones of some sightings, one after the other."""

    sightings: Iterable[Sighting]
    selection: Selection
    timeless: int = 0  # so many were left out so far only because nothing knows when they were

    def __iter__(self) -> Iterator[Sighting]:
        for sighting in self.sightings:
            if not self.selection.takes_vehicle(sighting):
                continue
            if self.selection.by_time and sighting.ts is None:
                self.timeless += 1
            elif sighting.ts is None or self.selection.takes_time(sighting.ts):
                yield sighting


def exported_videos(
    connection: Connection, run_id: str, video_ids: Sequence[str] | None = None
) -> list[ExportedVideo]:
    """The videos of a run, by path, each once; names that several of them have are told apart.

    Args:
        connection: to the database.
        run_id: whose videos.
        video_ids: only these.
    """
    parameters = {"run_id": run_id, "video_ids": list(video_ids) if video_ids is not None else None}
    with connection.cursor(row_factory=class_row(ExportedVideo)) as cursor:
        found = cursor.execute(query("export", "videos"), parameters).fetchall()
    times = Counter(video.filename for video in found)
    return [
        replace(video, filename=f"{video.filename}-{video.video_id[:8]}")
        if times[video.filename] > 1
        else video
        for video in found
    ]


def tracks_of(connection: Connection, videos: Iterable[ExportedVideo]) -> Iterator[VideoTrack]:
    """The tracks of those videos that have one, a video at a time."""
    for video in videos:
        with connection.cursor(row_factory=scalar_row) as cursor:
            stored = cursor.execute(query("export", "track"), {"video_id": video.video_id}).fetchone()
        if stored:
            fixes = tuple(Fix(*fix) for fix in _TRACK.validate_python(stored))
            yield VideoTrack(video, fixes)


def boxes_of(
    connection: Connection, videos: Iterable[ExportedVideo], selection: Selection
) -> Iterator[VideoBoxes]:
    """The wanted vehicles of the videos with their boxes, a video at a time."""
    for video in videos:
        sightings = sightings_of_video(connection, video.video_id)
        yield VideoBoxes(video, tuple(seen for seen in sightings if selection.takes_vehicle(seen)))


_TRACK: TypeAdapter[list[tuple[float, float, float, float | None, float | None]]] = TypeAdapter(
    list[tuple[float, float, float, float | None, float | None]]
)
