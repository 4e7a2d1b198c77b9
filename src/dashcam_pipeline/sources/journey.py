"""The journey of one video: when it began and where the camera was, made once and read at any moment of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter

from dashcam_pipeline.config.results import JourneySettings, TimeSource
from dashcam_pipeline.sources.clock import Clock, ClockFound, TimeClues, clock_of, moved
from dashcam_pipeline.sources.positions.aligning import Aligned, align, laid
from dashcam_pipeline.sources.positions.cleaning import clean, thinned, with_motion
from dashcam_pipeline.sources.positions.found import tracks_beside, tracks_inside
from dashcam_pipeline.sources.positions.raw import Axis, RawTrack, moment
from dashcam_pipeline.sources.positions.track import Dropped, Fix, PositionTrack
from dashcam_pipeline.sources.trips import clues_of

RECEIVERS = ("nmea", "blackvue", "exiftool")
"""Tracks whose times are the satellites' own; others may have been through a program."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where, as far as it is known; None where it is not."""

    ts: datetime | None  # aware, UTC
    utc_offset_min: int | None
    time_source: TimeSource | None
    latitude: float | None
    longitude: float | None
    speed_kmh: float | None
    heading_deg: float | None
    position_source: str | None  # None where the moment has no position


NO_MOMENT = Moment(None, None, None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Journey:
    """When a video began and where the camera was."""

    clock: Clock | None = None
    track: PositionTrack | None = None
    time_note: str = ""  # what a user should know of `clock`; one line
    position_note: str = ""  # what a user should know of `track`, or why there is none; one line

    def moment(self, pts_s: float) -> Moment:
        """When and where the frame at so many seconds of video was taken."""
        clock, fix = self.clock, self.track.at(pts_s) if self.track else None
        return Moment(
            ts=clock.started_at + timedelta(seconds=pts_s) if clock else None,
            utc_offset_min=clock.utc_offset_min if clock else None,
            time_source=clock.time_source if clock else None,
            latitude=fix.latitude if fix else None,
            longitude=fix.longitude if fix else None,
            speed_kmh=fix.speed_kmh if fix else None,
            heading_deg=fix.heading_deg if fix else None,
            position_source=self.track.source if self.track and fix else None,
        )

    def to_json(self) -> str:
        """One line, for other processes: see `from_json`."""
        return _json().dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Journey:
        """The same journey again.

        Raises:
            ValueError: the text is none of `to_json`.
        """
        return _json().validate_json(text)


@cache
def _json() -> TypeAdapter[Journey]:
    return TypeAdapter(Journey)


def journey_of(
    path: Path,
    settings: JourneySettings,
    *,
    container_time: datetime | None,
    duration_s: float | None,
    name_pattern: re.Pattern[str] | None = None,
    now: datetime | None = None,
    host_zone: tzinfo | None = None,
) -> Journey:
    """Find out when a video began and where its camera was. Never fails: what can't be read is in the notes.

    Args:
        path: the video; files beside it with the same stem are looked at too.
        settings: the section `journey`.
        container_time: the container's creation time (`OpenVideo.created_at`), aware.
        duration_s: of the video.
        name_pattern: of the user, for names of files (`trips.pattern`, see `clues_of`).
        now: aware; later times are refused. None: of this host.
        host_zone: None: this host's.
    """
    now = now or datetime.now(UTC)
    named = clues_of(path.name, name_pattern)
    clues = TimeClues(
        name=named.time if named is not None else None,
        container=container_time,
        modified=_modified(path),
        duration_s=duration_s,
    )
    search = _Search(path, settings, clues, now, host_zone)
    return search.journey()


@dataclass(slots=True)
class _Search:
    """One search for the journey of one video."""

    path: Path
    settings: JourneySettings
    clues: TimeClues  # grow with what tracks say
    now: datetime
    host_zone: tzinfo | None
    position_notes: list[str] = field(default_factory=list)

    def journey(self) -> Journey:
        if not self.settings.positions:
            return self._ended(self._clock(), None)
        for look in (tracks_beside, lambda path: tracks_inside(path, self._about())):
            found = look(self.path)
            self.position_notes += found.notes
            for raw in found.tracks:
                self._learn(raw)
                journey = self._with_track(raw)
                if journey is not None:
                    return journey
        return self._ended(self._clock(), None)

    def _about(self) -> datetime | None:
        found = self._clock()
        return found.clock.started_at if found.clock is not None else None

    def _clock(self) -> ClockFound:
        return clock_of(self.clues, self.settings, self.now, self.host_zone)

    def _learn(self, raw: RawTrack) -> None:
        """Take over what a track says of the time; what an earlier one said stays."""
        self.clues = replace(
            self.clues,
            gps=self.clues.gps or raw.begins_at,
            sidecar=self.clues.sidecar or raw.local_begin,
        )

    def _with_track(self, raw: RawTrack) -> Journey | None:
        """The journey by a track; None when it has no position for this video."""
        cleaned = clean(raw.fixes, raw.void, self.settings.max_speed_kmh)
        notes = [*raw.notes, *_what_was_dropped(cleaned.dropped)]
        if not cleaned.fixes:
            self.position_notes += [
                f"{raw.source}: no position" + (f" ({'; '.join(notes)})" if notes else "")
            ]
            return None
        clock, begins_s = self._clock(), 0.0
        if raw.axis is not Axis.VIDEO:
            aligned = align(raw, cleaned.fixes, clock.clock, self.clues.duration_s, self.settings.max_gap_s)
            if aligned.begins_s is None:
                self.position_notes.append(f"{raw.source} {aligned.note}")
                return None
            begins_s = aligned.begins_s
            notes += [aligned.note] if aligned.note else []
            clock = self._clock_by(raw, aligned, clock)
        fixes = laid(cleaned.fixes, begins_s, self.clues.duration_s, self.settings.max_gap_s)
        if not fixes:
            self.position_notes.append(
                f"{raw.source}: none of its {len(cleaned.fixes)} fixes is of this video"
            )
            return None
        few = thinned(fixes)
        notes += _sparse(few, self.settings.max_gap_s)
        self.position_notes += notes
        track = PositionTrack(
            with_motion(few, self.settings.max_gap_s),
            raw.source,
            self.settings.max_gap_s,
            replace(cleaned.dropped, thinned=len(fixes) - len(few)),
        )
        return self._ended(clock, track)

    def _clock_by(self, raw: RawTrack, aligned: Aligned, found: ClockFound) -> ClockFound:
        """The clock, once it is known where on the video a log lies."""
        if aligned.is_exact and raw.axis is Axis.UTC and aligned.begins_s is not None:
            begin = moment(aligned.begins_s)
            if raw.source in RECEIVERS:
                self.clues = replace(self.clues, gps=self.clues.gps or begin)
            else:
                self.clues = replace(self.clues, sidecar=self.clues.sidecar or begin)
            return self._clock()
        if aligned.offset_moved_min and found.clock is not None:
            return moved(found, aligned.offset_moved_min)
        return found

    def _ended(self, found: ClockFound, track: PositionTrack | None) -> Journey:
        return Journey(found.clock, track, "; ".join(found.notes), "; ".join(self.position_notes))


def _what_was_dropped(dropped: Dropped) -> list[str]:
    counts = {
        "void": dropped.void,
        "repeated": dropped.repeated,
        "out of order": dropped.backwards,
        "jumps": dropped.jumps,
    }
    said = [f"{count} {what}" for what, count in counts.items() if count]
    return [f"{dropped.wrong} fixes dropped: {', '.join(said)}"] if said else []


def _sparse(fixes: Sequence[Fix], max_gap_s: float) -> list[str]:
    """What to say of a track with more gaps than positions."""
    if len(fixes) < 2:
        return ["has one fix only"]
    spacing_s = median(after.t_s - fix.t_s for fix, after in pairwise(fixes))
    if spacing_s <= max_gap_s:
        return []
    return [f"its fixes are {spacing_s:.0f} s apart: journey.max_gap_s bridges gaps of {max_gap_s:g} s only"]


def _modified(path: Path) -> datetime | None:
    with suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None
