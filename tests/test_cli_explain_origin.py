"""How a proof says that it came about: the file and its checksum, the run, and what its numbers mean."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from dashcam_pipeline.cli.counting import Counting
from dashcam_pipeline.cli.originals import BLOCK_BYTES, with_checksums
from dashcam_pipeline.errors import EXIT_OK
from dashcam_pipeline.report.frame_boxes import PLATE_COLOUR, VEHICLE_COLOUR
from dashcam_pipeline.report.wording import moment
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.results.explaining import explain
from dashcam_pipeline.storage.rows import RunStatus, VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter
from storage_rows import RUN, VIDEO, WELL_KNOWN

Dashcam = Callable[..., int]
LASTED = timedelta(minutes=2)
CONTENT = b"\x00\x01ftyp" * (BLOCK_BYTES // 3)  # two blocks; what identifies a file does not look inside


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "sender" / "drive.mp4"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def results(dsn: str, video: Path, tmp_path: Path) -> str:
    """A sighting in a file that is there, all of whose reads agree."""
    own = video_id(video)
    run = replace(RUN, work_dir=str(tmp_path / "sender" / "work"))
    ended = replace(run, status=RunStatus.DONE, finished_at=RUN.started_at + LASTED)
    row = replace(WELL_KNOWN, video_id=own, part=0, looks=WELL_KNOWN.looks[1:], char_votes=[{"L": 1.0}] * 7)
    file = replace(
        VIDEO,
        video_id=own,
        path=str(video),
        status=VideoStatus.DONE,
        size_bytes=len(CONTENT),
        duration_s=73.2,
        width=1280,
        height=720,
    )
    with ResultWriter(dsn) as writer:
        writer.start_run(run)
        writer.write([row], [file])
        writer.finish_run(ended)
    return dsn


def page(dashcam: Dashcam, dsn: str, tmp_path: Path) -> str:
    out = tmp_path / "a.html"
    assert dashcam("explain", "LS15EBC", "--html", out, "--db", dsn) == EXIT_OK
    return out.read_text(encoding="utf-8")


def original(dashcam: Dashcam, dsn: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert dashcam("explain", "LS15EBC", "--json", "--db", dsn) == EXIT_OK
    (found,) = json.loads(capsys.readouterr().out)["originals"]
    assert isinstance(found, dict)
    return found


def test_page_names_the_file_its_checksum_the_run_and_what_the_confidence_means(
    dashcam: Dashcam, results: str, tmp_path: Path
) -> None:
    text = page(dashcam, results, tmp_path)
    for said in (
        f"drive.mp4, {len(CONTENT):,} bytes, 1 min 13 s",
        hashlib.sha256(CONTENT).hexdigest(),
        "in run run-1, by dashcam-pipeline 0.1.0",
        f"{moment(RUN.started_at.astimezone())} to {moment((RUN.started_at + LASTED).astimezone())}, in run",
        "docs/accuracy.md",
        "it tells videos apart",
    ):
        assert said in text, said


def test_page_to_hand_on_names_no_folder_of_the_sender(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(tmp_path) not in page(dashcam, results, tmp_path)
    assert original(dashcam, results, capsys)["path"] == str(tmp_path / "sender/drive.mp4")
    assert dashcam("explain", "LS15EBC", "--db", results) == EXIT_OK
    assert str(tmp_path / "sender/drive.mp4") in capsys.readouterr().out


def test_vehicle_and_plate_are_boxed_on_the_frame_of_the_page(
    dashcam: Dashcam, results: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sender/work/evidence/ab/abcdef"
    folder.mkdir(parents=True)
    Image.new("RGB", (640, 360)).save(folder / "1-1_frame.jpg")
    text = page(dashcam, results, tmp_path)
    assert 'viewBox="0 0 1280 720"' in text
    assert f'<rect x="100.0" y="50.5" width="200.2" height="149.5" stroke="{VEHICLE_COLOUR}"/>' in text
    assert text.count(f'stroke="{PLATE_COLOUR}"') == 1


def test_undisputed_vote_has_no_column_of_reads_that_differ(
    dashcam: Dashcam, results: str, tmp_path: Path
) -> None:
    assert '<th scope="col">shares</th></tr>' in page(dashcam, results, tmp_path)
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE vehicles SET final_plate = 'LS15EBX'")
    out = tmp_path / "b.html"
    assert dashcam("explain", "LS15EBX", "--html", out, "--db", results) == EXIT_OK
    assert '<th scope="col">reads</th>' in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, "the file is not on this host where it was analysed"),
        (b"another video", "the file that is there now is another one"),
    ],
)
def test_file_that_is_gone_or_another_has_no_checksum_and_says_why(
    dashcam: Dashcam,
    results: str,
    video: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    left: bytes | None,
    said: str,
) -> None:
    video.unlink()
    if left is not None:
        video.write_bytes(left)
    assert f"none: {said}" in page(dashcam, results, tmp_path)
    capsys.readouterr()
    found = original(dashcam, results, capsys)
    assert (found["sha256"], found["sha256_missing"]) == (None, said)


def test_long_file_is_counted_on_the_way(results: str) -> None:
    seconds = iter(range(0, 300, 3))
    told = io.StringIO()
    with connect(results) as connection, Counting(told, clock=lambda: float(next(seconds))) as counting:
        with_checksums(explain(connection, "LS15EBC"), counting)
    assert told.getvalue().splitlines()[0] == "1 MiB of drive.mp4 read for its SHA-256 so far"


def test_report_has_the_id_of_the_video_and_no_checksum(
    dashcam: Dashcam, results: str, video: Path, tmp_path: Path
) -> None:
    assert dashcam("report", "-o", tmp_path / "report", "--db", results) == EXIT_OK
    (own,) = (tmp_path / "report/sightings").iterdir()
    text = own.read_text(encoding="utf-8")
    assert f"{video_id(video)}: the first 32 digits of a SHA-256" in text
    assert hashlib.sha256(CONTENT).hexdigest() not in text
    assert "in run run-1, by dashcam-pipeline 0.1.0" in text
