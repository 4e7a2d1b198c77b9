"""Plates as keyed hashes, and the key."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashcam_pipeline.errors import ConfigError, DiskUnavailable
from dashcam_pipeline.storage.retention.plate_hash import (
    ENVIRONMENT,
    FILE_NAME,
    hashed,
    is_hashed,
    key_id,
    key_id_of,
    normalised,
    plate_key,
    shown,
)

KEY = b"a key that is long enough"
OTHER_KEY = b"another key, long enough too"
PLATES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=10)


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


@given(PLATES, st.lists(st.sampled_from(" -·./"), max_size=12), st.booleans())
def test_spelling_makes_no_difference(plate: str, between: list[str], lower: bool) -> None:
    spelt = "".join(
        mark + character for mark, character in zip(between + [""] * len(plate), plate, strict=False)
    )
    assert hashed(spelt.lower() if lower else spelt, KEY) == hashed(plate, KEY)


@given(st.text())
def test_what_is_normalised_stays_so(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(PLATES, PLATES)
def test_hashes_are_equal_exactly_when_plates_are(one: str, other: str) -> None:
    assert (hashed(one, KEY) == hashed(other, KEY)) == (one == other)


@given(PLATES)
def test_a_hash_says_neither_plate_nor_key(plate: str) -> None:
    found = hashed(plate, KEY)
    assert is_hashed(found)
    assert not is_hashed(plate)
    assert len(plate) < 4 or plate not in found
    assert hashed(plate, OTHER_KEY) != found
    assert key_id_of(found) == key_id(KEY) != key_id(OTHER_KEY)


def test_a_hash_is_not_hashed_again() -> None:
    once = hashed("LS15 EBC", KEY)
    assert hashed(once, OTHER_KEY) == once


def test_the_hash_is_the_one_of_the_standard() -> None:
    # printf LS15EBC | openssl dgst -sha256 -hmac "a key that is long enough"
    assert hashed("ls15-ebc", KEY).startswith("h:7eaf269d1eb58fb0c151")


@pytest.mark.parametrize("text", [None, "", "h:", "h:12", "H:" + "0" * 24, "h:" + "g" * 24, "LS15EBC"])
def test_other_texts_are_no_hashes(text: str | None) -> None:
    assert not is_hashed(text)


def test_a_line_shows_the_beginning_of_a_hash_and_all_of_a_plate() -> None:
    found = hashed("LS15EBC", KEY)
    assert shown(found) == f"{found[:8]}…"
    assert shown("LS15EBC") == "LS15EBC"


def test_a_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    assert plate_key(tmp_path, create=False) is None
    assert not list(tmp_path.iterdir())
    made = plate_key(tmp_path, create=True)
    path = tmp_path / FILE_NAME
    assert made is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert plate_key(tmp_path, create=True) == made == plate_key(tmp_path, create=False)
    assert [found.name for found in tmp_path.iterdir()] == [FILE_NAME]


def test_processes_that_make_a_key_at_the_same_time_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: plate_key(tmp_path, create=True), range(64)))
    assert len(found) == 1


def test_the_environment_goes_before_the_file_and_takes_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plate_key(tmp_path, create=True)
    monkeypatch.setenv(ENVIRONMENT, (tmp_path / FILE_NAME).read_text())
    assert plate_key(tmp_path / "other", create=False) == made
    monkeypatch.setenv(ENVIRONMENT, "a key of the environment")
    assert plate_key(tmp_path, create=True) == b"a key of the environment"


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE_NAME).write_text("\n")
    with pytest.raises(ConfigError, match=r"plate\.key: .* at least 16 characters, this one has 0"):
        plate_key(tmp_path, create=True)
    monkeypatch.setenv(ENVIRONMENT, "short")
    with pytest.raises(ConfigError, match=f"{ENVIRONMENT}: .* this one has 5"):
        plate_key(tmp_path, create=True)


def test_a_key_that_cannot_be_made_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskUnavailable, match=ENVIRONMENT):
        plate_key(tmp_path / "file" / "below", create=True)
