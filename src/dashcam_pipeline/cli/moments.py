"""Moments as users type them: a date, a date with a time, or how long ago."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from dashcam_pipeline.errors import BadInput

_AGO = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[smhdw])(\s*ago)?", re.IGNORECASE)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def moment(text: str, option: str, now: datetime, *, day_is_over: bool = False) -> datetime:
    """The moment that a text means.

    Args:
        text: `2h`, `3d` (ago); `2026-01-31`; `2026-01-31 18:00`, with an offset such as `+02:00` or `Z` where it is
            not the time of this host.
        option: that it was given with, for the error.
        now: what `2h` is counted back from, aware.
        day_is_over: a date alone means its end, and not its beginning.

    Raises:
        BadInput: it is none of these.
    """
    stripped = text.strip()
    try:
        if ago := _AGO.fullmatch(stripped):
            return now - float(ago["number"]) * _UNITS[ago["unit"].lower()]
        if len(stripped) <= len("2026-01-31"):
            day = date.fromisoformat(stripped) + timedelta(days=day_is_over)
            return _placed(datetime.combine(day, time()))
        return _placed(datetime.fromisoformat(stripped))
    except (ValueError, OverflowError) as error:
        raise BadInput(
            f"{option}: {text!r} is no time: give a date as 2026-01-31, a time as '2026-01-31 18:00', or how long ago "
            "as 90m, 2h, 3d or 1w"
        ) from error


def _placed(read: datetime) -> datetime:
    """Without an offset it is the time of this host, whose offset can change over the year."""
    return read if read.tzinfo is not None else read.astimezone()
