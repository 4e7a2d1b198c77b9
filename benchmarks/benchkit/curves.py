"""Curves of the scaling table as SVG files, drawn by matplotlib (`pip install -e '.[bench]'`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchkit.scale_points import Point, Series, further_ms
from benchkit.trouble import BenchTrouble

SIZE_INCHES = (9.0, 3.2)


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is drawn."""

    title: str
    axis: str
    log: bool
    file: str


LOOKS: dict[Series, Look] = {
    "clips": Look("more clips", "clips in one run", True, "scaling-clips.svg"),
    "lengths": Look("longer clips", "seconds of a clip", True, "scaling-lengths.svg"),
    "cores": Look("more cores", "cores, with a model worker each", False, "scaling-cores.svg"),
}


def require_matplotlib() -> None:
    """Raises BenchTrouble where it is not installed, before anything has been measured."""
    if find_spec("matplotlib") is None:
        raise BenchTrouble("matplotlib is not installed, and draws the curves: pip install -e '.[bench]'")


def draw(points: Sequence[Point], folder: Path) -> list[Path]:
    """Draw every series of two points or more; the files' paths.

    Raises:
        BenchTrouble: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    # Text stays text, and the same figures give the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "dashcam", "font.size": 9}):
        for series, look in LOOKS.items():
            of_series = [point for point in points if point.series == series]
            if len(of_series) < 2:
                continue
            figure = Figure(figsize=SIZE_INCHES, layout="constrained")
            speed, memory = figure.subplots(1, 2)
            measure = "speed" if series == "cores" else "time a frame, ms"
            if series == "cores":
                _speed_up(speed, of_series)
            else:
                _time_a_frame(speed, of_series)
            _curve(memory, of_series, "all processes", lambda point: point.peak_memory_mb)
            _curve(memory, of_series, "frame store", lambda point: point.peak_frame_store_mb)
            for axes, title in (
                (speed, f"{look.title}: {measure}"),
                (memory, f"{look.title}: peak memory, MB"),
            ):
                _finish(axes, title, look, [point.size for point in of_series])
            figure.savefig(folder / look.file, metadata={"Date": None})
            drawn.append(folder / look.file)
    return drawn


def _time_a_frame(axes: Any, points: Sequence[Point]) -> None:
    _curve(axes, points, "first frame to last row", lambda point: point.working_ms)
    _curve(axes, points, "CPU time of the command", lambda point: point.cpu_ms)
    further = [
        (point.size, ms) for point, ms in zip(points, further_ms(points), strict=True) if ms is not None
    ]
    axes.plot([size for size, _ in further], [ms for _, ms in further], "s--", label="each further frame")
    axes.set_yscale("log")  # the start of a run weighs on a clip of a second …


def _speed_up(axes: Any, points: Sequence[Point]) -> None:
    first = points[0]
    _curve(axes, points, "measured, one core = 1", lambda point: first.working_s / point.working_s)
    sizes = [point.size for point in points]
    axes.plot(
        sizes, [size / first.size for size in sizes], "--", color="grey", label="full share of every core"
    )


def _curve(axes: Any, points: Sequence[Point], label: str, value: Callable[[Point], float]) -> None:
    axes.plot([point.size for point in points], [value(point) for point in points], "o-", label=label)


def _finish(axes: Any, title: str, look: Look, sizes: Sequence[float]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    axes.set_title(title)
    axes.set_xlabel(look.axis)
    if look.log:
        axes.set_xscale("log")
    axes.set_xticks(sizes, labels=[f"{size:g}" for size in sizes], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    if axes.get_yscale() == "linear":
        axes.set_ylim(bottom=0)
    else:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
