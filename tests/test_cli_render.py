"""`dashcam render`, as a user calls it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest

from dashcam_pipeline.cli import main
from dashcam_pipeline.cli.render import render
from dashcam_pipeline.errors import (
    EXIT_BAD_INPUT,
    EXIT_ENVIRONMENT,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_STOPPED,
)
from dashcam_pipeline.render.colours import of_track
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.storage.retention.plate_hash import hashed
from dashcam_pipeline.storage.writing.writer import ResultWriter
from dashcam_pipeline.vision.models.plate_reader import open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Box, Image
from render_bench import make_clip_with_sound, pictures, sound, times
from run_command import COMMAND
from sources_clips import flat, make_clip, noise, real_clip
from storage_rows import RUN, SIGHTING, VIDEO
from vision_data import PLATE_DETECTOR, READER, model

Dashcam = Callable[..., int]
Known = Callable[[Path], Path]
BOX = (100.0, 60.0, 200.0, 140.0)


@pytest.fixture
def dashcam(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Dashcam:
    """The command, in this process and in an empty folder; gives its exit code."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["dashcam", "render", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


@pytest.fixture
def known(dsn: str) -> Known:
    """Puts a video into the results, with one vehicle in `BOX` from 0 to 10 s."""

    def put(path: Path) -> Path:
        identity = video_id(path)
        video = replace(VIDEO, video_id=identity, path=str(path), filename=path.name)
        way = tuple((number, number / 2, *BOX) for number in range(21))
        with ResultWriter(dsn) as writer:
            writer.start_run(RUN)
            writer.write([replace(SIGHTING, video_id=identity, looks=(), path=way)], [video])
        return path

    return put


@pytest.fixture
def clip(tmp_path: Path, known: Known) -> Path:
    """Two seconds of grey with a sound."""
    return known(make_clip_with_sound(tmp_path / "drive.mp4"))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_video_by_its_path_is_written_beside_the_user(dashcam: Dashcam, clip: Path, dsn: str) -> None:
    assert dashcam(clip, "--db", dsn) == EXIT_OK
    assert left_in(Path.cwd()) == ["drive.rendered.mp4"]
    output = Path("drive.rendered.mp4")
    assert times(output) == times(clip)
    red, green, blue = of_track(1)
    assert np.abs(pictures(output)[10][100, 99].astype(int) - (blue, green, red)).max() < 60


@pytest.mark.parametrize("by", ["filename", "path", "id"])
def test_video_is_found_by_what_the_results_call_it(dashcam: Dashcam, clip: Path, dsn: str, by: str) -> None:
    name = {"filename": clip.name, "path": str(clip), "id": video_id(clip)}[by]
    assert dashcam(name, "--db", dsn, "-o", "out.mkv") == EXIT_OK
    assert left_in(Path.cwd()) == ["out.mkv"]


