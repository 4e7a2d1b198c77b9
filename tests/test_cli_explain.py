"""`dashcam explain`: how a sighting came by its plate, on the screen, as JSON, and as a page."""

from __future__ import annotations

import html.parser
import json
import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_OK
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.writing.writer import ResultWriter, sighting_id
from dashcam_pipeline.vision.plates import not_a_plate
from dashcam_pipeline.vision.plates.not_a_plate import NotAPlate
from dashcam_pipeline.vision.reasons import IN_WORDS
from dashcam_pipeline.vision.types import NoPlateReason
from storage_rows import LOOKS, RUN, UNREAD, VIDEO, WELL_KNOWN

Dashcam = Callable[..., int]
FIRST, SECOND = "abcdef01" + "2" * 24, "abcdef01" + "3" * 24  # videos whose ids begin alike
OTHER = "0" * 32
SETTINGS: dict[str, object] = {"vote": {"claim_confidence": 0.7, "min_reads": 2}}


@pytest.fixture
def results(dsn: str, tmp_path: Path) -> str:
    """Two runs; the latest has a vehicle of two parts, one without a plate, and one in a video named like the first."""
    well_known = replace(WELL_KNOWN, video_id=FIRST, run_id="run-2")
    unread = replace(UNREAD, video_id=FIRST, run_id="run-2", track_id=2, looks=LOOKS[:1])
    videos = [
        replace(
            VIDEO,
            run_id="run-2",
            video_id=one,
            path=f"/videos/{name}",
            filename=name,
            status=VideoStatus.DONE,
        )
        for one, name in ((FIRST, "drive.mp4"), (SECOND, "[b]night<i>.mp4"))
    ]
    with ResultWriter(dsn) as writer:
        writer.start_run(RUN)
        writer.write(
            [replace(WELL_KNOWN, video_id=OTHER, final_plate="OLD1")], [replace(VIDEO, video_id=OTHER)]
        )
        writer.start_run(
            replace(
                RUN,
                run_id="run-2",
                started_at=RUN.started_at + timedelta(hours=1),
                work_dir=str(tmp_path),
                config=SETTINGS,
            )
        )
        writer.write(
            [
                well_known,
                replace(well_known, part=0, final_plate="AB12CDE", looks=()),
                unread,
                replace(well_known, video_id=SECOND, track_id=1, part=0, final_plate="AB12CDE"),
                replace(unread, video_id=SECOND, track_id=9),
            ],
            videos,
        )
    return dsn


def test_every_look_and_read_is_listed_with_its_weight_and_vote(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "abcdef01-1-1", "--db", results) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert any("  time of day " in line and line.endswith("of the picture)") for line in lines)
    start = lines.index("looks:") + 2
    assert [line.split() for line in lines[start : start + 4]] == [
        ["20", "0.8", "s", "40", "0.40", "0.61", "A", "I515EBC", "0.40", "0.16", "differs"],
        ["30", "1.2", "s", "70", "0.90", "0.88", "A", "LS15EBC", "0.99", "0.98", "agrees"],
        ["B", "LS15EBC", "0.90", "0.81", "agrees"],
        ["42", "1.7", "s", "no", "plate", "found"],
    ]


