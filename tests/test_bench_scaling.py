"""Clips cut for the scaling table, its points, and the section of the document that is made of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from rich.console import Console

import scaling
import sources_clips
from bench_files import own_run
from benchkit.contenders import OwnRun
from benchkit.curves import LOOKS, draw
from benchkit.cutting import make_clip
from benchkit.progress import Progress
from benchkit.scale_points import Plan, Point, further_ms, measure, point_of
from benchkit.scaling_docs import TITLE, core_share, replaced, section, series_table
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.sources.identity import video_id
from sources_clips import noise

FPS = 30
POINT: dict[str, Any] = {
    "series": "cores",
    "size": 1,
    "videos": 1,
    "frames": 1000,
    "inferences": 400,
    "wall_s": 12.0,
    "working_s": 10.0,
    "cpu_s": 11.0,
    "first_frame_s": 2.0,
    "peak_memory_mb": 500.0,
    "peak_frame_store_mb": 50.0,
}
POINTS = [
    Point(**POINT),
    Point(**POINT | {"size": 2, "working_s": 5.5}),
    Point(**POINT | {"series": "clips", "size": 10}),
]


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Three seconds with a key frame each second, and frames that are stored before those that they follow."""
    return sources_clips.make_clip(
        tmp_path / "drive.mp4", noise(3 * FPS), fps=FPS, key_every=FPS, codec="libx264", b_frames=2
    )


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(container.streams.video[0])]


# --- clips ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length_s", [0.5, 1.0, 3.0, 10.0])
def test_clip_has_its_length_and_times_that_go_on(drive: Path, tmp_path: Path, length_s: float) -> None:
    frames = make_clip(drive, tmp_path / "clip.mp4", start_s=0.0, length_s=length_s)
    times = times_of(tmp_path / "clip.mp4")
    assert frames == len(times) == round(length_s * FPS)
    assert times[0] == 0.0
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(length_s, abs=4 / FPS)


def test_clip_begins_at_a_key_frame(drive: Path, tmp_path: Path) -> None:
    frames = make_clip(drive, tmp_path / "clip.mp4", start_s=1.5, length_s=1.0)
    assert frames == len(times_of(tmp_path / "clip.mp4")) == FPS


def test_copies_of_a_clip_are_different_files(drive: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_clip(drive, tmp_path / f"{name}.mp4", start_s=0.0, length_s=1.0, name=name)
    assert video_id(tmp_path / "a.mp4") != video_id(tmp_path / "b.mp4")


def test_start_behind_the_end_is_one_clear_line(drive: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match="choose an earlier start"):
        make_clip(drive, tmp_path / "clip.mp4", start_s=99.0, length_s=1.0)


def test_file_that_is_no_video_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "drive.mp4").write_text("no video")
    with pytest.raises(BenchTrouble, match="name another video"):
        make_clip(tmp_path / "drive.mp4", tmp_path / "clip.mp4", start_s=0.0, length_s=1.0)


# --- points -----------------------------------------------------------------------------------------


def test_every_size_is_run_as_often_as_asked(drive: Path, tmp_path: Path) -> None:
    asked: list[tuple[int, tuple[str, ...], frozenset[int] | None]] = []

    def run(videos: list[Path], folder: Path, *, options: Any, cores: Any) -> OwnRun:
        clips = sorted(videos[0].glob("*.mp4")) if videos[0].is_dir() else videos
        asked.append((len(clips), options, cores))
        return own_run(tmp_path)

    plan = Plan(source=drive, clips=(1, 3), clip_s=1.0, lengths_s=(2.0,), cores=(1,), repeat=2)
    points = list(measure(plan, Progress(plan.steps, Console(quiet=True)), run))
    assert [(point.series, point.size) for point in points] == [
        ("clips", 1),
        ("clips", 3),
        ("lengths", 2.0),
        ("cores", 1),
    ]
    assert [clips for clips, _, _ in asked] == [1, 1, 3, 3, 1, 1, 1, 1]
    assert asked[0][1:] == ((), None)
    options, cores = asked[-1][1:]
    assert options == ("--gpu-workers", "1")
    assert cores is not None and len(cores) == 1


