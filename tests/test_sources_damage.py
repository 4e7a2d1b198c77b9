"""Reading damaged and cut-off videos, made on the spot: what is readable is given, what is lost is said."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.base import Verdict
from dashcam_pipeline.sources.probe import probe
from sources_clips import cut, flat, make_clip, make_shades, noise, read


@pytest.mark.parametrize(("suffix", "options"), [("mkv", {}), ("mp4", {"movflags": "faststart"})])
def test_truncated_file_keeps_what_was_readable(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", noise(), options=options)
    frames, video = read(cut(clip, 0.5))
    assert 30 < len(frames) < 60
    assert video.verdict is Verdict.PARTIAL
    assert video.problem is not None
    assert f"ends after {len(frames) / 30:.1f} s of 3.0 s: the file is truncated" in video.problem


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_whole_file_that_begins_late_is_complete_and_as_long_as_its_frames(
    tmp_path: Path, suffix: str
) -> None:
    images = [flat(50 + number) for number in range(30)]
    clip = make_clip(tmp_path / f"clip.{suffix}", images, pts=range(1500, 1530), time_base=Fraction(1, 30))
    frames, video = read(clip)
    assert (len(frames), video.verdict, video.problem) == (30, Verdict.COMPLETE, None)
    assert video.info.duration_s == pytest.approx(1.0, abs=0.05)


def test_fragmented_file_cut_anywhere_in_a_fragment_keeps_all_before(tmp_path: Path) -> None:
    images = [flat(50 + number) for number in range(40)]
    clip = make_clip(
        tmp_path / "clip.mp4", images, key_every=10, options={"movflags": "frag_keyframe+empty_moov"}
    )
    data = clip.read_bytes()
    header, fragment = data.rindex(b"moof") - 4, data.rindex(b"mdat") - 4
    (tmp_path / "short.mp4").write_bytes(data[:header])
    whole = len(read(tmp_path / "short.mp4")[0])
    assert whole > 20
    for end in range(header + 9, fragment + 9, 5):
        (tmp_path / "short.mp4").write_bytes(data[:end])
        frames, video = read(tmp_path / "short.mp4")
        assert len(frames) == whole
        assert video.verdict is Verdict.PARTIAL
        assert video.problem is not None and "s: the file is truncated" in video.problem


def test_truncated_file_without_index_is_unreadable_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable, match=r"cut_shades\.mp4: its index \(moov\) is missing"):
        probe(cut(make_shades(tmp_path), 0.5))


def test_recording_that_starts_between_key_frames_is_complete_and_says_so(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.mkv", [flat(100 + n) for n in range(60)], codec="libvpx-vp9", key_every=20
    )
    late = tmp_path / "late.mkv"
    with av.open(str(clip)) as source, av.open(str(late), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[5:-1]:
            packet.stream = stream
            target.mux(packet)
    frames, video = read(late)
    assert video.verdict is Verdict.COMPLETE
    assert video.warnings == ("starts 15 frames before its first key frame; they can't be decoded",)
    assert len(frames) == 40


def test_damaged_packets_are_skipped_and_counted(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "clip.mkv", [flat(100)] * 30, codec="ffv1", key_every=1, pixel_format="yuv444p"
    )
    with av.open(str(clip)) as container:
        spans = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for position, size in spans[10:13]:
        assert position is not None
        data[position + 8 : position + 8 + size // 2] = bytes(size // 2)
    clip.write_bytes(data)
    frames, video = read(clip)
    assert video.verdict is Verdict.PARTIAL
    assert video.decode_errors >= 3
    assert len(frames) >= 27
    assert video.problem is not None and "damage" in video.problem


def test_hole_in_a_transport_stream_is_crossed_and_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", noise(), codec="mpeg2video", fps=25)
    data = clip.read_bytes()
    middle = len(data) // 376 * 188
    clip.write_bytes(data[:middle] + bytes(8 << 20) + data[middle:])
    frames, video = read(clip)
    assert len(frames) > 90 - 5
    assert video.verdict is Verdict.PARTIAL
    assert video.problem is not None and "1 unreadable stretch skipped" in video.problem


def test_zeros_behind_a_transport_stream_are_no_damage(tmp_path: Path) -> None:
    """Cameras that allocate their files in advance leave such ends."""
    clip = make_clip(tmp_path / "clip.ts", noise(), codec="mpeg2video", fps=25)
    clip.write_bytes(clip.read_bytes() + bytes(8 << 20))
    frames, video = read(clip)
    assert (len(frames), video.verdict, video.problem) == (90, Verdict.COMPLETE, None)


def test_ffmpeg_says_nothing_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [flat(100 + n) for n in range(30)])
    data = bytearray(clip.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = b"\xa5" * 200
    clip.write_bytes(data)
    read(clip)
    assert capfd.readouterr() == ("", "")
