"""Tracks that cameras write into their video files: GoPro (GPMF), CAMM, and BlackVue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import atan2, degrees, hypot
from pathlib import Path
from typing import Any, BinaryIO

from dashcam_pipeline.sources.boxes import boxes, content_of
from dashcam_pipeline.sources.positions.earth import whole_turn
from dashcam_pipeline.sources.positions.nmea import nmea_track
from dashcam_pipeline.sources.positions.raw import (
    Axis,
    RawFix,
    RawTrack,
    begin_of,
    is_somewhere,
)
from dashcam_pipeline.sources.positions.track import KMH_PER_MPS

_MAX_INDEX_BYTES = 64 << 20
_MAX_LOG_BYTES = 16 << 20
_GPS_EPOCH_S = 315_964_800.0  # 1980-01-06 in seconds since 1970
_LEAP_SECONDS_S = 18.0  # GPS time is ahead of UTC by so much since 2017 (IERS Bulletin C)
_WORST_PRECISION = 500.0  # dilution of precision times 100: GoPro's own limit
_GOOD_METRES = 50.0  # a fix that may be further off than this says nothing


class ReaderMissing(ValueError):
    """A file holds positions that only an optional library reads."""


def read_telemetry(path: Path, about: datetime | None) -> RawTrack | None:
    """What the camera wrote into an MP4 file; None when there is nothing that is known here.

    Args:
        path: the video.
        about: aware; when it was recorded, right to a few years.

    Raises:
        OSError: the file can't be read.
        ReaderMissing: it needs the extra `gps`.
        ValueError: it is there, and damaged.
    """
    log, index = b"", b""
    for box in boxes(path):
        if box.kind == b"free" and not log:
            inside = next((one for one in boxes(path, box) if one.kind == b"gps "), None)
            log = content_of(path, inside, _MAX_LOG_BYTES) if inside is not None else b""
        elif box.kind == b"moov":
            index = content_of(path, box, _MAX_INDEX_BYTES)
    if log:
        return nmea_track(log, "blackvue")
    if b"gpmd" in index:
        return _gpmf(path)
    return _camm(path, about) if b"camm" in index else None


def is_for_exiftool(path: Path) -> bool:
    """Whether a video holds positions as Novatek's cameras write them, which only ExifTool reads.

    Raises:
        OSError: the file can't be read.
    """
    return any(
        inside.kind == b"gps " for box in boxes(path) if box.kind == b"moov" for inside in boxes(path, box)
    )


def _gpmf(path: Path) -> RawTrack | None:
    try:
        from mapillary_tools.gpmf.gpmf_parser import extract_gopro_info
    except ImportError as error:
        raise ReaderMissing(_install("GoPro's GPMF")) from error
    info = _extracted(path, extract_gopro_info)
    points = [] if info is None else info.gps or []
    if not points:
        return None
    good = [
        point
        for point in points
        if (point.fix is None or point.fix.value)
        and (point.precision or 0.0) <= _WORST_PRECISION
        and is_somewhere(point.lat, point.lon)
    ]
    fixes = [
        RawFix(point.time, point.lat, point.lon, _kmh(point.ground_speed), point.angle) for point in good
    ]
    return _on_video("gpmf", fixes, len(points) - len(good), good, 0.0)


def _camm(path: Path, about: datetime | None) -> RawTrack | None:
    try:
        from mapillary_tools.camm.camm_parser import extract_camm_info
    except ImportError as error:
        raise ReaderMissing(_install("CAMM")) from error
    info = _extracted(path, extract_camm_info)
    if info is None or not (info.gps or info.mini_gps):
        return None
    points = info.gps or info.mini_gps
    good = [
        point
        for point in points
        if is_somewhere(point.lat, point.lon)
        and getattr(point, "gps_fix_type", 3) >= 2
        and getattr(point, "horizontal_accuracy", 0.0) <= _GOOD_METRES
    ]
    fixes = [
        RawFix(point.time, point.lat, point.lon, _camm_speed_kmh(point), _camm_heading_deg(point))
        for point in good
    ]
    ahead_s = _camm_ahead_s(good, about)
    return _on_video("camm", fixes, len(points) - len(good), good, ahead_s)


def _on_video(source: str, fixes: list[RawFix], void: int, points: list[Any], ahead_s: float) -> RawTrack:
    """A track whose points know both the video's time and that of satellites."""
    epochs: dict[float, float] = {}  # some write one time for all points of a second: it is that of the first
    for point in points:
        epoch_s = point.get_gps_epoch_time()
        if epoch_s is not None:
            epochs.setdefault(epoch_s - ahead_s, point.time)
    begins_at = begin_of(list(epochs), list(epochs.values()))
    return RawTrack(source=source, axis=Axis.VIDEO, fixes=tuple(fixes), void=void, begins_at=begins_at)


def _camm_ahead_s(points: list[Any], about: datetime | None) -> float:
    """What CAMM's times are ahead of seconds since 1970.

    The specification counts from the GPS epoch, ten years later; many writers count from 1970.
    """
    epoch_s = next((one for point in points if (one := point.get_gps_epoch_time()) is not None), None)
    if epoch_s is None or about is None:
        return 0.0
    as_specified_s = _LEAP_SECONDS_S - _GPS_EPOCH_S
    return min((0.0, as_specified_s), key=lambda ahead_s: abs(epoch_s - ahead_s - about.timestamp()))


def _camm_speed_kmh(point: Any) -> float | None:
    if not hasattr(point, "velocity_east"):
        return None
    return hypot(point.velocity_east, point.velocity_north) * KMH_PER_MPS


def _camm_heading_deg(point: Any) -> float | None:
    if not getattr(point, "velocity_east", 0.0) and not getattr(point, "velocity_north", 0.0):
        return None
    return whole_turn(degrees(atan2(point.velocity_east, point.velocity_north)))


def _kmh(metres_a_second: float | None) -> float | None:
    return None if metres_a_second is None else metres_a_second * KMH_PER_MPS


def _extracted(path: Path, extract: Callable[[BinaryIO], Any]) -> Any:
    try:
        with path.open("rb") as file:
            return extract(file)
    except OSError:
        raise
    except Exception as error:  # a parser of foreign bytes: whatever it stumbles over
        raise ValueError(f"its position data is damaged: {type(error).__name__}") from error


def _install(what: str) -> str:
    return f"holds positions as {what}, which `pip install 'dashcam-pipeline[gps]'` reads"
