"""Real files of one camera, read by the whole program: one vehicle, one sighting."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dashcam_pipeline.batch.revote import Seen, vote_again
from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.errors import EXIT_OK
from dashcam_pipeline.storage.joining import parts_of, votes_of
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from run_command import REPOSITORY, clip, dashcam

sys.path.insert(0, str(REPOSITORY / "scripts"))

from chaoskit.clips import cut

SOURCE, PLATE = "uk_mercedes_LS15EBC_720p.mp4", "LS15EBC"
CUT_S = 2.3
WHOLE_S = 60.0  # longer than the clip
CROSSED = ("20240131_142200F.mp4", "20240131_142202F.mp4")
FOLLOWED = ("2024_0131_150000_001A.mp4", "2024_0131_150005_002A.mp4", "2024_0131_150009_003A.mp4")


@dataclass(frozen=True)
class Done:
    """A finished run over two trips, of which the second lacked its middle file at first."""

    root: Path
    work_dir: Path
    printed: str

    def sightings(self, folder: str) -> list[dict[str, object]]:
        """Those that begin in a folder, as they are exported."""
        output = self.root / f"{folder}.json"
        done = dashcam("export", "--work-dir", self.work_dir, "-o", output)
        assert done.returncode == EXIT_OK, done.stderr
        rows: list[dict[str, object]] = json.loads(output.read_text())
        return [row for row in rows if f"/{folder}/" in str(row["video_path"])]


@pytest.fixture(scope="module")
def done() -> Iterator[Done]:
    with TemporaryDirectory(prefix="dashcam") as folder:
        root = Path(folder)
        root.chmod(0o755)
        work_dir = root / "work"
        crossed, followed, later = root / "videos" / "crossed", root / "videos" / "followed", root / "later"
        for each in (crossed, followed, later):
            each.mkdir(parents=True)
        source = clip(SOURCE)
        cut(source, 0.0, CUT_S, 30, crossed / CROSSED[0])
        cut(source, CUT_S, WHOLE_S, 30, crossed / CROSSED[1])
        for number, name in enumerate(FOLLOWED):  # each of other bytes, or they were copies of one video
            cut(source, 0.0, WHOLE_S, 30 - number, (later if number == 1 else followed) / name)
        first = dashcam("run", root / "videos", "--work-dir", work_dir, "--no-hud")
        assert first.returncode == EXIT_OK, first.stderr
        shutil.move(later / FOLLOWED[1], followed / FOLLOWED[1])
        second = dashcam("run", root / "videos", "--work-dir", work_dir, "--no-hud")
        assert second.returncode == EXIT_OK, second.stderr
        yield Done(root, work_dir, second.stdout)
        EmbeddedServer(work_dir).stop_if_unused(force=True)


def test_a_vehicle_that_crosses_the_cut_between_two_files_is_one_row(done: Done) -> None:
    (row,) = [row for row in done.sightings("crossed") if row["plate"]]
    assert (row["plate"], row["video"], row["last_video"], row["parts"]) == (PLATE, *CROSSED, 2)
    assert (row["first_frame"], row["first_s"]) == (0, 0.0)
    assert row["last_s"] == pytest.approx(4.6 - CUT_S, abs=0.2)
    assert row["last_frame"] == pytest.approx(30 * (4.6 - CUT_S), abs=6)
    assert row["span_s"] == pytest.approx(4.6, abs=0.2)


def test_a_file_that_came_later_fills_the_gap_in_the_trip_of_a_car_that_is_followed(done: Done) -> None:
    (row,) = [row for row in done.sightings("followed") if row["plate"]]
    assert (row["plate"], row["video"], row["last_video"], row["parts"]) == (
        PLATE,
        FOLLOWED[0],
        FOLLOWED[2],
        3,
    )
    assert row["span_s"] == pytest.approx(3 * 4.67, abs=0.5)
    assert f"{FOLLOWED[0]} … {FOLLOWED[2]}" in done.printed


def test_the_vote_held_again_over_the_looks_of_one_sighting_is_the_vote_of_its_row(done: Done) -> None:
    with Database.open(None, done.work_dir) as database, connect(database.url) as connection:
        videos = [str(row[0]) for row in connection.execute("SELECT DISTINCT video_id FROM vehicles")]
        parts = [part for part in parts_of(connection, videos) if part.final_plate or part.best_guess]
        votes = votes_of(connection, [part.id for part in parts])
    assert parts
    for part in parts:
        vote = votes[part.id]
        again = vote_again([Seen(part=part, vote=vote, start_s=0.0, first_frame=0)], VoteSettings())
        assert (again.final_plate, again.best_guess) == (part.final_plate, part.best_guess)
        assert again.plate_confidence == pytest.approx(part.plate_confidence)
        assert (again.reads, again.agreeing_reads) == (vote.reads, vote.agreeing_reads)
        assert again.char_votes == vote.char_votes
        assert (again.plate_region, again.plate_format) == (vote.plate_region, vote.plate_format)


def test_trips_are_shown(done: Done) -> None:
    runs = dashcam("runs", "--work-dir", done.work_dir).stdout
    oldest = runs.strip().splitlines()[-1].split()[0]
    shown = dashcam("runs", "show", oldest, "--work-dir", done.work_dir).stdout
    assert f"one trip: {CROSSED[0]} … {CROSSED[1]} (2 files)" in shown


def test_the_same_command_again_joins_the_same(done: Done) -> None:
    before = [done.sightings(folder) for folder in ("crossed", "followed")]
    again = dashcam("run", done.root / "videos", "--work-dir", done.work_dir, "--no-hud")
    assert again.returncode == EXIT_OK, again.stderr
    assert [done.sightings(folder) for folder in ("crossed", "followed")] == before