def test_renamed_video_is_known_by_its_content(dashcam: Dashcam, clip: Path, dsn: str) -> None:
    moved = clip.rename(clip.with_name("moved.mp4"))
    assert dashcam(moved, "--db", dsn) == EXIT_OK


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.mp4"], "there is no such file, and no video of that name"),
        (["{clip}", "-o", "a.txt"], "has to end in .mp4"),
        (["{clip}", "-o", "nowhere/a.mp4"], "there is no folder"),
        (["{clip}", "-o", "{clip}", "--force"], "is the video itself"),
        (["{clip}", "--from", "2", "--to", "1"], "must be later"),
        (["{clip}", "--from", "-1"], "0 or more"),
        (["{clip}", "--plate", "NOTHERE"], "has only LS15EBC"),
        (["{clip}", "--blur", "cars"], "say faces, plates or others"),
        (["{clip}", "--blur", "others"], "say whose plate stays visible"),
        (["{clip}", "--blur", "others,plates"], "say one of the two"),
        (["{clip}", "--from", "100"], "has no frame from 100 s on"),
    ],
)
def test_mistake_is_one_clear_line(
    dashcam: Dashcam,
    clip: Path,
    dsn: str,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    assert dashcam(*(one.format(clip=clip) for one in arguments), "--db", dsn) == EXIT_BAD_INPUT
    told = capsys.readouterr().err.strip()
    assert says in told
    assert len(told.splitlines()) == 1
    assert left_in(Path.cwd()) == []


def test_video_that_was_never_run_is_told_what_to_do(
    dashcam: Dashcam, tmp_path: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_clip(tmp_path / "new.mp4", [flat(90)])
    assert dashcam(path, "--db", dsn) == EXIT_BAD_INPUT
    assert f"run `dashcam run {path}` first" in capsys.readouterr().err


def test_video_that_is_gone_is_one_clear_line(
    dashcam: Dashcam, clip: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clip.unlink()
    assert dashcam("drive.mp4", "--db", dsn) == EXIT_BAD_INPUT
    assert f"drive.mp4 is not at {clip} any more" in capsys.readouterr().err


def test_file_that_is_there_is_only_replaced_when_asked(
    dashcam: Dashcam, clip: Path, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Path("drive.rendered.mp4")
    output.write_text("mine")
    assert dashcam(clip, "--db", dsn) == EXIT_BAD_INPUT
    assert "is there already" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert dashcam(clip, "--db", dsn, "--force") == EXIT_OK
    assert len(times(output)) == 50


def test_truncated_video_is_rendered_as_far_as_it_goes(
    dashcam: Dashcam, known: Known, dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = known(real_clip("broken", "made_truncated_60pct.mp4"))
    assert dashcam(clip, "--db", dsn, "-o", "part.mp4") == EXIT_SOME_FAILED
    assert "truncated; what was readable is there" in capsys.readouterr().err
    assert times(Path("part.mp4"))


def test_no_screen_is_one_clear_line(
    dashcam: Dashcam,
    clip: Path,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    assert dashcam(clip, "--db", dsn, "--show") == EXIT_ENVIRONMENT
    assert "--show: there is no screen here" in capsys.readouterr().err


@pytest.mark.parametrize("spelling", ["LS15EBC", "ls15 ebc"])
@pytest.mark.parametrize("key", [None, "a key that is long enough"])
def test_plate_is_found_in_any_spelling_and_by_its_hash(
    dashcam: Dashcam,
    clip: Path,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    spelling: str,
    key: str | None,
) -> None:
    if key is not None:
        monkeypatch.setenv("DASHCAM_PLATE_KEY", key)
        with psycopg.connect(dsn) as connection:
            connection.execute("UPDATE vehicles SET final_plate = %s", [hashed("LS15EBC", key.encode())])
    assert dashcam(clip, "--db", dsn, "--plate", spelling) == EXIT_OK


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_rendering_leaves_nothing(
    known: Known, dsn: str, tmp_path: Path, number: signal.Signals
) -> None:
    clip = known(make_clip(tmp_path / "long.mp4", noise(30, 640, 480) * 40))
    here = tmp_path / "here"
    here.mkdir()
    command = [*COMMAND, "render", str(clip), "--db", dsn, "--crf", "1"]
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in here.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == EXIT_STOPPED, told
    assert "nothing of it is left" in told
    assert left_in(here) == []


def test_face_model_that_is_missing_is_named_with_what_brings_it(
    dashcam: Dashcam,
    clip: Path,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(tmp_path / "no_weights"))
    assert dashcam(clip, "--db", dsn, "--blur", "faces") == EXIT_ENVIRONMENT
    told = capsys.readouterr().err
    assert "--blur faces" in told
    assert "dashcam weights fetch yunet_n" in told
    assert left_in(Path.cwd()) == []


def test_example_of_the_help_needs_no_model_that_has_to_be_fetched_by_name() -> None:
    words, _, example = (render.__doc__ or "").partition("Example:")
    assert words
    assert "--blur" in example
    assert "faces" not in example


def test_sound_can_be_left_out(dashcam: Dashcam, clip: Path, dsn: str) -> None:
    assert dashcam(clip, "--db", dsn, "--no-audio", "-o", "a.mp4") == EXIT_OK
    assert sound(clip)
    assert sound(Path("a.mp4")) == []


def _plate_in(image: Image, box: Box) -> str:
    """What the plate reader makes of a part of a picture."""
    reader = open_plate_reader("fast-plate-ocr", model(READER), RuntimeOptions())
    return reader.read([box.crop(image)])[0].text


def test_blurred_plate_can_be_read_no_more(
    dashcam: Dashcam, known: Known, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(model(PLATE_DETECTOR).parent))
    clip = known(real_clip("videos", "uk_mercedes_LS15EBC_720p.mp4"))
    plate = Box(596, 435, 722, 473)  # at 2 s
    window = ("--from", "1.9", "--to", "2.2", "--db", dsn, "--no-boxes")
    assert dashcam(clip, "-o", "open.mp4", *window) == EXIT_OK
    assert dashcam(clip, "-o", "blurred.mp4", "--blur", "plates", *window) == EXIT_OK
    assert _plate_in(pictures(Path("open.mp4"))[3], plate) == "LS15EBC"
    for image in pictures(Path("blurred.mp4")):
        assert "15EB" not in _plate_in(image, plate)
        assert plate.crop(image).std() < 30
