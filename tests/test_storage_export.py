"""Exported sightings: what stands in which column of the plain formats, whole files only."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.storage.exporting import parquet
from dashcam_pipeline.storage.exporting.columns import NAMES
from dashcam_pipeline.storage.exporting.extract import Exported, Extract
from dashcam_pipeline.storage.exporting.formats import ENDINGS, Format, format_of
from dashcam_pipeline.storage.exporting.tables import write_csv, write_json
from dashcam_pipeline.storage.exporting.writing import BINARY_WRITERS, TEXT_WRITERS, write
from dashcam_pipeline.storage.results.reading import Sighting
from export_rows import BOXES, CLAIM, GUESS

Item = TypeVar("Item")
ALL = Extract(sightings=(CLAIM, GUESS))


def as_csv(*sightings: Sighting) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    assert write_csv(Extract(sightings=sightings), file) == Exported(len(sightings), len(sightings))
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def as_json(*sightings: Sighting) -> list[dict[str, object]]:
    file = io.StringIO()
    assert write_json(Extract(sightings=sightings), file) == Exported(len(sightings), len(sightings))
    rows: list[dict[str, object]] = json.loads(file.getvalue())
    return rows


def test_promised_columns_are_there() -> None:
    promised = (
        "plate confidence video first_frame last_frame first_s last_s vehicle_class reads evidence best_guess "
        "id region format frame_evidence"
    )
    assert set(promised.split()) <= set(NAMES)
    assert list(as_csv(CLAIM)[0]) == list(as_json(CLAIM)[0]) == list(NAMES)


def test_only_a_claim_stands_in_plate() -> None:
    assert [(row["plate"], row["best_guess"], row["reason"]) for row in as_csv(CLAIM, GUESS)] == [
        ("LS15EBC", "", ""),
        ("", "LS15E8C", "low_confidence"),
    ]
    assert [(row["plate"], row["best_guess"]) for row in as_json(CLAIM, GUESS)] == [
        ("LS15EBC", None),
        (None, "LS15E8C"),
    ]


def test_numbers_are_rounded_and_times_are_iso() -> None:
    (row,) = as_json(CLAIM)
    assert (row["confidence"], row["first_s"], row["ts"]) == (0.9123, 0.4, "2026-01-02T03:04:05.000+00:00")


@pytest.mark.parametrize("name", ["=cmd|'/c calc'!A1.mp4", "+1.mp4", "-1.mp4", "@x.mp4", "\tx.mp4"])
def test_file_name_cannot_become_a_formula(name: str) -> None:
    assert as_csv(replace(CLAIM, video=name))[0]["video"] == f"'{name}"
    assert as_json(replace(CLAIM, video=name))[0]["video"] == name


@pytest.mark.parametrize("name", ['a,"b".mp4', "a\nb.mp4", "ünï 駐車.mp4"])
def test_odd_names_survive(name: str) -> None:
    assert as_csv(replace(CLAIM, video=name))[0]["video"] == name
    assert as_json(replace(CLAIM, video=name))[0]["video"] == name


def test_no_sightings_make_a_valid_file() -> None:
    assert as_csv() == []
    assert as_json() == []


@pytest.mark.parametrize("format", [one for one in Format if one not in BINARY_WRITERS])
def test_file_and_standard_output_get_the_same(
    tmp_path: Path, format: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    write(ALL, format, tmp_path / "out")
    write(ALL, format, None)
    assert (tmp_path / "out").read_text(encoding="utf-8") == capsys.readouterr().out


def test_failure_on_the_way_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def cut_off() -> Iterator[Sighting]:
        yield CLAIM
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskUnavailable, match="No space left"):
        write(Extract(sightings=cut_off()), Format.CSV, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "nothing/out.csv"])
def test_place_that_is_no_file_is_bad_input(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="name a file with -o"):
        write(ALL, Format.CSV, tmp_path / name)


def test_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "file.csv")
    write(ALL, Format.CSV, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "file.csv").is_file()


def test_device_is_written_through() -> None:
    assert write(ALL, Format.CSV, Path("/dev/null")) == Exported(2, 2)
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(("ending", "format"), ENDINGS.items())
def test_ending_chooses_the_format(ending: str, format: Format) -> None:
    assert format_of(Path(f"/out/My.Sightings{ending.upper()}")) is format


@pytest.mark.parametrize("path", [None, Path("sightings"), Path("/dev/stdout"), Path("/out.d/sightings")])
def test_without_an_ending_it_is_csv(path: Path | None) -> None:
    assert format_of(path) is Format.CSV


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv.gz", "out.jsn"])
def test_unknown_ending_is_refused_with_the_formats_named(name: str) -> None:
    with pytest.raises(BadInput, match="no format to export to") as refused:
        format_of(Path(name))
    assert all(format in str(refused.value) for format in Format)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("format", Format)
def test_rows_are_written_while_they_are_read(format: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 100)
    file = io.BytesIO() if format in BINARY_WRITERS else io.StringIO()
    rows = 1000
    at_half = 0

    def repeated(item: Item) -> Iterator[Item]:
        nonlocal at_half
        for number in range(rows):
            if number == rows // 2:
                at_half = file.tell()
            yield item

    extract = (
        Extract(sightings=repeated(CLAIM)) if format is not Format.COCO else Extract(boxes=repeated(BOXES))
    )
    {**TEXT_WRITERS, **BINARY_WRITERS}[format](extract, file)
    assert at_half > 0.2 * file.tell()  # the rest of a small Parquet file is its footer
