"""What a run shows of itself: the live screen, and plain lines where there is no terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from dashcam_pipeline.engine.hud import LATE_BEAT_S, SHOWN_SOURCES, Hud, screen
from dashcam_pipeline.engine.monitor import PAUSED, RunSnapshot
from dashcam_pipeline.engine.plain import PlainLines
from dashcam_pipeline.engine.wording import amount, pressure_line, span, status_line
from snapshots import CATEGORIES, busy_run, queue_snapshot, source, worker


def text_of(now: RunSnapshot, width: int = 120, title: str = "dashcam run") -> str:
    console = Console(file=io.StringIO(), width=width, height=60, force_terminal=True, color_system=None)
    with console.capture() as caught:
        console.print(screen(now, title))
    return caught.get()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_screen_shows_every_stage_and_worker_and_fits_the_terminal(width: int) -> None:
    text = text_of(busy_run(), width)
    for name in [category.name for category in CATEGORIES] + ["gpu-0", "cpu-0"]:
        assert name in text
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(
    "shown",
    [
        "2/11 videos",
        "42%",
        "1:55 left",
        "21.4 frames/s",
        "2.1× real time",
        "1:23",
        "42 frames, 250 MB + 3.0 MB pictures, peak 400 MB",
        "now for gpu (so far: gpu 7× 12.5 s)",
        "PLATE_DETECT",
        "1.9 GB, peak 2.1 GB",
        "ok, 12 sightings written",
        "3 tasks",
        "AB72CDE",
        "idle",
        "7.0 s",  # the heartbeat of cpu-0
        "… and 3 more",
        "Ctrl+C: stop, finishing what is under way",
    ],
)
def test_the_screen_shows_what_a_user_asks(shown: str) -> None:
    assert shown in text_of(busy_run(), 160)


def test_while_it_drains_the_deadline_is_shown() -> None:
    text = text_of(busy_run(phase="draining", deadline_s=17.4), 160)
    assert "what is under way may take 17 s more" in text
    assert "Ctrl+C again: stop now" in text


def test_only_so_many_videos_are_listed() -> None:
    text = text_of(busy_run())
    assert sum(f"clip{n}.mp4" in text for n in range(9)) == SHOWN_SOURCES


@pytest.mark.parametrize(
    "odd",
    ["[/bold]", "[red]x", "[link=file:///x]y[/link]", "тест 動画.mp4", "a" * 300, "line\nbreak", "[", "%s"],
)
@pytest.mark.parametrize("width", [40, 120])
def test_names_are_never_taken_for_markup_and_never_break_the_screen(odd: str, width: int) -> None:
    run = busy_run()
    board = replace(
        run.board,
        workers={odd: worker(odd, odd)},
        sources={odd: source(odd)},
        services={odd: odd},
        highlights=(odd,),
    )
    text = text_of(replace(run, board=board), width, title=odd)
    if len(odd) < 30 and width == 120 and "\n" not in odd:
        assert text.count(odd) >= 4


@pytest.mark.parametrize(
    "edge",
    [
        {"board": replace(busy_run().board, workers={}, sources={}, services={}, highlights=())},
        {"eta_s": None, "progress": 0.0, "frames_per_s": 0.0, "realtime": 0.0},
        {"progress": 1.0, "sources": 0},
        {"board": replace(busy_run().board, sources={"live": source("live", 9e5, None)})},
        {"elapsed_s": 1e6, "eta_s": 1e7},
    ],
)
def test_a_run_at_its_edges_is_shown(edge: dict[str, object]) -> None:
    now = replace(busy_run(), **edge)
    assert "READ" in text_of(now)
    assert "frames/s" in status_line(now)


def test_a_plain_line_says_which_service_is_in_trouble() -> None:
    board = replace(
        busy_run().board, services={"database": "ok, 12 rows written", "disk": "waiting: it is full"}
    )
    line = status_line(replace(busy_run(), board=board))
    assert "disk waiting: it is full" in line
    assert "rows written" not in line


def test_a_late_heartbeat_is_marked() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    for age_s, red in ((LATE_BEAT_S - 1, False), (LATE_BEAT_S + 1, True)):
        board = replace(busy_run().board, clock_s=100.0 + age_s, workers={"w": worker("w", None, 100.0)})
        with console.capture() as caught:
            console.print(screen(busy_run(board=board, queue=queue_snapshot()), "t"))
        assert bool(re.search(rf"\x1b\[31m *{age_s:.1f} s", caught.get())) == red


@pytest.mark.parametrize(("snapshot", "shown"), [(None, "starting"), (busy_run(), "21.4 frames/s")])
def test_the_live_screen_shows_the_newest_snapshot(snapshot: RunSnapshot | None, shown: str) -> None:
    file = io.StringIO()
    with Hud(Console(file=file, width=160, height=50, force_terminal=True), "a title [/odd]") as hud:
        if snapshot is not None:
            hud.show(snapshot)
    assert shown in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue())


def test_a_run_that_stands_still_leaves_the_screen_to_others_and_comes_back() -> None:
    file = io.StringIO()
    with Hud(Console(file=file, width=160, height=50, force_terminal=True), "t") as hud:
        hud.show(replace(busy_run(), phase=PAUSED))
        assert file.getvalue().count("\x1b[?25h") == 1  # the cursor is shown again
        begun = len(file.getvalue())
        file.write("prompt")
        hud.show(busy_run())
    after = file.getvalue()[begun:]
    assert after.startswith("prompt\x1b[?25l")  # nothing above is drawn over
    assert "21.4 frames/s" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", after)


class TestPlainLines:
    def lines(self, *snapshots: RunSnapshot) -> list[str]:
        written: list[str] = []
        with PlainLines(written.append, every_s=5.0) as plain:
            for one in snapshots:
                plain.show(one)
        return written

    def test_a_line_every_few_seconds_and_one_at_the_end(self) -> None:
        at = [busy_run(elapsed_s=second / 4) for second in range(50)]  # until 12.25 s
        assert [line.split(" | ")[0] for line in self.lines(*at)] == ["0:00", "0:05", "0:10", "0:12"]

    def test_nothing_is_said_twice_at_the_end(self) -> None:
        assert len(self.lines(busy_run(elapsed_s=0.0))) == 1
        assert self.lines() == []

    def test_a_new_phase_is_said_at_once(self) -> None:
        said = self.lines(busy_run(elapsed_s=0.0), busy_run(elapsed_s=0.3, phase="draining", deadline_s=29.0))
        assert "stopping, 29 s left" in said[1]

    def test_a_line_is_one_line_with_every_stage(self) -> None:
        (line,) = self.lines(busy_run())
        assert "\n" not in line
        for part in ("read=0+0", "final_write=0+0", "42%", "21.4 frames/s", "eta 1:55", "given up 3"):
            assert part in line


@pytest.mark.parametrize(
    ("nbytes", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 KB"),
        (25_400, "25 KB"),
        (1e6, "1.0 MB"),
        (3.2e12, "3.2 TB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_bytes_as_people_read_them(nbytes: float, said: str) -> None:
    assert amount(nbytes) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3723, "1:02:03"), (360_000, "100:00:00")],
)
def test_lengths_of_time_as_people_read_them(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_readers_that_never_waited() -> None:
    assert pressure_line(busy_run(queue=queue_snapshot())) == "not now (so far: never)"
