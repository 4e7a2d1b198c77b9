"""Watchlists as files: what is taken, and which line is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.watching.watchlist import NEAR, sound_note, sound_plate
from dashcam_pipeline.storage.watching.watchlist_file import read_watchlist

LONG = "A" * 33


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            "plate,note\nLS15 EBC,stolen\nAB-12-CDE,\n",
            [("LS15 EBC", "stolen", 0.0), ("AB-12-CDE", None, 0.0)],
        ),
        ("LS15EBC\n\n# mine\nAB12CDE", [("LS15EBC", None, 0.0), ("AB12CDE", None, 0.0)]),
        ('Note,Plate\n"blue, old",LS15EBC\n', [("LS15EBC", "blue, old", 0.0)]),
        ("plate;note\nLS15EBC;stolen, twice\n", [("LS15EBC", "stolen, twice", 0.0)]),
        ("plate,note,near\nLS15EBC,,yes\nAB12CDE,,no\n", [("LS15EBC", None, NEAR), ("AB12CDE", None, 0.0)]),
        ("plate\nLS15EBC\n", [("LS15EBC", None, 0.0)]),
        ("\ufeffplate,note\r\nLS15EBC,x\r\n", [("LS15EBC", "x", 0.0)]),
        ("京A12345\nВ123АС77\n", [("京A12345", None, 0.0), ("В123АС77", None, 0.0)]),
        ("", []),
        ("plate,note\n", []),
    ],
)
def test_plates_and_notes_are_read(
    tmp_path: Path, content: str, found: list[tuple[str, str | None, float]]
) -> None:
    read = read_watchlist(write(tmp_path, content), near=False)
    assert [(one.spelling, one.note, one.near) for one in read.wanted] == found
    assert read.bad == ()


def test_near_of_the_call_holds_where_the_file_says_nothing(tmp_path: Path) -> None:
    assert read_watchlist(write(tmp_path, "LS15EBC\n"), near=True).wanted[0].near == NEAR
    path = write(tmp_path, "plate,near\nLS15EBC,no\n")
    assert read_watchlist(path, near=True).wanted[0].near == 0.0


@pytest.mark.parametrize(
    ("content", "bad"),
    [
        ("LS15EBC\nAB*\n--\n", [(2, "it has *"), (3, "0 letters and digits")]),
        ("LS15EBC,stolen\n", [(1, "a header such as plate,note")]),
        ("plate,note\n,no plate\nAB12CDE,x,y\n", [(2, "0 letters"), (3, "3 values for 2 columns")]),
        ("plate,near\nAB12CDE,perhaps\n", [(2, "near is 'perhaps'")]),
        ("plate,near\nA1,yes\n", [(2, "too much is near 'A1'")]),
        (f"AB12CDE\n{LONG}\n", [(2, "33 letters and digits")]),
    ],
)
def test_bad_lines_are_named_and_the_others_are_read(
    tmp_path: Path, content: str, bad: list[tuple[int, str]]
) -> None:
    path = write(tmp_path, content)
    read = read_watchlist(path, near=False)
    assert [line.place for line in read.bad] == [f"{path}:{number}" for number, _ in bad]
    for line, (_, reason) in zip(read.bad, bad, strict=True):
        assert reason in line.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"plate\nM\xdcL12\n", "no UTF-8"),
        ("note,owner\nx,y\n", "no column plate"),
        ('plate,note\n"LS15EBC,x\nAB12CDE,y\n', None),
    ],
)
def test_file_that_is_no_list_is_refused(tmp_path: Path, content: str | bytes, reason: str | None) -> None:
    path = write(tmp_path, content)
    if reason is None:  # a quote that is never closed swallows the rest, which is no plate
        assert read_watchlist(path, near=False).bad
        return
    with pytest.raises(BadInput, match=reason):
        read_watchlist(path, near=False)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv can't be read: No such file"):
        read_watchlist(tmp_path / "none.csv", near=False)


@pytest.mark.parametrize(
    ("text", "plate"), [(" ls15  ebc ", "ls15 ebc"), ("M-AB 1234", "M-AB 1234"), ("1·ABC", "1·ABC")]
)
def test_plate_keeps_its_spelling(text: str, plate: str) -> None:
    assert sound_plate(text) == plate


def test_note_is_one_line_without_signs_that_move_a_cursor() -> None:
    assert sound_note(" two\nlines\t\x1b[31mred ") == "two lines [31mred"
    assert sound_note("  ") is None
