"""Finding plates in the database: near ones against brute force, indexes used, and one vehicle found once."""

from __future__ import annotations

import random
import re
import string
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.binaries import psql_path
from dashcam_pipeline.storage.postgres.connection import Connection, connect
from dashcam_pipeline.storage.postgres.schema import migrate
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results import searching
from dashcam_pipeline.storage.results.searching import (
    Search,
    parameters_of,
    search,
    videos_like,
    wanted_plate,
)
from dashcam_pipeline.storage.retention.plate_hash import hashed
from dashcam_pipeline.storage.rows import SightingRow, VideoRow, VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from dashcam_pipeline.vision.plates.lookalikes import confusable
from storage_rows import RUN, SIGHTING, UNREAD, VIDEO

CHARACTERS = string.digits + string.ascii_uppercase
DISTANCES = (0.0, 0.5, 1.0, 1.5, 2.0)
KEY = b"a key for the plates of a test"
LIMIT = 1000


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    with connect(dsn) as connection:
        yield connection


def write(dsn: str, *rows: SightingRow) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write(rows)


def claims(*plates: str) -> list[SightingRow]:
    return [
        replace(SIGHTING, track_id=number, final_plate=plate) for number, plate in enumerate(plates, start=1)
    ]


def texts(connection: Connection, wanted: Search, key: bytes | None = None) -> list[str | None]:
    found = search(connection, wanted, LIMIT, key=key)
    assert found.total == len(found.hits)
    return [hit.sighting.plate or hit.sighting.best_guess for hit in found.hits]


def of(text: str, within: float | None = None) -> Search:
    return Search(plate=wanted_plate(text, within))


def distance(a: str, b: str) -> float:
    """The edit distance of Wagner and Fischer (1974) with half the price for lookalikes."""
    above = [float(j) for j in range(len(b) + 1)]
    for i, x in enumerate(a, start=1):
        here = [float(i)]
        for j, y in enumerate(b, start=1):
            instead = 0.0 if x == y else 0.5 if confusable(x, y) else 1.0
            here.append(min(above[j - 1] + instead, above[j] + 1, here[j - 1] + 1))
        above = here
    return above[-1]


def misread(plate: str, dice: random.Random) -> str:
    """The plate with up to 4 characters put in, left out or taken for others, mostly for lookalikes."""
    text = list(plate)
    for _ in range(dice.randint(0, 4)):
        kind = dice.random()
        place = dice.randrange(len(text) + 1) if kind < 0.2 else dice.randrange(max(1, len(text)))
        if kind < 0.2:
            text.insert(place, dice.choice(CHARACTERS))
        elif text and kind < 0.35:
            del text[place]
        elif text:
            alike = [one for one in CHARACTERS if confusable(one, text[place])] if kind > 0.5 else []
            text[place] = dice.choice(alike or CHARACTERS)
    return "".join(text)


def test_lookalikes_of_the_database_are_those_of_the_votes(connection: Connection) -> None:
    found = connection.execute(
        "SELECT letter, plate_lookalikes(letter) FROM unnest(%s::text[]) AS letter", (list(CHARACTERS),)
    ).fetchall()
    assert {letter: set(str(alike)) for letter, alike in found} == {
        letter: {one for one in CHARACTERS if confusable(one, letter)} for letter in CHARACTERS
    }


def test_every_plate_within_a_distance_shares_a_key_and_has_that_distance(connection: Connection) -> None:
    """Against brute force: what the index finds is complete, and the distance exact."""
    dice = random.Random(1)
    seen = set()
    for _ in range(60):
        plate = "".join(dice.choices(CHARACTERS, k=dice.randint(1, 8)))
        others = sorted({misread(plate, dice) for _ in range(60)} - {""})
        for within in DISTANCES:
            rows = connection.execute(
                "SELECT other, plate_distance(%(plate)s, other), "
                "plate_keys(other) && plate_near_keys(%(plate)s, %(within)s) FROM unnest(%(others)s::text[]) AS other",
                {"plate": plate, "within": within, "others": others},
            ).fetchall()
            for other, far, has_key in rows:
                assert far == distance(plate, str(other)), (plate, other)
                if distance(plate, str(other)) <= within:
                    seen.add(far)
                    assert has_key, (plate, other, within)
    assert seen == set(DISTANCES)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), plate=st.text("0ODQ8B2Z17ILTUVNMWPRF5SC6G", min_size=1, max_size=8))
def test_chains_of_lookalikes_are_found_too(connection: Connection, data: st.DataObject, plate: str) -> None:
    """Texts of nothing but characters that look like several others: the case in which folding alone is not enough."""
    other = "".join(
        data.draw(st.sampled_from([letter, *(one for one in CHARACTERS if confusable(one, letter))]))
        for letter in plate
    )
    far = distance(plate, other)
    for within in DISTANCES:
        row = connection.execute(
            "SELECT plate_keys(%s) && plate_near_keys(%s, %s)", (other, plate, within)
        ).fetchone()
        assert far > within or row == (True,)


