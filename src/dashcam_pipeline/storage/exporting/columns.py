"""The columns of an export, the same in every format: what they are called, and what they hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import get_args, get_type_hints

from dashcam_pipeline.storage.results.reading import Sighting
from dashcam_pipeline.storage.text import storable

CONFIDENCE_DIGITS = 4
SECONDS_DIGITS = 3
DEGREES_DIGITS = 7  # of latitude and longitude: a centimetre
DIGITS = {"confidence": CONFIDENCE_DIGITS, "latitude": DEGREES_DIGITS, "longitude": DEGREES_DIGITS}

Value = str | int | float | datetime | None
Plain = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an export."""

    name: str
    kind: type  # str, int, float or datetime
    optional: bool  # may be unknown


def _column(name: str, hint: object) -> Column:
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    (kind,) = kinds
    return Column(name, kind, optional=bool(get_args(hint)))


_HINTS = get_type_hints(Sighting)
COLUMNS = tuple(_column(field.name, _HINTS[field.name]) for field in fields(Sighting))
NAMES = tuple(column.name for column in COLUMNS)
_all_of = attrgetter(*NAMES)


def values_of(sighting: Sighting) -> dict[str, Value]:
    """A sighting by column: text that is valid Unicode, numbers that are finite and rounded to what they are worth."""
    return {name: _clean(name, value) for name, value in zip(NAMES, _all_of(sighting), strict=True)}


def plain_values_of(sighting: Sighting) -> dict[str, Plain]:
    """The same with times as ISO 8601 text with milliseconds, in the camera's own offset to UTC."""
    return {
        name: value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
        for name, value in values_of(sighting).items()
    }


def utc_text(moment: datetime) -> str:
    """A moment as XML Schema has it: 2026-01-02T03:04:05.250Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _clean(name: str, value: Value) -> Value:
    if isinstance(value, float):
        return round(value, DIGITS.get(name, SECONDS_DIGITS)) if math.isfinite(value) else None
    return storable(value) if isinstance(value, str) else value
