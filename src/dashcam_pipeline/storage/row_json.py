"""Rows as JSON text and back, for the outbox: readable by the next version of this program too."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter, ValidationError

from dashcam_pipeline.storage.rows import DeadLetterRow, SightingRow, VideoRow
from dashcam_pipeline.storage.text import storable

OutboxRow = SightingRow | VideoRow | DeadLetterRow

_KINDS: dict[str, type[OutboxRow]] = {
    "sighting": SightingRow,
    "video": VideoRow,
    "dead_letter": DeadLetterRow,
}
_NAMES = {record: name for name, record in _KINDS.items()}

log = logging.getLogger(__name__)


class RowUnreadable(ValueError):
    """A stored row is of no kind that this version knows, or lacks a field that it needs."""


def kind_of(row: OutboxRow) -> str:
    """The name under which a row's type is stored."""
    return _NAMES[type(row)]


def to_json(row: OutboxRow) -> str:
    """The row as JSON. Text is brought into the form that Postgres can hold, as the writer does anyway."""
    assert is_dataclass(row)
    values = {
        name: storable(value) if isinstance(value, str) else value for name, value in asdict(row).items()
    }
    return json.dumps(values, default=_plain)


def from_json(kind: str, data: str) -> OutboxRow:
    """The row as it was stored. A field that only a newer version knows is left out, with a warning.

    Raises:
        RowUnreadable: with the reason in one line.
    """
    if kind not in _KINDS:
        raise RowUnreadable(f"rows of the kind {kind!r} are unknown to this version")
    try:
        values = json.loads(data)
        if not isinstance(values, dict):
            raise TypeError(f"a row is an object, not {data:.40}")
        unknown = set(values).difference(field.name for field in fields(_KINDS[kind]))
        if unknown:
            log.warning(
                "a waiting row of a newer version has fields unknown to this one: %s", sorted(unknown)
            )
        return _adapter(kind).validate_python({k: v for k, v in values.items() if k not in unknown})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RowUnreadable(f"{kind}: {where}: {first['msg']}") from error
    except (ValueError, TypeError) as error:
        raise RowUnreadable(f"{kind}: {error}") from error


@cache
def _adapter(kind: str) -> TypeAdapter[OutboxRow]:
    adapter: TypeAdapter[OutboxRow] = TypeAdapter(_KINDS[kind])
    return adapter


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    numpy = sys.modules.get("numpy")  # who has not loaded it has no value of it either
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item()
    raise TypeError(f"a row holds a {type(value).__name__}, which JSON has no word for")
