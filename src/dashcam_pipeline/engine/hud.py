"""The live screen of a run: drawn from snapshots by Rich's own thread, a few times a second."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dashcam_pipeline.engine.monitor import PAUSED, RunSnapshot
from dashcam_pipeline.engine.wording import (
    ALERT,
    ALERT_STYLE,
    NewAlerts,
    amount,
    binding_line,
    pressure_line,
    span,
)

REFRESH_PER_S = 4
SHOWN_SOURCES = 6
SHOWN_HIGHLIGHTS = 5
SHOWN_ALERTS = 5
LATE_BEAT_S = 5.0  # a heartbeat older than this is shown in red


class Hud:
    """Shows snapshots on a terminal. A context manager; prints of others go above the screen."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._snapshot: RunSnapshot | None = None
        self._console = console
        self._new_alerts = NewAlerts()
        self._live: Live | None = None

    def show(self, snapshot: RunSnapshot) -> None:
        """The newest snapshot, for the next refresh. One of a run that stands still takes the screen away."""
        self._snapshot = snapshot
        for text in self._new_alerts(snapshot):  # above the screen, where it stays
            self._console.print(Text(text, style=ALERT_STYLE), soft_wrap=True)
        if snapshot.phase == PAUSED:
            self._take_away()
        elif self._live is None:
            self._put_up()

    def __enter__(self) -> Self:
        self._put_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._take_away()

    def _put_up(self) -> None:
        self._live = Live(  # a new one each time: an old one would draw over what others have written since
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=REFRESH_PER_S,
            transient=True,
        )
        self._live.start()

    def _take_away(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with suppress(OSError):  # the terminal is gone
                live.stop()

    def _render(self) -> RenderableType:
        if self._snapshot is None:
            return Text(f"{self._title}: starting …")
        # The last line is empty: there the terminal shows ^C and ^Z, which would wrap at the end of a full one.
        return Group(screen(self._snapshot, self._title), Text())


def screen(now: RunSnapshot, title: str) -> RenderableType:
    """The whole screen for one snapshot."""
    sides = Table.grid(expand=True, padding=(0, 2))
    sides.add_column(no_wrap=True)
    sides.add_column(ratio=1)
    sides.add_row(_categories(now), _workers(now))
    parts: list[RenderableType] = [_headline(now), sides, _sources(now), _footer(now)]
    if now.board.alerts:
        parts.insert(1, _alerts(now))
    return Panel(
        Group(*parts), title=Text(title), title_align="left", subtitle=_ways_out(now), padding=(0, 1)
    )


def _headline(now: RunSnapshot) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(justify="right")
    line = Table.grid(padding=(0, 1))
    left = f"{span(now.eta_s)} left" if now.eta_s is not None else "–"
    line.add_row(
        Text(f"{now.queue.sources_done}/{now.sources} videos"),
        ProgressBar(total=1.0, completed=now.progress, width=32),
        Text(f"{now.progress:4.0%}"),
        Text(left, style="bold"),
    )
    rates = Text.assemble(
        (f"{now.frames_per_s:.1f}", "bold"), " frames/s  ", (f"{now.realtime:.1f}×", "bold"), " real time  "
    )
    rates.append(span(now.elapsed_s), style="dim")
    grid.add_row(line, rates)
    return grid


def _alerts(now: RunSnapshot) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for text in reversed(now.board.alerts[-SHOWN_ALERTS:]):
        table.add_row(
            Text(f" {ALERT} ", style=ALERT_STYLE), Text(text, style="bold", overflow="ellipsis", no_wrap=True)
        )
    if now.board.alert_count > SHOWN_ALERTS:
        table.add_row("", Text(f"… and {now.board.alert_count - SHOWN_ALERTS} before", style="dim"))
    return table


def _categories(now: RunSnapshot) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, collapse_padding=True, header_style="dim")
    table.add_column("stage", no_wrap=True)
    for column in ("waiting", "active", "done", "per s"):
        table.add_column(column, justify="right", no_wrap=True, min_width=5)
    for load in now.queue.categories:
        binds = load.name == now.binding
        table.add_row(
            Text(load.name, style="bold yellow" if binds else ""),
            str(load.waiting),
            str(load.in_flight),
            str(load.done),
            f"{now.tasks_per_s.get(load.name, 0.0):.1f}",
        )
    return table


def _workers(now: RunSnapshot) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, collapse_padding=True, header_style="dim")
    table.add_column("worker", no_wrap=True)
    table.add_column("working on", no_wrap=True)
    table.add_column("beat", justify="right", no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    for worker_id, worker in sorted(now.board.workers.items()):
        age = max(0.0, now.board.clock_s - worker.last_heartbeat)
        table.add_row(
            Text(worker_id),
            Text(worker.category or "idle", style="" if worker.category else "dim"),
            Text(f"{age:.1f} s", style="red" if age > LATE_BEAT_S else ""),
            amount(worker.rss_bytes),
        )
    return table


def _sources(now: RunSnapshot) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True, ratio=1)
    table.add_column(width=24)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    running = sorted(now.board.sources.values(), key=lambda source: source.name)
    for source in running[:SHOWN_SOURCES]:
        done = now.done_of.get(source.source_id, 0.0)
        length = span(source.duration_s) if source.duration_s else "?"
        table.add_row(
            Text(source.name, overflow="ellipsis"),
            ProgressBar(total=1.0, completed=done),
            f"{done:4.0%}",
            f"read {span(source.position_s)} of {length}",
            f"{span(now.eta_of[source.source_id])} left" if source.source_id in now.eta_of else "",
        )
    if len(running) > SHOWN_SOURCES:
        table.add_row(Text(f"… and {len(running) - SHOWN_SOURCES} more", style="dim"))
    return table


def _footer(now: RunSnapshot) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    use = now.queue.frames
    table.add_row(
        "frame store",
        f"{use.frames} frames, {amount(use.source_bytes)} + {amount(use.picture_bytes)} pictures, "
        f"peak {amount(use.peak_bytes)}",
    )
    table.add_row("readers wait", pressure_line(now))
    table.add_row("set by", Text(binding_line(now), style="yellow"))
    table.add_row("memory", f"{amount(now.rss_bytes)}, peak {amount(now.peak_rss_bytes)}")
    for service, state in sorted(now.board.services.items()):
        table.add_row(Text(service), Text(state))
    if now.queue.dead_letters:
        table.add_row("given up", Text(f"{now.queue.dead_letters} tasks", style="red"))
    for index, text in enumerate(reversed(now.board.highlights[-SHOWN_HIGHLIGHTS:])):
        table.add_row("latest" if index == 0 else "", Text(text, style="bold green" if index == 0 else ""))
    return table


def _ways_out(now: RunSnapshot) -> str:
    if now.deadline_s is not None:
        return f"stopping: what is under way may take {now.deadline_s:.0f} s more · Ctrl+C again: stop now"
    return "Ctrl+C: stop, finishing what is under way"