def test_near_search_finds_what_brute_force_finds(dsn: str, connection: Connection) -> None:
    dice = random.Random(2)
    plates = sorted({misread("LS15EBC", dice) for _ in range(400)} - {""})
    write(dsn, *claims(*plates))
    for within in DISTANCES:
        expected = {plate for plate in plates if distance("LS15EBC", plate) <= within}
        found = search(connection, of("LS15EBC", within), LIMIT)
        assert {hit.sighting.plate for hit in found.hits} == expected
        far = [hit.distance for hit in found.hits]
        assert far == sorted(distance("LS15EBC", plate) for plate in expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ls-15 ebc", {"LS15EBC"}),
        ("LS15*", {"LS15EBC", "LS15ABC", "LS15"}),
        ("LS15?*", {"LS15EBC", "LS15ABC"}),
        ("*EBC", {"LS15EBC", "XS15EBC"}),
        ("?S15EBC", {"LS15EBC", "XS15EBC"}),
        ("*15*", {"LS15EBC", "LS15ABC", "XS15EBC", "LS15", "AB15"}),
        ("L*C", {"LS15EBC", "LS15ABC"}),
        ("??15", {"LS15", "AB15"}),
        ("*7*", {"77777"}),
        ("LS15", {"LS15"}),
        ("*", {"LS15EBC", "LS15ABC", "XS15EBC", "LS15", "AB15", "77777"}),
        ("LS1%", set()),
        ("NOWHERE", set()),
    ],
)
def test_plate_is_found_as_written_and_by_wildcards(
    dsn: str, connection: Connection, text: str, expected: set[str]
) -> None:
    write(dsn, *claims("LS15EBC", "LS15ABC", "XS15EBC", "LS15", "AB15", "77777"))
    assert set(texts(connection, of(text))) == expected


def test_wildcards_agree_with_a_regular_expression(dsn: str, connection: Connection) -> None:
    dice = random.Random(3)
    plates = sorted({"".join(dice.choices("AB12", k=dice.randint(1, 6))) for _ in range(300)})
    write(dsn, *claims(*plates))
    for _ in range(100):
        pattern = "".join(dice.choices("AB12*?", k=dice.randint(1, 5)))
        expression = re.compile(pattern.replace("*", ".*").replace("?", "."))
        expected = {plate for plate in plates if expression.fullmatch(plate)}
        assert set(texts(connection, of(pattern))) == expected, pattern


