"""`dashcam report`: a folder of pages that is whole, safe, and usable by everybody."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
import psycopg
import pytest

from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_OK
from dashcam_pipeline.report import writing
from dashcam_pipeline.report.folder import STAGING
from dashcam_pipeline.storage.rows import SightingRow, VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter
from dashcam_pipeline.vision.reasons import IN_WORDS
from dashcam_pipeline.vision.types import NoPlateReason
from storage_rows import DEAD_LETTER, LOOKS, RUN, UNREAD, VIDEO, WELL_KNOWN

Dashcam = Callable[..., int]
VIDEO_ID = "abcdef01" + "2" * 24
ODD = '<script>alert("1")</script>&.mp4'
VOID = {"meta", "link", "img", "br", "input", "line", "rect", "path", "polyline", "circle", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of a page; raises where tags don't close each other."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>"
        element = Element(
            tag, {name: value or "" for name, value in attrs}, tuple(one.tag for one in self.open)
        )
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def named(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]


def parsed(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert not page.open
    return page


def rows() -> list[SightingRow]:
    """A claim, a guess, a vehicle without a text, and one with a plate and a video that are markup."""
    claim = replace(WELL_KNOWN, video_id=VIDEO_ID, part=0, latitude=51.5, longitude=-0.12, speed_kmh=33.0)
    return [
        replace(claim, position_source="gpx", utc_offset_min=60, time_source="gps"),
        replace(UNREAD, video_id=VIDEO_ID, track_id=2, looks=LOOKS[:1], first_s=3.0, last_s=5.0),
        replace(
            UNREAD,
            video_id=VIDEO_ID,
            track_id=3,
            best_guess=None,
            plate_confidence=None,
            no_plate_reason=NoPlateReason.TOO_SMALL,
            plate_bbox=None,
            plate_picture=None,
        ),
        replace(claim, video_id="f" * 32, final_plate="<b>X&1", track_id=4),
    ]


@pytest.fixture
def results(dsn: str, tmp_path: Path) -> str:
    """A run with those sightings, a video that failed, and a file that was left out."""
    seen = replace(VIDEO, duration_s=20.0, width=1280, height=720, vehicles=3, plates=1)
    track = tuple((float(n), 51.5 + n / 1000, -0.12, 33.0, 0.0) for n in range(20))
    left_out = [("e", "a.mp4", VideoStatus.FAILED, "no video"), ("d", "b.mp4", VideoStatus.SKIPPED, "empty")]
    videos = [
        replace(
            seen,
            video_id=VIDEO_ID,
            status=VideoStatus.DONE,
            started_at=RUN.started_at,
            utc_offset_min=60,
            track=track,
        ),
        replace(
            seen,
            video_id="f" * 32,
            path=f"/videos/{ODD}",
            filename=ODD,
            status=VideoStatus.PARTIAL,
            reason="cut <off>",
        ),
        *(
            replace(VIDEO, video_id=one * 32, path=f"/v/{name}", filename=name, status=status, reason=reason)
            for one, name, status, reason in left_out
        ),
    ]
    with ResultWriter(dsn) as writer:
        writer.start_run(replace(RUN, work_dir=str(tmp_path / "work")))
        writer.write(rows(), videos)
    return dsn


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The pictures of the rows; a big one of the vehicle."""
    folder = tmp_path / "work" / "evidence" / "ab" / "abcdef"
    folder.mkdir(parents=True)
    sizes = {"1_vehicle": (600, 900), "1_plate": (40, 120), "1-1_frame": (180, 320), "1-1_strip": (90, 400)}
    for name, (height, width) in sizes.items():
        cv2.imwrite(str(folder / f"{name}.jpg"), np.full((height, width, 3), 90, np.uint8))
    return folder


@pytest.fixture
def report(dashcam: Dashcam, results: str, pictures: Path, tmp_path: Path) -> Path:
    """The folder of a report of that run."""
    folder = tmp_path / "report"
    assert dashcam("report", "-o", folder, "--db", results) == EXIT_OK
    return folder


