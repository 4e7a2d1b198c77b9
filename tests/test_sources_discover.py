"""From paths to videos."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.sources.discover import Discovery, discover
from dashcam_pipeline.sources.names import natural_key, shown


def put(path: Path, content: bytes = b"\x00\x01video") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(found: Discovery, root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in found.videos]


def reasons(found: Discovery) -> dict[str, str]:
    return {skipped.path.name: skipped.reason for skipped in found.skipped}


def test_folder_is_searched_to_the_bottom_in_natural_order(tmp_path: Path) -> None:
    for name in (
        "clip10.mp4",
        "clip2.MP4",
        "b/deep/er/x.webm",
        "a2/y.mkv",
        "a10/y.mkv",
        "Clip1.mov",
        "notes.txt",
    ):
        put(tmp_path / name)
    expected = ["Clip1.mov", "clip2.MP4", "clip10.mp4", "a2/y.mkv", "a10/y.mkv", "b/deep/er/x.webm"]
    assert names(discover([tmp_path]), tmp_path) == expected


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".mkv", ".ts", ".m4v", ".webm", ".MOV"])
def test_every_video_suffix_is_found(tmp_path: Path, suffix: str) -> None:
    clip = put(tmp_path / f"clip{suffix}", b"\x47\x40\x00binary")
    assert discover([tmp_path]).videos == (clip,)


def test_arguments_keep_their_order(tmp_path: Path) -> None:
    second, first = put(tmp_path / "a.mp4"), put(tmp_path / "z.mp4")
    assert discover([first, second]).videos == (first, second)


def test_hidden_and_empty_are_named_and_skipped(tmp_path: Path) -> None:
    put(tmp_path / "good.mp4")
    put(tmp_path / ".hidden.mp4")
    put(tmp_path / "._good.mp4")
    put(tmp_path / ".trash" / "old.mp4")
    put(tmp_path / "nothing.mp4", b"")
    found = discover([tmp_path])
    assert names(found, tmp_path) == ["good.mp4"]
    assert reasons(found) == {
        ".hidden.mp4": "hidden file",
        "._good.mp4": "hidden file",
        ".trash": "hidden folder",
        "nothing.mp4": "empty file (zero bytes)",
    }


def test_file_asked_for_by_name_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    asked = [put(tmp_path / name) for name in ("dump.h264", "noname", ".hidden.mp4", "code.ts")]
    assert discover(asked).videos == tuple(asked)


def test_macos_companion_is_skipped_even_by_name(tmp_path: Path) -> None:
    found = discover([put(tmp_path / "._a.mp4"), put(tmp_path / "a.mp4")])
    assert names(found, tmp_path) == ["a.mp4"]
    assert "macOS" in reasons(found)["._a.mp4"]


def test_typescript_in_a_folder_is_no_video(tmp_path: Path) -> None:
    put(tmp_path / "index.ts", b"import { x } from './y';\n")
    put(tmp_path / "clip.ts", b"\x47\x40\x11\x10")
    found = discover([tmp_path])
    assert names(found, tmp_path) == ["clip.ts"]
    assert reasons(found) == {"index.ts": "text, not an MPEG transport stream"}


def test_the_same_file_is_taken_once(tmp_path: Path) -> None:
    clip = put(tmp_path / "clip.mp4")
    (tmp_path / "link.mp4").symlink_to(clip)
    (tmp_path / "hard.mp4").hardlink_to(clip)
    found = discover([clip, tmp_path, clip, tmp_path / "." / "clip.mp4"])
    assert found.videos == (clip,)
    assert {reason.split(" /")[0] for reason in reasons(found).values()} == {"the same as"}
    assert set(reasons(found)) == {"link.mp4", "hard.mp4"}


def test_link_loop_ends(tmp_path: Path) -> None:
    put(tmp_path / "a" / "clip.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    found = discover([tmp_path])
    assert names(found, tmp_path) == ["a/clip.mp4"]
    assert reasons(found)["self.mp4"] == "link to a file that doesn't exist"


def test_linked_folder_is_searched(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "clip.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "link").symlink_to(tmp_path / "elsewhere")
    assert names(discover([tmp_path / "videos"]), tmp_path) == ["videos/link/clip.mp4"]


def test_pipe_is_skipped_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    put(tmp_path / "clip.mp4")
    assert reasons(discover([tmp_path])) == {"pipe.mp4": "not a regular file"}


def test_unreadable_folder_is_named_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "clip.mp4")
    put(tmp_path / "locked" / "clip.mp4")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover([tmp_path])
    assert names(found, tmp_path) == ["clip.mp4"]
    assert reasons(found) == {"locked": "folder can't be read: permission denied"}


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mp4", "línea\nnueva.mp4".encode(), b"\xff\xfe.mp4", b"rtsp:x%03d.mp4"]
)
def test_odd_names_are_found_and_can_be_shown(tmp_path: Path, name: bytes) -> None:
    put(tmp_path / os.fsdecode(name))
    (found,) = discover([tmp_path]).videos
    assert os.fsencode(found.name) == name
    text = shown(found)
    assert text.isprintable()
    text.encode("utf-8")


def test_missing_path_is_named(tmp_path: Path) -> None:
    put(tmp_path / "clip.mp4")
    with pytest.raises(BadInput, match=r"gone\.mp4: no such file or folder"):
        discover([tmp_path, tmp_path / "gone.mp4"])


def test_broken_link_names_its_target(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").symlink_to(tmp_path / "unplugged.mp4")
    with pytest.raises(BadInput, match=r"clip\.mp4: a link to .*unplugged\.mp4, which doesn't exist"):
        discover([tmp_path / "clip.mp4"])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "Found: nothing"),
        (("a.txt", "b.txt", "c.JPG", "README"), r"Found: 4 other files \(2 \.txt, 1 \.jpg, 1 no suffix\)"),
        ((".x.mp4",), r"skipped: .*\.x\.mp4 \(hidden file\)"),
    ],
)
def test_folder_without_videos_says_what_is_there(tmp_path: Path, files: tuple[str, ...], said: str) -> None:
    for name in files:
        put(tmp_path / name)
    with pytest.raises(BadInput, match=said) as caught:
        discover([tmp_path])
    assert ".mp4" in str(caught.value)


def test_no_path_at_all_is_said() -> None:
    with pytest.raises(BadInput, match="No path given"):
        discover([])


def test_natural_order_puts_2_before_10_and_is_total() -> None:
    ordered = ["clip1", "clip01", "Clip2", "clip2", "clip10", "clip10b"]
    assert sorted(reversed(ordered), key=natural_key) == sorted(ordered, key=natural_key)
    assert [name for name in sorted(ordered, key=natural_key) if name.islower()][-2:] == ["clip10", "clip10b"]
