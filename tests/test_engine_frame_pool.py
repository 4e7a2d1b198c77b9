"""Files of released frames are written over by the next: no frame is half there, nothing of the old one shows."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from dashcam_pipeline.engine import frame_pool
from dashcam_pipeline.engine.frame_pool import FramePool
from dashcam_pipeline.engine.frame_store import FrameStore, RunFolder
from dashcam_pipeline.engine.pixels import Pixels
from dashcam_pipeline.errors import DiskUnavailable


def grey(level: int, height: int = 48, width: int = 64) -> Pixels:
    return np.full((height, width, 3), level, np.uint8)


def kept(store: FrameStore) -> list[int]:
    """The inodes of the files that are kept, those that wait longest first."""
    folder = store.folder / frame_pool.FOLDER
    return [path.stat().st_ino for path in sorted(folder.iterdir())] if folder.exists() else []


def inode(store: FrameStore, frame_id: str) -> int:
    return (store.folder / frame_id).stat().st_ino


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return FrameStore(tmp_path)


def test_the_next_frame_takes_the_file_of_a_released_one_and_is_itself(store: FrameStore) -> None:
    size = store.put("old.npy", grey(10))
    file = inode(store, "old.npy")
    store.delete("old.npy")
    assert kept(store) == [file]
    assert store.put("new.npy", grey(200)) == size
    assert inode(store, "new.npy") == file
    assert np.array_equal(store.get("new.npy"), grey(200))
    assert (kept(store), store.leftovers()) == ([], ["new.npy"])


@pytest.mark.parametrize("shape", [(48, 65), (47, 64), (64, 48), (96, 128)])
def test_a_frame_of_another_shape_is_itself(store: FrameStore, shape: tuple[int, int]) -> None:
    store.put("old.npy", grey(10))
    store.delete("old.npy")
    store.put("new.npy", grey(200, *shape))
    assert np.array_equal(store.get("new.npy"), grey(200, *shape))


def test_a_reader_of_a_released_frame_does_not_die_of_its_next_use(store: FrameStore) -> None:
    store.put("old.npy", grey(10))
    mapped = store.get("old.npy")
    store.delete("old.npy")
    store.put("small.npy", grey(20, 8, 8))  # would cut the file short, if it took it
    store.put("new.npy", grey(30))
    assert int(mapped.max()) == 30


def test_a_file_goes_before_the_disk_sees_it_however_often_it_is_used(store: FrameStore) -> None:
    store.put("a.npy", grey(10))
    long_ago = (store.folder / "a.npy").stat().st_mtime - frame_pool.MAX_AGE_S + 5
    os.utime(store.folder / "a.npy", (long_ago, long_ago))
    store.delete("a.npy")
    store.put("b.npy", grey(20))  # written over, and yet as old as it was
    assert (store.folder / "b.npy").stat().st_mtime == pytest.approx(long_ago, abs=0.01)
    os.utime(store.folder / "b.npy", (long_ago - 6, long_ago - 6))
    store.delete("b.npy")
    assert (kept(store), store.leftovers()) == ([], [])


def test_pictures_are_not_kept(store: FrameStore) -> None:
    for name in ("p.jpg", "p.png"):
        store.put(name, grey(10))
        store.delete(name)
    assert kept(store) == []


def test_kept_files_are_neither_frames_nor_lost_room(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = os.statvfs(store.folder)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    free = store.free_bytes()
    size = store.put("f.npy", grey(10))
    store.delete("f.npy")
    assert (store.leftovers(), store.free_bytes()) == ([], free + size)
    store.forget_released()
    assert (kept(store), store.free_bytes()) == ([], free)


def test_no_more_is_kept_than_was_said_and_the_oldest_go(tmp_path: Path) -> None:
    pool = FramePool(tmp_path / "pool", max_bytes=300)
    for number, nbytes in enumerate((100, 100, 100, 200, 301)):
        (tmp_path / f"{number}").write_bytes(bytes([number]) * nbytes)
        pool.keep(tmp_path / f"{number}")
        assert pool.nbytes() <= 300
    assert [path.name for path in tmp_path.iterdir()] == ["pool"]
    # The last one is too large for an empty pool, too.
    assert list((tmp_path / "pool").iterdir()) == []


def test_files_of_a_size_that_is_no_longer_needed_make_room(tmp_path: Path) -> None:
    pool = FramePool(tmp_path / "pool", max_bytes=400)
    for number, nbytes in enumerate((100, 100, 100, 200, 200)):
        (tmp_path / f"{number}").write_bytes(bytes(nbytes))
        pool.keep(tmp_path / f"{number}")
    assert [path.stat().st_size for path in (tmp_path / "pool").iterdir()] == [200, 200]


def test_many_writers_never_share_a_file(tmp_path: Path) -> None:
    store, rounds, writers = FrameStore(tmp_path), 60, 6
    wrong: list[str] = []

    def work(writer: int) -> None:
        for turn in range(rounds):
            frame_id = f"{writer}-{turn}.npy"
            store.put(frame_id, grey(writer * 40 + turn % 40))
            if not np.array_equal(store.get(frame_id), grey(writer * 40 + turn % 40)):
                wrong.append(frame_id)
            store.delete(frame_id)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, store.leftovers()) == ([], [])
    assert 1 <= len(kept(store)) <= writers


def test_a_file_that_another_writer_takes_first_is_left_to_it(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.npy", "b.npy"):
        store.put(name, grey(10))
    for name in ("a.npy", "b.npy"):
        store.delete(name)
    first, second = kept(store)
    real = Path.rename

    def beaten(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", real)
        real(path, store.folder / "theirs.npy")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", beaten)
    store.put("mine.npy", grey(20))
    assert (inode(store, "theirs.npy"), inode(store, "mine.npy")) == (second, first)


def _out_of_space(file: IO[bytes], *more: object) -> None:
    file.write(b"a beginning")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_refuses_leaves_neither_half_a_frame_nor_a_kept_file(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.npy", "b.npy"):
        store.put(name, grey(10))
    for name in ("a.npy", "b.npy"):
        store.delete(name)
    monkeypatch.setattr("dashcam_pipeline.engine.pixels.write_pixels", _out_of_space)
    with pytest.raises(DiskUnavailable, match=r"No space left on device.*frame_store\.dir"):
        store.put("f.npy", grey(20))
    assert (store.leftovers(), kept(store)) == ([], [])


@pytest.mark.parametrize("name", ["f.npy", "f.jpg"])
def test_a_full_disk_gets_the_room_of_kept_files_first(
    store: FrameStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashcam_pipeline.engine import pixels

    store.put("old.npy", grey(10, 96, 128))
    store.delete("old.npy")
    real = pixels.write_pixels

    def full_while_files_are_kept(file: IO[bytes], suffix: str, image: Pixels, quality: int) -> None:
        if FramePool(store.folder / frame_pool.FOLDER).nbytes():
            _out_of_space(file)
        real(file, suffix, image, quality)

    monkeypatch.setattr(pixels, "write_pixels", full_while_files_are_kept)
    store.put(name, grey(20))
    assert np.abs(store.get(name).astype(int) - 20).max() <= 2
    assert kept(store) == []


def test_a_frame_that_does_not_take_what_was_said_is_not_there(tmp_path: Path) -> None:
    pool = FramePool(tmp_path / "pool")
    with pytest.raises(ValueError, match=r"f\.npy was to take 10 bytes, and took 3"):
        pool.write(tmp_path / "f.npy", 10, lambda file: _write(file, b"abc"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(data)


def test_a_writer_that_dies_half_way_leaves_nothing_that_looks_like_a_frame(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "run")
    store = FrameStore(folder.path)
    size = store.put("a.npy", grey(10))
    store.delete("a.npy")
    (file,) = kept(store)
    dying = (
        "import os, sys; from pathlib import Path; from dashcam_pipeline.engine.frame_pool import *; "
        "folder = Path(sys.argv[1]); "
        "FramePool(folder / FOLDER).write(folder / 'f.npy', int(sys.argv[2]), lambda file: os.kill(os.getpid(), 9))"
    )
    subprocess.run([sys.executable, "-c", dying, str(folder.path), str(size)], check=False)
    assert [path.suffix for path in (folder.path / frame_pool.FOLDER).iterdir()] == [frame_pool.PART]
    assert kept(store) == [file]  # claimed, and nobody takes it any more
    assert store.leftovers() == []
    store.put("b.npy", grey(20))
    assert inode(store, "b.npy") != file
    assert np.array_equal(store.get("b.npy"), grey(20))
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_goes_on_begins_without_the_kept_files_of_the_dead_one(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "run")
    store.folder.mkdir()  # killed before the mark was there, or a power cut took it
    store.put("a.npy", grey(10))
    store.delete("a.npy")
    folder = RunFolder(tmp_path, "run")
    assert kept(store) == []
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_somebody_else_among_the_kept_ones_does_no_harm(store: FrameStore) -> None:
    store.put("old.npy", grey(10))
    store.delete("old.npy")
    foreign = store.folder / frame_pool.FOLDER / ".nfs000000000123abcd00000001"
    foreign.write_bytes(b"deleted while it was in use")
    assert store.free_bytes() > 0
    store.put("new.npy", grey(200))
    store.delete("new.npy")
    store.forget_released()
    assert foreign.exists()
