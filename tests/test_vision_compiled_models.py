"""Compiled models on disk: taken where they fit, made anew where they don't, never half there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashcam_pipeline.vision.models import compiled_models
from dashcam_pipeline.vision.models.compiled_models import compiled_model

openvino = pytest.importorskip("openvino")

SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


def network(factor: float = 2.0, side: int = 4) -> Any:
    from openvino import opset13 as ops

    given = ops.parameter([1, 3, side, side], np.float32)
    scaled = ops.multiply(given, ops.constant(np.full((1, 3, 1, 1), factor, np.float32)))
    return openvino.Model([scaled], [given], "toy")


class Core:
    """OpenVINO's, counting what it compiles."""

    def __init__(self) -> None:
        self._core = openvino.Core()
        self.compiled = 0

    def compile_model(self, *arguments: Any) -> Any:
        self.compiled += 1
        return self._core.compile_model(*arguments)

    def import_model(self, *arguments: Any) -> Any:
        return self._core.import_model(*arguments)

    def get_property(self, *arguments: Any) -> Any:
        return self._core.get_property(*arguments)


def answer(model: Any) -> float:
    sides = [int(side) for side in model.inputs[0].shape]
    return float(model(np.ones(sides, np.float32))[0].max())


def test_a_compiled_model_is_taken_from_disk_and_answers_the_same(tmp_path: Path) -> None:
    first, second = Core(), Core()
    assert answer(compiled_model(first, network(), SETTINGS, tmp_path)) == 2.0
    assert answer(compiled_model(second, network(), SETTINGS, tmp_path)) == 2.0
    assert (first.compiled, second.compiled) == (1, 0)


@pytest.mark.parametrize(
    ("other", "settings", "expected"),
    [
        (network(factor=3.0), SETTINGS, 3.0),
        (network(side=8), SETTINGS, 2.0),
        (network(), {**SETTINGS, "INFERENCE_NUM_THREADS": 2}, 2.0),
    ],
    ids=["other weights", "another input size", "other options"],
)
def test_what_differs_is_compiled_for_itself(
    tmp_path: Path, other: Any, settings: dict[str, object], expected: float
) -> None:
    core = Core()
    compiled_model(core, network(), SETTINGS, tmp_path)
    assert answer(compiled_model(core, other, settings, tmp_path)) == expected
    assert core.compiled == 2


@pytest.mark.parametrize("damage", [b"", b"half", None], ids=["empty", "cut", "a bit turned"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes | None) -> None:
    compiled_model(Core(), network(), SETTINGS, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage if damage is not None else whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    again, later = Core(), Core()
    assert answer(compiled_model(again, network(), SETTINGS, tmp_path)) == 2.0
    assert answer(compiled_model(later, network(), SETTINGS, tmp_path)) == 2.0
    assert (again.compiled, later.compiled) == (1, 0)


def test_a_file_that_openvino_refuses_is_made_anew(tmp_path: Path) -> None:
    compiled_model(Core(), network(), SETTINGS, tmp_path)
    (file,) = tmp_path.iterdir()
    compiled_models._keep(file, b"of another version")
    core = Core()
    assert answer(compiled_model(core, network(), SETTINGS, tmp_path)) == 2.0
    assert core.compiled == 1


def test_a_folder_that_takes_nothing_costs_no_run(tmp_path: Path) -> None:
    occupied = tmp_path / "a file"
    occupied.write_text("in the place of the folder")
    assert answer(compiled_model(Core(), network(), SETTINGS, occupied / "models")) == 2.0
    assert answer(compiled_model(Core(), network(), SETTINGS, None)) == 2.0


def branching(factor: float) -> Any:
    """A network whose weights lie in a network inside it."""
    from openvino import opset13 as ops

    given, wanted = ops.parameter([1, 3], np.float32), ops.parameter([1], bool)
    inside, otherwise = ops.parameter([1, 3], np.float32), ops.parameter([1, 3], np.float32)
    then = openvino.Model(
        [ops.multiply(inside, ops.constant(np.full((1, 3), factor, np.float32)))], [inside], "then"
    )
    other = openvino.Model([ops.relu(otherwise)], [otherwise], "else")
    branch = ops.if_op(wanted)
    branch.set_then_body(then)
    branch.set_else_body(other)
    branch.set_input(given.output(0), inside, otherwise)
    result = branch.set_output(then.get_results()[0], other.get_results()[0])
    return openvino.Model([result], [given, wanted], "branching")


def test_models_that_differ_only_in_a_network_inside_are_not_taken_for_each_other(tmp_path: Path) -> None:
    for factor in (2.0, 3.0):
        model = compiled_model(Core(), branching(factor), SETTINGS, tmp_path)
        assert float(model([np.ones((1, 3), np.float32), np.array([True])])[0].max()) == factor


def test_files_that_are_somebody_elses_serve_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_model(Core(), network(), SETTINGS, tmp_path)

    def refuse(*arguments: Any) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(os, "utime", refuse)
    core = Core()
    assert answer(compiled_model(core, network(), SETTINGS, tmp_path)) == 2.0
    assert core.compiled == 0


def test_files_that_were_not_used_for_longest_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_models, "FILES_KEPT", 2)
    for factor in (1.0, 2.0):
        compiled_model(Core(), network(factor), SETTINGS, tmp_path)
    for age, file in enumerate(sorted(tmp_path.iterdir())):
        os.utime(file, (1_000_000 + age, 1_000_000 + age))
    core = Core()
    compiled_model(core, network(1.0), SETTINGS, tmp_path)  # used: the other one is older now
    compiled_model(core, network(3.0), SETTINGS, tmp_path)
    compiled_model(core, network(1.0), SETTINGS, tmp_path)
    assert core.compiled == 1
    compiled_model(core, network(2.0), SETTINGS, tmp_path)
    assert core.compiled == 2
    assert len(list(tmp_path.iterdir())) == 2
