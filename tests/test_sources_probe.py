"""What is known of a video without reading it: facts, identity, and why it can't be read at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import av
import pytest

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.sources.probe import probe
from dashcam_pipeline.sources.video_file import VideoFile
from sources_clips import every, flat, make_clip, make_shades, make_sound, read


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    return make_shades(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (zero bytes)"),
        (b"WEBVTT hello, I am a text\n" * 40, "is a text file, not a video"),
        ("länger als ein Zeichen\n".encode() * 300, "is a text file, not a video"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "is a text file, not a video"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "is a text file, not a video"),
        (bytes(100_000), "holds only zero bytes where a video should begin"),
        (bytes(range(256)) * 300, "is not a video, or its header is damaged"),
        (
            b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x01\x00\x00mdat" + bytes(9),
            "its index (moov) is missing",
        ),
        (
            b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x01\x00\x00moov" + bytes(9),
            "its index (moov) is cut off",
        ),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "is not a video, or its header is damaged"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoUnreadable) as caught:
        probe(path)
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value)
    with pytest.raises(VideoUnreadable), VideoFile(path) as video:
        list(video.frames(every()))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable, match="has no video stream, only audio"):
        probe(make_sound(tmp_path / "sound.mp4"))


def test_subtitles_alone_are_no_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    with pytest.raises(VideoUnreadable, match="is a text file"):
        probe(path)


def test_unknown_codec_is_named_as_the_reason(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [flat(50)] * 3, codec="mjpeg", pixel_format="yuvj420p")
    clip.write_bytes(clip.read_bytes().replace(b"V_MJPEG", b"V_MJPXX"))
    with pytest.raises(VideoUnreadable, match="codec is unknown"):
        probe(clip)


def test_stream_without_a_frame_is_unreadable(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [flat(50)])
    with av.open(str(clip)) as container:
        (start,) = (packet.pos for packet in container.demux(video=0) if packet.size)
    clip.write_bytes(clip.read_bytes()[: (start or 0) + 3])
    with pytest.raises(VideoUnreadable):
        probe(clip)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, make: object) -> None:
    path = tmp_path / "clip.mp4"
    make(path)  # type: ignore[operator]
    with pytest.raises(VideoUnreadable, match="is not a regular file"):
        probe(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable, match=r"gone\.mp4: no such file"):
        probe(tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mp4", b"a\nb.mp4", b"rtsp:clip%03d.mp4", b"http:x.mp4", b"-clip.mp4"]
)
def test_odd_names_can_be_read(
    shades: Path, tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = shades.rename(os.fsdecode(name))
    assert len(read(odd)[0]) == 30


def test_identity_is_the_content_not_the_name(shades: Path, tmp_path: Path) -> None:
    before = probe(shades).video_id
    assert len(before) == 32 and int(before, 16) >= 0
    assert probe(shades.rename(tmp_path / "other.mp4")).video_id == before


@pytest.mark.parametrize("size", [1000, 5 << 20, 40 << 20])
def test_identity_sees_a_change_at_both_ends_and_in_the_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "bytes"
    seen = set()
    for change in (None, 0, size - 1):
        data = bytearray(size)
        if change is not None:
            data[change] = 1
        path.write_bytes(data)
        seen.add(video_id(path))
    path.write_bytes(bytes(size + 1))
    assert len({*seen, video_id(path)}) == 4


def test_identity_of_a_file_under_32_mb_sees_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(bytes(5 << 20))
    before = video_id(path)
    path.write_bytes(bytes(2_500_000) + b"\x01" + bytes((5 << 20) - 2_500_001))
    assert video_id(path) != before


def test_facts_of_a_clip(shades: Path) -> None:
    info = probe(shades)
    assert (info.width, info.height, info.fps, info.frames) == (64, 48, 30.0, 30)
    assert (info.codec, info.pixel_format, info.rotation_deg) == ("mpeg4", "yuv420p", 0)
    assert info.duration_s == pytest.approx(1.0)
    assert info.size_bytes == shades.stat().st_size
    assert info.warnings == ()


def test_reason_survives_the_way_between_processes() -> None:
    error = VideoUnreadable("clip.mp4", "is empty")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.video, again.reason) == ("clip.mp4: is empty", "clip.mp4", "is empty")
