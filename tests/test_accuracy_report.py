"""The accuracy benchmark as tables, what stands in its document, and what it keeps of models' answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from accuracykit.ablations import EVERYTHING, Ablated, single_reads
from accuracykit.before import Before, read_before
from accuracykit.causes import Cause, Failure
from accuracykit.docs import BEGIN, END, replaced
from accuracykit.drives import DriveResult, total
from accuracykit.model_cache import CachedModel, ModelCache
from accuracykit.plateless import PlatelessResult
from accuracykit.reliability import Point
from accuracykit.report import Report, ablation_table, drive_table, plateless_table, stills_table, text
from accuracykit.seen import ReadSeen, RowSeen, SearchSeen, Seen, TrackSeen, row_of_export
from accuracykit.settings import changed
from accuracykit.stills import Still, StillsResult, cause_of, read_label
from accuracykit.truth import read_plates
from benchkit.saving import described, save
from benchkit.trouble import BenchTrouble
from dashcam_pipeline.vision.types import Box, Image
from score import Score


def score(sightings: int, rows: int, right: int, found: int) -> Score:
    return Score(
        sightings=sightings,
        rows=rows,
        right=right,
        found=found,
        duplicates=right - found,
        recall=found / sightings,
        precision=right / rows,
        f1=0.5,
        missed=(),
    )


DRIVE = DriveResult(
    name="drive",
    score=score(10, 8, 7, 6),
    seconds=12.5,
    frames=300,
    failures=(
        Failure(
            plate="ABC123", cause=Cause.MISREAD, detail="0 of 4 reads right", first=1, last=9, is_row=False
        ),
        Failure(plate="ABC128", cause=Cause.MISREAD, detail="it is ABC123", first=1, last=9, is_row=True),
    ),
    points=(Point(0.95, True, True), Point(0.92, False, True), Point(0.3, False, False)),
    rows=(),
    same_rows=True,
)


def test_all_drives_together_are_weighed_by_their_plates() -> None:
    both = total([score(10, 5, 5, 5), score(30, 20, 15, 15)])
    assert (both.recall, both.precision, both.f1) == (0.5, 0.8, 0.6154)


def test_report_tells_every_miss_with_its_cause() -> None:
    lines = text(Report(drives=(DRIVE,))).splitlines()
    assert [line.split("|")[1:6] for line in lines if "ABC12" in line] == [
        [" drive ", " missed ", " ABC123 ", " 1-9    ", " misread "],
        [" drive ", " row    ", " ABC128 ", " 1-9    ", " misread "],
    ]
    assert any("Of 2 rows with a confidence of at least 0.9, 1 are right: 0.500" in line for line in lines)


def test_report_says_when_causes_may_be_off() -> None:
    other = DriveResult(**{name: getattr(DRIVE, name) for name in DRIVE.__slots__} | {"same_rows": False})
    assert "On drive the run's claims are not theirs" in text(Report(drives=(other,)))
    assert "are not theirs" not in text(Report(drives=(DRIVE,)))


def test_part_switched_off_is_worth_what_is_lost_without_it() -> None:
    lines = ablation_table(
        [
            Ablated(EVERYTHING, (), total([score(10, 8, 8, 8)])),
            Ablated("grammar off", ("vote.grammar=false",), total([score(10, 10, 6, 6)])),
            Ablated("unknown off", ("vote.unknown=false",), None),
        ]
    ).splitlines()
    assert "+0.2889" in lines[3]
    assert "no such setting" in lines[4]


def test_vote_off_is_the_surest_read_of_each_vehicle() -> None:
    reads = [ReadSeen("ABC123", 0.8), ReadSeen("ABC128", 0.9), ReadSeen("", 1.0)]
    found = [
        SearchSeen(track_id=1, frame_idx=n, vehicle=Box(0, 0, 9, 9), reads=(read,))
        for n, read in enumerate(reads)
    ]
    found.append(
        SearchSeen(track_id=2, frame_idx=5, vehicle=Box(0, 0, 9, 9), reads=(ReadSeen("WEAK1", 0.6),))
    )
    tracks = [TrackSeen(track_id=number, first=0, last=9, views=()) for number in (1, 2, 3)]
    rows = single_reads(Seen(tracks=tracks, searches=found), claim_confidence=0.7)
    assert [(row.plate, row.track_id) for row in rows] == [("ABC128", 1)]


def test_stills_are_counted_with_what_is_the_label_s_fault() -> None:
    stills = tuple(
        Still(file="a.jpg", plate="RKO82AL", read=read, cause=cause_of("RKO82AL", read))
        for read in ("RKO82AL", "RK082AL", "RK082AI", None)
    )
    assert [one.cause for one in stills] == [None, Cause.LABEL_DOUBTFUL, Cause.MISREAD, Cause.NO_PLATE_FOUND]
    cells = [cell.strip() for cell in stills_table([StillsResult("eu", stills)]).splitlines()[2].split("|")]
    assert cells[1:-1] == ["eu", "4", "1", "0.250", "0.95", "1", "0.500"]


def test_label_names_photo_and_plates(tmp_path: Path) -> None:
    label = tmp_path / "photo.txt"
    label.write_text("photo.jpg\t10\t20\t30\t8\tAB 123\nphoto.jpg\t50\t20\t30\t8\tCD4\tlow\n")
    file, plates = read_label(label)
    assert file == "photo.jpg"
    assert [(one.text, one.box, one.scored) for one in plates] == [
        ("AB123", Box(10, 20, 40, 28), True),
        ("CD4", Box(50, 20, 80, 28), False),
    ]


def test_label_that_is_none_is_named(tmp_path: Path) -> None:
    label = tmp_path / "photo.txt"
    label.write_text("photo.jpg 10 20")
    with pytest.raises(BenchTrouble, match=r"photo\.txt"):
        read_label(label)


def test_truth_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match=r"drive\.json"):
        read_plates(tmp_path / "drive.json")


def test_exported_row_is_taken_as_it_is() -> None:
    row = {
        "plate": None,
        "best_guess": "AB-1",
        "confidence": 0.5,
        "reason": "low_confidence",
        "first_frame": 3,
        "last_frame": 9,
        "track_id": 4,
    }
    seen = row_of_export(row)
    assert (seen.text, seen.first, seen.last, seen.track_id) == ("AB1", 3, 9, 4)


def test_figures_go_between_the_marks() -> None:
    document = f"# Title\n\n{BEGIN}\n\nold\n\n{END}\n\nrest\n"
    assert replaced(document, "new") == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nrest\n"
    with pytest.raises(BenchTrouble, match="lacks the lines"):
        replaced("# Title\n", "new")


@pytest.mark.parametrize("change", ["vote.min_reads", "min_reads=3", "=3"])
def test_change_that_is_not_understood_is_refused(change: str, tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match=r"section\.key=value"):
        changed([change], tmp_path)


def test_changes_reach_the_settings_and_the_command_line(tmp_path: Path) -> None:
    settings, options = changed(["vote.min_reads=3", "vote.claim_confidence=0.5"], tmp_path)
    assert (settings.vote.min_reads, settings.vote.claim_confidence) == (3, 0.5)
    assert options[0] == "--config" and Path(options[1]).is_file()


class Counting:
    """A model that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, images: Sequence[Image]) -> list[list[int]]:
        self.asked += len(images)
        return [[int(image.sum())] for image in images]


