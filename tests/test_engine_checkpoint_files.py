"""Checkpoints on disk: whole or not at all, and of no use to another program version or other settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder, SavedCheckpoint
from dashcam_pipeline.engine.task import Checkpoint, KeptState, KeyState, pack

STAMP = "program 1, settings a"


def saved(source: str = "video", epoch: int = 3, stamp: str = STAMP) -> SavedCheckpoint:
    kept = KeptState(
        category="TRACK", key=source, state=KeyState(pack({"cars": 2}), ("a.jpg",)), next_order=40
    )
    checkpoint = Checkpoint(source_id=source, epoch=epoch, states=(kept,), tallies={"frames": 40})
    return SavedCheckpoint(stamp=stamp, checkpoint=checkpoint, frames={"a.jpg": b"picture"})


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "run-1")


def test_what_is_saved_is_loaded(folder: CheckpointFolder) -> None:
    folder.save(saved())
    assert folder.load("video", STAMP) == saved()
    assert folder.source_ids() == ["video"]


def test_a_later_one_takes_the_place_of_an_earlier_one(folder: CheckpointFolder) -> None:
    folder.save(saved(epoch=3))
    folder.save(saved(epoch=4))
    assert folder.load("video", STAMP) == saved(epoch=4)
    assert len(list(folder.path.iterdir())) == 1


def test_there_is_none_of_a_source_that_was_never_saved(folder: CheckpointFolder) -> None:
    assert folder.load("video", STAMP) is None
    assert folder.source_ids() == []


def test_one_of_other_settings_is_not_taken_up(folder: CheckpointFolder) -> None:
    folder.save(saved(stamp="program 2"))
    assert folder.load("video", STAMP) is None


@pytest.mark.parametrize("keep", [0, 1, 31, 32, 33, 100, -1])
def test_one_that_was_cut_off_is_not_taken_up(folder: CheckpointFolder, keep: int) -> None:
    folder.save(saved())
    path = folder.path / "video.checkpoint"
    path.write_bytes(path.read_bytes()[:keep])
    assert folder.load("video", STAMP) is None


@pytest.mark.parametrize("place", [0, 40, 90, -1])
def test_one_with_a_flipped_bit_is_not_taken_up(folder: CheckpointFolder, place: int) -> None:
    folder.save(saved())
    path = folder.path / "video.checkpoint"
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    assert folder.load("video", STAMP) is None


def test_a_disk_that_refuses_leaves_the_earlier_one(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.save(saved(epoch=3))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            folder.save(saved(epoch=4))
    assert folder.load("video", STAMP) == saved(epoch=3)
    assert len(list(folder.path.iterdir())) == 1


def test_runs_keep_theirs_apart(tmp_path: Path, folder: CheckpointFolder) -> None:
    other = CheckpointFolder(tmp_path / "checkpoints", "run-2")
    folder.save(saved("a"))
    other.save(saved("b"))
    folder.remove("a")
    folder.remove("a")
    assert (folder.source_ids(), other.source_ids()) == ([], ["b"])
    other.remove_all()
    assert other.source_ids() == []
