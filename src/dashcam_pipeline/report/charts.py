"""The charts of the report as numbers: which bars there are, and how high. Drawn by the templates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONFIDENCE_BINS = 10
MOST_WIDTH_BINS = 12
WIDTH_STEPS_PX = (5, 10, 20, 25, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram, in two parts that stand on each other."""

    label: str  # "0.9 to 1.0"
    claimed: int  # sightings with a plate
    others: int  # those without

    @property
    def total(self) -> int:
        return self.claimed + self.others


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars of one width, from left to right."""

    bars: tuple[Bar, ...]
    ticks: tuple[str, ...]  # at the edges of the bars: one more than there are bars

    @property
    def highest(self) -> int:
        return max((bar.total for bar in self.bars), default=0)

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of a sighting that goes into a histogram."""

    value: float
    claimed: bool  # whether the sighting has a plate


def confidence_histogram(values: Iterable[Measured]) -> Histogram:
    """How sure claims and guesses are: ten bars from 0 to 1."""
    return _histogram(values, [number / CONFIDENCE_BINS for number in range(CONFIDENCE_BINS + 1)], "{:.1f}")


def width_histogram(values: Sequence[Measured]) -> Histogram:
    """How wide plates are in the picture, pixels: at most `MOST_WIDTH_BINS` bars from 0 on."""
    widest = max((one.value for one in values), default=0.0)
    step = next(
        (step for step in WIDTH_STEPS_PX if widest < step * MOST_WIDTH_BINS),
        math.ceil((widest + 1) / MOST_WIDTH_BINS),
    )
    bins = int(widest // step) + 1
    return _histogram(values, [float(step * number) for number in range(bins + 1)], "{:.0f}")


def _histogram(values: Iterable[Measured], edges: Sequence[float], form: str) -> Histogram:
    """The last bar holds its upper edge too."""
    bins = len(edges) - 1
    step = edges[1] - edges[0]
    counts = [[0, 0] for _ in range(bins)]
    for one in values:
        place = min(bins - 1, max(0, math.floor(one.value / step + 1e-9)))
        counts[place][0 if one.claimed else 1] += 1
    ticks = tuple(form.format(edge) for edge in edges)
    return Histogram(
        tuple(
            Bar(f"{ticks[n]} to {ticks[n + 1]}", claimed, others)
            for n, (claimed, others) in enumerate(counts)
        ),
        ticks,
    )
