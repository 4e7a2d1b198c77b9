"""Model files: fetching them from a mirror or an address, refusing wrong ones, finding them by name or path."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from dashcam_pipeline import weights
from dashcam_pipeline.assets import checkout
from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import (
    BadInput,
    ConfigError,
    DashcamError,
    DiskUnavailable,
    WeightsCorrupt,
    WeightsMissing,
)
from dashcam_pipeline.weights import Role, State, needed, shipped
from dashcam_pipeline.weights.manifest import read_manifest

GRAPH, CONSTANTS = b"<net/>", b"\x00\x01"  # one export of a model of two files
OTHER_GRAPH, OTHER_CONSTANTS = b"<net version='2'/>", b"\x02\x03"  # another
READER, ALPHABET = b"reader", b"alphabet: ABC\n"

WriteManifest = Callable[..., None]
Serve = Callable[[type[BaseHTTPRequestHandler] | partial[BaseHTTPRequestHandler]], str]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights folder, empty."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("DASHCAM_WEIGHTS_DIR", str(folder))
    monkeypatch.delenv("DASHCAM_WEIGHTS_MIRROR", raising=False)
    return folder


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror folder with the first export of everything."""
    folder = tmp_path / "mirror"
    files = {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS, "text.onnx": READER}
    put(folder, {**files, "text_plate_config.yaml": ALPHABET})
    monkeypatch.setenv("DASHCAM_WEIGHTS_MIRROR", str(folder))
    return folder


@pytest.fixture
def write_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Path) -> Iterator[WriteManifest]:
    """Writes a manifest of two models; `url` is the public address of their files."""

    def entry(path: str, url: str | None, *exports: bytes) -> dict[str, object]:
        sums = [sha(data) for data in exports]
        urls = [f"{url}/{path}"] if url else []
        return {"path": path, "bytes": len(exports[0]), "sha256": sums, "urls": urls}

    def write(url: str | None = None) -> None:
        car = [entry("car/car.xml", url, GRAPH, OTHER_GRAPH)]
        car += [entry("car/car.bin", url, CONSTANTS, OTHER_CONSTANTS)]
        text = [entry("text.onnx", url, READER), entry("text_plate_config.yaml", url, ALPHABET)]
        facts = {"licence": "MIT", "publisher": "somebody", "about": "a model"}
        models = [
            {"name": "car", "role": "vehicle_detector", "default": True, "files": car, **facts},
            {"name": "text", "role": "plate_reader", "files": text, "public_note": "Note this.", **facts},
        ]
        path = tmp_path / "manifest.yaml"
        path.write_text(yaml.safe_dump({"models": models}))
        monkeypatch.setattr("dashcam_pipeline.weights.manifest.weights_manifest", lambda: path)
        shipped.cache_clear()

    write()
    yield write
    shipped.cache_clear()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts web servers on this machine; gives their addresses."""
    servers: list[ThreadingHTTPServer] = []

    def start(handler: type[BaseHTTPRequestHandler] | partial[BaseHTTPRequestHandler]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class CutShort(Silent):
    """Announces more than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- fetching --------------------------------------------------------------------------------------


def test_default_models_come_from_a_mirror_folder(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    fetched = weights.fetch()
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}
    assert [item.path for item in fetched] == [here / "car/car.xml", here / "car/car.bin"]


def test_named_model_comes_from_the_address_of_a_mirror(
    here: Path, mirror: Path, write_manifest: WriteManifest, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_MIRROR", serve(partial(Silent, directory=str(mirror))) + "/")
    weights.fetch(["text"])
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
    graph, constants = weights.fetch()
    assert graph.source == str(mirror / "car/car.xml")
    assert constants.source.startswith("http://127.0.0.1")
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}


def test_second_fetch_brings_nothing(here: Path, mirror: Path, write_manifest: WriteManifest) -> None:
    weights.fetch()
    assert weights.fetch() == ()


