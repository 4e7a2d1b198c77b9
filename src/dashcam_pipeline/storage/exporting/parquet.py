"""Sightings as Parquet, typed, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from itertools import islice
from typing import IO, Any

from dashcam_pipeline.errors import LibraryMissing
from dashcam_pipeline.storage.exporting.columns import COLUMNS, Value, values_of
from dashcam_pipeline.storage.exporting.extract import Exported, Extract
from dashcam_pipeline.storage.results.reading import Sighting

ROWS_A_GROUP = 20_000
LIBRARY = "pyarrow"
INSTALL = "pip install 'dashcam-pipeline[parquet]'"


def require_pyarrow() -> None:
    """Nothing, where Parquet can be written.

    Raises:
        LibraryMissing: it can't.
    """
    if find_spec(LIBRARY) is None:
        raise LibraryMissing(f"parquet is written by {LIBRARY}, which is not installed: {INSTALL}")


def write_parquet(extract: Extract, file: IO[bytes]) -> Exported:
    """A row a sighting. Times are UTC with microseconds, numbers 64-bit, what is unknown is null.

    Raises:
        LibraryMissing: pyarrow is not installed.
    """
    require_pyarrow()
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = _schema()
    count = 0
    with ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in _groups(iter(extract.sightings)):
            count += len(rows)
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
    return Exported(count, count)


def _schema() -> Any:
    import pyarrow

    types = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        datetime: pyarrow.timestamp("us", tz="UTC"),
    }
    return pyarrow.schema(
        [pyarrow.field(column.name, types[column.kind], nullable=column.optional) for column in COLUMNS]
    )


def _groups(sightings: Iterator[Sighting]) -> Iterator[list[dict[str, Value]]]:
    while rows := [values_of(sighting) for sighting in islice(sightings, ROWS_A_GROUP)]:
        yield rows
