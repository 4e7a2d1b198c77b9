"""The reliability diagram as an SVG file, drawn by matplotlib (`pip install -e '.[bench]'`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accuracykit.reliability import Bin, Point, binned, wilson
from benchkit.curves import require_matplotlib

SIZE_INCHES = (7.0, 5.0)
ROOM_FOR_LABELS = 0.25  # above the bars, of the height of the axes
BAR_COLOUR, EMPTY_COLOUR = "#4878a8", "#c0c8d0"


def draw(points: Sequence[Point], path: Path) -> None:
    """Share of right rows by confidence above, number of rows below.

    Raises:
        BenchTrouble: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    bins = [one for one in binned(points) if one.rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Text stays text, and the same figures give the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "dashcam", "font.size": 9}):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        share, number = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        share.plot([0, 1], [0, 1], "--", color="grey", label="confidence = share")
        share.bar(
            *_bars(bins, [one.share or 0.0 for one in bins]),
            color=BAR_COLOUR,
            edgecolor="white",
            align="edge",
        )
        share.errorbar(
            [one.confidence for one in bins],
            [one.share for one in bins],
            yerr=_whiskers(bins),
            fmt="o",
            color="black",
            capsize=3,
            label="share right at the mean confidence, 95 % interval",
        )
        share.set(
            ylabel="share right", ylim=(0, 1.05), xlim=(0, 1), title="claims and best guesses of all drives"
        )
        share.legend(frameon=False, loc="upper left")
        right = [float(one.right) for one in bins]
        number.bar(*_bars(bins, right), color=BAR_COLOUR, edgecolor="white", align="edge", label="right")
        wrong = [float(one.rows - one.right) for one in bins]
        places = _bars(bins, wrong)
        bars = number.bar(
            *places, bottom=right, color=EMPTY_COLOUR, edgecolor="white", align="edge", label="wrong"
        )
        number.bar_label(bars, [f"{one.right} of {one.rows}" for one in bins], fontsize=7)
        number.set(ylabel="rows", xlabel="confidence")
        number.margins(y=ROOM_FOR_LABELS)
        number.legend(frameon=False, loc="upper left")
        for axes in (share, number):
            axes.grid(alpha=0.3)
            axes.set_axisbelow(True)
        figure.savefig(path, metadata={"Date": None})


def _bars(bins: Sequence[Bin], heights: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Left ends, heights and widths."""
    return [one.low for one in bins], heights, [one.high - one.low for one in bins]


def _whiskers(bins: Sequence[Bin]) -> list[list[float]]:
    """How far the interval reaches below and above the share."""
    pairs = [(one.share or 0.0, wilson(one.right, one.rows)) for one in bins]
    return [
        [max(0.0, share - interval.low) for share, interval in pairs],
        [max(0.0, interval.high - share) for share, interval in pairs],
    ]
