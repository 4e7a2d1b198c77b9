"""Where the camera was, as a line to scale without a map below it. Drawn by the templates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashcam_pipeline.report.cards import Card
from dashcam_pipeline.storage.rows import FixRow

EARTH_RADIUS_M = 6_371_008.8
WIDTH, MARGIN = 480.0, 28.0  # of the drawing
LOWEST, HIGHEST = 130.0, 300.0  # its height
SMALLEST_M = 20.0  # what the drawing shows at least, so that a parked car is a point
LONGEST_SCALE = 0.3  # of the drawing's width
MOST_POINTS = 600
GAP_S = 10.0  # longer without a position: the line is broken


@dataclass(frozen=True, slots=True)
class Mark:
    """A sighting with a position."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class TrackMap:
    """The track of a video in the drawing's own units, north up."""

    lines: tuple[str, ...]  # points of each polyline
    marks: tuple[Mark, ...]
    scale_width: float
    scale_label: str  # "200 m"
    length_km: float  # of the track
    height: float
    width: float = WIDTH


def track_map(track: Sequence[FixRow], cards: Sequence[Card]) -> TrackMap | None:
    """The track of a video, and the sightings on it; None where no position is known.

    Distances are those of an equirectangular projection about the middle of the track.
    """
    placed = [card for card in cards if card.latitude is not None and card.longitude is not None]
    points = [(fix[1], fix[2]) for fix in track] + [(card.latitude, card.longitude) for card in placed]
    known = [(lat, lon) for lat, lon in points if lat is not None and lon is not None]
    if not known:
        return None
    project = _Projection.over(known)
    lines = tuple(
        " ".join(f"{x:.1f},{y:.1f}" for x, y in (project.at(fix[1], fix[2]) for fix in piece))
        for piece in _pieces(_thinned(track))
    )
    marks = tuple(Mark(card, *project.at(card.latitude or 0.0, card.longitude or 0.0)) for card in placed)
    longest_m = WIDTH * LONGEST_SCALE / project.units_a_metre
    scale_m = _round_below(longest_m)
    label = f"{scale_m:g} m" if scale_m < 1000 else f"{scale_m / 1000:g} km"
    metres = sum(math.dist(project.metres(*a[1:3]), project.metres(*b[1:3])) for a, b in _steps(track))
    return TrackMap(lines, marks, scale_m * project.units_a_metre, label, metres / 1000, project.height)


@dataclass(frozen=True, slots=True)
class _Projection:
    """Degrees to the drawing's units."""

    middle_lat: float
    middle_lon: float
    units_a_metre: float
    height: float  # of the drawing

    @classmethod
    def over(cls, points: Sequence[tuple[float, float]]) -> _Projection:
        lats, lons = [lat for lat, _ in points], [lon for _, lon in points]
        unscaled = cls((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2, 1.0, HIGHEST)
        east, north = unscaled.metres(max(lats), max(lons))
        wide, high = max(2 * east, SMALLEST_M), max(2 * north, SMALLEST_M)
        units = min((WIDTH - 2 * MARGIN) / wide, (HIGHEST - 2 * MARGIN) / high)
        height = min(HIGHEST, max(LOWEST, high * units + 3 * MARGIN))
        return replace(unscaled, units_a_metre=units, height=round(height))

    def metres(self, latitude: float, longitude: float) -> tuple[float, float]:
        """East and north of the middle."""
        east = math.radians(longitude - self.middle_lon) * math.cos(math.radians(self.middle_lat))
        return east * EARTH_RADIUS_M, math.radians(latitude - self.middle_lat) * EARTH_RADIUS_M

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        east, north = self.metres(latitude, longitude)
        x = WIDTH / 2 + east * self.units_a_metre
        return round(x, 1), round(self.height / 2 - north * self.units_a_metre, 1)


def _thinned(track: Sequence[FixRow]) -> list[FixRow]:
    step = max(1, math.ceil(len(track) / MOST_POINTS))
    kept = list(track[::step])
    return kept if not track or kept[-1] == track[-1] else [*kept, track[-1]]


def _steps(track: Sequence[FixRow]) -> list[tuple[FixRow, FixRow]]:
    """Neighbours without a gap between them."""
    return [(a, b) for a, b in itertools.pairwise(track) if b[0] - a[0] <= GAP_S]


def _pieces(track: Sequence[FixRow]) -> list[list[FixRow]]:
    """Between the gaps."""
    step = (track[-1][0] - track[0][0]) / max(1, len(track) - 1) if track else 0.0
    pieces: list[list[FixRow]] = []
    for fix in track:
        if not pieces or fix[0] - pieces[-1][-1][0] > max(GAP_S, 3 * step):
            pieces.append([])
        pieces[-1].append(fix)
    return [piece for piece in pieces if len(piece) > 1]


def _round_below(metres: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(metres))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= metres))
