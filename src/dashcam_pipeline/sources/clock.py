"""When a video began, by the first source that knows: GPS, a file beside it, its name, its container, its file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from dashcam_pipeline.config.results import JourneySettings, TimeSource, zone_of

ZoneSource = Literal["gps", "setting", "container", "host"]
"""What says how far the camera's clock was from UTC: its times against those of GPS, journey.zone, its times against
the container's, or this host's zone."""

EARLIEST_YEAR = 2005
"""Before dashcams: 1904 and 1970 are zeros of clocks, 2000-01-01 is that of a camera whose battery ran empty."""
TIME_ZONES_S = 14 * 3600.0
"""No zone is further from UTC."""
QUARTER_HOUR_S = 900.0
"""Zones are whole multiples of it away from UTC."""
SAME_MOMENT_S = 30.0
"""Two clocks of one camera, or one clock and GPS, that mean the same moment differ by less."""
SATELLITES = ("gps", "sidecar")
"""Sources whose UTC is better than the camera's clock."""
GPS_WEEKS = timedelta(weeks=1024)
"""Satellites tell the week as ten bits: a receiver that doesn't know better is off by so much."""
SAME_DAY = timedelta(hours=36)
HOST_CLOCK_SET_YEAR = 2024
"""A host whose own clock is before it can't say what is in the future."""

HOST_NOTE = "its zone is taken from this host: journey.zone names the camera's"
ROLLOVER_NOTE = "its receiver counts GPS weeks from zero again: 1024 weeks were added to its time"
CONTAINER_NOTE = "its container's time is taken as UTC; many cameras write their local time there"


@dataclass(frozen=True, slots=True)
class Clock:
    """When a video began, and how that is known."""

    started_at: datetime  # of pts_s = 0; aware, UTC
    utc_offset_min: int | None  # of the camera's local time then; None: only UTC is known
    time_source: TimeSource
    zone_source: ZoneSource | None  # of utc_offset_min


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeClues:
    """What there is to say when a video began; None where there is nothing."""

    gps: datetime | None = None  # aware
    sidecar: datetime | None = None  # as the file beside it has it: aware, or naive for local time
    name: datetime | None = None  # naive: the camera's local time
    container: datetime | None = None  # aware
    modified: datetime | None = None  # aware: when the file was last written, at the video's end
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClockFound:
    """The clock of a video, and what a user should know of it."""

    clock: Clock | None
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Rule:
    """One pass through the sources."""

    clues: TimeClues
    settings: JourneySettings
    now: datetime
    host_zone: tzinfo | None
    notes: list[str] = field(default_factory=list)

    def clock(self) -> Clock | None:
        for source in self.settings.time_sources:
            time = self._plausible(source)
            if time is None:
                continue
            if time.tzinfo is None:
                return self._of_local(time, source)
            return self._of_utc(time.astimezone(UTC), source)
        self.notes.append("nothing says when it was recorded")
        return None

    def _plausible(self, source: TimeSource) -> datetime | None:
        time = self._time(source)
        why = None if time is None else why_absurd(time, self.now)
        if why is not None:
            self.notes.append(f"the time of {IN_WORDS[source]} is refused: {why}")
        return None if why else time

    def _time(self, source: TimeSource) -> datetime | None:
        """The start by one source, the camera's clock put right."""
        shift = timedelta(seconds=self.settings.shift_s)
        match source:
            case "gps":
                return self._satellites()
            case "sidecar":
                return _moved(self.clues.sidecar, shift)
            case "name":
                return _moved(self.clues.name, shift)
            case "container":
                return _moved(self.clues.container, shift)
            case "file":
                return _moved(self.clues.modified, -timedelta(seconds=self.clues.duration_s or 0.0))

    def _satellites(self) -> datetime | None:
        """Their time; put right where an old receiver counts its weeks from zero again."""
        time, camera = self.clues.gps, self.clues.name or self.clues.container
        if time is None or camera is None:
            return time
        camera = camera.replace(tzinfo=UTC)
        later = _moved(time, GPS_WEEKS)
        if later is None or abs(later - camera) > SAME_DAY or abs(time - camera) <= SAME_DAY:
            return time
        if ROLLOVER_NOTE not in self.notes:
            self.notes.append(ROLLOVER_NOTE)
        return later

    def _of_local(self, local: datetime, source: TimeSource) -> Clock:
        zone_source, offset_s = self._zone_of(local)
        started_at = (local - timedelta(seconds=offset_s)).replace(tzinfo=UTC)
        if zone_source == "host":
            self.notes.append(HOST_NOTE)
        return Clock(started_at, round(offset_s / 60.0), source, zone_source)

    def _of_utc(self, started_at: datetime, source: TimeSource) -> Clock:
        """Of a time that is UTC already: only the offset for showing it is looked for."""
        if source == "container":
            self.notes.append(CONTAINER_NOTE)
        if source == "file":
            self.notes.append("by the file's time minus its length, which a copy may have changed")
        if self.settings.zone is not None:
            offset = started_at.astimezone(zone_of(self.settings.zone)).utcoffset() or timedelta()
            if source in SATELLITES:
                self._compare(started_at, offset)
            return Clock(started_at, _minutes(offset), source, "setting")
        local = self._time("name") if source in SATELLITES else None
        offset_s = None if local is None else offset_between(local, started_at, QUARTER_HOUR_S / 3.0)
        if offset_s is not None:
            self._compare(started_at, timedelta(seconds=offset_s))
            return Clock(started_at, round(offset_s / 60.0), source, "gps")
        if source == "file":
            return Clock(
                started_at, _minutes(started_at.astimezone(self.host_zone).utcoffset()), source, "host"
            )
        return Clock(started_at, None, source, None)

    def _compare(self, started_at: datetime, offset: timedelta) -> None:
        """Say when the clock of the camera was wrong."""
        name = self._time("name")
        if name is None or why_absurd(name, self.now):
            return
        wrong_s = (name - offset - started_at.replace(tzinfo=None)).total_seconds()
        if abs(wrong_s) > SAME_MOMENT_S:
            self.notes.append(
                f"the time in its name is {abs(wrong_s):.0f} s {'late' if wrong_s > 0 else 'early'}"
            )

    def _zone_of(self, local: datetime) -> tuple[ZoneSource, float]:
        """What says how far local time is from UTC, and how far in seconds."""
        if self.settings.zone is not None:
            return "setting", self._offset_s(local, zone_of(self.settings.zone), self.settings.zone)
        for source, utc in self._utc_times():
            offset_s = offset_between(local, utc, SAME_MOMENT_S)
            if offset_s:  # 0: the camera writes local time there too, as many do, or it is set to UTC
                return source, offset_s
        return "host", self._offset_s(local, self.host_zone, "this host's zone")

    def _utc_times(self) -> Iterator[tuple[ZoneSource, datetime]]:
        """What may be the start in UTC."""
        if self.clues.gps is not None and not why_absurd(self.clues.gps, self.now):
            yield "gps", self.clues.gps
        container = self._time("container")
        if container is not None and not why_absurd(container, self.now):
            yield "container", container
            if self.clues.duration_s:  # some write it when the recording ends
                yield "container", container - timedelta(seconds=self.clues.duration_s)

    def _offset_s(self, local: datetime, zone: tzinfo | None, name: str) -> float:
        """Of a local time in a zone (None: this host's), with a note where clocks were changed."""
        first, second = (_offset(local.replace(fold=fold), zone) for fold in (0, 1))
        if first > second:
            self.notes.append(
                f"{local:%Y-%m-%d %H:%M} came twice in {name}: the first, in summer time, is taken"
            )
        elif first < second:
            self.notes.append(
                f"{local:%Y-%m-%d %H:%M} did not exist in {name}: taken as a clock left on winter time"
            )
        return first.total_seconds()


