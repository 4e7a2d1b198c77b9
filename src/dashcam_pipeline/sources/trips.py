"""Which video files follow each other: a camera cuts a trip into files of a minute or so.

Decided from names, lengths and picture sizes alone. What is unclear is not joined.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import PurePath

OVERLAP_S = 3.0
"""A file may begin so long before the one before it ended: names have whole seconds, and some cameras record the last
moments of a file again."""

FULL_LENGTH_SHARE = 0.97
"""A camera that numbers its files ends them all at the same length; a shorter one is the last of its trip."""

_MODES = "NO|EV|PA|PK|LO|MO|NOR|EVT|PRK|EMR|MANUAL|EVENT|NORMAL|PARKING|FILE|REC|VIDEO|VID|MOVI|MOV"
"""Words in front of the time that say why a file was recorded, or nothing at all: they change within a trip."""

_TIMES = (
    # 20240131_142233, 2024_0131_142233, 2024-01-31_14-22-33, 20240131142233, 2024-01-31T14.22.33
    re.compile(
        r"(?<!\d)(?P<y>20\d\d)[-_.]?(?P<mo>\d\d)[-_.]?(?P<d>\d\d)[-_. T]?"
        r"(?P<h>\d\d)[-_.:]?(?P<mi>\d\d)[-_.:]?(?P<s>\d\d)(?!\d)"
    ),
    # 240131_142233
    re.compile(
        r"(?<!\d)(?P<y>\d\d)(?P<mo>\d\d)(?P<d>\d\d)[-_](?P<h>\d\d)(?P<mi>\d\d)(?P<s>\d\d)(?!\d)",
    ),
)
_SUFFIX = re.compile(r"^[-_ ]*(?P<number>\d*)[-_ ]*(?P<letters>.*)$", re.DOTALL)
_MODE_AND_CAMERA = re.compile(r"^[NEPMT](?P<camera>[FRIAB])$")  # NF: normal, front; ER: event, rear
_MODE_ALONE = re.compile(r"^[NEPM]$")
_ANY_MODE = re.compile(rf"^({_MODES})$", re.IGNORECASE)

_CHAPTER = re.compile(r"^(?P<kind>G[HXLP])(?P<number>\d\d)(?P<file>\d{4})$", re.IGNORECASE)
"""GX010001, GX020001: the first and second chapter of one recording."""

_NUMBERED = re.compile(
    r"^(?P<camera>(GRMN|MOVI|AMBA|REC|FILE|EMER|SUNP|CYQ)[-_]?)(?P<number>\d{4,6})$", re.IGNORECASE
)
"""Cameras that only count: GRMN0001, MOVI0001. Names that people or phones count are none of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A video file as far as it matters here."""

    video_id: str
    path: str
    duration_s: float | None
    width: int | None = None
    height: int | None = None
    codec: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameClues:
    """What a file's name says."""

    camera: str  # the rest of the name: equal for the files of one camera in one folder
    time: datetime | None = None  # when it began, in whatever zone; only differences count
    number: int | None = None  # counts on from file to file
    chapter: bool = False  # of one recording, which only its size made several files


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One file of a trip."""

    recording: Recording
    start_s: float  # its first frame on the trip's clock, which begins with the trip


@dataclass(frozen=True, slots=True)
class Trip:
    """Files that one camera recorded one after the other; most often just one."""

    legs: tuple[Leg, ...]

    @property
    def trip_id(self) -> str:
        """The video id of its first file."""
        return self.legs[0].recording.video_id

    @property
    def video_ids(self) -> tuple[str, ...]:
        """Of its files, in their order."""
        return tuple(leg.recording.video_id for leg in self.legs)


@dataclass(frozen=True, slots=True)
class _Named:
    recording: Recording
    clues: NameClues

    @property
    def order(self) -> tuple[datetime, int, str]:
        return (self.clues.time or datetime.min, self.clues.number or 0, self.recording.path)

    @property
    def moment(self) -> datetime | int | None:
        """What no other file of its camera should share."""
        return self.clues.time or self.clues.number

    @property
    def group(self) -> tuple[object, ...]:
        """Only files that agree in this can follow each other."""
        one, clues = self.recording, self.clues
        kind = "time" if clues.time else "chapter" if clues.chapter else "number"
        folder = str(PurePath(one.path).parent)
        return (folder, clues.camera, kind, one.width, one.height, one.codec)


def clues_of(path: str, pattern: re.Pattern[str] | None = None) -> NameClues | None:
    """What the name of a file says; None when it says neither time nor number.

    Args:
        path: only its last part counts.
        pattern: of the user: found in the name without its suffix; named groups `camera`, `time` (12 or 14 digits
            with anything between them) and `number`, of which only one of the last two is needed.

    Example:
        >>> clues_of("NO20240131-142233-000123F.mp4").camera
        'f'
    """
    stem = PurePath(path).stem
    if pattern is not None:
        return _by_pattern(stem, pattern)
    if (match := _CHAPTER.match(stem)) is not None:
        camera = f"{match['kind']}{match['file']}".lower()
        return NameClues(camera=camera, number=int(match["number"]), chapter=True)
    for expression in _TIMES:
        for match in expression.finditer(stem):
            time = _time(*(match[part] for part in ("y", "mo", "d", "h", "mi", "s")))
            if time is not None:
                suffix = _SUFFIX.match(stem[match.end() :])
                assert suffix is not None
                camera = f"{_prefix(stem[: match.start()])}{_letters(suffix['letters'])}"
                number = int(suffix["number"]) if suffix["number"] else None
                return NameClues(camera=camera, time=time, number=number)
    if (match := _NUMBERED.match(stem)) is not None:
        return NameClues(camera=match["camera"].lower(), number=int(match["number"]))
    return None


def trips_of(
    recordings: Iterable[Recording], max_gap_s: float, pattern: re.Pattern[str] | None = None
) -> list[Trip]:
    """All files as trips, each in exactly one, ordered by the path of their first file.

    One file follows another of the same folder, camera, picture size and codec
    - by the times in their names, where it begins when the other ends: at most `OVERLAP_S` before, `max_gap_s` after;
    - as the next chapter of one recording;
    - by their numbers, where names have no times: the next number, after a file of full length.

    A file of unknown length is followed by none, and two that begin at the same second follow nobody.
    """
    trips: list[Trip] = []
    groups: dict[tuple[object, ...], list[_Named]] = defaultdict(list)
    for recording in recordings:
        clues = clues_of(recording.path, pattern)
        if clues is None:
            trips.append(alone(recording))
        else:
            named = _Named(recording, clues)
            groups[named.group].append(named)
    for group in groups.values():
        trips += _split(sorted(group, key=lambda named: named.order), max_gap_s)
    return sorted(trips, key=lambda trip: trip.legs[0].recording.path)


def alone(recording: Recording) -> Trip:
    """A trip of one file."""
    return Trip((Leg(recording=recording, start_s=0.0),))


def _split(files: Sequence[_Named], max_gap_s: float) -> Iterator[Trip]:
    """The trips of one camera's files, which are in order."""
    full_s = max((one.recording.duration_s or 0.0 for one in files), default=0.0)
    doubled = {b.moment for a, b in pairwise(files) if a.moment == b.moment}
    legs: list[Leg] = []
    for index, named in enumerate(files):
        before = files[index - 1] if index else None
        gap_s = None
        if before is not None and not doubled & {before.moment, named.moment}:
            gap_s = _gap_s(before, named, full_s, max_gap_s)
        if gap_s is None or before is None:
            if legs:
                yield Trip(tuple(legs))
            legs = [Leg(recording=named.recording, start_s=0.0)]
        else:
            start_s = legs[-1].start_s + (before.recording.duration_s or 0.0) + gap_s
            legs.append(Leg(recording=named.recording, start_s=start_s))
    if legs:
        yield Trip(tuple(legs))


