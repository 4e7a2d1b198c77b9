"""Writing results into Postgres: batches in one transaction each, tried again until they are in."""

from __future__ import annotations

import platform
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.types.json import Jsonb

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.connection import Connection, connect, one_line, unavailable
from dashcam_pipeline.storage.postgres.dsn import redacted
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.rows import REFUSED, DeadLetterRow, RunRow, SightingRow, VideoRow, VideoStatus
from dashcam_pipeline.storage.text import storable
from dashcam_pipeline.storage.watching import alerts
from dashcam_pipeline.storage.watching.alerts import Alert, Watching

GIVE_UP_AFTER_S = 60.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
SIGHTING_NAMESPACE = uuid.UUID("4f0c6d0a-5d0e-5b1c-9d3e-6c8f3a1f2b70")
EVERY_FRAME = 2**62
READ_TO_THE_END = frozenset({VideoStatus.DONE, VideoStatus.PARTIAL})
CUT_SHORT = frozenset({VideoStatus.STOPPED, VideoStatus.FAILED})
REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a text that is too long for an index
)
"""What the server says when it will not take a row for what is in it: another try won't help."""
WORTH_ANOTHER_TRY = (
    psycopg.OperationalError,  # connection lost, server stopping or starting, deadlock, disk full
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby that is about to take over
)

Parameters = dict[str, object]


def sighting_id(video_id: str, track_id: int, part: int = 0) -> uuid.UUID:
    """The id of a sighting: the same for the same video content and vehicle, in every run and on every host."""
    return uuid.uuid5(SIGHTING_NAMESPACE, f"{video_id}/{track_id}{f'/{part}' if part else ''}")


