"""What lies around the clips of a trial: where the camera was, which plates are watched for, who is told of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from pathlib import Path

import psycopg

from chaoskit.clips import Piece
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.watching import watchlist

WATCHED = ("LS15EBC", "34A-36837", "OZP8126", "NYM 7544", "MTW5608")  # plates in the pieces,
NEARLY = "WTC2A9"  # … and one that is nearly in one of them
BEGAN = datetime(2024, 1, 31, 13, 22, tzinfo=UTC)
NORTHWARD_DEG = 1.5e-4  # a second: some 60 km/h


def write_tracks(pieces: Sequence[Piece], folder: Path) -> None:
    """A GPX file beside each clip, with a fix a second."""
    for number, piece in enumerate(pieces):
        path = folder / f"{Path(piece.name).stem}.gpx"
        began = BEGAN + timedelta(seconds=2 * number)
        fixes = "".join(
            f'<trkpt lat="{50 + NORTHWARD_DEG * (second + 2 * number):.6f}" lon="8.0">'
            f"<time>{(began + timedelta(seconds=second)).isoformat()}</time></trkpt>"
            for second in range(ceil(piece.length_s) + 1)
        )
        path.write_text(f'<gpx version="1.1"><trk><trkseg>{fixes}</trkseg></trk></gpx>')


def watch(database: Database) -> None:
    """Put the plates on the list of a database that has its tables."""
    wanted = [watchlist.wanted(plate, None, near=False) for plate in WATCHED]
    with connect(database.url, autocommit=True) as connection:
        watchlist.add(connection, [*wanted, watchlist.wanted(NEARLY, "nearly", near=True)])


def watch_at(dsn: str, work: Path) -> None:
    """The same with a server of one's own that has no tables yet."""
    with Database.open(dsn, work) as database:
        database.migrate()
        watch(database)


class Webhook:
    """Somebody who is told of alerts, and refuses every third post. A context manager."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._posts = 0
        self.taken: dict[str, dict[str, object]] = {}
        """The payloads by the id of their alert."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/alerts"

    def __enter__(self) -> Webhook:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, payload: dict[str, object]) -> int:
        """The status of the answer to a post."""
        self._posts += 1
        if self._posts % 3 == 0:
            return 503
        self.taken[str(payload["id"])] = payload
        return 204

    def missed(self, dsn: str | None, work: Path) -> list[str]:
        """A line for each alert of the table that never came, or that is not known as delivered."""
        with Database.open(dsn, work) as database, psycopg.connect(database.url) as connection:
            rows = connection.execute(
                "SELECT id::text, plate, state FROM alerts WHERE part_of IS NULL"
            ).fetchall()
        return [
            f"alert {alert_id} of {plate}: {state}, {'taken' if alert_id in self.taken else 'never posted'}"
            for alert_id, plate, state in rows
            if state != "delivered" or alert_id not in self.taken
        ]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(webhook.take(json.loads(body)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
