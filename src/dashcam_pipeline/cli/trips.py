"""How `dashcam` names trips: the files that one camera recorded one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dashcam_pipeline.storage.results.reading import Sighting, VideoSummary

MOST_TRIPS = 20


def trip_lines(videos: Sequence[VideoSummary]) -> list[str]:
    """A line for each trip of several of these videos, which are in the order of their paths."""
    trips: dict[str, list[str]] = defaultdict(list)
    for video in videos:
        if video.trip is not None:
            trips[video.trip].append(video.filename)
    several = [names for names in trips.values() if len(names) > 1]
    lines = [f"one trip: {names[0]} … {names[-1]} ({len(names)} files)" for names in several[:MOST_TRIPS]]
    if len(several) > MOST_TRIPS:
        lines.append(f"… and {len(several) - MOST_TRIPS} more trips")
    if several:
        lines.append("a vehicle seen in several files of a trip counts once, in the first of them")
    return lines


def where_seen(sighting: Sighting) -> str:
    """The file of a sighting, or the first and the last of several."""
    first, last = sighting.video or "", sighting.last_video or ""
    return first if first == last else f"{first} … {last}"
