"""Stored records as JSON, for other programs: moments are ISO 8601 in UTC, whatever the zone of this host."""

from __future__ import annotations

import json
from datetime import UTC, datetime


def json_text(value: object) -> str:
    """Lists and objects of plain values and moments."""
    return json.dumps(value, default=_moment, ensure_ascii=False, indent=2)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"no JSON: {value!r}")
