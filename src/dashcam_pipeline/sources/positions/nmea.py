"""Tracks as the receiver's own sentences (NMEA 0183), in a log beside the video or inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import pairwise, takewhile
from pathlib import Path
from statistics import median

from pynmeagps import NMEAReader, calc_checksum
from pynmeagps.exceptions import NMEAMessageError, NMEAParseError, NMEATypeError

from dashcam_pipeline.sources.positions.raw import (
    KMH_PER_KNOT,
    Axis,
    RawFix,
    RawTrack,
    begin_of,
    is_somewhere,
)

DAY_S = 86_400.0
_SENTENCE = re.compile(
    rb"(?:\[(?P<stamp>\d{13})\]\s*)?(?P<text>\$G[A-Z](?:RMC|GGA),[ -)+-Z\\\]^_`a-z]*(?P<sum>\*[^\r\n]{0,2})?)"
)
"""The two kinds that say where; some cameras put their own clock in front, milliseconds since 1970."""

_UNREADABLE = (NMEAParseError, NMEAMessageError, NMEATypeError, ValueError, TypeError, KeyError, IndexError)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One sentence."""

    stamp_s: float | None  # by the camera's clock
    day: date | None
    time_of_day_s: float | None
    fix: RawFix | None  # on no axis yet


@dataclass(slots=True)
class _Log:
    """The sentences of one file, by kind."""

    minimum: list[_Entry] = field(default_factory=list)  # RMC: it has the date
    fixed: list[_Entry] = field(default_factory=list)  # GGA: it has the quality
    void_times: set[float] = field(default_factory=set)  # GGA said so
    damaged: int = 0


def read_nmea(path: Path) -> RawTrack:
    """A log beside a video.

    Raises:
        OSError: the file can't be read.
        ValueError: it holds no sentence that says where.
    """
    return nmea_track(path.read_bytes(), "nmea")


def nmea_track(data: bytes, source: str) -> RawTrack:
    """The track of sentences, with anything between them.

    Raises:
        ValueError: there is no sentence that says where.
    """
    log = _log_of(data)
    entries = log.minimum or log.fixed
    if not entries:
        damaged = f", only {log.damaged} damaged" if log.damaged else ""
        raise ValueError(f"holds no position sentence (RMC or GGA){damaged}")
    notes = (f"{log.damaged} sentences are damaged",) if log.damaged else ()
    if any(entry.stamp_s is not None for entry in entries):
        return _stamped(entries, log, source, notes)
    axis = Axis.UTC if any(entry.day is not None for entry in entries) else Axis.DAY
    timed = list(_timed(entries, axis))
    fixes = [
        _at(t_s, entry.fix)
        for t_s, entry in timed
        if entry.fix is not None and entry.time_of_day_s not in log.void_times
    ]
    times = [t_s for t_s, _ in timed]
    return RawTrack(
        source=source,
        axis=axis,
        fixes=tuple(fixes),
        void=len(entries) - len(fixes),
        first_s=min(times) - _untimed_s(entries, times) if times else None,
        last_s=max(times, default=None),
        notes=notes,
    )


def _untimed_s(entries: list[_Entry], times: list[float]) -> float:
    """How long a receiver said nothing but that it knows nothing, in the beginning; it says so at its usual pace."""
    paces = [after - before for before, after in pairwise(times) if after > before]
    untimed = sum(1 for _ in takewhile(lambda entry: entry.time_of_day_s is None, entries))
    return untimed * median(paces) if paces else 0.0


def _stamped(entries: list[_Entry], log: _Log, source: str, notes: tuple[str, ...]) -> RawTrack:
    """By the camera's clock: its first entry is written when the video begins."""
    stamped = [(entry.stamp_s, entry) for entry in entries if entry.stamp_s is not None]
    first_s = stamped[0][0]
    good = [
        (_at(stamp_s - first_s, entry.fix), entry)
        for stamp_s, entry in stamped
        if entry.fix is not None and entry.time_of_day_s not in log.void_times
    ]
    dated = [(epoch_s, fix.t_s) for fix, entry in good if (epoch_s := _epoch_s(entry)) is not None]
    return RawTrack(
        source=source,
        axis=Axis.VIDEO,
        fixes=tuple(fix for fix, _ in good),
        void=len(entries) - len(good),
        first_s=0.0,
        last_s=stamped[-1][0] - first_s,
        begins_at=begin_of([epoch_s for epoch_s, _ in dated], [t_s for _, t_s in dated]),
        notes=notes,
    )


def _log_of(data: bytes) -> _Log:
    log = _Log()
    for match in _SENTENCE.finditer(data):
        try:
            text = match["text"].decode("ascii", "replace")
            # Some write no checksum, and the library asks for one.
            sentence = NMEAReader.parse(text if match["sum"] else f"{text}*{calc_checksum(text[1:])}")
        except _UNREADABLE:
            sentence = None
        stamp_s = int(match["stamp"]) / 1000.0 if match["stamp"] else None
        if sentence is None:
            log.damaged += 1
        elif sentence.msgID == "RMC":
            is_dated = isinstance(_said(sentence, "date"), date)  # month 0: a receiver that knows nothing yet
            log.minimum.append(_entry(stamp_s, sentence, _said(sentence, "status") == "A" and is_dated))
        else:
            entry = _entry(stamp_s, sentence, _said(sentence, "quality") not in (0, "", None))
            log.fixed.append(entry)
            if entry.fix is None and entry.time_of_day_s is not None:
                log.void_times.add(entry.time_of_day_s)
    return log


def _said(sentence: object, name: str) -> object:
    """A field, which a sentence that is cut off does not have."""
    return getattr(sentence, name, None)


def _entry(stamp_s: float | None, sentence: object, is_good: bool) -> _Entry:
    at, day = _said(sentence, "time"), _said(sentence, "date")
    latitude, longitude = (_number(_said(sentence, name)) for name in ("lat", "lon"))
    fix = None
    if is_good and latitude is not None and longitude is not None and is_somewhere(latitude, longitude):
        knots = _number(_said(sentence, "spd"))
        speed_kmh = None if knots is None else knots * KMH_PER_KNOT
        fix = RawFix(0.0, latitude, longitude, speed_kmh, _number(_said(sentence, "cog")))
    return _Entry(
        stamp_s, day if isinstance(day, date) else None, _seconds(at) if isinstance(at, time) else None, fix
    )


def _timed(entries: list[_Entry], axis: Axis) -> Iterator[tuple[float, _Entry]]:
    """The entries that have a time on an axis."""
    days, before_s = 0.0, None
    for entry in entries:
        if axis is Axis.UTC:
            t_s = _epoch_s(entry)
        else:
            t_s = entry.time_of_day_s
            if t_s is not None and before_s is not None and before_s - t_s > DAY_S / 2.0:
                days += DAY_S
            before_s = t_s if t_s is not None else before_s
            t_s = None if t_s is None else t_s + days
        if t_s is not None:
            yield t_s, entry


def _epoch_s(entry: _Entry) -> float | None:
    if entry.day is None or entry.time_of_day_s is None:
        return None
    return datetime.combine(entry.day, time(), UTC).timestamp() + entry.time_of_day_s


def _seconds(at: time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0 + at.second + at.microsecond / 1e6


def _at(t_s: float, fix: RawFix) -> RawFix:
    return RawFix(t_s, fix.latitude, fix.longitude, fix.speed_kmh, fix.heading_deg)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