class ResultWriter:
    """Writes runs, videos, sightings and dead letters. Connects at the first write; not for several threads at once.

    Every write is an upsert, so one that is repeated, in whatever order, leaves the same table. When
    the connection is lost, the whole transaction is tried again with growing pauses: nothing is lost
    and nothing is doubled, even when the server committed and only its answer was lost.

    Args:
        url: see `Database.url`.
        give_up_after_s: the time a write may keep trying without a server.
        watching: how alerts are raised of the sightings that are written.
        clock, sleep: in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        watching: Watching | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url = url
        self._give_up_after_s = give_up_after_s
        self._watching = watching or Watching()
        self._clock = clock
        self._sleep = sleep
        self._connection: Connection | None = None
        self.problem: str | None = None
        """While a write keeps trying: what stands in its way, in one line. None when all is well."""

    def start_run(self, run: RunRow) -> None:
        """Write the row of a run that begins or is resumed (then with its old `run_id`)."""
        self._in_transaction(lambda connection: _write_run(connection, run))

    def end_dead_runs(self, reason: str, work_dir: Path | None = None) -> None:
        """Close the rows of runs that never came to say how they ended, with those of their videos.

        Only for a caller who knows that none of them is under way.

        Args:
            work_dir: only runs of this work dir on this host; None: all runs in the database.
        """
        where = {"work_dir": None if work_dir is None else storable(str(work_dir)), "host": platform.node()}

        def end(connection: Connection) -> None:
            connection.execute(query("write", "end_dead_runs"), {"reason": reason, **where})

        self._in_transaction(end)

    def finish_run(self, run: RunRow) -> None:
        """Write the row of a run that ends."""
        self._in_transaction(lambda connection: _write_run(connection, run))

    def write(
        self,
        sightings: Sequence[SightingRow] = (),
        videos: Sequence[VideoRow] = (),
        dead_letters: Sequence[DeadLetterRow] = (),
    ) -> list[Alert]:
        """Write a batch in one transaction. Of several rows with one key, the last counts.

        A video whose status is final replaces what earlier runs wrote of it: with other settings or
        models a run counts its vehicles otherwise, and what remained of an earlier run would stand in
        the table as vehicles seen twice. Of a video that was stopped or failed on the way only the part
        that was read is replaced, so a run that hardly began takes nothing away.

        Returns:
            The alerts of these sightings, also those that an earlier write has raised.

        Raises:
            DatabaseUnavailable: no server for `give_up_after_s`, or it refuses the tables.
            one of REFUSALS: a row breaks the rules of its table; nothing of the batch is written.
        """
        found: list[Alert] = []

        def write(connection: Connection) -> None:
            _write_batch(connection, sightings, videos, dead_letters, self._watching)
            found[:] = alerts.alerts_of(connection, _ids(row for row in sightings if row.final_plate))

        if sightings or videos or dead_letters:
            self._in_transaction(write)
        return found

    def clear_dead_letters(self, run_id: str, video_ids: Sequence[str]) -> list[str]:
        """Forget what a run gave up of videos that are read again; the pictures' paths in the work dir."""
        found: list[str] = []

        def clear(connection: Connection) -> None:
            parameters = {"run_id": run_id, "video_ids": list(video_ids)}
            rows = connection.execute(query("write", "clear_dead_letters"), parameters).fetchall()
            found[:] = [str(row[0]) for row in rows if row[0] is not None]

        self._in_transaction(clear)
        return found

    def close(self) -> None:
        """Drop the connection; a later write opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _in_transaction(self, work: Callable[[Connection], None]) -> None:
        give_up_at = self._clock() + self._give_up_after_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                self._try(work)
                self.problem = None
                return
            except REFUSALS:
                self.problem = None  # the server is well
                raise
            except (*WORTH_ANOTHER_TRY, DatabaseUnavailable) as error:
                self.close()
                self.problem = one_line(_cause(error))
                if self._clock() + pause_s > give_up_at:
                    raise self._gave_up(error) from error
            except psycopg.ProgrammingError as error:  # no such table or column, or no right to it
                self.problem = one_line(error)
                raise unavailable(self._url, error) from error
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _try(self, work: Callable[[Connection], None]) -> None:
        if self._connection is None:
            self._connection = connect(self._url, autocommit=True)
        with self._connection.transaction():
            work(self._connection)

    def _gave_up(self, error: Exception) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"could not write to {redacted(self._url)} for {self._give_up_after_s:.0f} s, last because: "
            f"{one_line(error)}. What to do: bring the server back and run the same command again."
        )


def _cause(error: Exception) -> Exception:
    """What psycopg said, where our own error says it in more words."""
    return error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error


def _write_run(connection: Connection, run: RunRow) -> None:
    connection.execute(query("write", "upsert_run"), _parameters(run, config=_json(run.config)))


def _write_batch(
    connection: Connection,
    sightings: Sequence[SightingRow],
    videos: Sequence[VideoRow],
    dead_letters: Sequence[DeadLetterRow],
    watching: Watching,
) -> None:
    # Always in the same order, so that two writers never wait for each other's rows in a circle.
    videos = sorted(videos, key=lambda row: (row.run_id, row.path))
    sightings = sorted(sightings, key=lambda row: (row.video_id, row.track_id, row.part))
    dead_letters = sorted(dead_letters, key=lambda row: (row.run_id, row.task_id))
    with connection.cursor() as cursor:
        cursor.executemany(query("write", "upsert_video"), [_video(row) for row in videos])
        cursor.executemany(query("write", "upsert_sighting"), [_sighting(row) for row in sightings])
        if sightings:
            alerts.raise_for_rows(connection, _ids(sightings), watching)
        cursor.executemany(query("write", "remove_replaced"), list(_replaced(videos)))
        cursor.executemany(
            query("write", "forget_overcome_dead_letters"), list(_without_dead_letters(videos))
        )
        cursor.executemany(query("write", "upsert_dead_letter"), [_parameters(row) for row in dead_letters])
        video_ids = {row.video_id for row in videos} | {row.video_id for row in sightings}
        cursor.execute(query("write", "name_videos"), {"video_ids": sorted(map(storable, video_ids))})
    alerts.forget_strayed(
        connection, {storable(row.video_id) for row in videos if row.status in READ_TO_THE_END}
    )


def _ids(sightings: Iterable[SightingRow]) -> set[str]:
    return {str(sighting_id(row.video_id, row.track_id, row.part)) for row in sightings}


def _without_dead_letters(videos: Iterable[VideoRow]) -> Iterable[Parameters]:
    """Of a video that came through in the end: what was given up before the run was interrupted went well later."""
    for video in videos:
        if video.status in READ_TO_THE_END and not video.dead_letters:
            yield {"run_id": video.run_id, "video_id": video.video_id, "kept": REFUSED}


def _replaced(videos: Iterable[VideoRow]) -> Iterable[Parameters]:
    for video in videos:
        if video.status in READ_TO_THE_END:
            yield _parameters(video, frames_read=EVERY_FRAME)
        elif video.status in CUT_SHORT:
            yield _parameters(video, frames_read=video.frames_decoded)


def _video(row: VideoRow) -> Parameters:
    return _parameters(
        row,
        reasons=_json(row.reasons),
        track=None if row.track is None else Jsonb([list(fix) for fix in row.track]),
    )


def _sighting(row: SightingRow) -> Parameters:
    boxes = {name: getattr(row, name) for name in ("car_bbox", "plate_bbox", "first_bbox", "last_bbox")}
    return _parameters(
        row,
        id=sighting_id(row.video_id, row.track_id, row.part),
        char_votes=Jsonb(row.char_votes),
        confidence_parts=_json(row.confidence_parts),
        looks=Jsonb([asdict(look) for look in row.looks]),
        path=Jsonb([list(point) for point in row.path]),
        **{name: None if box is None else list(box) for name, box in boxes.items()},
    )


def _parameters(row: RunRow | VideoRow | SightingRow | DeadLetterRow, **replaced: object) -> Parameters:
    values = {key: storable(value) if isinstance(value, str) else value for key, value in asdict(row).items()}
    return values | replaced


def _json(value: Mapping[str, object] | None) -> Jsonb | None:
    return None if value is None else Jsonb(value)
