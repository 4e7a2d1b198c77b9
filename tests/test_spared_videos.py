"""Nothing that a command writes takes the place of a video, whichever option names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashcam_pipeline.errors import EXIT_BAD_INPUT, BadInput
from dashcam_pipeline.storage.whole_file import whole_binary_file, whole_file
from run_command import dashcam

CALLS = {
    "bench": ("bench", "{video}", "-o", "{named}"),
    "run": ("run", "{video}", "--timings", "{named}", "--work-dir", "{work}"),
    "where": ("where", "{video}", "-o", "{named}"),
}


@pytest.mark.parametrize("is_link", [False, True], ids=["itself", "by a link"])
@pytest.mark.parametrize("command", CALLS)
def test_video_is_not_written_over(command: str, is_link: bool, tmp_path: Path) -> None:
    video, named = tmp_path / "drive.MP4", tmp_path / "drive.MP4"
    video.write_bytes(b"a long drive")
    if is_link:
        named = tmp_path / "out.json"
        named.symlink_to(video)
    names = {"video": video, "named": named, "work": tmp_path / "work"}
    done = dashcam(*(word.format(**names) for word in CALLS[command]))
    assert done.returncode == EXIT_BAD_INPUT
    assert video.read_bytes() == b"a long drive"
    if command != "where":  # which opens the video first
        assert "a video is there" in done.stderr


def test_file_that_appears_whole_takes_no_video_s_place(tmp_path: Path) -> None:
    video = tmp_path / "drive.mkv"
    video.write_bytes(b"a long drive")
    for write in (whole_file, whole_binary_file):
        with pytest.raises(BadInput, match="a video is there"), write(video):
            pass
    assert video.read_bytes() == b"a long drive"
