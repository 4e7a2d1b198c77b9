"""Fetching model files from a mirror or an address, and refusing wrong ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from dashcam_pipeline import weights
from dashcam_pipeline.errors import BadInput, DiskUnavailable, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.weights import Role, State, shipped
from dashcam_pipeline.weights.download import fetch
from weights_toys import (
    ALPHABET,
    CONSTANTS,
    GRAPH,
    OTHER_CONSTANTS,
    OTHER_GRAPH,
    READER,
    CutShort,
    Serve,
    Silent,
    WriteManifest,
    files_of,
    put,
    sha,
)

pytest_plugins = ["weights_fixtures"]


def test_default_models_come_from_a_mirror_folder(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    fetched = fetch()
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}
    assert [item.path for item in fetched] == [here / "car/car.xml", here / "car/car.bin"]


def test_named_model_comes_from_the_address_of_a_mirror(
    here: Path, mirror: Path, write_manifest: WriteManifest, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_MIRROR", serve(partial(Silent, directory=str(mirror))) + "/")
    fetch(["text"])
    assert files_of(here) == {"text.onnx": READER, "text_plate_config.yaml": ALPHABET}


def test_what_the_mirror_lacks_comes_from_the_public_address(
    here: Path,
    mirror: Path,
    write_manifest: WriteManifest,
    serve: Serve,
    tmp_path: Path,
) -> None:
    public = tmp_path / "public"
    put(public, {"car/car.bin": CONSTANTS})
    write_manifest(serve(partial(Silent, directory=str(public))))
    (mirror / "car/car.bin").unlink()
    graph, constants = fetch()
    assert graph.source == str(mirror / "car/car.xml")
    assert constants.source.startswith("http://127.0.0.1")
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}


def test_second_fetch_brings_nothing(here: Path, mirror: Path, write_manifest: WriteManifest) -> None:
    fetch()
    assert fetch() == ()


def test_progress_is_told_in_bytes(here: Path, mirror: Path, write_manifest: WriteManifest) -> None:
    told: list[tuple[str, int, int]] = []
    fetch(on_progress=lambda *report: told.append(report))
    assert told == [
        ("car/car.xml", len(GRAPH), len(GRAPH)),
        ("car/car.bin", len(CONSTANTS), len(CONSTANTS)),
    ]


def test_wrong_checksum_is_refused_and_kept_aside(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(mirror, {"text.onnx": b"something else"})
    with pytest.raises(WeightsCorrupt) as error:
        fetch(["text"])
    aside = f"text.onnx.bad-{sha(b'something else')[:8]}"
    assert files_of(here) == {aside: b"something else"}
    for part in (aside, "text.onnx", "`text`", "DASHCAM_WEIGHTS_MIRROR", "Note this.", "models.reader_model"):
        assert part in str(error.value)


def test_wrong_file_in_the_mirror_does_not_hide_the_right_public_one(
    here: Path, mirror: Path, write_manifest: WriteManifest, serve: Serve, tmp_path: Path
) -> None:
    put(tmp_path / "public", {"car/car.xml": GRAPH})
    write_manifest(serve(partial(Silent, directory=str(tmp_path / "public"))))
    put(mirror, {"car/car.xml": b"something else"})
    fetch()
    assert weights.resolve("car", Role.VEHICLE_DETECTOR).read_bytes() == GRAPH


def test_file_that_went_bad_here_is_put_aside_and_fetched_anew(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(here, {"car/car.xml": b"rotten", "car/car.bin": CONSTANTS})
    fetch()
    assert files_of(here) == {
        "car/car.xml": GRAPH,
        "car/car.bin": CONSTANTS,
        f"car/car.xml.bad-{sha(b'rotten')[:8]}": b"rotten",
    }


def test_files_of_different_exports_are_replaced_by_one(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(here, {"car/car.xml": OTHER_GRAPH, "car/car.bin": CONSTANTS})
    assert weights.check(shipped().get("car")).state is State.CORRUPT
    fetch()
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}


def test_missing_file_of_another_export_brings_the_others_too(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(here, {"car/car.xml": OTHER_GRAPH})
    fetch()
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}


def test_second_known_export_is_as_good_as_the_first(here: Path, write_manifest: WriteManifest) -> None:
    put(here, {"car/car.xml": OTHER_GRAPH, "car/car.bin": OTHER_CONSTANTS})
    assert weights.check(shipped().get("car")).state is State.OK


def test_download_that_ends_early_leaves_nothing_and_says_so(
    here: Path, write_manifest: WriteManifest, serve: Serve
) -> None:
    write_manifest(serve(CutShort))
    with pytest.raises(WeightsMissing, match="ended after 9 of 1000 bytes"):
        fetch()
    assert files_of(here) == {}


def test_file_that_nobody_has_is_named_with_every_source(
    here: Path, mirror: Path, write_manifest: WriteManifest, serve: Serve, tmp_path: Path
) -> None:
    write_manifest(address := serve(partial(Silent, directory=str(tmp_path / "nothing"))))
    (mirror / "car/car.xml").unlink()
    with pytest.raises(WeightsMissing) as error:
        fetch()
    assert f"{mirror}/car/car.xml: No such file or directory" in str(error.value)
    assert f"{address}/car/car.xml: HTTP 404" in str(error.value)


def test_server_that_refuses_is_named(here: Path, write_manifest: WriteManifest, serve: Serve) -> None:
    write_manifest("http://127.0.0.1:1")
    with pytest.raises(WeightsMissing, match="Connection refused"):
        fetch()


def test_mirror_folder_that_is_not_there_is_an_error(
    here: Path, write_manifest: WriteManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_MIRROR", "/no/such/folder")
    with pytest.raises(BadInput, match="DASHCAM_WEIGHTS_MIRROR: there is no folder /no/such/folder"):
        fetch()


def test_weights_folder_that_can_not_be_made_is_a_disk_error(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    here.write_text("a file stands where the folder should be")
    with pytest.raises(DiskUnavailable, match=str(here)):
        fetch()
