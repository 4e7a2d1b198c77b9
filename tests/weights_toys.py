"""Toy model files, and web servers that give them or fail to: for the tests of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path

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
