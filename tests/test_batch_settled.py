"""What follows from the host is a setting of the run like any other."""

from __future__ import annotations

import pytest

from dashcam_pipeline.batch import fingerprints, job_plan
from dashcam_pipeline.config import ModelSettings, RunSettings, Settings
from dashcam_pipeline.vision.models import runtime


@pytest.mark.parametrize(
    ("models", "devices", "bf16", "precision", "resized"),
    [
        ({}, ["cpu"], True, "bf16", True),
        ({}, ["cpu"], False, "f32", True),
        ({"precision": "f32"}, ["cpu"], True, "f32", True),
        ({"engine": "onnxruntime"}, ["cpu"], True, "f32", False),
        ({}, ["cuda:0", "cuda:1"], True, "f32", False),
        ({"precision": "f16", "tensorrt": True}, ["cuda:0"], True, "f16", False),
    ],
)
def test_what_models_really_do_stands_in_the_settings_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
    models: dict[str, object],
    devices: list[str],
    bf16: bool,
    precision: str,
    resized: bool,
) -> None:
    monkeypatch.setattr(job_plan, "devices_for", lambda asked: devices)
    monkeypatch.setattr(runtime, "has_bf16", lambda: bf16)
    before = Settings(models=ModelSettings(**models), run=RunSettings())
    settled = job_plan.settled(before).models
    assert settled.precision == precision
    assert (settled.vehicle_input == "fitted", settled.plate_input_px is not None) == (resized, resized)
    assert job_plan.settled(job_plan.settled(before)) == job_plan.settled(before)


def test_a_host_that_computes_otherwise_has_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for bf16 in (True, False):
        monkeypatch.setattr(runtime, "has_bf16", lambda bf16=bf16: bf16)
        found.add(fingerprints.of_config(job_plan.settled(Settings())))
    assert len(found) == 2
