"""One vehicle, one sighting: when videos are over, what was seen of one vehicle is joined, trip by trip.

A function of the stored rows alone: repeated, at whatever moment it was interrupted, it gives the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg

from dashcam_pipeline.batch.leftovers import Say
from dashcam_pipeline.config import Settings, VoteSettings
from dashcam_pipeline.sources.trips import Recording, Trip, alone, trips_of
from dashcam_pipeline.storage import joining
from dashcam_pipeline.storage.joining import JoinedRow, StoredPart, StoredVideo
from dashcam_pipeline.storage.postgres.connection import Connection, connect, unavailable
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.retention.plate_hash import is_hashed
from dashcam_pipeline.storage.watching.alerts import AlertState, Watching, raise_for_joined
from dashcam_pipeline.vision.types import Box
from dashcam_pipeline.vision.vote.joining import EDGE_S, Part, join

if TYPE_CHECKING:
    from dashcam_pipeline.batch.revote import JoinedVote

RULES = "joining-3"
"""To be counted up when the rules change: videos are then joined again when they are named to a run again."""
NOT_JOINED = "not joined"
SAY_AFTER_S = 2.0
SAY_EVERY_S = 5.0
TRIES = 5
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a trip that is over."""

    video: StoredVideo
    number: int  # within its trip
    start_s: float  # on the clock of the trip
    first_frame: int  # when the frames of the trip are counted through