def pages_of(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.html"))
    assert len(found) > 1
    return found


def test_ids_are_unique_and_references_point_at_them(report: Path) -> None:
    for path in pages_of(report):
        page = parsed(path)
        ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
        assert len(ids) == len(set(ids)), path.name
        for element in page.elements:
            for name in ("aria-labelledby", "aria-describedby", "for"):
                wanted = element.attributes.get(name, "").split()
                assert set(wanted) <= set(ids), f"{path.name}: <{element.tag} {name}={wanted}>"


def test_pictures_have_texts_and_fields_have_labels(report: Path) -> None:
    for path in pages_of(report):
        page = parsed(path)
        assert [image for image in page.named("img") if not image.attributes.get("alt")] == []
        labelled = {label.attributes["for"] for label in page.named("label")}
        fields = {one.attributes["id"] for one in page.named("input", "select")}
        assert fields == labelled
        for drawing in page.named("svg"):
            assert "aria-labelledby" in drawing.attributes or drawing.attributes.get("aria-hidden") == "true"


def test_headings_go_down_one_by_one(report: Path) -> None:
    for path in pages_of(report):
        levels = [int(one.tag[1]) for one in parsed(path).elements if re.fullmatch(r"h[1-6]", one.tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels


def test_pages_have_language_title_and_landmarks(report: Path) -> None:
    for path in pages_of(report):
        page = parsed(path)
        assert page.named("html")[0].attributes["lang"] == "en"
        assert page.named("title")[0].text.strip()
        assert len(page.named("main")) == 1
        assert page.named("th") == [] or all("scope" in one.attributes for one in page.named("th"))


def test_nothing_is_fetched_from_elsewhere_and_every_link_leads_somewhere(report: Path) -> None:
    for path in pages_of(report):
        page = parsed(path)
        for element in page.elements:
            for name in ("src", "href"):
                address = element.attributes.get(name)
                if address is None or address == "data:,":
                    continue
                parts = urlsplit(address)
                assert not parts.scheme
                assert not parts.netloc
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                assert target.is_file(), f"{path.name}: {address}"
                assert target.is_relative_to(report.resolve())
                if parts.fragment:
                    assert f'id="{parts.fragment}"' in target.read_text(encoding="utf-8"), address
        assert not re.search(r"url\(|@import|https?://", path.read_text(encoding="utf-8"))


def test_texts_that_are_markup_stay_texts(report: Path) -> None:
    index = report / "index.html"
    page = parsed(index)
    assert len(page.named("script")) == 2
    assert page.named("b") == []
    shown = " ".join(heading.text for heading in page.named("h3"))
    assert ODD in shown
    assert "<b>X&1" in shown
    assert "cut <off>" in page.named("main")[0].text
    for path in pages_of(report):
        assert "<script>alert" not in path.read_text(encoding="utf-8")


def test_first_page_tells_the_run_in_numbers_and_what_was_not_read(report: Path) -> None:
    page = parsed(report / "index.html")
    numbers = {
        one.text: other.text.split()[0]
        for one, other in zip(
            page.named("dt"),
            [one for one in page.named("dd") if "class" not in one.attributes],
            strict=True,
        )
    }
    assert numbers == {"plates": "2", "vehicles": "4", "best guesses": "1", "of video": "40.0", "videos": "4"}
    main = " ".join(page.named("main")[0].text.split())
    for said in (
        "a.mp4: no video",
        "b.mp4: empty",
        "began 2026-01-02 04:04:05 +01:00",
        "51.50000 N, 0.12000 W, 33 km/h",
    ):
        assert said in main, said
    for reason in (NoPlateReason.TOO_SMALL, NoPlateReason.LOW_CONFIDENCE):
        assert IN_WORDS[reason].meaning[1:] in main
    footer = page.named("footer")[0].text
    assert "settings c1" in footer
    assert "models m1" in footer


def test_cards_with_a_plate_come_first(report: Path) -> None:
    page = parsed(report / "index.html")
    cards = [one for one in page.named("li") if "data-standing" in one.attributes]
    assert [one.attributes["data-standing"] for one in cards] == ["claim", "claim", "guess", "none"]
    assert [one.attributes["data-text"] for one in cards] == ["<b>X&1", "LS15EBC", "LS15E8C", ""]


def test_every_bar_of_a_timeline_stands_at_its_seconds(report: Path) -> None:
    page = parsed(report / "index.html")
    bars = [one for one in page.named("rect") if "rx" in one.attributes]
    places = {(one.attributes["class"], one.attributes["x"], one.attributes["width"]) for one in bars}
    assert ("claim", "2.0%", "10.0%") in places  # from 0.4 s to 2.4 s of 20 s
    assert ("guess", "15.0%", "10.0%") in places


def test_small_pictures_stand_on_cards_and_whole_ones_behind_them(report: Path) -> None:
    small = cv2.imread(str(report / "pictures/abcdef01/1_small.jpg"))
    whole = cv2.imread(str(report / "pictures/abcdef01/1_vehicle.jpg"))
    assert small is not None
    assert whole is not None
    assert (small.shape[1], whole.shape[1]) == (400, 900)
    page = parsed(report / "sightings/abcdef01-1.html")
    assert [one.attributes["src"] for one in page.named("img")] == [
        f"../pictures/abcdef01/1_{name}.jpg" for name in ("frame", "vehicle", "plate", "strip")
    ]


def test_pictures_that_are_gone_leave_a_placeholder_and_a_line(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "report"
    assert dashcam("report", "-o", folder, "--db", results) == EXIT_OK
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "11 pictures are not there any more" in said.err
    assert "--work-dir" in said.err
    page = parsed(folder / "index.html")
    assert page.named("img") == []
    assert "11 pictures are not there any more" in " ".join(page.named("main")[0].text.split())
    assert "The picture is not there any more" in page.named("main")[0].text


def test_report_takes_the_place_of_an_earlier_one(
    dashcam: Dashcam, results: str, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (report / "pictures/abcdef01/99_vehicle.jpg").write_bytes(b"of a sighting that is gone")
    capsys.readouterr()
    assert dashcam("report", "-o", report, "--db", results) == EXIT_OK
    assert capsys.readouterr().out == f"4 sightings, 2 with a plate: {report / 'index.html'}\n"
    assert sorted(one.name for one in report.iterdir()) == ["index.html", "pictures", "sightings"]
    assert not (report / "pictures/abcdef01/99_vehicle.jpg").exists()


@pytest.mark.parametrize(
    "files", [("notes.txt",), ("index.html",), ("index.html", "notes.txt"), ("pictures/a.jpg",)]
)
def test_folder_that_no_report_made_is_left_alone(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], files: tuple[str, ...]
) -> None:
    folder = tmp_path / "mine"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine", encoding="utf-8")
    assert dashcam("report", "-o", folder, "--db", results) == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no report wrote" in said
    assert {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()} == set(files)


def test_file_of_ones_own_beside_a_report_is_kept(
    dashcam: Dashcam, results: str, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (report / "notes.txt").write_text("mine", encoding="utf-8")
    assert dashcam("report", "-o", report, "--db", results) == EXIT_BAD_INPUT
    assert "holds notes.txt, which no report wrote" in capsys.readouterr().err
    assert (report / "index.html").is_file()


@pytest.mark.parametrize(("place", "said"), [("a/b/c", "is not there"), ("file", "it is a file")])
def test_place_for_no_folder_is_one_line(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, said: str
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert dashcam("report", "-o", tmp_path / place, "--db", results) == EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error


def test_report_that_fails_half_way_leaves_the_earlier_one(
    dashcam: Dashcam, results: str, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dashcam_pipeline.report.pictures.shutil.copyfile", full)
    assert dashcam("report", "-o", report, "--db", results) != EXIT_OK
    assert {path: path.read_bytes() for path in report.rglob("*") if path.is_file()} == before


def test_many_sightings_stand_on_pages_of_their_videos_and_the_search_knows_all(
    dashcam: Dashcam, results: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "arrange", partial(writing.arrange, cards_a_page=2))
    folder = tmp_path / "report"
    assert dashcam("report", "-o", folder, "--db", results) == EXIT_OK
    assert sorted(one.name for one in folder.glob("*.html")) == [
        "index.html",
        "video-1.html",
        "video-2-2.html",
        "video-2.html",
    ]
    index = parsed(folder / "index.html")
    data = json.loads(next(one.text for one in index.named("script") if one.attributes.get("id") == "data"))
    assert [one["text"] for one in data["cards"]] == ["<b>X&1", "LS15EBC", "LS15E8C", None]
    on_pages = [
        one.attributes["id"]
        for path in sorted(folder.glob("video-*.html"))
        for one in parsed(path).named("li")
        if "data-standing" in one.attributes
    ]
    assert sorted(on_pages) == sorted(f"card-{one['key']}" for one in data["cards"])
    for check in (
        test_ids_are_unique_and_references_point_at_them,
        test_pictures_have_texts_and_fields_have_labels,
        test_headings_go_down_one_by_one,
        test_nothing_is_fetched_from_elsewhere_and_every_link_leads_somewhere,
    ):
        check(folder)


def test_run_without_a_sighting_has_a_report_too(dashcam: Dashcam, dsn: str, tmp_path: Path) -> None:
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write([], [replace(VIDEO, status=VideoStatus.FAILED, reason="broken")])
    assert dashcam("report", "-o", tmp_path / "report", "--db", dsn) == EXIT_OK
    main_part = parsed(tmp_path / "report/index.html").named("main")[0].text
    assert "No vehicle was seen." in main_part
    assert "No video could be read." in main_part


def test_vehicle_that_goes_on_in_the_next_file_reaches_to_the_end_of_its_own(
    dashcam: Dashcam, results: str, tmp_path: Path
) -> None:
    with psycopg.connect(results) as connection:
        ids = dict(connection.execute("SELECT track_id, id FROM vehicles").fetchall())
        connection.execute("UPDATE vehicles SET part_of = %s WHERE track_id = 4", (ids[1],))
        connection.execute(
            "INSERT INTO joined (id, parts, until_id, shown_id, span_s, final_plate, plate_confidence, reads, "
            "agreeing_reads, char_votes) VALUES (%s, 2, %s, %s, 9.5, 'LS15EBC', 0.97, 8, 7, '[]')",
            (ids[1], ids[4], ids[1]),
        )
    assert dashcam("report", "-o", tmp_path / "report", "--db", results) == EXIT_OK
    page = parsed(tmp_path / "report/index.html")
    (bar,) = [
        one for one in page.named("rect") if one.attributes["class"] == "claim" and "rx" in one.attributes
    ]
    assert (bar.attributes["x"], bar.attributes["width"]) == ("2.0%", "98.0%")
    card = next(one for one in page.named("li") if one.attributes.get("data-text") == "LS15EBC")
    assert f"0:00 to 0:02 of {ODD}" in card.text


def test_failed_work_is_told_by_stage(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    letters = [replace(DEAD_LETTER, video_id=VIDEO_ID, task_id=f"t{n}", error="Odd: <x>") for n in range(3)]
    with ResultWriter(results) as writer:
        writer.write([], [], letters)
    assert dashcam("report", "-o", tmp_path / "report", "--db", results) == EXIT_OK
    shown = " ".join(parsed(tmp_path / "report/index.html").named("main")[0].text.split())
    assert "drive.mp4OCR3Odd: <x>" in shown


def test_plate_of_the_watchlist_is_marked(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    with psycopg.connect(results) as connection:
        connection.execute(
            "INSERT INTO alerts (sighting_id, watched, spelling, note, plate, distance, run_id, video_id, first_s, "
            "last_s, state) SELECT id, 'LS15EBC', 'LS15 EBC', 'stolen <1>', 'LS15EBC', 0, run_id, video_id, 0, 1, "
            "'kept' FROM vehicles WHERE track_id = 1"
        )
        connection.execute(
            "UPDATE vehicles SET ts = '2026-01-02T03:04:06Z', time_source = 'name', utc_offset_min = 60"
        )
    assert dashcam("report", "-o", tmp_path / "report", "--db", results) == EXIT_OK
    page = parsed(tmp_path / "report/index.html")
    card = next(one for one in page.named("li") if one.attributes.get("data-text") == "LS15EBC")
    assert "Watched plate: stolen <1>" in card.text
    assert "alerts" in [one.attributes.get("id") for one in page.named("h2")]
    alerts = next(one for one in page.named("ul") if one.attributes.get("class") == "alerts")
    assert "watched for as LS15 EBC: stolen <1>" in " ".join(alerts.text.split())
    assert "; 2026-01-02 04:04:06 +01:00 (by its name)" in alerts.text


@pytest.mark.parametrize(
    ("source", "said"), [("gps", False), ("name", False), ("container", True), ("file", True)]
)
def test_wall_time_that_is_often_wrong_says_what_it_rests_on(
    dashcam: Dashcam, results: str, tmp_path: Path, source: str, said: bool
) -> None:
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE vehicles SET time_source = %s", (source,))
        connection.execute("UPDATE videos SET time_source = %s", (source,))
    assert dashcam("report", "-o", tmp_path / "report", "--db", results) == EXIT_OK
    page = parsed(tmp_path / "report/index.html")
    card = next(one for one in page.named("li") if one.attributes.get("data-text") == "LS15EBC")
    assert "2026-01-02 04:04:06 +01:00" in card.text
    assert ("+01:00 (by " in card.text) == said
    ticks = [one.text for one in page.named("text") if "wall" in one.attributes.get("class", "")]
    assert ticks[:2] == ([] if said else ["04:04:05", "04:04:10"])


def test_report_of_one_video_is_about_nothing_else(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert dashcam("report", "--video", "drive.mp4", "-o", folder, "--db", results) == EXIT_OK
    shown = " ".join(parsed(folder / "index.html").named("main")[0].text.split())
    assert "LS15EBC" in shown
    for other in ("a.mp4", ODD, "<b>X&1"):
        assert other not in shown
    assert len(list((folder / "sightings").iterdir())) == 3
    assert dashcam("report", "--video", "none.mp4", "-o", folder, "--db", results) == EXIT_BAD_INPUT


def test_report_that_was_killed_while_it_was_put_in_place_can_be_written_again(
    dashcam: Dashcam, results: str, report: Path
) -> None:
    whole = {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()}
    (report / STAGING).mkdir()
    (report / "index.html").rename(report / STAGING / "index.html")
    assert dashcam("report", "-o", report, "--db", results) == EXIT_OK
    assert {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()} == whole


def test_video_that_an_earlier_run_had_read_is_not_missing(
    dashcam: Dashcam, results: str, pictures: Path, tmp_path: Path
) -> None:
    later = replace(
        RUN, run_id="run-2", started_at=RUN.started_at + timedelta(days=1), work_dir=str(tmp_path / "work")
    )
    skipped = replace(
        VIDEO,
        run_id="run-2",
        video_id=VIDEO_ID,
        status=VideoStatus.SKIPPED,
        reason="read by run run-1 already",
    )
    with ResultWriter(results) as writer:
        writer.start_run(later)
        writer.write(videos=[skipped])
    folder = tmp_path / "later"
    assert dashcam("report", "--run", "run-2", "-o", folder, "--db", results) == EXIT_OK
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "read by run" not in text
    assert "1 of an earlier run" in text
    assert "1280 × 720" in text
    assert "20.0 s" in text