def test_progress_is_told_in_bytes(here: Path, mirror: Path, write_manifest: WriteManifest) -> None:
    told: list[tuple[str, int, int]] = []
    weights.fetch(on_progress=lambda *report: told.append(report))
    assert told == [
        ("car/car.xml", len(GRAPH), len(GRAPH)),
        ("car/car.bin", len(CONSTANTS), len(CONSTANTS)),
    ]


def test_wrong_checksum_is_refused_and_kept_aside(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(mirror, {"text.onnx": b"something else"})
    with pytest.raises(WeightsCorrupt) as error:
        weights.fetch(["text"])
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
    weights.fetch()
    assert weights.resolve("car", Role.VEHICLE_DETECTOR).read_bytes() == GRAPH


def test_file_that_went_bad_here_is_put_aside_and_fetched_anew(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(here, {"car/car.xml": b"rotten", "car/car.bin": CONSTANTS})
    weights.fetch()
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
    weights.fetch()
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}


def test_missing_file_of_another_export_brings_the_others_too(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    put(here, {"car/car.xml": OTHER_GRAPH})
    weights.fetch()
    assert files_of(here) == {"car/car.xml": GRAPH, "car/car.bin": CONSTANTS}


def test_second_known_export_is_as_good_as_the_first(here: Path, write_manifest: WriteManifest) -> None:
    put(here, {"car/car.xml": OTHER_GRAPH, "car/car.bin": OTHER_CONSTANTS})
    assert weights.check(shipped().get("car")).state is State.OK


def test_download_that_ends_early_leaves_nothing_and_says_so(
    here: Path, write_manifest: WriteManifest, serve: Serve
) -> None:
    write_manifest(serve(CutShort))
    with pytest.raises(WeightsMissing, match="ended after 9 of 1000 bytes"):
        weights.fetch()
    assert files_of(here) == {}


def test_file_that_nobody_has_is_named_with_every_source(
    here: Path, mirror: Path, write_manifest: WriteManifest, serve: Serve, tmp_path: Path
) -> None:
    write_manifest(address := serve(partial(Silent, directory=str(tmp_path / "nothing"))))
    (mirror / "car/car.xml").unlink()
    with pytest.raises(WeightsMissing) as error:
        weights.fetch()
    assert f"{mirror}/car/car.xml: No such file or directory" in str(error.value)
    assert f"{address}/car/car.xml: HTTP 404" in str(error.value)


def test_server_that_refuses_is_named(here: Path, write_manifest: WriteManifest, serve: Serve) -> None:
    write_manifest("http://127.0.0.1:1")
    with pytest.raises(WeightsMissing, match="Connection refused"):
        weights.fetch()


def test_mirror_folder_that_is_not_there_is_an_error(
    here: Path, write_manifest: WriteManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHCAM_WEIGHTS_MIRROR", "/no/such/folder")
    with pytest.raises(BadInput, match="DASHCAM_WEIGHTS_MIRROR: there is no folder /no/such/folder"):
        weights.fetch()


def test_weights_folder_that_can_not_be_made_is_a_disk_error(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    here.write_text("a file stands where the folder should be")
    with pytest.raises(DiskUnavailable, match=str(here)):
        weights.fetch()


# --- finding ---------------------------------------------------------------------------------------


def test_name_becomes_the_file_that_a_runtime_opens(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    weights.fetch(["car", "text"])
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
    weights.fetch()
    put(here, {"car/car.bin": b"rotten"})
    with pytest.raises(WeightsCorrupt, match=f"car.bin has sha256 {sha(b'rotten')}.*`dashcam weights fetch`"):
        weights.resolve("car", Role.VEHICLE_DETECTOR)


def test_fingerprint_knows_files_and_not_their_order(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    weights.fetch(["car", "text"])
    first = weights.fingerprint(["car", "text"])
    assert weights.fingerprint(["text", "car"]) == first
    assert weights.fingerprint(["car"]) != first
    put(here, {"text.onnx": b"another reader"})
    assert weights.fingerprint(["car", "text"]) != first


def test_fingerprint_of_a_copy_named_by_path_is_that_of_the_model(
    here: Path, mirror: Path, write_manifest: WriteManifest
) -> None:
    weights.fetch()
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
