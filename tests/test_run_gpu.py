"""`dashcam run` on the path of GPUs: two fake ones, which have onnxruntime's interface and OpenVINO's arithmetic."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from run_command import clip, dashcam

FAKE = Path(__file__).parent / "fake_gpu"
CLIP = "uk_mercedes_LS15EBC_720p.mp4"
# As on a GPU, picture by picture.
MODELS = "models: {vehicle_input: own, plate_input_px: null, precision: f32, gpu_batch: 1}\n"
ON_CPU = f"run: {{device: cpu}}\n{MODELS}"
ON_GPUS = f'run: {{device: "cuda:0,1", hybrid: true, decoder: "cuda:0"}}\n{MODELS}'
MEANING = (
    "plate",
    "confidence",
    "first_s",
    "last_s",
    "vehicle_class",
    "reads",
    "reason",
    "frame",
    "track_id",
)


@pytest.fixture
def work_dir() -> Iterator[Path]:
    folder = Path(
        tempfile.mkdtemp(prefix="dashcam")
    )  # not below pytest's, which the server's user can't enter
    yield folder
    shutil.rmtree(folder)


def rows(work_dir: Path, name: str, settings: str, environment: dict[str, str]) -> tuple[list[str], str]:
    """The rows of a run, without what is the run's own; and what it said."""
    config = work_dir / f"{name}.yaml"
    config.write_text(settings, encoding="utf-8")
    folder = work_dir / name
    done = dashcam(
        "run", clip(CLIP), "--work-dir", folder, "--no-hud", "--config", config, environment=environment
    )
    assert done.returncode == 0, done.stderr
    table = csv.DictReader(io.StringIO(dashcam("export", "--work-dir", folder).stdout))
    return sorted(str([row[column] for column in MEANING]) for row in table), done.stderr


@pytest.mark.slow
def test_two_gpus_get_a_process_each_and_the_rows_are_those_of_the_cpu(work_dir: Path) -> None:
    on_cpu, _ = rows(work_dir, "cpu", ON_CPU, {})
    assert any("LS15EBC" in row for row in on_cpu)
    log = work_dir / "sessions"
    environment = {"PYTHONPATH": str(FAKE), "FAKE_GPU_LOG": str(log)}
    on_gpus, said = rows(work_dir, "gpus", ON_GPUS, environment)
    assert on_gpus == on_cpu
    sessions = {tuple(line.split()) for line in log.read_text(encoding="utf-8").splitlines()}
    assert sorted(device for device, _ in sessions) == ["0", "1"]  # a process each; helpers open none
    assert said.count("video can't be decoded on cuda:0") <= 1