def test_model_is_asked_once_about_a_picture(tmp_path: Path) -> None:
    model, pictures = Counting(), [np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 1)]
    for _ in range(2):
        cache = ModelCache(tmp_path)
        cached = CachedModel(cache, "a model", lambda: model)
        assert cached.detect(pictures) == [[18], [36], [18]]
        cache.close()
    assert model.asked == 2


def test_answers_of_one_model_are_not_those_of_another(tmp_path: Path) -> None:
    cache, model, picture = ModelCache(tmp_path), Counting(), np.ones((2, 2, 3), np.uint8)
    for name in ("320 px", "416 px"):
        CachedModel(cache, name, lambda: model).detect([picture])
    assert model.asked == 2


def test_pictures_of_the_same_bytes_and_other_shapes_are_told_apart(tmp_path: Path) -> None:
    model = Counting()
    cached = CachedModel(ModelCache(tmp_path), "a model", lambda: model)
    cached.detect([np.ones((2, 4, 3), np.uint8), np.ones((4, 2, 3), np.uint8)])
    assert model.asked == 2


def test_video_without_a_plate_is_told_with_its_surest_text() -> None:
    def row(plate: str | None, guess: str | None, confidence: float | None) -> RowSeen:
        return RowSeen(plate=plate, best_guess=guess, confidence=confidence, reason=None, first=0, last=9)

    rows = (row(None, None, None), row(None, "NOISE1", 0.4), row("NOISE2", None, 0.8))
    lines = plateless_table([PlatelessResult("night", rows), PlatelessResult("road", rows[:1])]).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert cells == [["night", "3", "1", "1", "NOISE2", "0.80"], ["road", "1", "0", "0", "", ""]]


def test_earlier_version_stands_beside_this_one(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    stills = [StillsResult("eu", (Still(file="a.jpg", plate="A1", read="A1", cause=None),))]
    save(path, "accuracy", described({}) | asdict(Report(drives=(DRIVE,), stills=tuple(stills))))
    before = read_before(path)
    assert before.scores == {"drive": DRIVE.score}
    lines = drive_table([DRIVE, DRIVE], before).splitlines()
    assert [line.count(" 12.5 ") for line in lines[2:]] == [2, 2, 0]
    assert lines[4].count(" 25.0 ") == 2
    assert stills_table(stills, before).splitlines()[2].endswith("1.000 |")


def test_drive_that_is_new_has_nothing_before() -> None:
    cells = drive_table([DRIVE], Before()).splitlines()[2].split("|")
    assert [cell.strip() for cell in cells[-5:-1]] == ["", "", "", ""]


def test_file_of_something_else_is_no_earlier_version(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(BenchTrouble, match=r"other\.json"):
        read_before(tmp_path / "other.json")
