"""Looks for when a video began and where its camera was: what each clue says, and what one says of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from itertools import pairwise
from pathlib import Path
from statistics import median

from dashcam_pipeline.config.results import JourneySettings
from dashcam_pipeline.sources.clock import ClockFound, TimeClues, clock_of, moved
from dashcam_pipeline.sources.journey import Journey
from dashcam_pipeline.sources.positions.aligning import Aligned, align, laid
from dashcam_pipeline.sources.positions.cleaning import clean, thinned, with_motion
from dashcam_pipeline.sources.positions.found import tracks_beside, tracks_inside
from dashcam_pipeline.sources.positions.raw import Axis, RawTrack, moment
from dashcam_pipeline.sources.positions.track import Dropped, Fix, PositionTrack

RECEIVERS = ("nmea", "blackvue", "exiftool")
"""Tracks whose times are the satellites' own; others may have been through a program."""


@dataclass(slots=True)
class JourneySearch:
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
        "unreachable": dropped.jumps,
    }
    said = [f"{count} {what}" for what, count in counts.items() if count]
    return [f"fixes dropped: {', '.join(said)}"] if said else []


def _sparse(fixes: Sequence[Fix], max_gap_s: float) -> list[str]:
    """What to say of a track with more gaps than positions."""
    if len(fixes) < 2:
        return ["has one fix only"]
    spacing_s = median(after.t_s - fix.t_s for fix, after in pairwise(fixes))
    if spacing_s <= max_gap_s:
        return []
    return [f"its fixes are {spacing_s:.0f} s apart: journey.max_gap_s bridges gaps of {max_gap_s:g} s only"]
