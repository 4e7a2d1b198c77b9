"""Which video of the results a name means, in whatever run it was read."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.queries import query


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """A video that a run has read."""

    video_id: str  # by content, not by name
    path: str  # as the latest run found it
    filename: str


def videos_named(connection: Connection, name: str) -> list[KnownVideo]:
    """The videos with that id, file name or path; of each, where the latest run found it."""
    with connection.cursor(row_factory=class_row(KnownVideo)) as cursor:
        return cursor.execute(query("finding_videos", "named"), {"name": name}).fetchall()
