"""A real video with a file of positions beside it, read by the whole program: rows know when and where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dashcam_pipeline.errors import EXIT_OK
from journey_tracks import BEGIN, NAME, drive, truth, write_nmea
from run_command import clip, dashcam

SOURCE, PLATE = "uk_mercedes_LS15EBC_720p.mp4", "LS15EBC"
ON_THE_ROAD_M = 0.15


@dataclass(frozen=True)
class Row:
    """A sighting as it is exported."""

    values: dict[str, object]

    def number(self, name: str) -> float:
        value = self.values[name]
        assert isinstance(value, int | float), (name, value)
        return float(value)


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    with TemporaryDirectory(prefix="dashcam") as folder:
        root = Path(folder)
        root.chmod(0o755)
        video = root / NAME
        shutil.copy(clip(SOURCE), video)
        write_nmea(video.with_suffix(".NMEA"), drive(0, 5))
        work_dir, output = root / "work", root / "rows.json"
        done = dashcam("run", video, "--work-dir", work_dir, "--no-hud")
        try:
            assert done.returncode == EXIT_OK, done.stderr
            exported = dashcam("export", "--work-dir", work_dir, "-o", output)
            assert exported.returncode == EXIT_OK, exported.stderr
            yield [Row(values) for values in json.loads(output.read_text())]
        finally:
            dashcam("db", "stop", "--work-dir", work_dir)


@pytest.mark.slow
def test_rows_are_where_the_camera_was_when_their_frame_was_taken(rows: list[Row]) -> None:
    assert PLATE in {row.values["plate"] for row in rows}
    for row in rows:
        t_s = row.number("frame_s")
        true = truth(t_s)
        assert true.metres_from(row.number("latitude"), row.number("longitude")) < ON_THE_ROAD_M
        assert row.number("speed_kmh") == pytest.approx(true.speed_kmh, rel=0.01)
        assert row.number("heading_deg") == pytest.approx(true.heading_deg, abs=3.0)
        assert row.values["position_source"] == "nmea"


@pytest.mark.slow
def test_rows_have_the_time_of_the_satellites_in_the_zone_of_the_camera(rows: list[Row]) -> None:
    assert rows
    for row in rows:
        ts = datetime.fromisoformat(str(row.values["ts"]))
        true = BEGIN + timedelta(seconds=row.number("frame_s"))
        assert abs((ts - true).total_seconds()) < 0.001
        assert ts.utcoffset() == timedelta(hours=1)
        assert row.values["time_source"] == "gps"
