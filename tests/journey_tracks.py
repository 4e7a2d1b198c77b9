"""A drive whose position is known at every moment, and files of every kind that tell of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO
from math import cos, degrees, pi, radians, sin
from pathlib import Path
from typing import Any, BinaryIO

import av
import gpxpy.gpx
from mapillary_tools.camm.camm_builder import camm_sample_generator2, create_camm_trak
from mapillary_tools.camm.camm_parser import CAMMInfo
from mapillary_tools.mp4.mp4_sample_parser import RawSample
from mapillary_tools.mp4.simple_mp4_builder import transform_mp4
from mapillary_tools.telemetry import CAMMGPSPoint

from dashcam_pipeline.sources.positions.earth import EARTH_RADIUS_M, distance_m
from sources_clips import MILLISECOND, flat, make_clip

BEGIN = datetime(2024, 1, 31, 13, 22, 33, tzinfo=UTC)
NAME = "NO20240131-142233-000001F.mp4"
"""What a camera on Central European Time calls a video that began then."""
SPEED_MPS = 15.0
RADIUS_M = 300.0
"""The drive is a circle: at one fix a second the straight lines between them are 9 cm off it at most."""
CENTRE = (50.0, 8.0)


@dataclass(frozen=True)
class Place:
    """Where the car truly is."""

    t_s: float
    latitude: float
    longitude: float
    speed_kmh: float
    heading_deg: float

    def metres_from(self, latitude: float | None, longitude: float | None) -> float:
        assert latitude is not None
        assert longitude is not None
        return distance_m(self.latitude, self.longitude, latitude, longitude)


def truth(t_s: float, centre: tuple[float, float] = CENTRE) -> Place:
    """Clockwise, beginning in the west of the circle, driving north."""
    turned = SPEED_MPS * t_s / RADIUS_M
    north_m, east_m = RADIUS_M * sin(turned), -RADIUS_M * cos(turned)
    latitude = centre[0] + degrees(north_m / EARTH_RADIUS_M)
    longitude = centre[1] + degrees(east_m / EARTH_RADIUS_M / cos(radians(centre[0])))
    return Place(t_s, latitude, longitude, SPEED_MPS * 3.6, degrees(turned % (2.0 * pi)))


def drive(first_s: int, last_s: int) -> list[Place]:
    """One a second."""
    return [truth(float(t_s)) for t_s in range(first_s, last_s + 1)]


def clip_of(folder: Path, seconds: int = 20, name: str = NAME) -> Path:
    """A video of one picture a second."""
    return make_clip(folder / name, [flat(90)] * seconds, fps=1)


def write_gpx(path: Path, places: Iterable[Place], begin: datetime = BEGIN) -> Path:
    points = [
        gpxpy.gpx.GPXTrackPoint(place.latitude, place.longitude, time=begin + timedelta(seconds=place.t_s))
        for place in places
    ]
    gpx, track = gpxpy.gpx.GPX(), gpxpy.gpx.GPXTrack()
    gpx.tracks.append(track)
    track.segments.append(gpxpy.gpx.GPXTrackSegment(points))
    path.write_text(gpx.to_xml(), encoding="utf-8")
    return path


def sentence(place: Place, begin: datetime = BEGIN, status: str = "A") -> str:
    """An RMC sentence."""
    at = begin + timedelta(seconds=place.t_s)
    where = (
        f"{_nmea(place.latitude, 2)},{'N' if place.latitude >= 0 else 'S'},"
        f"{_nmea(place.longitude, 3)},{'E' if place.longitude >= 0 else 'W'}"
    )
    if status != "A":
        where = ",,,"
    body = (
        f"GPRMC,{at:%H%M%S}.00,{status},{where},{place.speed_kmh / 1.852:.3f},{place.heading_deg:.2f},"
        f"{at:%d%m%y},,,A"
    )
    return f"${body}*{_checksum(body):02X}"


def write_nmea(
    path: Path, places: Iterable[Place], begin: datetime = BEGIN, void: Iterable[float] = ()
) -> Path:
    without = set(void)
    lines = [sentence(place, begin, "V" if place.t_s in without else "A") for place in places]
    path.write_bytes("\r\n".join(lines).encode() + b"\r\n")
    return path


def write_srt(path: Path, places: Iterable[Place], text: str) -> Path:
    """Args:
    text: of a cue, with `{place.latitude}` and the like, and `{at}` for the camera's time.
    """
    cues = []
    for number, place in enumerate(places, 1):
        begins, ends = (_clock(place.t_s + more) for more in (0.0, 1.0))
        said = text.format(place=place, at=BEGIN + timedelta(hours=1, seconds=place.t_s))
        cues.append(f"{number}\n{begins} --> {ends}\n{said}\n")
    path.write_text("\n".join(cues), encoding="utf-8")
    return path


def write_subtitled(path: Path, source: Path, places: Iterable[Place], text: str, codec: str) -> Path:
    """The video with a subtitle stream."""
    with av.open(str(source)) as video, av.open(str(path), "w") as output:
        pictures = output.add_stream_from_template(video.streams.video[0])
        subtitles = output.add_stream(codec)
        subtitles.time_base = MILLISECOND
        subtitles.codec_context.subtitle_header = _STYLE
        packets = [packet for packet in video.demux(video.streams.video[0]) if packet.dts is not None]
        for packet in packets:
            packet.stream = pictures
        for place in places:
            said = text.format(place=place, sentence=sentence(place)).encode()
            packet = av.Packet(len(said).to_bytes(2, "big") + said if codec == "mov_text" else said)
            packet.stream = subtitles
            packet.time_base = MILLISECOND
            packet.pts = packet.dts = round(place.t_s * 1000)
            packet.duration = 1000
            packets.append(packet)
        for packet in sorted(packets, key=lambda one: Fraction(one.dts) * one.time_base):
            output.mux(packet)
    return path


def write_camm(path: Path, source: Path, places: Iterable[Place], begin: datetime = BEGIN) -> Path:
    """The video with a CAMM track, by the builder of a library."""
    points = [
        CAMMGPSPoint(
            time=place.t_s,
            lat=place.latitude,
            lon=place.longitude,
            alt=0.0,
            angle=None,
            time_gps_epoch=(begin + timedelta(seconds=place.t_s)).timestamp(),
            gps_fix_type=3,
            horizontal_accuracy=2.0,
            vertical_accuracy=3.0,
            velocity_east=SPEED_MPS * sin(radians(place.heading_deg)),
            velocity_north=SPEED_MPS * cos(radians(place.heading_deg)),
            velocity_up=0.0,
            speed_accuracy=0.5,
        )
        for place in places
    ]
    with source.open("rb") as file:
        path.write_bytes(transform_mp4(file, camm_sample_generator2(CAMMInfo(gps=points))).read())
    return path


def write_blackvue(path: Path, source: Path, places: Iterable[Place], void: Iterable[float] = ()) -> Path:
    """The video with a BlackVue box: sentences behind the camera's own clock, which shows local time."""
    without = set(void)
    lines = [
        f"[{round((BEGIN.timestamp() + 3600 + place.t_s) * 1000):013d}]"
        + sentence(place, status="V" if place.t_s in without else "A")
        for place in places
    ]
    inside = _box(b"gps ", "\r\n".join(lines).encode())
    path.write_bytes(source.read_bytes() + _box(b"free", _box(b"cprt", b"\0" * 8) + inside))
    return path


