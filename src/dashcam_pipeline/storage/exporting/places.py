"""What the map formats have in common: where a sighting is put, and what stands beside it there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dashcam_pipeline.storage.exporting.columns import DEGREES_DIGITS
from dashcam_pipeline.storage.results.reading import Sighting


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, WGS84."""

    latitude: float  # degrees, -90..90
    longitude: float  # degrees, -180..180


def place_of(sighting: Sighting) -> Place | None:
    """Where the camera was; None where that is unknown or nowhere on the earth."""
    latitude, longitude = sighting.latitude, sighting.longitude
    if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Place(round(latitude, DEGREES_DIGITS), round(longitude, DEGREES_DIGITS))


def degrees(value: float) -> str:
    """As XML Schema has decimals: never with an exponent."""
    return f"{value:.{DEGREES_DIGITS}f}"


def label_of(sighting: Sighting) -> str:
    """What stands beside the pin: the plate, a best guess with a question mark, or the kind of vehicle."""
    return sighting.plate or (f"{sighting.best_guess}?" if sighting.best_guess else sighting.vehicle_class)


def description_of(sighting: Sighting) -> str:
    """What the pin says when it is clicked at, in one line."""
    sure = "" if sighting.confidence is None else f" ({sighting.confidence:.2f})"
    plate = f"plate {sighting.plate}{sure}" if sighting.plate else f"no plate: {sighting.reason or 'unknown'}"
    if sighting.plate is None and sighting.best_guess:
        plate += f", best guess {sighting.best_guess}{sure}"
    parts = [sighting.vehicle_class, plate]
    if sighting.speed_kmh is not None and math.isfinite(sighting.speed_kmh):
        parts.append(f"camera at {sighting.speed_kmh:.0f} km/h")
    video = sighting.frame_video or sighting.video or sighting.video_id
    return f"{', '.join(parts)}; {video} at {sighting.frame_s:.1f} s, sighting {sighting.id}"
