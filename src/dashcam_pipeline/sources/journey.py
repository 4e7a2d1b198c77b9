"""The journey of one video: when it began and where the camera was, made once and read at any moment of it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from dashcam_pipeline.config.results import JourneySettings, TimeSource
from dashcam_pipeline.sources.clock import Clock, TimeClues
from dashcam_pipeline.sources.positions.track import PositionTrack
from dashcam_pipeline.sources.trips import clues_of


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
    # The processes that only ask for moments need none of the libraries that read tracks.
    from dashcam_pipeline.sources.journey_search import JourneySearch

    return JourneySearch(path, settings, clues, now, host_zone).journey()


def _modified(path: Path) -> datetime | None:
    with suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None
