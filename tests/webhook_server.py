"""A webhook for tests: a real HTTP server that answers as it is told, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False  # only after `Hook.let_go`


@dataclass(frozen=True, slots=True)
class Got:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass(slots=True)
class Hook:
    """The server as a test sees it."""

    url: str
    got: list[Got]
    let_go: threading.Event
    arrived: threading.Event  # of the first request


@contextmanager
def webhook(replies: Sequence[Reply] = (Reply(),)) -> Iterator[Hook]:
    """A server on a free port; the last of the replies is that to all requests after it."""
    got: list[Got] = []
    let_go, arrived, turn = threading.Event(), threading.Event(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length))
            with turn:
                reply = replies[min(len(got), len(replies) - 1)]
                got.append(Got(self.command, self.path, dict(self.headers), body))
            arrived.set()
            if reply.silent:
                let_go.wait(60)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:  # who asked has gone
                return

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Hook(f"http://127.0.0.1:{server.server_port}/hook", got, let_go, arrived)
    finally:
        let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