def _gap_s(before: _Named, after: _Named, full_s: float, max_gap_s: float) -> float | None:
    """The seconds between two files, 0 where names can't tell them from none; None: they don't follow each other."""
    length_s = before.recording.duration_s
    if not length_s:
        return None
    if before.clues.time is not None and after.clues.time is not None:
        gap_s = (after.clues.time - before.clues.time - timedelta(seconds=length_s)).total_seconds()
        if not -min(OVERLAP_S, length_s / 2) <= gap_s <= max_gap_s:
            return None
        return gap_s if gap_s > 1.0 else 0.0  # both names are rounded to seconds
    if (after.clues.number or 0) - (before.clues.number or 0) != 1:
        return None
    return 0.0 if before.clues.chapter or length_s >= FULL_LENGTH_SHARE * full_s else None


def _prefix(text: str) -> str:
    """What stands in front of the time, without words that change within a trip."""
    words = [word for word in re.split(r"[-_ .]+", text) if word and not _ANY_MODE.match(word)]
    return "".join(f"{word.lower()}_" for word in words)


def _letters(text: str) -> str:
    """What stands behind the time and the number, likewise."""
    words = [word for word in re.split(r"[-_ .]+", text) if word]
    if words and (match := _MODE_AND_CAMERA.match(words[-1].upper())) is not None:
        words[-1] = match["camera"]
    words = [word for word in words if not _ANY_MODE.match(word) and not _MODE_ALONE.match(word.upper())]
    return "_".join(word.lower() for word in words)


def _time(year: str, month: str, day: str, hour: str, minute: str, second: str) -> datetime | None:
    """None where it is none, as in a number that only looks like one."""
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    try:
        return datetime(
            full_year, int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC
        ).replace(tzinfo=None)
    except ValueError:
        return None


def _by_pattern(stem: str, pattern: re.Pattern[str]) -> NameClues | None:
    match = pattern.search(stem)
    if match is None:
        return None
    found = match.groupdict()
    digits = re.sub(r"\D", "", found.get("time") or "")
    time = None
    if len(digits) in (12, 14):
        year, rest = digits[:-10], digits[-10:]
        time = _time(year, *(rest[at : at + 2] for at in range(0, 10, 2)))
    number = found.get("number")
    if time is None and not (number or "").isdecimal():
        return None
    count = int(number) if number and number.isdecimal() else None
    return NameClues(camera=found.get("camera") or "", time=time, number=count)
