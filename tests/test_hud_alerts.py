"""What must not be missed: on the board, above the live screen, on it, and in plain lines."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from dashcam_pipeline.engine.board import KEPT_ALERTS, RunBoard
from dashcam_pipeline.engine.hud import SHOWN_ALERTS, Hud, screen
from dashcam_pipeline.engine.monitor import RunSnapshot
from dashcam_pipeline.engine.plain import PlainLines
from dashcam_pipeline.engine.wording import status_line
from snapshots import busy_run


def run_with(*alerts: str, count: int | None = None) -> RunSnapshot:
    now = busy_run()
    board = replace(now.board, alerts=alerts, alert_count=len(alerts) if count is None else count)
    return replace(now, board=board)


def printed(now: RunSnapshot, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, height=60, force_terminal=True, color_system=None)
    with console.capture() as caught:
        console.print(screen(now, "dashcam run"))
    return caught.get()


def test_board_keeps_every_alert_once_and_only_so_many() -> None:
    board = RunBoard()
    for text in ("one", "two", "one"):
        board.alert(text)
    assert (board.snapshot().alerts, board.snapshot().alert_count) == (("one", "two"), 2)
    for number in range(KEPT_ALERTS):
        board.alert(f"more {number}")
    now = board.snapshot()
    assert (len(now.alerts), now.alert_count, now.alerts[-1]) == (
        KEPT_ALERTS,
        KEPT_ALERTS + 2,
        f"more {KEPT_ALERTS - 1}",
    )


def test_screen_shows_the_newest_alerts_and_says_how_many_there_were() -> None:
    text = printed(run_with(*(f"plate {number}" for number in range(8)), count=40))
    assert [f"plate {number}" in text for number in range(8)] == [False] * 3 + [True] * SHOWN_ALERTS
    assert "… and 35 before" in text
    assert "ALERT" not in printed(busy_run())


@pytest.mark.parametrize("odd", ["[/bold]", "[red]x", "тест 動画", "a" * 400, "%s"])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_note_is_never_taken_for_markup_and_never_breaks_the_screen(odd: str, width: int) -> None:
    lines = printed(run_with(odd), width).splitlines()
    assert max(map(len, lines)) <= width
    assert width < 80 or odd[:20] in "\n".join(lines)


def test_alert_is_printed_once_above_the_screen_where_it_stays() -> None:
    file = io.StringIO()
    console = Console(file=file, width=120, height=60, force_terminal=True, color_system="standard")
    with Hud(console, "dashcam run") as hud:
        hud.show(run_with("AB12CDE"))
        hud.show(run_with("AB12CDE"))
        hud.show(run_with("AB12CDE", "XY98ZZZ"))
    text = file.getvalue()
    assert text.count("ALERT AB12CDE") == 1
    assert text.count("ALERT XY98ZZZ") == 1
    assert "\x1b[1;37;41mALERT AB12CDE" in text


def test_plain_lines_write_each_alert_at_once_and_apart_from_the_others() -> None:
    lines: list[str] = []
    alerts: list[str] = []
    view = PlainLines(lines.append, every_s=1000.0, alert=alerts.append)
    with view:
        view.show(run_with())
        view.show(run_with("one"))
        view.show(run_with("one", "two", "three"))
    assert alerts == ["ALERT one", "ALERT two", "ALERT three"]
    assert len(lines) == 2  # the first, and how it ended
    assert "alerts 3" in lines[-1]


def test_plain_lines_without_a_way_of_their_own_write_alerts_among_the_others() -> None:
    lines: list[str] = []
    with PlainLines(lines.append, every_s=1000.0) as view:
        view.show(run_with("one"))
    assert lines[0] == "ALERT one"


def test_alerts_that_the_board_has_dropped_meanwhile_are_counted() -> None:
    lines: list[str] = []
    view = PlainLines(lambda line: None, alert=lines.append)
    view.show(run_with("one"))
    view.show(run_with("nine", "ten", count=10))
    assert lines == ["ALERT one", "ALERT nine", "ALERT ten"]


def test_line_without_alerts_says_nothing_of_them() -> None:
    assert "alerts" not in status_line(busy_run())