@pytest.mark.parametrize(
    ("text", "within", "problem"),
    [
        (" - ", None, "has no letter and no digit"),
        ("LS1*", 1.0, "has wildcards"),
        ("AB", 1.0, "from 3 characters on"),
        ("LS15EBC", 2.5, "up to a distance of 2"),
        ("LS15EBC", -1.0, "up to a distance of 2"),
        ("h:" + "0" * 24, 1.0, "is the hash of a plate"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(text: str, within: float | None, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        wanted_plate(text, within)


def test_claims_come_before_guesses_and_guesses_can_be_left_out(dsn: str, connection: Connection) -> None:
    guess = replace(UNREAD, track_id=9, best_guess="LS15EBC")
    write(dsn, guess, *claims("LS15EBC"))
    found = search(connection, of("LS15EBC"), LIMIT)
    assert [hit.sighting.track_id for hit in found.hits] == [1, 9]
    assert texts(connection, replace(of("LS15EBC"), guesses=False)) == ["LS15EBC"]


def join(dsn: str, plate: str | None, guess: str | None = None) -> None:
    """Make one vehicle of the tracks 1 and 2 with this plate."""
    ids = [sighting_id(SIGHTING.video_id, track) for track in (1, 2)]
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE vehicles SET part_of = %s WHERE id = %s", (ids[0], ids[1]))
        connection.execute(
            "INSERT INTO joined (id, parts, until_id, shown_id, span_s, final_plate, best_guess, no_plate_reason, "
            "plate_confidence, reads, agreeing_reads, char_votes) "
            "VALUES (%s, 2, %s, %s, 9, %s, %s, %s, 0.9, 3, 3, '[]')",
            (ids[0], ids[1], ids[1], plate, guess, None if plate else "low_confidence"),
        )


@pytest.mark.parametrize(
    ("text", "within"),
    [("LS15EBC", None), ("LS15E*", None), ("*5EBC", None), ("*5*", None), ("LS15EBC", 1.0)],
)
def test_joined_vehicle_is_found_once_by_its_own_plate_and_not_by_those_of_its_parts(
    dsn: str, connection: Connection, text: str, within: float | None
) -> None:
    write(dsn, *claims("LS15EBO", "XX99XXX"))
    join(dsn, "LS15EBC")
    assert texts(connection, of(text, within)) == ["LS15EBC"]
    assert texts(connection, of("XX99XXX")) == []


def test_guess_of_a_joined_vehicle_is_found(dsn: str, connection: Connection) -> None:
    write(dsn, *claims("LS15EBO", "XX99XXX"))
    join(dsn, None, "LS15EBC")
    assert texts(connection, of("LS15EBC")) == ["LS15EBC"]
    assert texts(connection, replace(of("LS15EBC"), guesses=False)) == []


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_time_filter_leaves_out_and_counts_what_has_no_time(dsn: str, connection: Connection) -> None:
    rows = claims("A1", "A2", "A3", "A4", "B5")
    times = (NOON - timedelta(hours=1), NOON, NOON + timedelta(hours=1), None, None)
    write(dsn, *(replace(row, ts=ts) for row, ts in zip(rows, times, strict=True)))
    wanted = replace(of("A*"), since=NOON, until=NOON + timedelta(hours=1))
    assert texts(connection, wanted) == ["A2"]
    assert texts(connection, replace(wanted, until=None)) == ["A3", "A2"]
    assert searching.count_timeless(connection, wanted) == 1
    assert searching.count_timeless(connection, replace(wanted, plate=None)) == 2


def test_filters_narrow_down(dsn: str, connection: Connection) -> None:
    car, truck, unsure = claims("A1", "A2", "A3")
    write(dsn, car, replace(truck, vehicle_class="truck"), replace(unsure, plate_confidence=0.5))
    assert texts(connection, Search(vehicle_classes=("truck",))) == ["A2"]
    assert set(texts(connection, Search(vehicle_classes=("truck", "car")))) == {"A1", "A2", "A3"}
    assert set(texts(connection, Search(min_confidence=0.9))) == {"A1", "A2"}
    assert texts(connection, Search(run_id="run-1", vehicle_classes=("bus",))) == []


def test_vehicle_is_found_in_the_videos_of_all_its_parts(dsn: str, connection: Connection) -> None:
    first, second, other = claims("LS15EBC", "LS15EBC", "AB12CDE")
    write(dsn, first, second, replace(other, video_id="other"))
    join(dsn, "LS15EBC")
    with psycopg.connect(dsn) as changing:
        changing.execute("UPDATE vehicles SET video_id = 'next', run_id = 'run-2' WHERE track_id = 2")
    for video in ("abcdef", "next"):
        assert texts(connection, Search(video_ids=(video,))) == ["LS15EBC"]
    assert texts(connection, Search(video_ids=("other",))) == ["AB12CDE"]
    assert texts(connection, Search(run_id="run-2")) == ["LS15EBC"]
    assert set(texts(connection, Search(run_id="run-1"))) == {"LS15EBC", "AB12CDE"}


def videos(*names: str) -> list[VideoRow]:
    return [
        replace(VIDEO, video_id=f"id{number}", path=f"/drives/{name}", filename=name, status=VideoStatus.DONE)
        for number, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("a_1.mp4", {"id0"}),
        ("a?1.mp4", {"id0", "id1"}),
        ("*.mp4", {"id0", "id1"}),
        ("/drives/*", {"id0", "id1", "id2"}),
        ("id2", {"id2"}),
    ],
)
def test_video_is_named_by_file_name_path_or_id(
    dsn: str, connection: Connection, name: str, ids: set[str]
) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write((), videos("a_1.mp4", "ax1.mp4", "[b].mkv"))
    assert set(videos_like(connection, name)) == ids


def test_unknown_video_is_said(connection: Connection) -> None:
    with pytest.raises(BadInput, match=r"no run has read a video 'b\.mp4'"):
        videos_like(connection, "b.mp4")


def test_run_has_the_vehicles_of_videos_that_an_earlier_one_had_read(
    dsn: str, connection: Connection
) -> None:
    write(dsn, *claims("LS15EBC"))
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, run_id="run-2"))
        writer.write((), [replace(VIDEO, run_id="run-2", status=VideoStatus.SKIPPED)])
    assert texts(connection, Search(run_id="run-2")) == ["LS15EBC"]


def test_hashed_plate_is_found_by_the_whole_plate_with_the_key_alone(
    dsn: str, connection: Connection
) -> None:
    stored = hashed("LS15EBC", KEY)
    write(dsn, *claims(stored))
    assert texts(connection, of("ls15-ebc"), KEY) == [stored]
    assert texts(connection, of(stored)) == [stored]
    assert texts(connection, of("LS15EBC")) == []
    assert texts(connection, of("LS15EBC"), KEY + b"!") == []
    for text in ("*", "H*", "*1*", "LS15*"):
        assert texts(connection, of(text), KEY) == []
    assert texts(connection, of("LS15EBC", 2.0), KEY) == []
    assert searching.has_hashes(connection)


def test_near_plates_are_offered_each_once_the_nearest_first(dsn: str, connection: Connection) -> None:
    write(dsn, *claims("LS15EBX", "LS15EBO", "LS15EBO", "AB12CDE"))
    assert searching.near_plates(connection, of("LS15EB0")) == ["LS15EBO", "LS15EBX"]
    assert searching.near_plates(connection, of("LS15*")) == []
    assert searching.near_plates(connection, of("LS")) == []


def test_limit_cuts_the_rows_and_not_their_number(dsn: str, connection: Connection) -> None:
    write(dsn, *claims("A1", "A2", "A3"))
    found = search(connection, of("A*"), 2)
    assert (len(found.hits), found.total) == (2, 3)


INDEXED = [
    ("LS15EBC", None, "plate_plain"),
    ("LS15*", None, "plate_plain"),
    ("*5EBC", None, "plate_keys"),
    ("?S15E?C", None, "plate_keys"),
    ("LS15EBC", 1.0, "plate_keys"),
    ("LS15EBC", 2.0, "plate_keys"),
]


@pytest.fixture(scope="module")
def many(new_database: Callable[[], str]) -> str:
    """A database with enough rows for its statistics to matter; made once."""
    dsn = new_database()
    migrate(dsn)
    dice = random.Random(4)
    plates = ["".join(dice.choices(CHARACTERS, k=7)) for _ in range(3000)]
    write(dsn, *claims(*plates))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO joined (id, parts, until_id, shown_id, span_s, final_plate, reads, agreeing_reads, "
            "char_votes) SELECT id, 2, id, id, 1, final_plate, 1, 1, '[]' FROM vehicles LIMIT 1000"
        )
        connection.execute("ANALYZE")
    return dsn


@pytest.mark.parametrize(("text", "within", "index"), INDEXED)
def test_both_halves_of_the_view_are_searched_by_their_indexes(
    many: str, text: str, within: float | None, index: str
) -> None:
    with connect(many) as connection:
        connection.execute("SET enable_seqscan = off")  # so few rows are sooner read than looked up
        plan = plan_of(connection, of(text, within))
    assert f"vehicles_{index}" in plan
    assert f"joined_{index}" in plan
    assert "Seq Scan" not in plan


def plan_of(connection: Connection, wanted: Search) -> str:
    rows: Sequence[tuple[object, ...]] = connection.execute(
        b"EXPLAIN " + query("search", "found").encode(), parameters_of(wanted, 50)
    ).fetchall()
    return "\n".join(str(row[0]) for row in rows)


@pytest.mark.parametrize("schema", ["public", "traffic"])
def test_restored_dump_has_the_indexes_and_is_searched(
    new_database: Callable[[], str], tmp_path: Path, schema: str
) -> None:
    """A dump is restored where no schema is looked through; so are tables analysed and indexes built."""
    source, copy = (make_conninfo(new_database(), options=f"-c search_path={schema}") for _ in range(2))
    with psycopg.connect(source) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    migrate(source)
    write(source, *claims("LS15EBO", "AB12CDE"))
    dump = tmp_path / "dump.sql"
    run_postgres("pg_dump", "--no-owner", f"--file={dump}", f"--dbname={source}")
    run_postgres("psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}", f"--dbname={copy}")
    with psycopg.connect(copy, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("REINDEX TABLE vehicles")
    with connect(copy) as connection:
        assert indexes_of(connection) >= {"vehicles_plate_plain", "vehicles_plate_keys", "joined_plate_keys"}
        assert texts(connection, of("LS15EBC", 1.0)) == ["LS15EBO"]


def indexes_of(connection: Connection) -> set[object]:
    return {row[0] for row in connection.execute("SELECT indexname FROM pg_indexes").fetchall()}


def run_postgres(program: str, *arguments: str) -> None:
    """One of the programs beside the embedded server."""
    command = [str(psql_path().with_name(program)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_parameters_are_those_of_the_statement() -> None:
    named = set(re.findall(r"%\((\w+)\)s", query("search", "found")))
    assert set(parameters_of(Search(), 1)) == named


def test_statement_of_the_page_runs(dsn: str, connection: Connection) -> None:
    page = (Path(__file__).parents[1] / "docs" / "search.md").read_text("utf-8")
    statement = page.split("```sql\n")[1].split("```")[0]
    write(dsn, *claims("LS15EBO", "AB12CDE"))
    found = connection.execute(statement.encode()).fetchall()
    assert [row[1:] for row in found] == [("LS15EBO", 1.0)]
