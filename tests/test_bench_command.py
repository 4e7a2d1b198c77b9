"""`dashcam bench` as a user calls it: figures, what it leaves behind, and its errors."""

from __future__ import annotations

import json
import re
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dashcam_pipeline.bench.measuring import bf16_is_a_choice, measure_all
from dashcam_pipeline.bench.parts import decode
from dashcam_pipeline.bench.report import run_took
from dashcam_pipeline.bench.short_run import (
    STATE_DIR_VARIABLE,
    RunFailed,
    ShortRun,
    beginning,
    of_bench,
    playground,
    read_run,
)
from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_STOPPED, DiskUnavailable
from dashcam_pipeline.sources.probe import probe
from run_command import TIMEOUT_S, clip, dashcam, processes_of, start_dashcam
from sources_clips import make_clip, moving

CLIP = "uk_mercedes_LS15EBC_720p.mp4"


@pytest.mark.slow
def test_a_bench_measures_names_what_binds_and_leaves_nothing(work_dir: Path, tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    environment = {"TMPDIR": str(work_dir), STATE_DIR_VARIABLE: str(tmp_path / "state")}
    # Not where a user's own results go, whatever the environment says.
    environment["DASHCAM_DSN"] = "postgresql://nobody@localhost:1/none"
    done = dashcam("bench", clip(CLIP), "--seconds", "3", "--output", written, environment=environment)
    assert done.returncode == 0, done.stderr
    said = json.loads(written.read_text())

    assert said["run"]["frames"] in range(89, 94)  # 3 s at 30 frames/s, with what the decoder needs
    looked_at = said["run"]["frames_looked_at"]
    assert said["run"]["inferences"]["vehicle"] == looked_at >= 30
    assert set(said["inference"]) == {"vehicle", "plate", "plate_in_full", "text"}
    assert all(part["n"] > 0 and part["wall_s"] > 0 for part in said["parts"])
    names = [part["name"] for part in said["parts"]]
    assert {"decode, 1 thread", "letterbox", "store write", "store read", "store crop"} <= set(names)
    assert {"JPEG of a crop", "queue call", "outbox write"} <= set(names)
    ideal = said["ideal"]
    assert ideal["total_s"] == pytest.approx(ideal["decode_s"] + sum(ideal["inference_s"].values()))
    assert said["share_of_ideal"] == pytest.approx(ideal["total_s"] / said["run"]["working_s"])

    sentence = "No stage binds" if said["binding"]["stage"] is None else f"{said['binding']['stage']} binds: "
    assert sentence in done.stdout
    assert "An hour of such video takes about" in done.stdout
    for one in said["suggestions"]:
        assert f"  {one['key'].partition('.')[2]}: {one['value']}" in done.stdout
    assert "inference, vehicles" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr

    assert list(work_dir.iterdir()) == []
    assert processes_of(work_dir) == []
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_run_too_and_leaves_nothing(
    work_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(work_dir))
    bench = start_dashcam("bench", clip(CLIP), "--seconds", "4")
    assert bench.stderr is not None
    for line in bench.stderr:
        if "one real run" in line:
            break
    while not any(work_dir.glob("*/frame_store/*")) and bench.poll() is None:
        time.sleep(0.05)  # the run is in the middle of it
    bench.send_signal(signal.SIGINT)
    _, said = bench.communicate(timeout=TIMEOUT_S)
    assert bench.returncode == EXIT_STOPPED, said
    assert said.splitlines()[-1] == "dashcam: stopped before all was measured; nothing of it is left"
    assert "Traceback" not in said
    assert list(work_dir.iterdir()) == []
    assert processes_of(work_dir) == []


@pytest.mark.slow
def test_a_video_that_is_too_short_gives_figures_of_the_parts_and_no_advice(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    done = dashcam("bench", make_clip(tmp_path / "video.mp4", moving(1)), "--output", written)
    assert done.returncode == 0, done.stderr
    assert "inference, vehicles" in done.stdout
    assert "VEHICLE_DETECT" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("That was too short to say more (1 frame looked at, 0.0 s of video)")
    assert "An hour of such video" not in done.stdout
    said = json.loads(written.read_text())
    assert said["too_short"]
    assert said["run"]["frames_looked_at"] == 1
    assert said["suggestions"] == []
    assert said["hour_of_video_s"] is said["binding"] is said["share_of_ideal"] is None


def _text_file(folder: Path) -> list[str | Path]:
    (folder / "text.mp4").write_text("this is no video\n" * 50)
    return [folder / "text.mp4"]


def _video(folder: Path) -> Path:
    return make_clip(folder / "video.mp4", moving(5))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda folder: [folder / "nowhere.mp4"], "nowhere.mp4: there is no such file"),
        (lambda folder: [folder], "is a folder; name one video in it"),
        (_text_file, "text.mp4: "),
        (lambda folder: [_video(folder), "--seconds", "0"], "--seconds 0 "),
        (lambda folder: [_video(folder), "--seconds", "nan"], "--seconds nan "),
        (lambda folder: [_video(folder), "--output", folder / "no" / "x.json"], "there is no folder"),
        (lambda folder: [_video(folder), "--output", folder], "is a folder; name a file"),
        (lambda folder: [_video(folder), "--config", "speedy"], "neither a preset nor a file"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, arguments: Callable[[Path], list[str | Path]], said: str
) -> None:
    done = dashcam("bench", *arguments(tmp_path))
    assert done.returncode == EXIT_BAD_INPUT
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("dashcam: ")
    assert said in line


def test_missing_weights_are_said_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    environment = {"DASHCAM_WEIGHTS_DIR": str(tmp_path / "weights")}
    done = dashcam("bench", _video(tmp_path), environment=environment)
    assert done.returncode == EXIT_ENVIRONMENT
    (line,) = done.stderr.strip().splitlines()
    assert "weights" in line


def test_only_the_beginning_of_a_video_is_copied(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "video.mp4", moving(90))  # 3 s
    copied = beginning(video, tmp_path / "copy.mkv", 1.0)
    assert decode(video, 1).n == 90
    assert 25 <= decode(copied, 1).n <= 35


def test_the_runs_settings_touch_nothing_of_the_users(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    before = Settings.model_validate(
        {"storage": {"dsn": "postgresql://me@server/mine"}, "frame_store": {"dir": frames}}
    )
    with playground(before) as (folder, own):
        assert own.storage.dsn is None
        assert own.frame_store.dir is not None
        assert own.frame_store.dir.parent == frames  # the same disk, a folder of its own
        assert own.model_copy(update={"storage": before.storage, "frame_store": before.frame_store}) == before
        (own.frame_store.dir / "frame").touch()
        (folder / "anything").touch()
    assert list(frames.iterdir()) == []
    assert not folder.exists()


def test_a_disk_without_room_for_a_run_is_told_of_tmpdir_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    steps: list[str] = []
    settings = Settings.model_validate({"frame_store": {"quota_mb": 10**9}})
    info = probe(_video(tmp_path))
    with pytest.raises(DiskUnavailable, match=r"MB left, a run wants .* TMPDIR") as told:
        measure_all(info, settings, 1.0, lambda what, done: steps.append(what))
    assert "--work-dir" not in str(told.value)
    assert steps == []
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


def test_what_the_run_says_of_its_folder_names_what_the_user_can_set() -> None:
    said = "the disk of /tmp/x has 1 MB left: free some space, name another --work-dir, or lower frame_store.quota_mb"
    assert of_bench(said).endswith("name another TMPDIR, or lower frame_store.quota_mb")


@pytest.mark.parametrize(
    ("models", "bf16_cpu", "a_choice"),
    [
        ({"precision": "f32"}, True, True),
        ({"precision": "f32"}, False, False),
        ({"precision": "f32", "engine": "onnxruntime"}, True, False),
        ({}, True, False),  # `auto` has it already
        ({"precision": "bf16"}, True, False),
    ],
)
def test_bf16_is_tried_only_where_f32_was_set_in_its_place(
    models: dict[str, str], bf16_cpu: bool, a_choice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashcam_pipeline.vision.models.runtime.has_bf16", lambda: bf16_cpu)
    settings = Settings.model_validate({"run": {"device": "cpu"}, "models": models})
    assert bf16_is_a_choice(settings) is a_choice


RUN = ShortRun(
    wall_s=6.8,
    first_read_s=3.1,
    first_frame_s=3.8,
    working_s=3.3,
    frames=90,
    frames_looked_at=30,
    video_s=3.0,
    stages=(),
    inferences={},
    cpu_s={},
    idle=0.0,
    readers_waited_s=0.0,
    written={},
)


@pytest.mark.parametrize(
    ("changed", "too_short"),
    [({}, False), ({"frames_looked_at": 19}, True), ({"video_s": 0.9}, True), ({"video_s": 0.0}, True)],
)
def test_an_hour_is_estimated_only_of_a_run_that_was_long_enough(
    changed: dict[str, float], too_short: bool
) -> None:
    run = replace(RUN, **changed)  # type: ignore[arg-type]
    assert run.too_short is too_short
    assert run.hour_s == (None if too_short else pytest.approx(3.8 + 2.6 / 3.0 * 3600))


@pytest.mark.parametrize("wall_s", [6.8, 6.44, 8.05, 12.99])
def test_the_spans_of_a_run_add_up_as_they_are_read(wall_s: float) -> None:
    said = run_took(replace(RUN, wall_s=wall_s))
    whole, *spans = (float(number) for number in re.findall(r"(\d+\.\d) s", said))
    assert len(spans) == 3
    assert sum(spans) == pytest.approx(whole)


def test_a_run_that_looked_at_nothing_is_no_measurement() -> None:
    with pytest.raises(RunFailed, match="looked at no frame"):
        read_run({"first_frame_s": None, "working_s": None, "video_s": 0.0}, lambda from_s, to_s: 0.0)
