"""Model files by name or path: found, checked, and named by a fingerprint; and the manifest itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashcam_pipeline import weights
from dashcam_pipeline.assets import checkout
from dashcam_pipeline.cli import command_line
from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import ConfigError, DashcamError, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.weights import Role, State, needed, shipped
from dashcam_pipeline.weights.download import fetch
from dashcam_pipeline.weights.manifest import read_manifest
from weights_toys import WriteManifest, put, sha

pytest_plugins = ["weights_fixtures"]


# --- finding ---------------------------------------------------------------------------------------


def test_name_becomes_the_file_that_a_runtime_opens(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    fetch(["car", "text"])
    assert weights.resolve("car", "vehicle_detector") == here / "car/car.xml"
    assert weights.resolve("text", Role.PLATE_READER) == here / "text.onnx"


@pytest.mark.parametrize(
    ("name", "role", "error", "words"),
    [
        (
            "car",
            Role.VEHICLE_DETECTOR,
            WeightsMissing,
            ("car/car.xml", "car/car.bin", "`dashcam weights fetch`"),
        ),
        ("text", Role.PLATE_READER, WeightsMissing, ("text.onnx", "`dashcam weights fetch text`")),
        ("cra", Role.VEHICLE_DETECTOR, ConfigError, ("models.vehicle_detector", "did you mean `car`?")),
        ("zzzz", Role.PLATE_READER, ConfigError, ("models.reader_model", "there are text")),
        ("car", Role.PLATE_READER, ConfigError, ("models.reader_model", "`car` is a vehicle_detector")),
        ("no/such.onnx", Role.PLATE_DETECTOR, WeightsMissing, ("models.plate_detector", "no/such.onnx")),
        ("such.engine", Role.VEHICLE_DETECTOR, WeightsMissing, ("no file such.engine",)),
    ],
)
def test_what_can_not_be_used_says_why_and_what_to_do(
    here: Path,
    write_manifest: WriteManifest,
    name: str,
    role: Role,
    error: type[DashcamError],
    words: tuple[str, ...],
) -> None:
    with pytest.raises(error) as raised:
        weights.resolve(name, role)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("path", "role", "companion"),
    [
        ("own.xml", Role.VEHICLE_DETECTOR, "own.bin"),
        ("own.onnx", Role.PLATE_READER, "own_plate_config.yaml"),
        ("own.onnx", Role.PLATE_DETECTOR, None),
        ("own.pt", Role.VEHICLE_DETECTOR, None),
    ],
)
def test_file_of_the_users_own_needs_its_companion_and_nothing_else(
    here: Path, tmp_path: Path, path: str, role: Role, companion: str | None
) -> None:
    put(tmp_path, {path: b"anything"})
    if companion:
        with pytest.raises(WeightsMissing, match=f"{companion} .*beside {path}"):
            weights.resolve(str(tmp_path / path), role)
        put(tmp_path, {companion: b"anything"})
    assert weights.resolve(str(tmp_path / path), role) == tmp_path / path


def test_corrupt_file_is_not_used(here: Path, mirror: Path, write_manifest: WriteManifest) -> None:
    fetch()
    put(here, {"car/car.bin": b"rotten"})
    with pytest.raises(WeightsCorrupt, match=f"car.bin has sha256 {sha(b'rotten')}.*`dashcam weights fetch`"):
        weights.resolve("car", Role.VEHICLE_DETECTOR)


def test_fingerprint_knows_files_and_not_their_order(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    fetch(["car", "text"])
    first = weights.fingerprint(["car", "text"])
    assert weights.fingerprint(["text", "car"]) == first
    assert weights.fingerprint(["car"]) != first
    put(here, {"text.onnx": b"another reader"})
    assert weights.fingerprint(["car", "text"]) != first


def test_fingerprint_of_a_copy_named_by_path_is_that_of_the_model(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    fetch()
    assert weights.fingerprint([str(mirror / "car/car.xml")]) == weights.fingerprint(["car"])


# --- the manifest ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models:\n  - name: x\n", ":2: models.0.role: Field required"),
        ("models: 3\n", ":1: models:"),
        ("modles: []\n", "models: Field required"),
    ],
)
def test_broken_manifest_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_manifest(path)
    assert words in str(error.value)


def test_default_settings_use_exactly_the_default_models() -> None:
    wanted = {item.name: item.role for item in needed(Settings().models)}
    assert {model.name: model.role for model in shipped().models if model.default} == wanted


def test_manifest_is_sound() -> None:
    models = shipped().models
    assert len({model.name for model in models}) == len(models)
    for model in models:
        assert not (model.default and "GPL" in model.licence), f"{model.name} is not fit for a default"
        for file in model.files:
            assert all(len(digest) == 64 and int(digest, 16) for digest in file.sha256)
            assert all(url.startswith("https://") for url in file.urls)
            assert not (model.default and not file.urls), f"{file.path} has no public address"


def test_every_file_of_the_mirror_is_the_one_the_manifest_means(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = checkout()
    mirror = Path(
        os.environ.get("DASHCAM_WEIGHTS_MIRROR") or (root / "../shared/weights" if root else "/nowhere")
    )
    if not mirror.is_dir():
        reason = f"no weights in {mirror}: name them in DASHCAM_WEIGHTS_MIRROR"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(mirror))
    assert {status.model.name: status.state for status in weights.verify()} == {
        model.name: State.OK for model in shipped().models
    }


def test_list_names_every_model_in_full_on_a_narrow_terminal() -> None:
    listed = CliRunner().invoke(command_line(), ["weights", "list"], env={"COLUMNS": "80"}).stdout
    for model in shipped().models:
        assert all(word in listed for word in (model.name, model.role, model.licence))


def test_verify_fails_for_a_wrong_file_and_only_for_that(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    fetch()
    assert CliRunner().invoke(command_line(), ["weights", "verify"]).exit_code == 0
    put(here, {"car/car.bin": b"rotten"})
    assert isinstance(CliRunner().invoke(command_line(), ["weights", "verify"]).exception, WeightsCorrupt)
