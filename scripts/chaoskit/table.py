"""What a job has left in the database and in its evidence folder, and how two such results differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from dashcam_pipeline.storage.postgres.database import Database

NOT_COMPARED = ("run_id", "created_at", "updated_at")
VIDEO_COLUMNS = (
    "status",
    "reason",
    "frames_decoded",
    "frames_sampled",
    "vehicles",
    "plates",
    "reasons",
    "dead_letters",
    "trip",
    "joined_with",
    "joined_vehicles",
    "joined_plates",
    "joined_reasons",
    "started_at",
    "utc_offset_min",
    "time_source",
    "zone_source",
    "time_note",
    "position_source",
    "position_note",
    "track",
)
FINAL_VIDEOS = """
    SELECT DISTINCT ON (path) * FROM videos WHERE status IN ('done', 'partial', 'failed')
    ORDER BY path, updated_at DESC
"""
UNFINISHED = """
    SELECT path, status FROM videos WHERE status IN ('queued', 'running', 'stopped')
    UNION ALL SELECT run_id, status FROM runs WHERE status = 'running'
"""
# Which of the alerts of a joined vehicle stands for the others depends on which came first.
ALERTS = """
    SELECT
        alerts.sighting_id, alerts.watched, alerts.spelling, alerts.note, alerts.plate, alerts.distance,
        alerts.confidence, alerts.video_id, alerts.first_s, alerts.last_s, count(standing.id) AS standing
    FROM alerts
    JOIN vehicles AS own ON own.id = alerts.sighting_id
    LEFT JOIN vehicles AS part ON coalesce(part.part_of, part.id) = coalesce(own.part_of, own.id)
    LEFT JOIN alerts AS standing
        ON standing.sighting_id = part.id AND standing.watched = alerts.watched AND standing.part_of IS NULL
    GROUP BY alerts.id
"""
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Result:
    """What counts of a finished job. A row is found by its id, a video by its file name."""

    vehicles: Mapping[str, Row] = field(default_factory=dict)
    joined: Mapping[str, Row] = field(default_factory=dict)
    videos: Mapping[str, Row] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)  # path in the evidence folder -> sha256
    dead_letters: Mapping[str, Row] = field(default_factory=dict)
    alerts: Mapping[str, Row] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()
    runs: int = 0

    @property
    def rows(self) -> int:
        return sum(map(len, (self.vehicles, self.joined, self.videos, self.pictures, self.alerts)))


def read_result(dsn: str | None, work: Path) -> Result:
    """Read the tables of the user's server, or of the one in the work dir; and the evidence pictures."""
    pictures = {
        str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((work / "evidence").rglob("*"))
        if path.is_file()
    }
    with (
        Database.open(dsn, work) as database,
        psycopg.connect(database.url, row_factory=dict_row) as connection,
    ):
        vehicles = connection.execute("SELECT * FROM vehicles").fetchall()
        joined = connection.execute("SELECT * FROM joined").fetchall()
        videos = connection.execute(FINAL_VIDEOS).fetchall()
        dead = connection.execute("SELECT * FROM dead_letters").fetchall()
        alerts = connection.execute(ALERTS).fetchall()
        unfinished = connection.execute(UNFINISHED).fetchall()
        runs = connection.execute("SELECT count(*) AS n FROM runs").fetchone()
    return Result(
        vehicles={str(row["id"]): _without(row, NOT_COMPARED) for row in vehicles},
        joined={str(row["id"]): row for row in joined},
        videos={Path(row["path"]).name: {name: row[name] for name in VIDEO_COLUMNS} for row in videos},
        pictures=pictures,
        dead_letters={row["task_id"]: row for row in dead},
        alerts={f"{row['sighting_id']} {row['watched']}": row for row in alerts},
        unfinished=tuple(f"{Path(row['path']).name}: {row['status']}" for row in unfinished),
        runs=int(runs["n"]) if runs else 0,
    )


def differences(expected: Result, found: Result) -> list[str]:
    """A line for each row or picture that is missing, too many, or not the same."""
    return [
        *_compare("vehicle", expected.vehicles, found.vehicles),
        *_compare("joined vehicle", expected.joined, found.joined),
        *_compare("video", expected.videos, found.videos),
        *_compare("dead letter", expected.dead_letters, found.dead_letters),
        *_compare("alert", expected.alerts, found.alerts),
        *_compare(
            "picture",
            {path: {"sha256": sha} for path, sha in expected.pictures.items()},
            {path: {"sha256": sha} for path, sha in found.pictures.items()},
        ),
    ]


def _compare(what: str, expected: Mapping[str, Row], found: Mapping[str, Row]) -> Iterable[str]:
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            yield f"{what} {key} is missing: {_brief(expected[key])}"
        elif key not in expected:
            yield f"{what} {key} is too many: {_brief(found[key])}"
        elif expected[key] != found[key]:
            changed = [
                f"{name} {expected[key][name]!r} -> {found[key].get(name)!r}"
                for name in expected[key]
                if expected[key][name] != found[key].get(name)
            ]
            yield f"{what} {key}: {'; '.join(changed)}"


def _without(row: Row, names: tuple[str, ...]) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _brief(row: Row) -> str:
    wanted = (
        "video_filename",
        "track_id",
        "first_s",
        "last_s",
        "final_plate",
        "status",
        "reason",
        "error",
        "sha256",
    )
    return ", ".join(f"{name}={row[name]}" for name in wanted if name in row)
