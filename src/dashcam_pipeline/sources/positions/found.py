"""Finds the position track of a video: files beside it first, then what is inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.sources.positions.exiftool import exiftool_is_here, read_with_exiftool
from dashcam_pipeline.sources.positions.gpx import read_gpx
from dashcam_pipeline.sources.positions.nmea import read_nmea
from dashcam_pipeline.sources.positions.raw import RawTrack
from dashcam_pipeline.sources.positions.subtitles import read_srt, subtitles_inside
from dashcam_pipeline.sources.positions.telemetry import ReaderMissing, is_for_exiftool, read_telemetry
from dashcam_pipeline.user_paths import shown

MOST_BYTES = 24 << 20
"""A larger file beside a video is no track of it: a day's log of one fix a second has 12 MB."""

EXPECTED = (OSError, ValueError, VideoUnreadable)
"""How reading a broken file may fail."""
MOST_SHOWN = 200  # characters of an error's text
UNFORESEEN = "could not be read:"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of file that may lie beside a video."""

    read: Callable[[Path], RawTrack]
    is_surely_a_track: bool  # else, as any text file may have this name, it is passed over without a word


_KINDS = {
    ".gpx": _Kind(read_gpx, True),
    ".nmea": _Kind(read_nmea, True),
    ".gps": _Kind(read_nmea, False),
    ".log": _Kind(read_nmea, False),
    ".txt": _Kind(read_nmea, False),
    ".srt": _Kind(read_srt, False),
}
"""By suffix, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """The tracks of one video, best first: the first that can be laid on the video counts."""

    tracks: tuple[RawTrack, ...]
    notes: tuple[str, ...]  # what could not be read, and why


def beside(video: Path) -> list[Path]:
    """The files beside a video that may be its track, in the order in which they count."""
    stems = {video.stem.casefold(), video.name.casefold()}
    try:
        near = [
            path
            for path in video.parent.iterdir()
            if path.suffix.casefold() in _KINDS and path.stem.casefold() in stems and path.is_file()
        ]
    except OSError:
        return []
    order = list(_KINDS)
    return sorted(near, key=lambda path: (order.index(path.suffix.casefold()), path.name))


def tracks_beside(video: Path) -> Found:
    """What the files beside a video say; nothing is raised, a broken one is a note."""
    tracks, notes = [], []
    for path in beside(video):
        kind = _KINDS[path.suffix.casefold()]
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"is larger than {MOST_BYTES >> 20} MB")
            track = kind.read(path)
        except Exception as error:  # bytes of others, read by libraries of others: a run does not end by it
            if kind.is_surely_a_track or not isinstance(error, EXPECTED):
                notes.append(f"{shown(path.name)} {_why(error)}")
            continue
        tracks.append(replace(track, notes=tuple(f"{shown(path.name)}: {note}" for note in track.notes)))
    return Found(tuple(tracks), tuple(notes))


def tracks_inside(video: Path, about: datetime | None) -> Found:
    """What is inside a video, likewise.

    Args:
        video: the file.
        about: aware; when it was recorded, right to a few years.
    """
    tracks: list[RawTrack] = []
    notes: list[str] = []
    missing: list[str] = []  # readers that would have been of use
    for read in (_subtitles, lambda path: read_telemetry(path, about), _by_exiftool):
        if any(track.fixes for track in tracks):
            break
        try:
            track = read(video)
        except ReaderMissing as error:
            missing.append(str(error))
        except Exception as error:  # as above
            notes.append(_why(error))
        else:
            tracks += [track] if track is not None else []
    if any(track.fixes for track in tracks):
        missing.clear()
    with_fixes_first = sorted(tracks, key=lambda track: not track.fixes)
    return Found(tuple(with_fixes_first), tuple(notes + missing))


def _subtitles(video: Path) -> RawTrack | None:
    with open_video(video) as opened:
        return subtitles_inside(opened.container) if opened.container.streams.subtitles else None


def _by_exiftool(video: Path) -> RawTrack | None:
    if not exiftool_is_here() and is_for_exiftool(video):
        raise ReaderMissing("holds positions that only ExifTool reads: install it (exiftool) and run again")
    return read_with_exiftool(video)


def _why(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"can't be read: {error.strerror or error}"
    text = shown(" ".join(str(error).split()))[:MOST_SHOWN]
    return text if isinstance(error, EXPECTED) else f"{UNFORESEEN} {type(error).__name__}: {text}"
