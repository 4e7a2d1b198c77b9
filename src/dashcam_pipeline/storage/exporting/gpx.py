"""Sightings as GPX 1.1 waypoints, and where the cameras drove as its tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import IO

from dashcam_pipeline.config.results import JourneySettings
from dashcam_pipeline.storage.exporting.columns import DEGREES_DIGITS, plain_values_of, utc_text
from dashcam_pipeline.storage.exporting.extract import Exported, Extract, Fix, VideoTrack
from dashcam_pipeline.storage.exporting.places import Place, degrees, description_of, label_of, place_of
from dashcam_pipeline.storage.exporting.xml_file import XmlFile
from dashcam_pipeline.storage.results.reading import Sighting

NAMESPACE = "http://www.topografix.com/GPX/1/1"
COLUMNS_NAMESPACE = "urn:x-dashcam-pipeline:sighting"  # of our columns, in the extensions of a waypoint
# Speed and course, which GPX 1.1 itself has no place for: Garmin's, which most readers know.
TRACK_POINT_NAMESPACE = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2"
NAMESPACES = {
    "xmlns": NAMESPACE,
    "xmlns:sighting": COLUMNS_NAMESPACE,
    "xmlns:gpxtpx": TRACK_POINT_NAMESPACE,
}
KMH_A_MS = 3.6
COURSE_DIGITS = 2
GAP_S = JourneySettings().max_gap_s  # the default: how the run was set is not known here


def write_gpx(extract: Extract, file: IO[str]) -> Exported:
    """A waypoint a sighting with all known columns as extensions, and a track a video that has one."""
    found = written = 0
    xml = XmlFile(file)
    with xml.element("gpx", {"version": "1.1", "creator": "dashcam_pipeline", **NAMESPACES}):
        for sighting in extract.sightings:
            found += 1
            place = place_of(sighting)
            if place is not None:
                written += 1
                _write_waypoint(xml, sighting, place)
        for track in extract.tracks:
            _write_track(xml, track)
    xml.end()
    return Exported(found, written)


def _write_waypoint(xml: XmlFile, sighting: Sighting, place: Place) -> None:
    """The elements stand in the order of the schema."""
    with xml.element("wpt", _coordinates(place)):
        if sighting.ts is not None:
            xml.text("time", utc_text(sighting.ts))
        xml.text("name", label_of(sighting))
        xml.text("desc", description_of(sighting))
        xml.text("src", sighting.position_source or "unknown")
        xml.text("type", sighting.vehicle_class)
        with xml.element("extensions"):
            for name, value in plain_values_of(sighting).items():
                if value is not None:
                    xml.text(f"sighting:{name}", str(value))


def _write_track(xml: XmlFile, track: VideoTrack) -> None:
    with xml.element("trk"):
        xml.text("name", track.video.filename)
        for fixes in _segments(track.fixes):
            with xml.element("trkseg"):
                for fix in fixes:
                    _write_track_point(xml, track, fix)


def _segments(fixes: Sequence[Fix]) -> Iterator[Sequence[Fix]]:
    """The fixes between two gaps: nothing is drawn through a tunnel."""
    begin = 0
    for end in range(1, len(fixes) + 1):
        if end == len(fixes) or fixes[end].t_s - fixes[end - 1].t_s > GAP_S:
            yield fixes[begin:end]
            begin = end


def _write_track_point(xml: XmlFile, track: VideoTrack, fix: Fix) -> None:
    place = Place(round(fix.latitude, DEGREES_DIGITS), round(fix.longitude, DEGREES_DIGITS))
    with xml.element("trkpt", _coordinates(place)):
        if track.video.started_at is not None:
            xml.text("time", utc_text(track.video.started_at + timedelta(seconds=fix.t_s)))
        if fix.speed_kmh is None and fix.heading_deg is None:
            return
        with xml.element("extensions"), xml.element("gpxtpx:TrackPointExtension"):
            if fix.speed_kmh is not None:
                xml.text("gpxtpx:speed", f"{fix.speed_kmh / KMH_A_MS:.2f}")
            if fix.heading_deg is not None:
                xml.text("gpxtpx:course", f"{round(fix.heading_deg, COURSE_DIGITS) % 360:.{COURSE_DIGITS}f}")


def _coordinates(place: Place) -> dict[str, str]:
    """In GPX the 180th meridian is only -180."""
    longitude = -180.0 if place.longitude >= 180 else place.longitude
    return {"lat": degrees(place.latitude), "lon": degrees(longitude)}
