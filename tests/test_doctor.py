"""What the doctor finds, and what it advises."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from dashcam_pipeline import doctor, one_cv2
from dashcam_pipeline.cli import command_line
from dashcam_pipeline.config import ModelSettings, Settings
from dashcam_pipeline.doctor import Finding, Level, host, libraries, needs
from dashcam_pipeline.errors import EXIT_ENVIRONMENT

OK, WARN, BAD = Level.OK, Level.WARN, Level.BAD
GPU = ("Some GPU, 24576 MiB",)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The distributions that this environment seems to have; add to it."""
    found: dict[str, str] = {}
    monkeypatch.setattr(libraries, "_version", found.get)
    return found


def providers(*names: str) -> SimpleNamespace:
    return SimpleNamespace(__version__="1.20", get_available_providers=lambda: list(names))


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


# --- the machine -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "level", "advice"),
    [
        (host.memory(total_mb=24_000, available_mb=20_000), OK, ""),
        (host.memory(total_mb=24_000, available_mb=1_000), WARN, "--gpu-workers"),
        (host.memory(total_mb=2_000, available_mb=20_000), WARN, "--gpu-workers"),  # a container's limit
        (host.disk(Path("/tmp"), needed_mb=1_500, free_mb=1_500), OK, ""),
        (host.disk(Path("/tmp"), needed_mb=1_500, free_mb=1_499), BAD, "--work-dir"),
        (host.disk(Path("/proc/none/of/this"), needed_mb=1), BAD, "--work-dir"),
        (host.shared_memory(Path("/no/such"), total_mb=64), WARN, "tmpfs"),
        (host.shared_memory(Path("/"), total_mb=63), WARN, "--shm-size"),
        (host.shared_memory(Path("/"), total_mb=64), OK, ""),
        (host.open_files(limit=256), WARN, "ulimit"),
        (host.open_files(limit=1_024), OK, ""),
        (host.open_files(limit=-1), OK, ""),
    ],
)
def test_machine_is_judged_by_its_figures(finding: Finding, level: Level, advice: str) -> None:
    assert finding.level is level
    assert advice in finding.advice
    assert bool(finding.advice) is (level is not OK)


def test_work_dir_that_is_not_there_yet_is_judged_by_the_folder_above(tmp_path: Path) -> None:
    assert host.disk(tmp_path / "new" / "work", needed_mb=0).level is OK


def test_host_without_a_driver_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert host.gpus() == ()


def test_gpus_are_those_the_driver_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA A, 1000 MiB'\necho 'NVIDIA B, 2000 MiB'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert host.gpus() == ("NVIDIA A, 1000 MiB", "NVIDIA B, 2000 MiB")


def test_driver_that_fails_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert host.gpus() == ()


# --- what is installed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "device", "name", "level", "advice"),
    [
        (ModelSettings(), "cpu", "ultralytics", OK, "[ultralytics]"),
        (ModelSettings(engine="ultralytics"), "cpu", "ultralytics", BAD, "[ultralytics]"),
        (ModelSettings(), "cpu", "paddle", OK, "[paddle]"),
        (ModelSettings(plate_reader="paddleocr"), "cpu", "paddle", BAD, "[paddle]"),
        (ModelSettings(plate_reader="rapidocr"), "cpu", "rapidocr", BAD, "pip install rapidocr"),
        (ModelSettings(), "cpu", "rapidocr", WARN, "pip install rapidocr"),
        (ModelSettings(), "cuda:0", "gpu", BAD, "run.device"),
        (ModelSettings(), "cpu", "gpu", OK, ""),
    ],
)
def test_part_that_is_missing_matters_when_the_settings_ask_for_it(
    here: dict[str, str], models: ModelSettings, device: str, name: str, level: Level, advice: str
) -> None:
    finding = by_name(libraries.engines(models, device, ()))[name]
    assert finding.level is level
    assert advice in finding.advice


def test_extra_that_is_there_in_part_is_a_warning(here: dict[str, str]) -> None:
    here["ultralytics"] = "8.3"
    finding = by_name(libraries.engines(ModelSettings(), "cpu", ()))["ultralytics"]
    assert (finding.level, finding.value) == (WARN, "ultralytics 8.3, but not torch")


@pytest.mark.parametrize(
    ("runtime", "device", "gpus", "engine", "level", "advice"),
    [
        (None, "auto", (), "auto", OK, "[onnx]"),
        (None, "auto", (), "onnxruntime", BAD, "[onnx]"),
        (None, "auto", GPU, "auto", WARN, "[gpu]"),
        (None, "cuda:0", GPU, "auto", BAD, "[gpu]"),
        (providers("CPUExecutionProvider"), "auto", (), "auto", OK, ""),
        (providers("CPUExecutionProvider"), "auto", GPU, "auto", WARN, "[gpu]"),
        (providers("CPUExecutionProvider"), "cuda:0", GPU, "auto", BAD, "[gpu]"),
        (providers("CUDAExecutionProvider", "CPUExecutionProvider"), "cuda:0", GPU, "auto", OK, ""),
    ],
)
def test_gpu_needs_an_onnxruntime_with_cuda(
    here: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    runtime: SimpleNamespace | None,
    device: str,
    gpus: tuple[str, ...],
    engine: str,
    level: Level,
    advice: str,
) -> None:
    monkeypatch.setattr(libraries, "_imported", lambda module: (runtime, "" if runtime else "not installed"))
    models = ModelSettings.model_validate({"engine": engine})
    finding = libraries._onnxruntime(
        needed=models.engine == "onnxruntime" or device != "auto",
        has_gpu=bool(gpus),
        wants_gpu=device != "auto",
    )
    assert finding.level is level
    assert advice in finding.advice


