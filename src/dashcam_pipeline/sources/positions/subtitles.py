"""Tracks written as subtitles, in a file beside the video or as a stream inside it, a position a line of text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Discard
from av.subtitles.stream import SubtitleStream

from dashcam_pipeline.sources.positions.nmea import nmea_track
from dashcam_pipeline.sources.positions.raw import (
    KMH_PER_KNOT,
    KMH_PER_MPH,
    Axis,
    RawFix,
    RawTrack,
    begin_of,
    is_somewhere,
)
from dashcam_pipeline.sources.positions.track import KMH_PER_MPS

_NUMBER = r"[-+]?\d{1,3}(?:\.\d+)?"
_DECIMAL = r"[-+]?\d{1,3}\.\d{3,}"
_LATITUDE = re.compile(
    rf"\blat(?:itude)?\b\s*[:=]?\s*(?P<first>[NS])?\s*(?P<value>{_NUMBER})(?:\s*°?\s*(?P<last>[NS])\b)?",
    re.IGNORECASE,
)
_LONGITUDE = re.compile(  # "longtitude" is what some drones write
    rf"\blon(?:g|gt?itude)?\b\s*[:=]?\s*(?P<first>[EW])?\s*(?P<value>{_NUMBER})(?:\s*°?\s*(?P<last>[EW])\b)?",
    re.IGNORECASE,
)
_LETTER_FIRST = re.compile(
    r"(?<![A-Za-z])(?P<ns>[NS])\s*[:=]?\s*(?P<lat>\d{1,2}\.\d+)°?[\s,;/|]*"
    r"(?P<ew>[EW])\s*[:=]?\s*(?P<lon>\d{1,3}\.\d+)"
)
_LETTER_LAST = re.compile(
    r"(?<![\d.])(?P<lat>\d{1,2}\.\d+)\s*°?\s*(?P<ns>[NS])\b[\s,;/|]*(?P<lon>\d{1,3}\.\d+)\s*°?\s*(?P<ew>[EW])\b"
)
_LONGITUDE_FIRST = re.compile(
    rf"\bGPS\s*\(\s*(?P<lon>{_NUMBER})\s*,\s*(?P<lat>{_NUMBER})\s*[,)]", re.IGNORECASE
)
"""DJI's: GPS (longitude, latitude, height or satellites)."""
_LATITUDE_FIRST = re.compile(
    rf"\b(?:GPS|pos(?:ition)?|location|coord\w*)\s*[:=]\s*\(?\s*(?P<lat>{_DECIMAL})\s*[,;\s]\s*(?P<lon>{_DECIMAL})",
    re.IGNORECASE,
)
_SPEED = re.compile(
    r"(?P<value>\d{1,3}(?:\.\d+)?)\s*(?P<unit>km/?h|kph|mph|m/s|knots?|kn|kts?)\b", re.IGNORECASE
)
_CLIMB = re.compile(r"\bV\.S\s*[-+]?\d+(?:\.\d+)?\s*m/s", re.IGNORECASE)  # DJI's vertical speed
_HEADING = re.compile(
    r"\b(?:heading|course|bearing|track|azimuth|direction)\s*[:=]?\s*(?P<value>\d{1,3}(?:\.\d+)?)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<!\d)(?P<y>20\d\d|19\d\d)[-/.](?P<mo>\d\d)[-/.](?P<d>\d\d)[ T]+(?P<h>\d\d):(?P<mi>\d\d):(?P<s>\d\d)"
    r"(?:[.,:](?P<ms>\d{1,3})(?:[.,]\d+)?)?(?P<utc>\s*(?:Z|UTC|\+00:?00)\b)?"
)
_KMH = {"km": 1.0, "kp": 1.0, "mp": KMH_PER_MPH, "m/": KMH_PER_MPS, "kn": KMH_PER_KNOT, "kt": KMH_PER_KNOT}
_LENGTH_BYTES = 2  # MP4 writes the length of a text in front of it
MOST_CHARACTERS = 2000
"""Of one subtitle that are looked at: the longest known have 600, and the patterns take their time on long ones."""


@dataclass(frozen=True, slots=True)
class _Cue:
    begin_s: float
    text: str


@dataclass(frozen=True, slots=True)
class _Place:
    latitude: float
    longitude: float


def read_srt(path: Path) -> RawTrack:
    """A subtitle file beside a video.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no subtitle file, or says neither where nor when.
    """
    try:
        with closing(
            av.open(str(path.absolute()), format="srt", container_options={"protocol_whitelist": "file"})
        ) as file:
            cues = list(_cues(file, file.streams.subtitles[0])) if file.streams.subtitles else []
    except av.error.FFmpegError as error:
        raise ValueError(f"is no subtitle file: {error.strerror}") from error
    return _track_of(cues, "srt")