def test_more_cores_than_there_are_is_one_clear_line(drive: Path) -> None:
    plan = Plan(source=drive, clips=(), clip_s=1.0, lengths_s=(), cores=(100_000,))
    with pytest.raises(BenchTrouble, match="name fewer"):
        list(measure(plan, Progress(1, Console(quiet=True)), own_run))


def test_point_is_the_median_of_its_runs(tmp_path: Path) -> None:
    runs = [own_run(tmp_path, wall_s, working_s=wall_s / 2) for wall_s in (9.0, 5.0, 6.0)]
    point = point_of("clips", 1, runs)
    assert (point.wall_s, point.working_s, point.inferences) == (6.0, 3.0, 374)
    assert (point.wall_ms, point.working_ms, point.cpu_ms) == (6.0, 3.0, 10.0)


def test_further_frame_costs_what_came_on_top() -> None:
    sizes = ((1, 1000, 12.0), (10, 11_000, 62.0), (10, 11_000, 63.0))
    points = [Point(**POINT | {"size": size, "frames": n, "wall_s": s}) for size, n, s in sizes]
    assert further_ms(points) == [None, 5.0, None]


def test_share_of_a_core_is_what_it_adds_to_the_first() -> None:
    assert core_share(POINTS[0], POINTS[0]) == 1.0
    assert core_share(POINTS[0], POINTS[1]) == pytest.approx(10 / 5.5 / 2)


# --- document ---------------------------------------------------------------------------------------


def test_only_the_own_section_of_the_document_is_replaced() -> None:
    document = f"# A\n\n## One\n\ntext\n\n{TITLE}\n\nold\n\n### part\n\nold\n\n## Three\n\nmore\n"
    new = replaced(document, f"{TITLE}\n\nnew\n")
    assert new == f"# A\n\n## One\n\ntext\n\n{TITLE}\n\nnew\n\n## Three\n\nmore\n"
    assert replaced(new, f"{TITLE}\n\nnew\n") == new


def test_section_is_put_at_the_end_where_there_is_none() -> None:
    assert replaced("# A\n\ntext\n", f"{TITLE}\n\nnew\n") == f"# A\n\ntext\n\n{TITLE}\n\nnew\n"


def test_section_has_a_table_for_each_series_and_a_picture_for_a_curve() -> None:
    text = section(POINTS, {"cpu": "a CPU", "cores": 2, "libraries": {}}, 10.0, "images")
    assert text.startswith(f"{TITLE}\n")
    assert "Host: cpu a CPU, cores 2." in text
    assert LOOKS["cores"].file in text
    assert LOOKS["clips"].file not in text  # one point makes no curve
    assert series_table(POINTS, "clips") in text
    assert series_table(POINTS, "cores").splitlines()[-1].split("|")[-2].strip() == "0.91"


def test_same_figures_draw_the_same_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install -e '.[bench]'")
    first, second = draw(POINTS, tmp_path / "a"), draw(POINTS, tmp_path / "b")
    assert [path.name for path in first] == [LOOKS["cores"].file]
    assert first[0].read_bytes() == second[0].read_bytes()
    assert b"<svg" in first[0].read_bytes()


def test_missing_matplotlib_is_told_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchkit.curves.find_spec", lambda name: None)
    monkeypatch.setattr(scaling, "measure", lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(sys, "argv", ["scaling.py", "--write-docs"])
    assert scaling.main() == 2
    assert "pip install -e '.[bench]'" in capsys.readouterr().err


def test_saved_figures_are_shown_again_without_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "scaling.json"
    saved.write_text(json.dumps({"points": [POINT], "host": {}, "clip_s": 10.0}))
    monkeypatch.setattr(sys, "argv", ["scaling.py", "--figures", str(saved)])
    assert scaling.main() == 0
    assert series_table([Point(**POINT)], "cores") in capsys.readouterr().out


def test_figures_of_another_form_are_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["scaling.py", "--figures", str(tmp_path / "other.json")])
    assert scaling.main() == 2
    assert "is not what this bench saves" in capsys.readouterr().err
