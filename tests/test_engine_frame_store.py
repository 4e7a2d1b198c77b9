"""Frames on disk: what is written is what is read, a disk that refuses is said, dead runs are swept."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dashcam_pipeline.engine.frame_store import (
    OWNER_LOCK,
    SUFFIXES,
    FrameStore,
    RunFolder,
    sweep_dead_runs,
)
from dashcam_pipeline.engine.pixels import Pixels
from dashcam_pipeline.errors import DiskUnavailable


def road(height: int = 48, width: int = 64) -> Pixels:
    """A picture with soft edges, so that lossy formats stay close to it."""
    down, across = np.mgrid[0:height, 0:width]
    channels = [down * 255 / height, across * 255 / width, (down + across) * 255 / (height + width)]
    return np.stack(channels, axis=-1).astype(np.uint8)


@contextmanager
def no_file_larger_than(nbytes: int) -> Iterator[None]:
    """A disk that takes the beginning of a file and then no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("frame_format", "tolerance"), [("raw", 0), ("png", 0), ("jpeg", 10)])
@pytest.mark.parametrize("shape", [(48, 64), (1, 1), (1080, 1920), (33, 17)])
def test_a_frame_comes_back_as_it_was_stored(
    tmp_path: Path, frame_format: str, tolerance: int, shape: tuple[int, int]
) -> None:
    store, pixels = FrameStore(tmp_path, frame_format), road(*shape)
    frame_id = store.frame_id("video-0000001")
    size = store.put(frame_id, pixels)
    assert size == (tmp_path / frame_id).stat().st_size
    back = store.get(frame_id)
    assert (back.shape, back.dtype) == (pixels.shape, np.uint8)
    assert np.abs(back.astype(int) - pixels.astype(int)).max() <= tolerance


def test_a_frame_never_weighs_more_than_was_said(tmp_path: Path) -> None:
    for frame_format in ("raw", "jpeg"):
        store = FrameStore(tmp_path, frame_format)
        assert store.put(store.frame_id("f"), road(720, 1280)) <= store.weight(road(720, 1280))


def test_a_view_that_is_not_contiguous_is_stored_whole(tmp_path: Path) -> None:
    store, pixels = FrameStore(tmp_path), road()
    store.put("v.npy", pixels[::2, ::-3])
    assert np.array_equal(store.get("v.npy"), pixels[::2, ::-3])


def test_formats_live_side_by_side_and_are_told_apart_by_their_suffix(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    for suffix in SUFFIXES.values():
        store.put(f"f{suffix}", road())
    assert all(store.get(f"f{suffix}").shape == road().shape for suffix in SUFFIXES.values())
    assert store.leftovers() == sorted(f"f{suffix}" for suffix in SUFFIXES.values())


def test_a_mapped_frame_stays_readable_after_it_was_deleted(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    store.put("f.npy", road())
    mapped = store.get("f.npy")
    store.delete("f.npy")
    store.delete("f.npy")  # nothing there: nothing happens
    assert np.array_equal(mapped, road())
    assert store.leftovers() == []


@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_a_disk_that_takes_only_a_part_of_a_frame_is_said_and_keeps_no_part(
    tmp_path: Path, suffix: str
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
    with no_file_larger_than(20_000), pytest.raises(DiskUnavailable, match=r"frame_store\.dir"):
        FrameStore(tmp_path).put(f"f{suffix}", noise)
    assert FrameStore(tmp_path).leftovers() == []


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(DiskUnavailable, match="cannot write a frame"):
        FrameStore(tmp_path / "gone").put("f.npy", road())


def test_a_picture_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "f.jpg").write_bytes(b"not a picture")
    with pytest.raises(OSError, match=r"f\.jpg"):
        FrameStore(tmp_path).get("f.jpg")


def test_a_root_that_is_a_file_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskUnavailable, match=r"frame_store\.dir"):
        RunFolder(tmp_path / "file", "run")


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    first = RunFolder(tmp_path, "run")
    with pytest.raises(DiskUnavailable):
        RunFolder(tmp_path, "run")
    first.remove()


def test_a_removed_folder_leaves_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "run")
    FrameStore(folder.path).put("f.npy", road())
    folder.remove()
    assert list(tmp_path.iterdir()) == []


class TestSweep:
    def test_the_frames_of_dead_runs_go_and_those_of_living_ones_stay(self, tmp_path: Path) -> None:
        alive = RunFolder(tmp_path, "alive")
        dying = (
            "import os, sys; from pathlib import Path; from dashcam_pipeline.engine.frame_store import *; "
            "folder = RunFolder(Path(sys.argv[1]), 'dead'); (folder.path / 'f.npy').write_bytes(b'x'); "
            "os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", dying, str(tmp_path)], check=False)
        assert (tmp_path / "dead" / "f.npy").exists()
        assert sweep_dead_runs(tmp_path) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["alive"]
        alive.remove()

    def test_a_folder_that_is_not_ours_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "holiday").mkdir()
        (tmp_path / "holiday" / "picture.jpg").write_bytes(b"x")
        assert sweep_dead_runs(tmp_path) == 0
        assert (tmp_path / "holiday" / "picture.jpg").exists()

    def test_no_root_yet_is_nothing_to_sweep(self, tmp_path: Path) -> None:
        assert sweep_dead_runs(tmp_path / "later") == 0

    @pytest.mark.parametrize("odd", ["folder", "dangling link"])
    def test_a_mark_that_cannot_be_opened_is_passed_over(self, tmp_path: Path, odd: str) -> None:
        (tmp_path / "odd").mkdir()
        if odd == "folder":
            (tmp_path / "odd" / OWNER_LOCK).mkdir()
        else:
            (tmp_path / "odd" / OWNER_LOCK).symlink_to(tmp_path / "nowhere" / "x")
        (tmp_path / "dead").mkdir()
        (tmp_path / "dead" / OWNER_LOCK).touch()
        assert sweep_dead_runs(tmp_path) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["odd"]


def test_a_run_that_goes_on_takes_over_a_folder_that_lost_its_mark(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()  # killed before the mark was there, or a power cut took it
    (tmp_path / "run" / "old.npy").write_bytes(b"x")
    folder = RunFolder(tmp_path, "run")
    assert FrameStore(folder.path).leftovers() == []
    folder.remove()
    assert not folder.path.exists()


def test_a_removal_that_is_cut_short_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path, "run")
    for number in range(9):
        (folder.path / f"{number}.npy").write_bytes(b"x")
    unlink, removed = os.unlink, []

    def killed_half_way(path: object, **how: object) -> None:
        if len(removed) == 4:
            raise OSError("as if the process had been killed here")
        removed.append(path)
        unlink(path, **how)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", killed_half_way)
        folder.remove()
    assert (folder.path / OWNER_LOCK).exists()
    assert sweep_dead_runs(tmp_path) == 1
    assert not folder.path.exists()


def test_folder_that_somebody_took_away_is_said_and_holds_nothing(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "gone")
    with pytest.raises(DiskUnavailable, match="moved or deleted"):
        store.free_bytes()
    assert store.leftovers() == []
