"""When the vehicles of a video were in sight, as bars in lanes. Drawn by the templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashcam_pipeline.report.cards import Card
from dashcam_pipeline.report.wording import clock

MOST_LANES = 8
GAP_SHARE = 0.004  # of the whole, between two bars of a lane
NARROWEST_SHARE = 0.004  # of a bar, so that it can be seen and hit
MOST_TICKS = 5
TICK_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 28800)


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """A sighting: where its bar begins, and how wide it is, in percent of the whole."""

    card: Card
    left: float
    width: float
    lane: int  # from 0, the uppermost


@dataclass(frozen=True, slots=True)
class Tick:
    """A label below the bars."""

    left: float  # percent
    label: str  # place in the video
    wall: str | None  # time of day, where it is known


@dataclass(frozen=True, slots=True)
class Timeline:
    """The sightings of a video over its length."""

    bars: tuple[TimelineBar, ...]
    lanes: int
    ticks: tuple[Tick, ...]

    @property
    def has_wall_time(self) -> bool:
        return any(tick.wall is not None for tick in self.ticks)


def timeline(cards: Sequence[Card], duration_s: float | None, started_at: datetime | None = None) -> Timeline:
    """The sightings that begin in a video; one that goes on in the next file reaches to the end.

    Args:
        cards: of one video.
        duration_s: of the video; where unknown, up to the last sighting.
        started_at: wall time of its beginning, where it is known for sure.
    """
    length = max([duration_s or 0.0, *(card.last_s for card in cards if not card.goes_on), 0.1])
    free: list[float] = []  # where the next bar of each lane may begin
    bars = []
    for card in sorted(cards, key=lambda one: (one.first_s, one.key)):
        left = min(card.first_s / length, 1 - NARROWEST_SHARE)
        right = 1.0 if card.goes_on else min(card.last_s / length, 1.0)
        width = max(right - left, NARROWEST_SHARE)
        lane = next((n for n, begin in enumerate(free) if begin <= left), len(free))
        lane = min(lane, MOST_LANES - 1)
        end = left + width + GAP_SHARE
        if lane == len(free):
            free.append(end)
        else:
            free[lane] = max(free[lane], end)
        bars.append(TimelineBar(card, round(100 * left, 3), round(100 * width, 3), lane))
    return Timeline(tuple(bars), max(1, len(free)), _ticks(length, started_at))


def _ticks(length: float, started_at: datetime | None) -> tuple[Tick, ...]:
    step = next((step for step in TICK_STEPS_S if length / step <= MOST_TICKS), TICK_STEPS_S[-1])
    count = int(length // step)
    return tuple(
        Tick(round(100 * n * step / length, 3), clock(n * step), _wall(started_at, n * step))
        for n in range(count + 1)
    )


def _wall(started_at: datetime | None, seconds: int) -> str | None:
    return None if started_at is None else f"{started_at + timedelta(seconds=seconds):%H:%M:%S}"
