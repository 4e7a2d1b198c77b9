"""Evidence pictures: where they lie, that they can be read, and what happens on a bad disk."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.storage.proof.evidence import READABLE_PLATE_PX, EvidenceFolder, EvidencePaths
from dashcam_pipeline.storage.proof.evidence_budget import MIB, SMALLEST_STEP_BYTES, bytes_in
from dashcam_pipeline.vision.types import Image


def picture(width: int, height: int, seed: int = 0) -> Image:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (11, 11), 0), dtype=np.uint8)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_pictures_lie_where_the_paths_say(tmp_path: Path) -> None:
    paths = EvidenceFolder(tmp_path, 92).write("abcdef", 7, vehicle=picture(200, 100), plate=picture(60, 20))
    assert paths == EvidencePaths(
        vehicle="evidence/ab/abcdef/7_vehicle.jpg", plate="evidence/ab/abcdef/7_plate.jpg"
    )
    assert files(tmp_path) == {paths.vehicle, paths.plate}


def test_vehicle_picture_is_what_was_given(tmp_path: Path) -> None:
    given = picture(200, 100)
    paths = EvidenceFolder(tmp_path, 95).write("abcdef", 7, vehicle=given)
    found = cv2.imread(str(tmp_path / str(paths.vehicle)))
    assert found is not None
    assert found.shape == given.shape
    assert np.abs(found.astype(int) - given).mean() < 5


@pytest.mark.parametrize(("width", "height"), [(1, 1), (24, 8), (60, 20), (100, 30), (200, 60), (400, 100)])
def test_small_plates_are_enlarged_in_proportion_and_others_left(
    tmp_path: Path, width: int, height: int
) -> None:
    paths = EvidenceFolder(tmp_path, 92).write(
        "abcdef", 7, vehicle=picture(20, 20), plate=picture(width, height)
    )
    found = cv2.imread(str(tmp_path / str(paths.plate)))
    assert found is not None
    factor = found.shape[1] // width
    assert found.shape[:2] == (height * factor, width * factor)
    assert found.shape[1] >= min(width * 2, READABLE_PLATE_PX * 0.8) or factor == 1
    assert factor == 1 or found.shape[1] < READABLE_PLATE_PX * 1.3


def test_repeat_replaces_and_adds_no_file(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path, 92)
    first = folder.write("abcdef", 7, vehicle=picture(200, 100, seed=1), plate=picture(60, 20))
    before = (tmp_path / str(first.vehicle)).read_bytes()
    assert folder.write("abcdef", 7, vehicle=picture(200, 100, seed=2), plate=picture(60, 20)) == first
    assert (tmp_path / str(first.vehicle)).read_bytes() != before
    assert files(tmp_path) == {first.vehicle, first.plate}


@pytest.mark.parametrize("plate", [None, np.empty((0, 10, 3), np.uint8)], ids=["none", "empty"])
def test_repeat_without_a_plate_leaves_no_old_plate_picture(tmp_path: Path, plate: Image | None) -> None:
    folder = EvidenceFolder(tmp_path, 92)
    folder.write("abcdef", 7, vehicle=picture(200, 100), plate=picture(60, 20))
    paths = folder.write("abcdef", 7, vehicle=picture(200, 100), plate=plate)
    assert paths.plate is None
    assert files(tmp_path) == {paths.vehicle}


def test_crop_of_a_frame_can_be_written(tmp_path: Path) -> None:
    frame = picture(640, 360)
    paths = EvidenceFolder(tmp_path, 92).write(
        "abcdef", 7, vehicle=frame[10:200, 5:301], plate=frame[50:60, 20:61]
    )
    assert cv2.imread(str(tmp_path / str(paths.vehicle))) is not None


def test_disk_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "evidence").touch()
    with pytest.raises(DiskUnavailable, match=r"7_vehicle\.jpg: .*--work-dir"):
        EvidenceFolder(tmp_path, 92).write("abcdef", 7, vehicle=picture(20, 20))


def test_full_disk_leaves_the_old_picture_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = EvidenceFolder(tmp_path, 92)
    paths = folder.write("abcdef", 7, vehicle=picture(200, 100, seed=1))
    before = (tmp_path / str(paths.vehicle)).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskUnavailable, match=r"No space left on device.*free the disk"):
        folder.write("abcdef", 7, vehicle=picture(200, 100, seed=2))
    assert files(tmp_path) == {paths.vehicle}
    assert (tmp_path / str(paths.vehicle)).read_bytes() == before


def test_picture_and_its_folders_are_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_sync, real_replace = os.fsync, Path.replace
    happened: list[str] = []

    def sync(descriptor: int) -> None:
        happened.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        happened.append(f"name {target.name}")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    EvidenceFolder(tmp_path, 92).write("abcdef", 7, vehicle=picture(20, 20))
    assert happened == [
        f"sync {tmp_path.name}",  # holds the new folder `evidence`
        "sync evidence",
        "sync ab",
        "sync .7_vehicle.jpg.new",
        "name 7_vehicle.jpg",
        "sync abcdef",
    ]


def test_half_a_picture_of_a_killed_process_goes_when_the_work_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(descriptor: int) -> None:
        raise Killed

    folder = EvidenceFolder(tmp_path, 92)
    paths = folder.write("abcdef", 7, vehicle=picture(20, 20, seed=1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", killed)
        with pytest.raises(Killed):
            folder.write("abcdef", 7, vehicle=picture(20, 20, seed=2))
    assert len(files(tmp_path)) == 2
    monkeypatch.setattr(os, "getpid", lambda: 1)  # the next worker
    folder.write("abcdef", 7, vehicle=picture(20, 20, seed=2))
    assert files(tmp_path) == {paths.vehicle}


def test_all_pictures_of_a_sighting_lie_side_by_side(tmp_path: Path) -> None:
    paths = EvidenceFolder(tmp_path, 92).write(
        "abcdef",
        7,
        2,
        vehicle=picture(200, 100),
        plate=picture(60, 20),
        frame=picture(960, 540),
        strip=picture(300, 90),
    )
    stem = "evidence/ab/abcdef/7-2"
    assert paths == EvidencePaths(
        vehicle=f"{stem}_vehicle.jpg",
        plate=f"{stem}_plate.jpg",
        frame=f"{stem}_frame.jpg",
        strip=f"{stem}_strip.jpg",
    )
    assert files(tmp_path) == {paths.vehicle, paths.plate, paths.frame, paths.strip}


def test_parts_of_a_track_keep_their_own_pictures(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path, 92)
    first = folder.write("abcdef", 7, 0, vehicle=picture(20, 20), plate=picture(60, 20))
    second = folder.write("abcdef", 7, 1, vehicle=picture(20, 20), plate=picture(60, 20))
    assert files(tmp_path) == {first.vehicle, first.plate, second.vehicle, second.plate}


def budgeted(folder: Path, used_bytes: int, budget_bytes: int) -> EvidenceFolder:
    """As after an earlier run whose pictures take `used_bytes`."""
    old = folder / "evidence" / "00" / "old" / "1_vehicle.jpg"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x" * used_bytes)
    return EvidenceFolder(folder, 92, budget_bytes)


@pytest.mark.parametrize(
    ("used_bytes", "with_plate", "without_plate"),
    [(0, True, True), (799, True, True), (800, True, False), (999, True, False), (1000, False, False)],
)
def test_sightings_without_a_plate_are_the_first_to_go_without_pictures(
    tmp_path: Path, used_bytes: int, with_plate: bool, without_plate: bool
) -> None:
    folder = budgeted(tmp_path, used_bytes, 1000)
    paths = folder.write("abcdef", 1, vehicle=picture(1, 1), claimed=False)
    assert (paths.vehicle is not None) == without_plate
    if not without_plate:  # else it took room itself
        paths = folder.write("abcdef", 2, vehicle=picture(1, 1), claimed=True)
        assert (paths.vehicle is not None) == with_plate


def test_budget_of_nothing_writes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = EvidenceFolder(tmp_path, 92, 0).write("abcdef", 1, vehicle=picture(20, 20))
    assert paths == EvidencePaths()
    assert files(tmp_path) == set()
    assert caplog.text == ""


def test_used_up_budget_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = budgeted(tmp_path, 1000, 1000)
    for number in range(3):
        folder.write("abcdef", number, vehicle=picture(20, 20))
    assert caplog.text.count("storage.evidence_mb") == 1
    assert "no more are written" in caplog.text


def test_sighting_that_has_its_pictures_gets_them_anew_when_the_budget_is_used_up(tmp_path: Path) -> None:
    """So that a run that is resumed writes the same rows again."""
    first = EvidenceFolder(tmp_path, 92, 10**9).write("abcdef", 1, vehicle=picture(20, 20))
    full = EvidenceFolder(tmp_path, 92, 1)
    assert full.write("abcdef", 1, vehicle=picture(20, 20, seed=1)) == first
    assert full.write("abcdef", 2, vehicle=picture(20, 20)) == EvidencePaths()


def test_two_workers_together_stay_near_the_budget(tmp_path: Path) -> None:
    budget_bytes = 12 * MIB
    folders = [EvidenceFolder(tmp_path, 92, budget_bytes) for _ in range(2)]
    noise = np.random.default_rng(0).integers(0, 255, (600, 800, 3), dtype=np.uint8)
    for number in range(200):
        folders[number % 2].write("abcdef", number, vehicle=noise)
    written = bytes_in(tmp_path)
    assert budget_bytes <= written <= budget_bytes + 2 * SMALLEST_STEP_BYTES
