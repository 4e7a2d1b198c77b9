"""docs/db_schema.md, written from the comments that the migrations put on every table and column.

python -m dashcam_pipeline.storage.postgres.schema_doc > docs/db_schema.md
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg.rows import class_row, scalar_row

from dashcam_pipeline.storage.postgres.connection import Connection, connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.queries import query

ORDER = (
    "sightings",
    "vehicles",
    "joined",
    "videos",
    "runs",
    "dead_letters",
    "watchlist",
    "alerts",
    "purged_pictures",
)

INTRODUCTION = """\
# Database

The view `sightings` is what to query: one row a vehicle passing one camera. Behind it lie eight tables:
`vehicles` holds a row a track, `joined` which of them are one vehicle ([trips.md](trips.md)); `videos` the
input files of each run; `runs` the runs; `dead_letters` the work that was given up; `watchlist` and
`alerts` the plates that are watched for and their hits ([watchlist.md](watchlist.md)); `purged_pictures` what an
interrupted purge has left to do ([privacy.md](privacy.md)). This page is written from the comments in the database
itself (`\\d+ vehicles` in psql shows the same).

What holds:

- A second write of the same row is an update. `vehicles` has the key (video_id, track_id, part), so a
  vehicle stays one row however often its video is run, and `run_id` says who wrote it last.
- When a run has read a video to its end, the sightings that earlier runs wrote of it and this one did
  not are removed in the same transaction. Of a video that was stopped or failed on the way, only the part
  that was read is replaced.
- `vehicles.id` is made from (video_id, track_id, part) and stays the same over runs and hosts: other tables may
  point to it.
- There are no foreign keys between vehicles, videos and runs: a sighting may be written before the row of its
  video, and a run may be deleted without its sightings.
- `final_plate` holds only what the configured confidence calls a claim. Where it is null,
  `no_plate_reason` says why.
- Times of day are `timestamptz`; seconds count from the start of the video.

The tables `dashcam_migration`, `dashcam_migration_log` and `dashcam_migration_version` record which
migrations were applied.
"""
EXAMPLES = """
## Examples

```sql
-- where was this plate seen?
SELECT video_filename, first_s, last_s, plate_confidence, vehicle_picture
FROM sightings WHERE final_plate = 'LS15EBC' ORDER BY video_filename, first_s;

-- why have vehicles no plate?
SELECT no_plate_reason, count(*) FROM sightings WHERE final_plate IS NULL GROUP BY 1 ORDER BY 2 DESC;

-- the videos of the latest run
SELECT filename, status, reason, vehicles, plates FROM videos
WHERE run_id = (SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1) ORDER BY path;

-- what was given up, and why?
SELECT video_id, category, frame_idx, error, frame_picture FROM dead_letters ORDER BY failed_at DESC;
```
"""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    nullable: bool
    comment: str | None


def describe(connection: Connection) -> str:
    """The page, from the tables of a database that is up to date."""
    return INTRODUCTION + "".join(_table(connection, table) for table in ORDER) + EXAMPLES


def _table(connection: Connection, table: str) -> str:
    return "\n".join(_lines(connection, table)) + "\n"


def _lines(connection: Connection, table: str) -> Iterator[str]:
    parameters = {"table": table}
    with connection.cursor(row_factory=scalar_row) as cursor:
        comment = cursor.execute(query("schema", "table_comment"), parameters).fetchone()
        rules = cursor.execute(query("schema", "rules"), parameters).fetchall()
    with connection.cursor(row_factory=class_row(_Column)) as columns:
        found = columns.execute(query("schema", "columns"), parameters).fetchall()
    yield f"\n## {table}\n"
    yield f"{comment}\n"
    yield "| column | type | null | meaning |"
    yield "|---|---|---|---|"
    for column in found:
        null = "yes" if column.nullable else ""
        yield f"| {column.name} | {column.type} | {null} | {column.comment or ''} |"
    if rules:
        yield "\nKeys, checks and indexes:\n"
    yield from (f"- `{rule}`" for rule in rules)


def main() -> None:
    """Print the page."""
    with tempfile.TemporaryDirectory() as folder, Database.open(None, Path(folder)) as database:
        database.migrate()
        with connect(database.url) as connection:
            print(describe(connection), end="")


if __name__ == "__main__":
    main()