def write_novatek(path: Path, source: Path, places: Iterable[Place]) -> Path:
    """The video with blocks as Novatek's cameras write them, and the box in its index that lists them."""
    blocks = [_novatek_block(place) for place in places]
    video = source.read_bytes()
    index = video.rindex(b"moov") - 4
    (length,) = struct.unpack_from(">I", video, index)
    assert index + length == len(video), "the index is not the last box"
    list_bytes = 16 + 8 * len(blocks)
    at, entries = len(video) + list_bytes + 8, b""
    for block in blocks:
        entries += struct.pack(">II", at, len(block))
        at += len(block)
    listed = _box(b"gps ", struct.pack(">II", 257, len(blocks)) + entries)
    assert len(listed) == list_bytes
    longer = struct.pack(">I", length + list_bytes)
    begin, rest = video[:index] + longer + b"moov", video[index + 8 :]
    path.write_bytes(begin + listed + rest + _box(b"free", b"".join(blocks)))
    return path


def _novatek_block(place: Place) -> bytes:
    at = BEGIN + timedelta(seconds=place.t_s)
    time = (at.hour, at.minute, at.second, at.year - 2000, at.month, at.day)
    latitude, longitude = float(_nmea(place.latitude, 2)), float(_nmea(place.longitude, 3))
    motion = (place.speed_kmh / 1.852, place.heading_deg)
    said = struct.pack("<6I4s4f", *time, b"ANE\0", latitude, longitude, *motion)
    return _box(b"free", b"GPS " + struct.pack("<I", 0x3F0) + said + b"\0" * 80)