def stamp_of(settings: Settings) -> str:
    """Names the settings that decide which sightings are one vehicle. Those of the vote are not among them: what was
    read with others keeps its plate, see `resume.py`."""
    if not settings.trips.join:
        return NOT_JOINED
    relevant = [RULES, settings.trips.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def join_trips(
    database: Database,
    work_dir: Path,
    settings: Settings,
    video_ids: Collection[str],
    say: Say,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Join the vehicles of all trips that have a video which was not joined yet, or not with these settings.

    Of a trip, the videos that are over are joined; one that is not parts those before it from those behind it.
    Each trip is one transaction.

    Args:
        video_ids: of this call; other videos are joined again only when they are new, or neighbours of new ones.
        say: told how far it is when it takes a while.

    Returns:
        Trips that were looked into.

    Raises:
        DatabaseUnavailable: the database is away; the next run in this work dir does what is left.
    """
    job = _Joining(settings, work_dir, say, clock)
    return _in_database(database, lambda connection: job.run(connection, video_ids))


def let_go(database: Database, video_ids: Collection[str]) -> None:
    """Before videos are read anew: what was joined to their vehicles speaks for itself until it is joined again.

    Raises:
        DatabaseUnavailable: the database is away.
    """

    def dissolve(connection: Connection) -> None:
        joining.lock(connection)
        joining.dissolve(connection, video_ids)

    if video_ids:
        _in_database(database, dissolve)


def _in_database(database: Database, work: Callable[[Connection], Done]) -> Done:
    """Do it, and once more where a run on another host wrote rows of the same videos in another order."""
    for tries_left in reversed(range(TRIES)):
        try:
            with connect(database.url) as connection:
                return work(connection)
        except psycopg.errors.DeadlockDetected as error:
            if not tries_left:
                raise unavailable(database.url, error) from error
        except psycopg.Error as error:
            raise unavailable(database.url, error) from error
    raise AssertionError("the last try returns or raises")


class _Joining:
    def __init__(self, settings: Settings, work_dir: Path, say: Say, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._work_dir = work_dir
        self._watching = Watching(work_dir, AlertState(settings.alerts.first_state))
        self._stamp = stamp_of(settings)
        self._pattern = re.compile(settings.trips.pattern) if settings.trips.pattern else None
        self._freed: set[str] = (
            set()
        )  # videos whose vehicles were joined to those of trips that were joined anew
        self._say = say
        self._clock = clock
        self._say_again_s = clock() + SAY_AFTER_S

    def run(self, connection: Connection, video_ids: Collection[str]) -> int:
        done: set[str] = set()
        looked_into = 0
        while True:
            # Taking one trip apart can leave a video of another one to be joined again: until none is left.
            wanted = {*video_ids, *self._freed}
            pending = joining.pending_videos(connection, self._work_dir, wanted, self._stamp)
            left = {video.video_id for video in pending} - done
            folders = {_folder(video.path) for video in pending if video.video_id in left}
            videos = {video.video_id: video for video in joining.videos_in_folders(connection, folders)}
            connection.commit()
            trips = [trip for trip in self._trips(videos.values()) if not left.isdisjoint(trip.video_ids)]
            if not trips:
                return looked_into
            for number, trip in enumerate(trips, 1):
                with connection.transaction():
                    self._join(connection, trip, videos)
                done.update(trip.video_ids)
                looked_into += 1
                self._tell(number, len(trips))

    def _trips(self, videos: Collection[StoredVideo]) -> list[Trip]:
        recordings = (
            Recording(
                video_id=video.video_id,
                path=video.path,
                duration_s=video.duration_s,
                width=video.width,
                height=video.height,
                codec=video.codec,
            )
            for video in videos
        )
        if not self._settings.trips.join:
            return [alone(recording) for recording in recordings]
        latest = {video.path: video.video_id for video in sorted(videos, key=lambda video: video.updated_at)}
        there: list[Recording] = []
        gone: list[Recording] = []
        for recording in recordings:
            (there if latest[recording.path] == recording.video_id else gone).append(recording)
        # A card that was filled again has other videos under the names of old ones.
        return [*trips_of(there, self._settings.trips.max_gap_s, self._pattern), *map(alone, gone)]

    def _join(self, connection: Connection, trip: Trip, videos: dict[str, StoredVideo]) -> None:
        """Join the vehicles of one trip, whatever was joined of it before."""
        joining.lock(connection)
        self._freed |= joining.dissolve(connection, trip.video_ids)
        for files in _runs_of_files(trip, videos):
            if self._settings.trips.join:
                self._join_files(connection, files)
            joining.settle(connection, [file.video for file in files], trip.trip_id, self._stamp)
        raise_for_joined(connection, trip.video_ids, self._watching)

    def _join_files(self, connection: Connection, files: Sequence[_File]) -> None:
        file_of = {file.video.video_id: file for file in files}
        stored = {part.id: part for part in joining.parts_of(connection, file_of)}
        parts = [_part(part, file_of[part.video_id]) for part in stored.values()]
        for group in join(parts, self._settings.trips.same_plate_s):
            if len(group) > 1:
                found = [stored[part.key] for part in group]
                row = _joined(connection, group, found, file_of, self._settings.vote)
                joining.write_joined(connection, row, [part.key for part in group])

    def _tell(self, number: int, trips: int) -> None:
        if self._clock() >= self._say_again_s and number < trips:
            self._say_again_s = self._clock() + SAY_EVERY_S
            self._say(f"joining what was seen of one vehicle: trip {number} of {trips}")


def _runs_of_files(trip: Trip, videos: dict[str, StoredVideo]) -> Iterator[list[_File]]:
    """The files of a trip that are over, in runs without one between them that is not."""
    found: list[_File] = []
    frames = 0
    for number, leg in enumerate(trip.legs):
        video = videos[leg.recording.video_id]
        if video.over:
            found.append(_File(video, number, leg.start_s, frames))
        elif found:
            yield found
            found = []
        frames += max(video.frames_decoded, 1)
    if found:
        yield found


def _part(stored: StoredPart, file: _File) -> Part:
    video = file.video
    return Part(
        key=stored.id,
        video=file.number,
        first_s=file.start_s + stored.first_s,
        last_s=file.start_s + stored.last_s,
        vehicle_class=stored.vehicle_class,
        plate=stored.final_plate,
        best_guess=stored.best_guess,
        hashed=is_hashed(stored.text),
        confidence=stored.plate_confidence,
        first_box=_shares(stored.first_bbox, video),
        last_box=_shares(stored.last_bbox, video),
        from_start=stored.first_s <= EDGE_S,
        shot=stored.shot,
        to_end=video.duration_s is not None and stored.last_s >= video.duration_s - EDGE_S,
    )


def _shares(box: joining.FileBox | None, video: StoredVideo) -> Box | None:
    if box is None or not video.width or not video.height:
        return None
    x1, y1, x2, y2 = box
    return Box(x1 / video.width, y1 / video.height, x2 / video.width, y2 / video.height)


def _joined(
    connection: Connection,
    group: Sequence[Part],
    stored: Sequence[StoredPart],
    file_of: dict[str, _File],
    settings: VoteSettings,
) -> JoinedRow:
    """What holds for the parts of one vehicle together; they are in the order of time."""
    from dashcam_pipeline.batch.revote import (
        Seen,
        vote_again,
    )  # brings the vote; most runs have nothing to join

    votes = joining.votes_of(connection, [part.id for part in stored])
    files = [file_of[part.video_id] for part in stored]
    vote = vote_again(
        [
            Seen(part=part, vote=votes[part.id], start_s=file.start_s, first_frame=file.first_frame)
            for part, file in zip(stored, files, strict=True)
        ],
        settings,
    )
    until = max(group, key=lambda part: (part.last_s, part.key))
    return JoinedRow(
        id=group[0].key,
        parts=len(group),
        until_id=until.key,
        shown_id=max(stored, key=lambda part: _worth_showing(part, vote)).id,
        span_s=until.last_s - group[0].first_s,
        final_plate=vote.final_plate,
        best_guess=vote.best_guess,
        plate_confidence=vote.plate_confidence,
        no_plate_reason=vote.no_plate_reason,
        reads=vote.reads,
        agreeing_reads=vote.agreeing_reads,
        char_votes=vote.char_votes,
        best_read=vote.best_read,
        plate_region=vote.plate_region,
        plate_format=vote.plate_format,
        confidence_parts=vote.confidence_parts,
    )


def _worth_showing(part: StoredPart, vote: JoinedVote) -> tuple[bool, float, float, str]:
    """The part whose pictures show the joined plate best has the greatest."""
    shows = vote.text is not None and part.text == vote.text
    return (shows, part.plate_confidence or 0.0, part.plate_width or 0.0, part.id)


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]