IN_WORDS: dict[TimeSource, str] = {
    "gps": "GPS",
    "sidecar": "the file beside it",
    "name": "its name",
    "container": "its container",
    "file": "the file",
}


def clock_of(
    clues: TimeClues, settings: JourneySettings, now: datetime, host_zone: tzinfo | None = None
) -> ClockFound:
    """The clock of a video by the first of `journey.time_sources` that has a time which can be true.

    Args:
        clues: what each source says.
        settings: order, zone and shift.
        now: aware; what is later is refused.
        host_zone: None: this host's.
    """
    rule = _Rule(clues, settings, now, host_zone)
    clock = rule.clock()
    return ClockFound(clock, tuple(rule.notes))


def moved(found: ClockFound, offset_min: int) -> ClockFound:
    """The clock of a camera whose zone turned out to be so many minutes further east, by a log of positions."""
    clock = found.clock
    if clock is None:
        return found
    was_local_min = 0 if clock.time_source == "container" else clock.utc_offset_min or 0
    started_at = clock.started_at - timedelta(minutes=offset_min)
    right = Clock(started_at, was_local_min + offset_min, clock.time_source, "gps")
    return ClockFound(right, tuple(note for note in found.notes if note not in (HOST_NOTE, CONTAINER_NOTE)))


def why_absurd(time: datetime, now: datetime) -> str | None:
    """Why a time can't be that of a recording; None when it can. A naive time may be of any zone."""
    if time.year < EARLIEST_YEAR:
        return f"{time:%Y-%m-%d} is the date of a clock that was never set"
    latest = now + timedelta(days=1)
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    if now.year >= HOST_CLOCK_SET_YEAR and aware > latest:
        return f"{time:%Y-%m-%d} is in the future"
    return None


def offset_between(local: datetime, utc: datetime, tolerance_s: float) -> float | None:
    """The seconds that a local time is ahead of UTC, a multiple of a quarter of an hour; None when it is none.

    Args:
        local: naive.
        utc: aware, meant to be the same moment.
        tolerance_s: so much may the two clocks differ.
    """
    ahead_s = (local - utc.astimezone(UTC).replace(tzinfo=None)).total_seconds()
    offset_s = round(ahead_s / QUARTER_HOUR_S) * QUARTER_HOUR_S
    if abs(offset_s) > TIME_ZONES_S or abs(ahead_s - offset_s) > tolerance_s:
        return None
    return offset_s


def _moved(time: datetime | None, by: timedelta) -> datetime | None:
    try:
        return None if time is None else time + by
    except OverflowError:
        return None


def _offset(local: datetime, zone: tzinfo | None) -> timedelta:
    aware = local.astimezone() if zone is None else local.replace(tzinfo=zone)
    return aware.utcoffset() or timedelta()


def _minutes(offset: timedelta | None) -> int | None:
    return None if offset is None else round(offset.total_seconds() / 60.0)
