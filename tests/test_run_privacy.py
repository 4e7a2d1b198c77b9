"""A real run with --hash-plates: the plate stands nowhere, and is the same hash in every video."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import psycopg
import pytest

from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_OK
from dashcam_pipeline.stages.context import CHECKPOINTS
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.storage.retention.plate_hash import ENVIRONMENT, hashed, is_hashed, key_id
from run_command import clip, dashcam

KEY = "the key of the tests, long enough"
PLATE = "LS15EBC"
SOURCE = f"uk_mercedes_{PLATE}_720p.mp4"
NAMES = ("20240131_142200F.mp4", "20240131_142205F.mp4")  # one goes on where the other ends
EMPTY_BOX = b"\x00\x00\x00\x08free"
"""A box of MP4 that means nothing: behind it, the same video is another file."""


@dataclass(frozen=True)
class Done:
    """A finished run over the same drive twice."""

    videos: Path
    work_dir: Path
    said: str

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with (
            Database.open(None, self.work_dir) as database,
            psycopg.connect(database.url) as connection,
        ):
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="module")
def done() -> Iterator[Done]:
    source = clip(SOURCE)
    with TemporaryDirectory(prefix="dashcam") as folder:
        root = Path(folder)
        root.chmod(0o755)
        videos, work_dir = root / "videos", root / "work"
        videos.mkdir()
        for number, name in enumerate(NAMES):
            shutil.copyfile(source, videos / name)
            with (videos / name).open("ab") as file:
                file.write(EMPTY_BOX * number)
        run = dashcam("run", videos, "--work-dir", work_dir, "--hash-plates", environment={ENVIRONMENT: KEY})
        assert run.returncode == EXIT_OK, run.stderr
        yield Done(videos, work_dir, run.stdout + run.stderr)
        EmbeddedServer(work_dir).stop_if_unused(force=True)


def test_the_plate_stands_in_no_file_and_in_nothing_that_was_said(done: Done) -> None:
    assert PLATE not in done.said
    files = [path for path in done.work_dir.rglob("*") if path.is_file()]
    assert len(files) > 100  # the database's own too
    assert [path for path in files if PLATE.encode() in path.read_bytes()] == []
    assert not any((done.work_dir / CHECKPOINTS).glob("*/*"))
    assert not any((done.work_dir / "frame_store").rglob("*.raw"))


def test_the_same_plate_has_the_same_hash_in_both_videos_and_is_one_vehicle(done: Done) -> None:
    plate = hashed(PLATE, KEY.encode())
    assert plate in done.said
    found = done.rows(
        "SELECT video_filename, final_plate FROM vehicles WHERE final_plate IS NOT NULL ORDER BY 1"
    )
    assert found == [(name, plate) for name in NAMES]
    assert done.rows("SELECT final_plate, parts FROM sightings WHERE final_plate IS NOT NULL") == [(plate, 2)]


def test_all_that_was_read_is_hashed(done: Done) -> None:
    read = "jsonb_path_query(looks, '$[*].reads[*]')"
    texts = done.rows(f"SELECT {read} ->> 'text', {read} ->> 'alternatives' FROM vehicles")
    assert len(texts) >= 4
    assert all(text == "" or is_hashed(str(text)) for text, _ in texts)
    assert {alternatives for _, alternatives in texts} == {"[]"}
    columns = done.rows("SELECT final_plate, best_guess, best_read FROM vehicles")
    assert all(text in (None, "") or is_hashed(str(text)) for row in columns for text in row)


def test_the_pictures_show_the_car_and_no_plate(done: Done) -> None:
    kinds = "SELECT vehicle_picture, frame_picture, plate_picture, strip_picture, plate_bbox, car_bbox "
    (row, *_) = done.rows(f"{kinds} FROM vehicles WHERE final_plate IS NOT NULL")
    vehicle, frame, *hidden, plate_box, car_box = row
    assert hidden == [None, None]
    whole = cv2.imread(str(done.work_dir / str(frame)), cv2.IMREAD_GRAYSCALE)
    assert whole is not None
    scale = whole.shape[1] / 1280
    x1, y1, x2, y2 = (round(value * scale) for value in plate_box)  # type: ignore[attr-defined]
    left, top, right, bottom = (round(value * scale) for value in car_box)  # type: ignore[attr-defined]
    assert edges(whole[y1:y2, x1:x2]) < 8
    assert edges(whole[: top - 12]) < 8
    assert edges(whole[top:bottom, left:right]) > 10
    assert (done.work_dir / str(vehicle)).exists()


def edges(picture: cv2.typing.MatLike) -> float:
    """How much detail there is: the mean of Laplace's operator, in levels of 255."""
    return float(abs(cv2.Laplacian(picture, cv2.CV_32F)).mean())


def test_going_on_without_hashes_or_with_another_key_must_be_asked_for(done: Done) -> None:
    plain = dashcam("run", done.videos, "--work-dir", done.work_dir)
    assert plain.returncode == EXIT_BAD_INPUT
    assert "privacy.hash_plates: True → False" in plain.stderr
    other = {ENVIRONMENT: "another key, long enough too"}
    again = dashcam("run", done.videos, "--work-dir", done.work_dir, "--hash-plates", environment=other)
    assert again.returncode == EXIT_BAD_INPUT
    assert f"privacy.plate_key_id: {key_id(KEY.encode())} → " in again.stderr


def test_explain_finds_a_plate_where_the_key_is_at_hand(done: Done) -> None:
    known = dashcam("explain", "ls15 ebc", "--work-dir", done.work_dir, environment={ENVIRONMENT: KEY})
    assert known.returncode == EXIT_OK, known.stderr
    assert hashed(PLATE, KEY.encode()) in known.stdout
    assert dashcam("explain", "ls15 ebc", "--work-dir", done.work_dir).returncode == EXIT_BAD_INPUT