def test_claimed_plate_is_explained_with_format_region_and_vote(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "abcdef01-1-1", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    for part in (
        "sighting abcdef01-1-1",
        "LS15EBC, confidence 0.91",
        "/videos/drive.mp4",
        "0.4 s to 2.4 s (frames 10 to 60)",
        "gb/standard",
        "gb (the readers' guess)",
        "6 of 7 looks that voted have this text; 2 of 2 readers read it",
        "from 0.70 and 2 agreeing looks on",
        "1 L 0.90, I 0.10",
        "by: A cct_xs_v2, B cct_xs_v1",
        f"frame: {tmp_path}/evidence/ab/abcdef/1-1_frame.jpg (not on this host)",
    ):
        assert part in words, part


def test_undisputed_vote_and_empty_columns_take_no_room(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = replace(UNREAD, video_id=OTHER, track_id=5, looks=LOOKS[2:], char_votes=[{"A": 1.0}, {"B": 0.999}])
    with ResultWriter(results) as writer:
        writer.write([row])
    assert dashcam("explain", "00000000-5", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert "vote for each position: undisputed" in shown
    assert "frame   time  vote" in shown
    assert "plate px" not in shown


def test_reads_of_another_length_are_counted(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = replace(
        LOOKS[1], reads=(replace(LOOKS[1].reads[0], text="LS15EBCC", agrees=False), LOOKS[1].reads[1])
    )
    row = replace(
        WELL_KNOWN, video_id=OTHER, track_id=5, part=0, looks=(longer,), char_votes=[{"L": 1.0}] * 7
    )
    with ResultWriter(results) as writer:
        writer.write([row])
    assert dashcam("explain", "00000000-5", "--db", results) == EXIT_OK
    assert (
        "1 of the 2 reads that voted has another text, 1 of them with another number of characters"
        in " ".join(capsys.readouterr().out.split())
    )


def test_position_where_reads_differ_is_told_however_sure_the_vote_is_after_weighing(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = replace(WELL_KNOWN, video_id=OTHER, track_id=5, char_votes=[{one: 1.0} for one in "LS15EBC"])
    with ResultWriter(results) as writer:
        writer.write([row])
    assert dashcam("explain", "00000000-5-1", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert (
        "1 of the 3 reads that voted has another text; its least certain character is L at position 1, with 1.00 of "
        "the vote after weighing; 1 of 3 reads differs there" in " ".join(shown.split())
    )
    lines = shown.splitlines()
    start = lines.index("share of the vote for each position, after weighing:") + 1
    assert lines[start : start + 3] == [
        "   1  L 1.00; 1 of 3 reads differs",
        "   2  S 1.00; 1 of 3 reads differs",
        "   3  1 1.00",
    ]
    assert "undisputed" not in shown


def test_reads_that_are_all_alike_are_undisputed(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    votes = [{one: 1.0} for one in "LS15EBC"]
    row = replace(WELL_KNOWN, video_id=OTHER, track_id=5, looks=LOOKS[1:], char_votes=votes)
    with ResultWriter(results) as writer:
        writer.write([row])
    assert dashcam("explain", "00000000-5-1", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert "all 2 reads that voted are alike" in " ".join(shown.split())
    assert "vote for each position: undisputed" in shown


ENOUGH = {"enough_reads": 2, "enough_confidence": 0.9, "kept_views": 12}


@pytest.mark.parametrize(
    ("looks", "ended"),
    [(ENOUGH, True), (ENOUGH | {"enough_confidence": 0.97}, False), (ENOUGH | {"kept_views": 3}, False)],
)
def test_search_that_ended_because_enough_reads_agreed_says_so(
    dashcam: Dashcam,
    results: str,
    capsys: pytest.CaptureFixture[str],
    looks: dict[str, object],
    ended: bool,
) -> None:
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE runs SET config = config || %s", (Jsonb({"looks": looks}),))
    assert dashcam("explain", "abcdef01-1-1", "--db", results) == EXIT_OK
    words = " ".join(capsys.readouterr().out.split())
    assert ("search 3 views; it ends when 2 agree and the confidence is 0.90" in words) == ended


@pytest.mark.parametrize(
    ("megabytes", "why"), [(5, "had nearly reached storage.evidence_mb (5)"), (0, "storage.evidence_mb is 0")]
)
def test_missing_pictures_are_told_once_with_the_reason(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str], megabytes: int, why: str
) -> None:
    with psycopg.connect(results) as connection:
        settings = Jsonb({"storage": {"evidence_mb": megabytes}})
        connection.execute("UPDATE runs SET config = config || %s", (settings,))
        connection.execute(
            "UPDATE vehicles SET vehicle_picture = NULL, plate_picture = NULL, frame_picture = NULL, "
            "strip_picture = NULL"
        )
    assert dashcam("explain", "abcdef01-1-1", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert why in " ".join(shown.split())
    assert shown.count("pictures") == 1


def test_no_line_ends_in_blanks(dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dashcam("explain", "abcdef01-1-1", "--db", results) == EXIT_OK
    assert [line for line in capsys.readouterr().out.splitlines() if line != line.rstrip()] == []


def test_page_that_cannot_be_written_names_its_own_option(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "nowhere" / "a.html"
    assert dashcam("explain", "abcdef01-1-1", "--html", out, "--db", results) == EXIT_BAD_INPUT
    assert "name a file with --html" in capsys.readouterr().err


def test_plate_that_only_an_earlier_run_has_is_found_there(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "old-1", "--db", results) == EXIT_OK
    output = capsys.readouterr()
    assert "sighting 00000000-1-1" in output.out
    assert output.err == "the latest run run-2 has no old-1: this is of run run-1\n"


def test_best_guess_of_an_earlier_run_stands_for_its_sighting(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ResultWriter(results) as writer:
        writer.write([replace(UNREAD, video_id=OTHER, track_id=5, best_guess="GUESS1")])
    assert dashcam("explain", "GUESS1", "--db", results) == EXIT_OK
    assert "sighting 00000000-5" in capsys.readouterr().out


def test_uuid_of_the_export_stands_for_its_sighting(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", sighting_id(FIRST, 1, 1), "--db", results) == EXIT_OK
    assert "sighting abcdef01-1-1" in capsys.readouterr().out
    unknown = "1771c0a2-2e49-5800-9763-a2f7b2485c7c"
    assert dashcam("explain", unknown, "--db", results) == EXIT_BAD_INPUT
    assert f"no sighting is called '{unknown}'" in capsys.readouterr().err


def test_view_that_was_searched_twice_says_which_search_it_was(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = replace(UNREAD, video_id=OTHER, track_id=5, looks=(LOOKS[2], replace(LOOKS[2], in_full=True)))
    with ResultWriter(results) as writer:
        writer.write([row])
    assert dashcam("explain", "00000000-5", "--db", results) == EXIT_OK
    assert capsys.readouterr().out.count("no plate found, in full size") == 1


@pytest.mark.parametrize("code", NotAPlate)
def test_what_is_not_its_plate_is_told_in_words(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str], code: NotAPlate
) -> None:
    row = replace(UNREAD, video_id=OTHER, track_id=5, looks=(replace(LOOKS[2], note=str(code)),))
    with ResultWriter(results) as writer:
        writer.write([row])
    assert dashcam("explain", "00000000-5", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert f"not its plate: {not_a_plate.IN_WORDS[code]}" in shown
    assert f" {code}\n" not in shown


def test_missing_plate_is_explained_in_words_with_what_to_do(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "abcdef012-2", "--db", results) == EXIT_OK
    words = " ".join(capsys.readouterr().out.split())
    low = IN_WORDS[NoPlateReason.LOW_CONFIDENCE]
    assert f"none: {low.meaning} (low_confidence)" in words
    assert "best guess LS15E8C, confidence 0.40" in words
    assert low.advice in words


@pytest.mark.parametrize("name", ["abcdef01-1-1", "abcdef012-2", "abcdef01-9", "abcdef012-1"])
def test_report_fits_100_ascii_columns_apart_from_paths(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert dashcam("explain", name, "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert [line for line in shown.splitlines() if len(line) > 100 and "/" not in line] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("abcdef01-77", "no sighting is called 'abcdef01-77'"),
        ("ZZ99", "none has that plate or best guess: `dashcam search` finds parts"),
        ("", "no sighting is called ''"),
        ("abcdef01-" + "9" * 40, "no sighting is called"),
        (
            "AB12CDE",
            "2 sightings of run run-2 have the plate AB12CDE: name one of abcdef013-1 ([b]night<i>.mp4, 0.4 s), "
            "abcdef012-1 (drive.mp4, 0.4 s)",
        ),
    ],
)
def test_name_that_means_no_single_sighting_is_one_line(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert dashcam("explain", name, "--db", results) == EXIT_BAD_INPUT
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert said in output.err


def test_id_of_two_videos_that_begin_alike_asks_for_more_of_it(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "abcdef01-1", "--db", results) == EXIT_BAD_INPUT
    assert "say abcdef012-1, abcdef013-1" in capsys.readouterr().err
    assert dashcam("explain", "abcdef013-1", "--db", results) == EXIT_OK
    assert "[b]night<i>.mp4" in capsys.readouterr().out


@pytest.mark.parametrize("plate", ["LS15EBC", "ls15 ebc", "LS-15-EBC"])
def test_plate_that_one_sighting_has_stands_for_it(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str], plate: str
) -> None:
    assert dashcam("explain", plate, "--db", results) == EXIT_OK
    assert "sighting abcdef01-1-1" in capsys.readouterr().out


def test_exported_id_is_understood(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("export", "--format", "json", "--db", results) == EXIT_OK
    rows = json.loads(capsys.readouterr().out)
    (row,) = [row for row in rows if row["plate"] == "LS15EBC"]
    assert (row["id"], row["region"], row["format"]) == ("abcdef01-1-1", "gb", "gb/standard")
    assert row["strip_evidence"].endswith("1-1_strip.jpg")
    assert dashcam("explain", row["id"], "--json", "--db", results) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["uuid"] == row["uuid"]


def test_json_has_all_that_is_stored(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "abcdef01-1-1", "--json", "--db", results) == EXIT_OK
    found = json.loads(capsys.readouterr().out)
    assert [look["frame_idx"] for look in found["looks"]] == [20, 30, 42]
    assert found["looks"][1]["reads"][0]["char_confidences"] == [0.99] * 7
    assert found["looks"][0]["quality"] == {"sharpness": 14.0, "readable": 0.4}
    assert found["char_votes"] == WELL_KNOWN.char_votes
    assert found["pictures"]["plate"] == str(tmp_path / "evidence/ab/abcdef/1_plate.jpg")
    assert dashcam("explain", "abcdef012-2", "--json", "--db", results) == EXIT_OK
    reason = json.loads(capsys.readouterr().out)["reason_in_words"]
    assert reason == IN_WORDS[NoPlateReason.LOW_CONFIDENCE].meaning


@pytest.fixture
def joined(results: str) -> str:
    """As when the vehicle of track 1 was found to go on as track 2 of the other video."""
    head, tail = sighting_id(FIRST, 1, 1), sighting_id(SECOND, 9)
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE vehicles SET part_of = %s WHERE id = %s", (head, tail))
        connection.execute(
            "INSERT INTO joined (id, parts, until_id, shown_id, span_s, final_plate, plate_confidence, reads, "
            "agreeing_reads, char_votes) VALUES (%s, 2, %s, %s, 9.5, 'LS15EBC', 0.97, 8, 7, '[]')",
            (head, tail, head),
        )
    return results


def test_vehicle_of_several_tracks_is_explained_with_the_looks_of_all(
    dashcam: Dashcam, joined: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "LS15EBC", "--db", joined) == EXIT_OK
    shown = capsys.readouterr().out
    assert "LS15EBC, confidence 0.97" in shown
    assert (
        "0.4 s of drive.mp4 to 2.4 s of [b]night<i>.mp4 (frames 10 and 60): 9.5 s over 2 files"
        in " ".join(shown.split())
    )
    assert "abcdef01-1-1, abcdef01-9" in shown
    assert shown.index("looks of abcdef01-1-1, drive.mp4:") < shown.index(
        "looks of abcdef01-9, [b]night<i>.mp4:"
    )
    assert dashcam("explain", "LS15EBC", "--json", "--db", joined) == EXIT_OK
    looks = json.loads(capsys.readouterr().out)["looks"]
    assert [look["sighting"] for look in looks] == ["abcdef01-1-1"] * 3 + ["abcdef01-9"]


def test_reads_of_all_tracks_are_held_against_the_plate_of_the_whole_vehicle(
    dashcam: Dashcam, joined: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(joined) as connection:
        connection.execute("UPDATE joined SET final_plate = 'LS75EBC'")
    assert dashcam("explain", "abcdef01-1-1", "--json", "--db", joined) == EXIT_OK
    reads = [read for look in json.loads(capsys.readouterr().out)["looks"] for read in look["reads"]]
    assert {read["text"] for read in reads} >= {"LS15EBC"}
    assert all(read["agrees"] == (read["weight"] > 0 and read["text"] == "LS75EBC") for read in reads)


def test_track_that_another_speaks_for_says_so(
    dashcam: Dashcam, joined: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashcam("explain", "abcdef01-9", "--db", joined) == EXIT_OK
    assert "sighting abcdef01-1-1, which speaks for this one" in " ".join(capsys.readouterr().out.split())


class Outside(html.parser.HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_page_holds_its_pictures_and_needs_nothing_else(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plate = tmp_path / "evidence/ab/abcdef/1_plate.jpg"
    plate.parent.mkdir(parents=True)
    cv2.imwrite(str(plate), np.zeros((20, 60, 3), np.uint8))
    out = tmp_path / "proof.html"
    assert dashcam("explain", "abcdef01-1-1", "--html", out, "--db", results) == EXIT_OK
    text = out.read_text(encoding="utf-8")
    seen = Outside()
    seen.feed(text)
    assert [source[:23] for source in seen.sources] == ["data:image/jpeg;base64,"]
    assert not {"script", "link", "iframe"} & set(seen.tags)
    assert text.count("(the file is not on this host)") == 3
    assert "I515EBC" in text
    assert capsys.readouterr().out == ""


def picture_in(work_dir: Path) -> Path:
    """The picture of the plate of WELL_KNOWN, in a work dir."""
    path = work_dir / "evidence/ab/abcdef/1_plate.jpg"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.zeros((20, 60, 3), np.uint8))
    return path


def test_pictures_of_a_work_dir_that_was_moved_are_found_in_the_one_in_use(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "moved"
    picture = picture_in(moved)
    place = ("--db", results, "--work-dir", moved)
    assert dashcam("explain", "abcdef01-1-1", *place) == EXIT_OK
    shown = capsys.readouterr().out.splitlines()
    assert f"  plate: {picture}" in shown
    assert dashcam("export", "--format", "json", *place) == EXIT_OK
    rows = json.loads(capsys.readouterr().out)
    assert {row["plate_evidence"] for row in rows if row["plate"] == "LS15EBC"} == {str(picture)}


@pytest.mark.parametrize(("host", "used"), [(platform.node(), "recorded"), ("elsewhere", "moved")])
def test_work_dir_of_another_host_is_looked_at_last(
    dashcam: Dashcam,
    results: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    host: str,
    used: str,
) -> None:
    pictures = {name: picture_in(tmp_path / name) for name in ("recorded", "moved")}
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE runs SET work_dir = %s, host = %s", (str(tmp_path / "recorded"), host))
    place = ("--db", results, "--work-dir", tmp_path / "moved")
    assert dashcam("explain", "abcdef01-1-1", "--json", *place) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["pictures"]["plate"] == str(pictures[used])
    assert dashcam("runs", "show", *place) == EXIT_OK
    assert f"evidence pictures: {tmp_path / used / 'evidence'}\n" in capsys.readouterr().out


def test_page_without_its_pictures_says_so_in_one_line(
    dashcam: Dashcam, results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "proof.html", tmp_path / "other"
    other.mkdir()
    assert dashcam("explain", "abcdef01-1-1", "--html", out, "--db", results, "--work-dir", other) == EXIT_OK
    _, said = capsys.readouterr().err.splitlines()
    assert f"4 of its 4 pictures are not in {tmp_path} and {other}" in said
    assert "--work-dir" in said


def test_page_shows_odd_names_as_they_are(dashcam: Dashcam, results: str, tmp_path: Path) -> None:
    out = tmp_path / "proof.html"
    assert dashcam("explain", "abcdef013-1", "--html", out, "--db", results) == EXIT_OK
    assert "[b]night&lt;i&gt;.mp4" in out.read_text(encoding="utf-8")


def test_sighting_of_an_older_version_is_explained_as_far_as_it_is_known(
    dashcam: Dashcam, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE vehicles SET looks = '[]', no_plate_reason = 'odd_one' WHERE track_id = 9")
        connection.execute("UPDATE vehicles SET looks = '[]' WHERE track_id = 1")
        settings = Jsonb({"looks": ENOUGH})
        connection.execute("UPDATE runs SET config = %s WHERE run_id = 'run-2'", (settings,))
    assert dashcam("explain", "LS15EBC", "--db", results) == EXIT_OK
    assert "search" not in capsys.readouterr().out
    with psycopg.connect(results) as connection:
        connection.execute("UPDATE runs SET config = NULL")
    assert dashcam("explain", "abcdef01-9", "--db", results) == EXIT_OK
    shown = capsys.readouterr().out
    assert "no looks are stored" in shown
    assert "none: odd one (odd_one)" in shown


def test_every_reason_has_its_words() -> None:
    assert set(IN_WORDS) == set(NoPlateReason)