def subtitles_inside(container: InputContainer) -> RawTrack | None:
    """The first subtitle stream of a video that says where or when it was; None when none does.

    Args:
        container: freshly opened; read to its end.
    """
    for stream in container.streams.subtitles:
        for other in container.streams:
            other.discard = Discard.default if other.index == stream.index else Discard.all
        container.seek(0)
        try:
            cues = list(_cues(container, stream))
        except av.error.FFmpegError:
            continue
        try:
            return _track_of(cues, "subtitles")
        except ValueError:
            continue
    return None


def _cues(container: InputContainer, stream: SubtitleStream) -> Iterator[_Cue]:
    skip = _LENGTH_BYTES if stream.codec_context.name == "mov_text" else 0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base is not None:
            text = bytes(packet)[skip:].decode("utf-8", "replace")
            yield _Cue(float(packet.pts * packet.time_base), text)


def _track_of(cues: list[_Cue], source: str) -> RawTrack:
    sentences = [cue for cue in cues if "RMC," in cue.text]
    if sentences:
        return _of_sentences(sentences, source)
    cues = [replace(cue, text=_in_short(cue.text)) for cue in cues]
    fixes: list[RawFix] = []
    void = 0
    for cue in cues:
        place = _place(cue.text)
        if place is None:
            continue
        if is_somewhere(place.latitude, place.longitude):
            fixes.append(
                RawFix(
                    cue.begin_s, place.latitude, place.longitude, _speed_kmh(cue.text), _heading_deg(cue.text)
                )
            )
        else:
            void += 1
    begin = _begin(cues)
    if not fixes and not void and begin is None:
        raise ValueError("says neither where nor when it was")
    return RawTrack(source=source, axis=Axis.VIDEO, fixes=tuple(fixes), void=void, local_begin=begin)


def _of_sentences(cues: list[_Cue], source: str) -> RawTrack:
    """The receiver's own sentences, a few in each subtitle."""
    fixes, epochs_s, times_s, void = [], [], [], 0
    for cue in cues:
        try:
            track = nmea_track(cue.text.encode(), source)
        except ValueError:
            continue
        void += track.void
        for fix in track.fixes[:1]:
            fixes.append(replace(fix, t_s=cue.begin_s))
            if track.axis is Axis.UTC:
                epochs_s.append(fix.t_s)
                times_s.append(cue.begin_s)
    begins_at = begin_of(epochs_s, times_s)
    return RawTrack(source=source, axis=Axis.VIDEO, fixes=tuple(fixes), void=void, begins_at=begins_at)


def _in_short(text: str) -> str:
    """A text on one line, without runs of white space: a pattern would try every way to divide them."""
    return " ".join(text[:MOST_CHARACTERS].split())


def _place(text: str) -> _Place | None:
    """Where a text says it was; None when it does not."""
    latitude, longitude = _LATITUDE.search(text), _LONGITUDE.search(text)
    if latitude is not None and longitude is not None:
        return _Place(_signed(latitude), _signed(longitude))
    for pattern in (_LETTER_FIRST, _LETTER_LAST):
        if (match := pattern.search(text)) is not None:
            return _Place(
                float(match["lat"]) * (-1.0 if match["ns"] == "S" else 1.0),
                float(match["lon"]) * (-1.0 if match["ew"] == "W" else 1.0),
            )
    for pattern in (_LONGITUDE_FIRST, _LATITUDE_FIRST):
        if (match := pattern.search(text)) is not None:
            return _Place(float(match["lat"]), float(match["lon"]))
    return None


def _signed(match: re.Match[str]) -> float:
    letter = (match["first"] or match["last"] or "").upper()
    return float(match["value"]) * (-1.0 if letter in ("S", "W") else 1.0)


def _speed_kmh(text: str) -> float | None:
    match = _SPEED.search(_CLIMB.sub("", text))
    return float(match["value"]) * _KMH[match["unit"].lower()[:2]] if match is not None else None


def _heading_deg(text: str) -> float | None:
    match = _HEADING.search(text)
    return float(match["value"]) if match is not None else None


def _begin(cues: Iterable[_Cue]) -> datetime | None:
    """The camera's time when the video began, as most cues have it."""
    found = [(time, cue.begin_s) for cue in cues if (time := _time(cue.text)) is not None]
    if not found:
        return None
    epochs_s = [time.replace(tzinfo=UTC).timestamp() for time, _ in found]
    begin = begin_of(epochs_s, [begin_s for _, begin_s in found])
    in_utc = found[0][0].tzinfo is not None
    return begin if begin is None or in_utc else begin.replace(tzinfo=None)


def _time(text: str) -> datetime | None:
    match = _TIME.search(text)
    if match is None:
        return None
    parts = (int(match[part]) for part in ("y", "mo", "d", "h", "mi", "s"))
    try:
        micros = int((match["ms"] or "0").ljust(3, "0")) * 1000
        return datetime(*parts, micros, tzinfo=UTC if match["utc"] else None)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