def test_two_wheels_of_onnxruntime_are_a_warning(here: dict[str, str]) -> None:
    here.update({"onnxruntime": "1.20", "onnxruntime-gpu": "1.20"})
    finding = by_name(libraries.engines(ModelSettings(), "cpu", ()))["onnxruntime"]
    assert (finding.level, "pip uninstall" in finding.advice) == (WARN, True)


@pytest.mark.parametrize(
    ("wheels", "trouble", "level"),
    [
        ({"opencv-python": "5.0"}, None, OK),
        ({"opencv-python": "5.0", "opencv-python-headless": "5.0"}, None, WARN),
        ({"opencv-python": "5.0"}, "ImportError: libGL.so.1", BAD),
        ({}, "ModuleNotFoundError: No module named 'cv2'", BAD),
    ],
)
def test_opencv_must_be_one_and_work(
    monkeypatch: pytest.MonkeyPatch, wheels: dict[str, str], trouble: str | None, level: Level
) -> None:
    monkeypatch.setattr(one_cv2, "installed", lambda: wheels)
    monkeypatch.setattr(one_cv2, "trouble", lambda: trouble)
    finding = libraries.opencv()
    assert finding.level is level
    assert (trouble or "") in finding.value
    assert (one_cv2.REPAIR_COMMAND in finding.advice) is (level is not OK)


def test_video_library_tells_its_ffmpeg() -> None:
    assert libraries.video().value.startswith("PyAV ")


# --- weights and database --------------------------------------------------------------------------


def test_missing_weights_are_bad_and_name_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(tmp_path))
    findings = needs.model_files(ModelSettings())
    names = [finding.name for finding in findings]
    assert names == ["vehicle detector", "plate detector", "plate reader", "plate reader"]
    assert all(f.level is BAD and "`dashcam weights fetch`" in f.advice for f in findings)


def test_reader_that_brings_its_weights_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(tmp_path))
    names = [finding.name for finding in needs.model_files(ModelSettings(plate_reader="rapidocr"))]
    assert names == ["vehicle detector", "plate detector"]


def test_server_that_does_not_answer_is_bad_and_its_password_is_not_told(tmp_path: Path) -> None:
    finding = needs.database("postgresql://me:secret@127.0.0.1:1/db", tmp_path)
    assert finding.level is BAD
    assert "Connection refused" in finding.advice
    assert "secret" not in finding.value + finding.advice


def test_server_that_answers_is_ok(empty_dsn: str, tmp_path: Path) -> None:
    finding = needs.database(empty_dsn, tmp_path)
    assert (finding.level, finding.value.startswith("Postgres 1")) == (OK, True)


def test_embedded_database_is_only_looked_at(tmp_path: Path) -> None:
    finding = needs.database(None, tmp_path / "work")
    assert (finding.level, "PostgreSQL" in finding.value) == (OK, True)
    assert not (tmp_path / "work").exists()


def test_embedded_database_that_does_not_start_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(127, "postgres")

    monkeypatch.setattr(subprocess, "run", broken)
    finding = needs.database(None, tmp_path)
    assert (finding.level, "--db" in finding.advice) == (BAD, True)


# --- the command -----------------------------------------------------------------------------------


def test_run_can_work_only_when_nothing_is_bad() -> None:
    fine = Finding("a", OK, ""), Finding("b", WARN, "", "do this")
    assert doctor.can_run(fine)
    assert not doctor.can_run((*fine, Finding("c", BAD, "", "do that")))


def test_command_fails_with_what_to_do_when_weights_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(tmp_path / "none"))
    result = CliRunner().invoke(command_line(), ["doctor", "--work-dir", str(tmp_path / "work")])
    assert result.exit_code == EXIT_ENVIRONMENT
    lines = result.stdout.splitlines()
    assert len(lines) == len(doctor.examine(Settings(), tmp_path, None))
    assert [line.split()[0] for line in lines if "dashcam weights fetch" in line] == ["bad"] * 4


def test_json_says_the_same_as_the_lines(tmp_path: Path) -> None:
    result = CliRunner().invoke(command_line(), ["doctor", "--json", "--work-dir", str(tmp_path)])
    findings = json.loads(result.stdout)
    assert {finding["level"] for finding in findings} <= {"ok", "warn", "bad"}
    assert all(finding["advice"] for finding in findings if finding["level"] != "ok")
    assert (result.exit_code == 0) is all(finding["level"] != "bad" for finding in findings)