def _gpmf(key: bytes, kind: bytes, size: int, repeat: int, content: bytes) -> bytes:
    """One entry (github.com/gopro/gpmf-parser): key, type, size, how many, and its bytes filled up to four."""
    return key + kind + bytes([size]) + struct.pack(">H", repeat) + content + b"\0" * (-len(content) % 4)


def write_gpmf(path: Path, source: Path, places: Iterable[Place], void: Iterable[float] = ()) -> Path:
    """The video with a track as GoPro's cameras write it: a sample a second."""
    without = set(void)
    samples = []
    for place in places:
        scales = (10_000_000, 10_000_000, 1000, 1000, 100)
        values = (place.latitude, place.longitude, 0.0, place.speed_kmh / 3.6, place.speed_kmh / 3.6)
        at = BEGIN + timedelta(seconds=place.t_s)
        stream = (
            _gpmf(b"GPSF", b"L", 4, 1, struct.pack(">I", 0 if place.t_s in without else 3))
            + _gpmf(b"GPSU", b"U", 16, 1, f"{at:%y%m%d%H%M%S}.000".encode())
            + _gpmf(b"GPSP", b"S", 2, 1, struct.pack(">H", 150))
            + _gpmf(b"SCAL", b"l", 4, 5, struct.pack(">5i", *scales))
            + _gpmf(
                b"GPS5",
                b"l",
                20,
                1,
                struct.pack(
                    ">5i", *(round(value * scale) for value, scale in zip(values, scales, strict=True))
                ),
            )
        )
        strm = _gpmf(b"STRM", b"\0", 1, len(stream), stream)
        device = (
            _gpmf(b"DVID", b"L", 4, 1, struct.pack(">I", 1)) + _gpmf(b"DVNM", b"c", 5, 1, b"Hero8") + strm
        )
        samples.append(_gpmf(b"DEVC", b"\0", 1, len(device), device))

    def track(_: BinaryIO, index: list[Any]) -> list[BytesIO]:
        raw = [RawSample(1, 0, len(sample), 1000, 0, True) for sample in samples]
        index.append(create_camm_trak(raw, 1000))
        return [BytesIO(sample) for sample in samples]

    with source.open("rb") as file:
        # The builder knows tracks of CAMM only; GoPro's are alike but for this name.
        path.write_bytes(transform_mp4(file, track).read().replace(b"camm", b"gpmd"))
    return path


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def _nmea(angle: float, digits: int) -> str:
    whole, minutes = divmod(abs(angle) * 60.0, 60.0)
    return f"{int(whole):0{digits}d}{minutes:09.6f}"


def _checksum(body: str) -> int:
    total = 0
    for char in body:
        total ^= ord(char)
    return total


def _clock(t_s: float) -> str:
    hours, rest = divmod(round(t_s * 1000), 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d},{rest % 1000:03d}"


_STYLE = (
    b"[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour\nStyle: Default,Arial,16,&Hffffff\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
"""Encoders of subtitles ask for one."""

SUBTITLES: Mapping[str, str] = {
    "bracketed": "FrameCnt: 1\n{at:%Y-%m-%d %H:%M:%S}.000\n"
    "[latitude: {place.latitude:.7f}] [longitude: {place.longitude:.7f}] [rel_alt: 1.3 abs_alt: 99.1]",
    "misspelt": "[latitude : {place.latitude:.7f}] [longtitude : {place.longitude:.7f}]",
    "longitude first": "HOME(8.0000,49.0000) F/2.8, GPS ({place.longitude:.7f}, {place.latitude:.7f}, 16), "
    "H.S 15.00m/s, V.S 0.50m/s",
    "letters first": "2024/01/31 14:22:33 N{place.latitude:.7f} E{place.longitude:.7f} 54 KM/H",
    "letters last": "{place.latitude:.7f}°N, {place.longitude:.7f}°E Speed: 33.55 mph Heading: {place.heading_deg:.1f}",
    "named": "Lat: {place.latitude:.7f} N Lon: {place.longitude:.7f} E, 54.0 km/h",
    "latitude first": "GPS: {place.latitude:.7f}, {place.longitude:.7f}",
}
"""What cameras and drones write."""
