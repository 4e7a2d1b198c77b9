"""`dashcam purge`: removes sightings that are not to be kept any longer, with their pictures."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.prompt import Confirm

from dashcam_pipeline.batch import leftovers
from dashcam_pipeline.batch.catching_up import catch_up
from dashcam_pipeline.batch.resume import Wish
from dashcam_pipeline.cli.counting import Counting
from dashcam_pipeline.cli.options import Db, VideoName, WorkDir
from dashcam_pipeline.cli.purge_aim import age_of, aim_of
from dashcam_pipeline.cli.run import say_line, stopped_by_signals
from dashcam_pipeline.errors import EXIT_STOPPED, BadInput
from dashcam_pipeline.storage.location import Location, resolve_location
from dashcam_pipeline.storage.postgres.connection import Connection, connect, unavailable
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.retention.purged_pictures import (
    Places,
    Removed,
    delete,
    noted_folders,
    orphaned,
    picture_sizes,
    places_of,
    sweep,
)
from dashcam_pipeline.storage.retention.purging import Aim, Chosen, choose, remove
from dashcam_pipeline.storage.work_dir import WorkDir as HeldWorkDir

MB = 10**6
NAMED = 3  # runs that an error names


def purge(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="AGE", help="Seen longer ago than this: 12h, 30d, 4w, 1y (365 days)."
        ),
    ] = None,
    keep_plates: Annotated[
        str | None,
        typer.Option(
            "--keep-plates",
            metavar="LIST",
            help="These stay: a file as for `dashcam watchlist import`, plates with commas between, or `watchlist`.",
        ),
    ] = None,
    video: VideoName = None,
    plate: Annotated[
        str | None, typer.Option("--plate", metavar="PLATE", help="Only sightings with this plate or guess.")
    ] = None,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Also pictures in the work dir that no sighting points at.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    rows_only: Annotated[
        bool,
        typer.Option(
            "--rows-only", help="Where pictures are on another host, remove the rows and leave these."
        ),
    ] = False,
    db: Db = None,
    work_dir: WorkDir = None,
) -> None:
    """Remove sightings with their pictures and alerts, and dead letters with theirs, for good.

    A sighting is as old as its wall time says, or, where its video tells none, the end of the run that wrote it. A
    vehicle that was seen in several files goes as a whole or stays. What is named together has to be true together:
    --video and --older-than mean the old ones of that video. The videos stay in the list, with new counts, and so are
    not read again.

    What was interrupted is done by the same command, or by the next run in that work dir. Exit codes: 2 bad
    arguments, 3 the database or a picture can't be used, 130 not confirmed or stopped.

    Example: dashcam purge --older-than 30d --keep-plates watchlist
    """
    if older_than is None and video is None and plate is None and not orphans:
        raise BadInput(
            "nothing says what to remove: --older-than AGE, --video NAME, --plate PLATE or --orphans"
        )
    before = None if older_than is None else datetime.now(UTC) - age_of(older_than)
    if not (yes or dry_run or sys.stdin.isatty()):
        raise BadInput(
            "there is no terminal to ask on: --yes removes without a question, --dry-run only counts"
        )
    location = resolve_location(db, work_dir)
    with stopped_by_signals(), Database.attach(location) as database, ExitStack() as held:
        if not dry_run:
            database.migrate()
            _hold(held, [location.work_dir])
            _deliver(location, database)
        try:
            with connect(database.url, autocommit=True) as connection:
                job = _Purge(connection, location.work_dir, held, dry_run, yes, rows_only)
                aim = None
                if older_than is not None or video is not None or plate is not None:
                    aim = aim_of(connection, location.work_dir, before, video, plate, keep_plates)
                print(f"of {location.shown}:")  # it may be the last run's, which nobody named
                if aim is not None:
                    job.remove(aim)
                if orphans:
                    job.remove_orphans()
        except psycopg.Error as error:
            raise unavailable(database.url, error) from error


@dataclass(frozen=True, slots=True)
class _Purge:
    """One call of the command."""

    connection: Connection
    work_dir: Path
    held: ExitStack
    dry_run: bool
    yes: bool
    rows_only: bool

    def remove(self, aim: Aim) -> None:
        """Remove what meets an aim, once that is confirmed."""
        chosen = choose(self.connection, aim)
        places = places_of(self.connection, aim.parameters, self.work_dir)
        if not self.rows_only:
            _must_be_here(places)
        with Counting(sys.stderr) as counting:
            pictures = size_bytes = 0
            for size in counting.over(picture_sizes(self.connection, places), "pictures found"):
                pictures, size_bytes = pictures + 1, size_bytes + size
        for line in _said(chosen, aim, pictures, size_bytes):
            print(line)
        if self.dry_run:
            print("nothing was removed: --dry-run")
            return
        if chosen.sightings or chosen.dead_letters or chosen.tracks:
            self._ask()
        left = noted_folders(self.connection)
        _hold(self.held, {*places.distinct, *left} - {self.work_dir})
        with Counting(sys.stderr) as counting:
            removed = sweep(self.connection, left)
            for part in self._counted(remove(self.connection, aim, places), counting):
                removed += part
        print(f"removed {_amounts(removed)}")

    def remove_orphans(self) -> None:
        """Remove pictures that no row points at, once that is confirmed."""
        with Counting(sys.stderr) as counting:
            found = list(
                counting.over(orphaned(self.connection, self.work_dir), "pictures without a sighting")
            )
        size = sum((self.work_dir / path).stat().st_size for path in found)
        print(f"{_many(len(found), 'picture')} without a sighting, {size / MB:,.1f} MB")
        if self.dry_run or not found:
            return
        self._ask()
        removed = Removed()
        with Counting(sys.stderr) as counting:
            for path in counting.over(found, "pictures deleted"):
                removed += delete(self.work_dir, path)
        print(f"removed {_amounts(removed)}")

    def _ask(self) -> None:
        if not self.yes and not Confirm.ask(
            "remove this for good?", console=Console(stderr=True), default=False
        ):
            print("nothing was removed")
            raise typer.Exit(EXIT_STOPPED)

    @staticmethod
    def _counted(batches: Iterable[Removed], counting: Counting) -> Iterator[Removed]:
        """The batches, while their sightings are counted."""

        def one_by_one() -> Iterator[Removed | None]:
            for batch in batches:
                yield batch
                yield from repeat(None, max(0, batch.sightings + batch.dead_letters - 1))

        for batch in counting.over(one_by_one(), "sightings and dead letters removed"):
            if batch is not None:
                yield batch


def _hold(held: ExitStack, folders: Collection[Path]) -> None:
    """No run may write into these work dirs until this command is over."""
    for folder in sorted(folders):
        if folder.is_dir():
            held.enter_context(HeldWorkDir(folder))


def _deliver(location: Location, database: Database) -> None:
    """Rows that wait in the outbox would come in after their pictures are gone."""
    if leftovers.rows_waiting(location.work_dir):
        catch_up(location.work_dir, database, Wish(), say_line)


def _must_be_here(places: Places) -> None:
    if places.unreachable:
        named = "; ".join(
            f"run {one.run_id}: {one.work_dir or 'an unknown folder'} on {one.host or 'an unknown host'}"
            for one in places.unreachable[:NAMED]
        )
        more = f" and {len(places.unreachable) - NAMED} more" if len(places.unreachable) > NAMED else ""
        raise BadInput(
            f"the pictures of some of these sightings can't be reached from here ({named}{more}). What to do: run "
            "this command there, name the folder that they were moved to with --work-dir, or remove the rows alone "
            "with --rows-only"
        )


def _said(chosen: Chosen, aim: Aim, pictures: int, size_bytes: int) -> Iterator[str]:
    """What would be removed, and how old it is taken to be."""
    which = "" if aim.before is None else f" seen before {aim.before.astimezone():%Y-%m-%d %H:%M}"
    rows = f" ({chosen.parts:,} rows)" if chosen.parts != chosen.sightings else ""
    dead = f", {_many(chosen.dead_letters, 'dead letter')}" if chosen.dead_letters else ""
    dead += f", {_tracks(chosen.tracks)}" if chosen.tracks else ""
    sightings, shown = _many(chosen.sightings, "sighting"), _many(pictures, "picture")
    yield f"{sightings}{which}{rows}{dead}, {shown}, {size_bytes / MB:,.1f} MB"
    if aim.before is not None and chosen.sightings:
        by_run = chosen.sightings - chosen.timed
        yield f"their age: {chosen.timed:,} by their wall time, {by_run:,} by the end of the run that wrote them"
    if chosen.kept:
        yield f"{chosen.kept:,} more {'stays' if chosen.kept == 1 else 'stay'}: --keep-plates"
    elif aim.keep:
        yield "none stays by --keep-plates: no sighting that would go has one of these plates"


def _amounts(removed: Removed) -> str:
    parts = [_many(removed.sightings, "sighting")] if removed.sightings else []
    parts += [_many(removed.dead_letters, "dead letter")] if removed.dead_letters else []
    parts += [_tracks(removed.tracks)] if removed.tracks else []
    parts.append(f"{_many(removed.pictures, 'picture')}, {removed.freed_bytes / MB:,.1f} MB")
    return ", ".join(parts)


def _tracks(count: int) -> str:
    return f"where the camera was in {_many(count, 'video')}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
