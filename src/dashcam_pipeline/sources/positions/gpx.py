"""Tracks in GPX files: a logger's, a phone's, or what a camera's own program exported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import gpxpy
import gpxpy.gpx

from dashcam_pipeline.sources.positions.raw import Axis, RawFix, RawTrack, is_somewhere
from dashcam_pipeline.sources.positions.track import KMH_PER_MPS, PositionTrack


def read_gpx(path: Path) -> RawTrack:
    """All timed points of all tracks.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no GPX.
    """
    try:
        gpx = gpxpy.parse(path.read_bytes())
    except (gpxpy.gpx.GPXException, AttributeError, TypeError, LookupError, ValueError) as error:
        raise ValueError(f"is no GPX file: {_first_line(error)}") from error
    points = [point for track in gpx.tracks for segment in track.segments for point in segment.points]
    fixes, untimed, void = [], 0, 0
    for point in points:
        if point.time is None:
            untimed += 1
        elif point.type_of_gpx_fix == "none" or not is_somewhere(point.latitude, point.longitude):
            void += 1
        else:
            time = point.time if point.time.tzinfo is not None else point.time.replace(tzinfo=UTC)
            fixes.append(
                RawFix(
                    t_s=time.timestamp(),
                    latitude=point.latitude,
                    longitude=point.longitude,
                    speed_kmh=_mps_as_kmh(point.speed if point.speed is not None else _extra(point, "speed")),
                    heading_deg=point.course if point.course is not None else _extra(point, "course"),
                )
            )
    notes = (f"{untimed} of its {len(points)} points have no time",) if untimed else ()
    return RawTrack(source="gpx", axis=Axis.UTC, fixes=tuple(fixes), void=void, notes=notes)


def _extra(point: gpxpy.gpx.GPXTrackPoint, name: str) -> float | None:
    """A number that GPX 1.1 has only as an extension, such as `gpxtpx:speed`."""
    for extension in point.extensions:
        for element in extension.iter():
            if isinstance(element.tag, str) and element.tag.rpartition("}")[2] == name:
                try:
                    return float(element.text or "")
                except ValueError:
                    return None
    return None


def _mps_as_kmh(speed: float | None) -> float | None:
    return None if speed is None else speed * KMH_PER_MPS


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def as_gpx(track: PositionTrack, started_at: datetime, name: str) -> str:
    """The track of a video as a GPX file.

    Args:
        track: with its fixes on the video's time.
        started_at: of the video, aware.
        name: of the track.
    """
    points = [
        gpxpy.gpx.GPXTrackPoint(fix.latitude, fix.longitude, time=started_at + timedelta(seconds=fix.t_s))
        for fix in track.fixes
    ]
    gpx, drawn = gpxpy.gpx.GPX(), gpxpy.gpx.GPXTrack(name=name)
    gpx.creator = "dashcam_pipeline"
    gpx.tracks.append(drawn)
    drawn.segments.append(gpxpy.gpx.GPXTrackSegment(points))
    return gpx.to_xml()
