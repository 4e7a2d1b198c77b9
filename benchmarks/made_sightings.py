"""Sightings for benchmarks of the database: made plates as a user has them, in rows as wide as those of a run.

Only looks and paths are empty, which lie outside of the table in rows of a run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import LiteralString

from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.vision.plates.plate_format_files import own_countries
from dashcam_pipeline.vision.plates.plate_formats import PlateFormat

HOME = "gb"
AT_HOME = 0.7  # of the plates
SPAN_DAYS = 730  # over which the sightings are spread
NEW = datetime(2026, 1, 1, tzinfo=UTC)  # of the first of them; the others are older

FILL: LiteralString = """
INSERT INTO vehicles (
    id, video_id, track_id, run_id, video_path, video_filename, vehicle_class, first_frame, last_frame, first_s, last_s,
    frame_idx, video_ts_frame, ts, final_plate, plate_confidence, best_guess, no_plate_reason, reads, agreeing_reads,
    char_votes, best_read, plate_region, plate_format, confidence_parts, car_bbox, plate_bbox,
    vehicle_picture, plate_picture, frame_picture, strip_picture, part_of
)
SELECT
    md5(n::text)::uuid, md5((n / 1000)::text), n %% 1000, 'run-' || n / 100000, '/videos/' || n / 1000 || '.mp4',
    n / 1000 || '.mp4', (ARRAY['car', 'car', 'car', 'truck', 'bus'])[n %% 5 + 1], n %% 1000 * 30, n %% 1000 * 30 + 60,
    n %% 1000, n %% 1000 + 2, n %% 1000 * 30 + 30, n %% 1000 + 1,
    %(new)s::timestamptz - %(span)s * (n::float8 / %(rows)s) * interval '1 day',
    CASE WHEN n %% 10 < 8 THEN plate END, 0.5 + n %% 50 / 100.0, CASE WHEN n %% 10 >= 8 THEN plate END,
    CASE WHEN n %% 10 >= 8 THEN 'low_confidence' END, 5, 4,
    (SELECT jsonb_agg(jsonb_build_object(letter, 0.93, '?', 0.07)) FROM regexp_split_to_table(plate, '') AS letter),
    plate, 'United Kingdom', 'gb/current', '{"share": 0.93, "agreement": 0.8, "readable": 0.7}',
    '{100, 50.5, 300.25, 200}', '{150, 150, 220, 170}',
    'evidence/' || md5((n / 1000)::text) || '/' || n || '_vehicle.jpg',
    'evidence/' || md5((n / 1000)::text) || '/' || n || '_plate.jpg',
    'evidence/' || md5((n / 1000)::text) || '/' || n || '_frame.jpg',
    'evidence/' || md5((n / 1000)::text) || '/' || n || '_strip.jpg',
    CASE WHEN n %% 20 = 1 THEN md5((n - 1)::text)::uuid END
FROM made WHERE n BETWEEN %(first)s AND %(last)s
ORDER BY n
"""
JOIN: LiteralString = """
INSERT INTO joined (
    id, parts, until_id, shown_id, span_s, final_plate, plate_confidence, best_guess, no_plate_reason, reads,
    agreeing_reads, char_votes
)
SELECT
    md5(n::text)::uuid, 2, md5((n + 1)::text)::uuid, md5(n::text)::uuid, 9, final_plate, plate_confidence, best_guess,
    no_plate_reason, 9, 8, char_votes
FROM made JOIN vehicles ON vehicles.id = md5(n::text)::uuid
WHERE n %% 20 = 0 AND n < %(rows)s - 1
"""


def made_plates(count: int, dice: random.Random) -> Iterator[str]:
    """Plates as they are written today: of the home country, and of all others."""
    current = {
        country.code: [one for one in country.formats if one.until is None and not one.loose]
        for country in own_countries()
    }
    abroad = [one for code, formats in current.items() if code != HOME for one in formats]
    for _ in range(count):
        yield _plate(dice.choice(current[HOME] if dice.random() < AT_HOME else abroad), dice)


def _plate(format: PlateFormat, dice: random.Random) -> str:
    while True:
        text = "".join(
            dice.choice(element.choices)
            for element in dice.choice(format.alternatives)
            for _ in range(dice.randint(element.least, element.most))
        )
        if len(text) <= format.longest:
            return text


def keep_plates(connection: Connection, plates: Sequence[str]) -> None:
    """Put plates into the database, for `make_vehicles` to take."""
    connection.execute("CREATE TABLE made (n bigint PRIMARY KEY, plate text NOT NULL)")
    with connection.cursor() as cursor, cursor.copy("COPY made FROM STDIN") as copy:
        for number, plate in enumerate(plates):
            copy.write_row((number, plate))
    connection.execute("ANALYZE made")


def make_vehicles(connection: Connection, first: int, behind: int, rows: int) -> None:
    """Make rows of the plates from `first` on, up to the one before `behind`; `rows` of them are `SPAN_DAYS`."""
    parameters = {"new": NEW, "span": SPAN_DAYS, "rows": rows, "first": first, "last": behind - 1}
    connection.execute(FILL, parameters)


def join_some(connection: Connection, rows: int) -> None:
    """Make one vehicle of every twentieth row and the one behind it."""
    connection.execute(JOIN, {"rows": rows})
