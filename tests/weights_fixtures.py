"""A small manifest of two toy models, a mirror that has them, and an empty folder for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from dashcam_pipeline.weights import shipped
from weights_toys import (
    ALPHABET,
    CONSTANTS,
    GRAPH,
    OTHER_CONSTANTS,
    OTHER_GRAPH,
    READER,
    Serve,
    WriteManifest,
    put,
    sha,
)


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
