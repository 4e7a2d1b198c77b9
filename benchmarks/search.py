"""How fast a plate is found among a million sightings, what the indexes for it cost, and what it takes without them.

A database of its own (an embedded server in a temporary folder, removed at the end) is filled with made plates in the
formats of configs/plates, most of them of one country, as those of a user are: 8 of 10 claimed, the others best
guesses, every tenth row a part of a joined vehicle. Each search is what `dashcam search` asks of the database, rows
with all their columns included, at most 50. Beside it stands what needs no index: the distance of every row.

Example: python benchmarks/search.py --rows 1000000 --json search.json
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import LiteralString

import psutil
from psycopg import sql

from dashcam_pipeline.storage.postgres.connection import Connection, connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.queries import query
from dashcam_pipeline.storage.results.searching import Search, parameters_of, search, wanted_plate
from dashcam_pipeline.vision.plates.lookalikes import confusable
from dashcam_pipeline.vision.plates.plate_formats import ALPHABET
from made_sightings import NEW, SPAN_DAYS, join_some, keep_plates, made_plates, make_vehicles

LIMIT = 50
WINDOW_DAYS = 30  # of the time that the sightings are spread over, in a search by time
BRUTE_REPEATS = 3
INSERTED = 20_000  # rows, to see what the indexes cost a writer
INDEXES = ("vehicles_plate_plain", "vehicles_plate_keys", "joined_plate_plain", "joined_plate_keys")

BRUTE_FORCE: LiteralString = """
SELECT count(*) FROM sightings
WHERE plate_distance(coalesce(final_plate, best_guess), %(near)s::text) <= %(within)s
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """Searches of one kind."""

    name: str
    wanted: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long searches of one kind took, and what they found."""

    kind: str
    searches: int
    median_ms: float
    p99_ms: float
    most_ms: float
    cpu_median_ms: float  # of server and client together: what is left on a host with other work
    cpu_p99_ms: float
    mean_found: float  # rows, before the limit
    plan: list[str]  # of the last of them, as EXPLAIN ANALYZE tells it


@dataclass(frozen=True, slots=True)
class Cost:
    """What the indexes of the search cost."""

    table_mb: float  # vehicles, with all its indexes
    index_mb: dict[str, float]
    build_s: float
    insert_us: float  # a row, with them …
    insert_without_us: float  # … and without


def main() -> None:
    """Fill, search, print."""
    arguments = _arguments()
    dice = random.Random(arguments.seed)
    with (
        tempfile.TemporaryDirectory(prefix="dashcam") as folder,
        Database.open(None, Path(folder)) as database,
    ):
        database.migrate()
        with connect(database.url, autocommit=True) as connection:
            plates = list(made_plates(arguments.rows + INSERTED, dice))
            build_s = _fill(connection, plates, arguments.rows)
            timings = [_timed(connection, kind) for kind in _kinds(plates, arguments, dice)]
            brute_s = _brute_force(connection, plates, dice)
            cost = _cost(connection, arguments.rows, build_s)
    print(_table(timings, brute_s, cost, arguments.rows))
    if arguments.json:
        saved = {
            "rows": arguments.rows,
            "seed": arguments.seed,
            "timings": [asdict(timing) for timing in timings],
            "brute_force_s": brute_s,
            "cost": asdict(cost),
            "load": psutil.getloadavg(),
        }
        arguments.json.write_text(json.dumps(saved, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="sightings in the database")
    parser.add_argument("--searches", type=int, default=300, help="searches of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of the plates and the searches")
    parser.add_argument("--json", type=Path, help="write the figures and the plans here too")
    return parser.parse_args()


def _fill(connection: Connection, plates: Sequence[str], rows: int) -> float:
    """Put the first `rows` plates into the tables. Returns the seconds that the indexes took, built afterwards."""
    keep_plates(connection, plates)
    definitions = _without_indexes(connection)
    make_vehicles(connection, 0, rows, rows)
    join_some(connection, rows)
    began_s = time.perf_counter()
    for definition in definitions:
        connection.execute(definition)
    build_s = time.perf_counter() - began_s
    connection.execute("VACUUM ANALYZE vehicles")
    connection.execute("VACUUM ANALYZE joined")
    return build_s


def _without_indexes(connection: Connection) -> list[bytes]:
    """Drop the indexes of the search; gives the statements that make them again."""
    statements: list[bytes] = []
    for name in INDEXES:
        row = connection.execute("SELECT pg_get_indexdef(%s::regclass)", (name,)).fetchone()
        assert row is not None
        statements.append(str(row[0]).encode())
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return statements


def _kinds(plates: Sequence[str], arguments: argparse.Namespace, dice: random.Random) -> Iterator[Kind]:
    """What is looked for: plates that are there, parts of them, and what they may have been misread as."""
    whole = [
        plate for plate in dice.sample(plates[: arguments.rows], 3 * arguments.searches) if len(plate) >= 5
    ]
    whole = whole[: arguments.searches]
    misread = [_misread(plate, dice) for plate in whole]
    kinds: dict[str, Callable[[int], Search]] = {
        "exact": lambda n: _of(whole[n]),
        "prefix, 4 characters": lambda n: _of(f"{whole[n][:4]}*"),
        "end, 4 characters": lambda n: _of(f"*{whole[n][-4:]}"),
        "middle, 3 characters": lambda n: _of(f"*{whole[n][1:4]}*"),
        "two unknown characters": lambda n: _of(f"?{whole[n][1:3]}?{whole[n][4:]}"),
        "near, up to 0.5": lambda n: _of(misread[n], 0.5),
        "near, up to 1": lambda n: _of(misread[n], 1.0),
        "near, up to 1, in 30 days": lambda n: _in_window(_of(misread[n], 1.0), dice),
        "near, up to 2": lambda n: _of(misread[n], 2.0),
    }
    for name, make in kinds.items():
        yield Kind(name, tuple(make(n) for n in range(len(whole))))


def _of(text: str, within: float | None = None) -> Search:
    return Search(plate=wanted_plate(text, within))


def _in_window(wanted: Search, dice: random.Random) -> Search:
    since = NEW - timedelta(days=dice.uniform(WINDOW_DAYS, SPAN_DAYS))
    return replace(wanted, since=since, until=since + timedelta(days=WINDOW_DAYS))


def _misread(plate: str, dice: random.Random) -> str:
    """One character taken for a lookalike, or for any other."""
    place = dice.randrange(len(plate))
    alike = [one for one in ALPHABET if confusable(one, plate[place])]
    return plate[:place] + dice.choice(alike or ALPHABET) + plate[place + 1 :]


def _timed(connection: Connection, kind: Kind) -> Timing:
    taken_ms, cpu_ms, found = [], [], []
    for wanted in kind.wanted:
        cpu_before_s, began_s = _cpu_s(connection), time.perf_counter()
        total = search(connection, wanted, LIMIT).total
        taken_ms.append((time.perf_counter() - began_s) * 1000)
        cpu_ms.append((_cpu_s(connection) - cpu_before_s) * 1000)
        found.append(total)
    plan = connection.execute(
        b"EXPLAIN (ANALYZE, BUFFERS) " + query("search", "found").encode(),
        parameters_of(kind.wanted[-1], LIMIT),
    ).fetchall()
    return Timing(
        kind.name,
        len(taken_ms),
        statistics.median(taken_ms),
        statistics.quantiles(taken_ms, n=100)[98],
        max(taken_ms),
        statistics.median(cpu_ms),
        statistics.quantiles(cpu_ms, n=100)[98],
        statistics.mean(found),
        [_shortened(str(row[0])) for row in plan],
    )


def _cpu_s(connection: Connection) -> float:
    """CPU time so far of this process and of the one in the server that works for it."""
    spent_ns = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]
    return time.process_time() + int(spent_ns) / 1e9


def _shortened(line: str) -> str:
    """A line of a plan, with no more than the first of many keys."""
    return re.sub(r"'\{(?P<first>([^,}]*,){3})[^}]{40,}\}'", r"'{\g<first>…}'", line)


def _brute_force(connection: Connection, plates: Sequence[str], dice: random.Random) -> float:
    """Seconds for the distance of every row, which one query takes; the median of a few."""
    taken_s = []
    for plate in dice.sample(plates, BRUTE_REPEATS):
        began_s = time.perf_counter()
        connection.execute(BRUTE_FORCE, {"near": plate, "within": 1.0})
        taken_s.append(time.perf_counter() - began_s)
    return statistics.median(taken_s)


def _cost(connection: Connection, rows: int, build_s: float) -> Cost:
    sizes = {name: _megabytes(connection, "pg_relation_size", name) for name in INDEXES}
    table_mb = _megabytes(connection, "pg_total_relation_size", "vehicles")
    with_s = _insert(connection, rows)
    _without_indexes(connection)
    without_s = _insert(connection, rows)
    return Cost(table_mb, sizes, build_s, with_s / INSERTED * 1e6, without_s / INSERTED * 1e6)


def _insert(connection: Connection, rows: int) -> float:
    """Seconds for the rows behind the first `rows`, which go again."""
    began_s = time.perf_counter()
    make_vehicles(connection, rows, rows + INSERTED, rows)
    taken_s = time.perf_counter() - began_s
    connection.execute("DELETE FROM vehicles WHERE ts <= %s", (NEW - timedelta(days=SPAN_DAYS),))
    connection.execute("VACUUM vehicles")
    return taken_s


def _megabytes(connection: Connection, function: LiteralString, name: str) -> float:
    row = connection.execute(
        sql.SQL("SELECT {}(%s::regclass)::float8 / 1e6").format(sql.Identifier(function)), (name,)
    ).fetchone()
    assert row is not None
    return float(str(row[0]))


def _table(timings: Sequence[Timing], brute_s: float, cost: Cost, rows: int) -> str:
    lines = [
        f"{rows} rows, {timings[0].searches} searches of each kind, load of the host {psutil.getloadavg()[1]:.1f}\n",
        "| search | median ms | p99 ms | most ms | CPU median ms | CPU p99 ms | rows found |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {one.kind} | {one.median_ms:.1f} | {one.p99_ms:.1f} | {one.most_ms:.1f} | {one.cpu_median_ms:.1f} "
            f"| {one.cpu_p99_ms:.1f} | {one.mean_found:.1f} |"
            for one in timings
        ),
    ]
    near = next(one for one in timings if one.kind == "near, up to 1")
    sizes = ", ".join(f"{name} {size:.0f}" for name, size in cost.index_mb.items())
    return "\n".join(
        [
            *lines,
            f"\nthe distance of every row: {brute_s:.1f} s, {brute_s * 1000 / near.median_ms:.0f} × near, up to 1",
            f"vehicles with all its indexes {cost.table_mb:.0f} MB; of this search, MB: {sizes}",
            f"built in {cost.build_s:.0f} s; a row inserted: {cost.insert_us:.0f} µs, "
            f"without these indexes {cost.insert_without_us:.0f} µs\n",
            f"plan of the last search {near.kind}:\n",
            *near.plan,
        ]
    )


if __name__ == "__main__":
    main()
