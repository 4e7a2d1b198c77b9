"""With `privacy.hash_plates` no row, picture or dead letter tells a plate; with `blur_evidence`, none shows others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dashcam_pipeline.batch.job_plan import with_plate_key
from dashcam_pipeline.batch.revote import Seen, vote_again
from dashcam_pipeline.config import PrivacySettings, Settings, VoteSettings
from dashcam_pipeline.engine.task import DeadLetter, pack
from dashcam_pipeline.errors import ConfigError
from dashcam_pipeline.stages.hiding import HIDDEN, without_plates, without_texts
from dashcam_pipeline.stages.records import SampledFrame
from dashcam_pipeline.storage.joining import StoredPart, StoredVote
from dashcam_pipeline.storage.retention.plate_hash import FILE_NAME, hashed, is_hashed, key_id, plate_key
from dashcam_pipeline.storage.row_json import to_json
from dashcam_pipeline.vision.types import Image
from dashcam_pipeline.vision.vote.joining import Part, join
from smooth_bench import leaves, nothing, result, rounds, row_of
from stage_bench import Bench, look, picture, task
from storage_rows import UNREAD, WELL_KNOWN
from writing_bench import push_rows, waiting_rows, writing

KEY = b"a key that is long enough"
HASHED = Settings(privacy=PrivacySettings(hash_plates=True))
OTHERS = Settings(privacy=PrivacySettings(blur_evidence="others"))


def test_a_row_without_plates_has_no_text_left_and_equal_ones_stay_equal() -> None:
    row = without_plates(WELL_KNOWN, KEY)
    written = to_json(row)
    for text in ("LS15EBC", "I515EBC"):
        assert text not in written
    assert row.final_plate == row.best_read == hashed("LS15EBC", KEY)
    assert row.char_votes == []
    reads = [read for one in row.looks for read in one.reads]
    assert [is_hashed(read.text) for read in reads] == [True, True, True]
    assert [read.text == row.final_plate for read in reads] == [False, True, True]
    assert all(read.char_confidences == () == read.alternatives for read in reads)
    assert [read.weight for read in reads] == [0.16, 0.98, 0.81]
    assert without_plates(row, KEY) == row


def test_a_guess_is_hashed_and_nothing_stays_nothing() -> None:
    row = without_plates(replace(UNREAD, best_read=""), KEY)
    assert (row.final_plate, row.best_guess, row.best_read) == (None, hashed("LS15E8C", KEY), "")


def test_what_plate_smooth_writes_tells_no_plate(tmp_path: Path) -> None:
    bench = Bench(tmp_path, HASHED)
    leaves(bench, *(look(frame_idx) for frame_idx in range(4)))
    rounds(bench, result)
    row = row_of(bench)
    key = plate_key(tmp_path, create=False)
    assert key is not None
    assert row.final_plate == hashed("AB12CDE", key)
    assert "AB12CDE" not in to_json(row)
    assert (row.plate_picture, row.strip_picture) == (None, None)
    assert row.vehicle_picture is not None
    assert sorted(path.name for path in (tmp_path / "evidence").rglob("*.jpg")) == ["1_vehicle.jpg"]


def shown(folder: Path, settings: Settings) -> Image:
    """The picture of a vehicle as a run with these settings leaves it."""
    folder.mkdir()
    bench = Bench(folder, settings)
    leaves(bench, look(0), look(1))
    rounds(bench, result if settings.privacy.hash_plates else nothing)
    row = row_of(bench)
    assert row.vehicle_picture is not None
    return np.asarray(cv2.imread(str(folder / row.vehicle_picture)), dtype=np.uint8)


def detail(image: Image) -> float:
    return float(np.abs(np.diff(image.astype(np.int16), axis=1)).mean())


def test_the_plate_in_the_picture_is_blurred(tmp_path: Path) -> None:
    plain, hidden = shown(tmp_path / "plain", Settings()), shown(tmp_path / "hidden", HASHED)
    left, top = 10, 12  # where it begins in its frame, see stage_bench.stored
    plate = slice(60 - top, 80 - top), slice(50 - left, 110 - left)
    assert detail(hidden[plate]) < 3 < 20 < detail(plain[plate])


def test_evidence_is_the_same_each_time(tmp_path: Path) -> None:
    for number, settings in enumerate((HASHED, OTHERS)):
        one, other = (shown(tmp_path / f"{number}-{again}", settings) for again in range(2))
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(), "ValueError: AB12CDE at 7 of 12, can't be"),
        (HASHED, f"ValueError: {HIDDEN} at 7 of 12, can't be"),
    ],
)
def test_a_dead_letter_tells_no_plate_and_shows_nobody(tmp_path: Path, settings: Settings, told: str) -> None:
    bench = Bench(tmp_path, settings)
    dead = task("VEHICLE_DETECT", "frame", SampledFrame(3, 0.3))
    reason = 'Traceback:\n  File "x.py", line 41\nValueError: AB12CDE at 7 of 12, can\'t be\n'
    carrier = replace(
        dead,
        task_id="carrier",
        category="DEAD_LETTER",
        payload=pack(DeadLetter(dead, reason)),
        payload_ref="frame.npy",
        dependencies=("frame.npy",),
    )
    bench.bring_in({"frame.npy": picture()}, carrier)
    stage = bench.build("DEAD_LETTER")
    bench.work("DEAD_LETTER", stage)
    (row,) = waiting_rows(bench)
    assert row.error == told  # type: ignore[union-attr]
    assert ("AB12CDE" in row.traceback) == (settings == Settings())  # type: ignore[union-attr]
    assert (row.frame_picture is None) == (settings == HASHED)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", ["KeyError: 'AB12CDE'", "AB12CDE", "reads AB12CDE, 1234567 and ABCDEFG disagree", "(AB 12CDE)"]
)
def test_no_plate_is_left_in_a_message(text: str) -> None:
    left = without_texts(text)
    assert not {"AB12CDE", "1234567", "ABCDEFG", "12CDE"} & set(
        left.replace("'", " ").replace(",", "").split()
    )


def test_the_screen_shows_the_beginning_of_a_hash(tmp_path: Path) -> None:
    bench = Bench(tmp_path, HASHED)
    row = without_plates(WELL_KNOWN, KEY)
    push_rows(bench, row)
    with writing(bench) as stage:
        bench.work("FINAL_WRITE", stage)
    (line,) = bench.board.snapshot().highlights
    assert row.final_plate is not None
    assert line.startswith(f"{row.final_plate[:8]}…  0.91  car")


def test_the_key_of_a_run_is_one_of_its_settings(tmp_path: Path) -> None:
    settings = with_plate_key(HASHED, tmp_path)
    key = plate_key(tmp_path, create=False)
    assert key is not None
    assert settings.privacy.plate_key_id == key_id(key)
    assert with_plate_key(settings, tmp_path) == settings
    assert with_plate_key(Settings(), tmp_path) == Settings()


def test_another_key_than_that_of_the_run_is_refused(tmp_path: Path) -> None:
    settings = with_plate_key(HASHED, tmp_path)
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(ConfigError, match="there is none: equal plates would get other hashes"):
        with_plate_key(settings, tmp_path)
    assert not (tmp_path / FILE_NAME).exists()
    (tmp_path / FILE_NAME).write_text("another key of some length\n")
    with pytest.raises(ConfigError, match=r"the one at hand is [0-9a-f]{4}"):
        with_plate_key(settings, tmp_path)


# --- joining ------------------------------------------------------------------------------------------------


def part(key: str, video: int, first_s: float, text: str, **changed: object) -> Part:
    usual = Part(
        key=key,
        video=video,
        first_s=first_s,
        last_s=first_s + 2.0,
        vehicle_class="car",
        plate=hashed(text, KEY),
        best_guess=None,
        confidence=0.95,
        first_box=None,
        last_box=None,
        hashed=True,
    )
    return replace(usual, **changed)  # type: ignore[arg-type]


def test_equal_hashes_are_one_vehicle_also_in_another_file() -> None:
    one, other = part("a", 0, 0.0, "LS15EBC"), part("b", 1, 20.0, "ls15 ebc")
    assert join([one, other], 120.0) == [(one, other)]


def test_a_hash_is_never_nearly_another_one() -> None:
    """Of the texts, the second would be taken for the first one misread."""
    one = part("a", 0, 0.0, "LS15EBC", confidence=0.99)
    other = part("b", 0, 5.0, "LS15E8C", plate=None, best_guess=hashed("LS15E8C", KEY), confidence=0.5)
    assert len(join([one, other], 120.0)) == 2
    plain = replace(one, plate="LS15EBC", hashed=False), replace(other, best_guess="LS15E8C", hashed=False)
    assert len(join(plain, 120.0)) == 1


def seen(part_id: str, text: str, confidence: float) -> Seen:
    row = without_plates(replace(WELL_KNOWN, final_plate=text), KEY)
    stored = StoredPart(
        id=part_id,
        video_id="v",
        vehicle_class="car",
        first_frame=0,
        last_frame=9,
        first_s=0.0,
        last_s=1.0,
        final_plate=row.final_plate,
        best_guess=None,
        plate_confidence=confidence,
        no_plate_reason=None,
        first_bbox=None,
        last_bbox=None,
        shot=0,
        agreeing_reads=2,
        plate_width=None,
    )
    looks = [{"reads": [{"text": read.text} for read in one.reads]} for one in row.looks]
    vote = StoredVote(
        id=part_id,
        looks=looks,
        reads=3,
        agreeing_reads=2,
        char_votes=[],
        best_read=row.best_read,
        plate_region="gb",
        plate_format=None,
        confidence_parts=None,
    )
    return Seen(part=stored, vote=vote, start_s=0.0, first_frame=0)


def test_of_hashes_no_vote_is_held_and_the_surest_speaks_for_all() -> None:
    vote = vote_again([seen("a", "LS15EBC", 0.8), seen("b", "LS15E8C", 0.9)], VoteSettings())
    assert (vote.final_plate, vote.plate_confidence) == (hashed("LS15E8C", KEY), 0.9)
