"""Reading whole and odd videos, made on the spot."""

from __future__ import annotations

import gc
import itertools
import os
import pickle
from pathlib import Path

import av
import numpy as np
import pytest

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources import Frame, FrameSource, Sampler, Verdict, VideoFile, probe, video_id
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.sources.picture import UPRIGHT, orientation_from_matrix
from sources_clips import (
    MATRICES,
    MILLISECOND,
    corners,
    cut,
    flat,
    make_clip,
    make_sound,
    set_matrix,
    shade_of,
)

BLUE, GREEN, RED, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

NOISE = list(np.random.default_rng(0).integers(0, 255, (90, 48, 64, 3), np.uint8))


def always(index: int, pts_s: float) -> bool:
    return True


def read(path: Path, threads: int = 1, first: int = 0) -> tuple[list[Frame], VideoFile]:
    with VideoFile(path, threads) as video:
        return list(video.frames(always, first)), video


def corner_colours(image: np.ndarray) -> list[tuple[int, ...]]:
    """The colours at top left, top right, bottom left, bottom right, each channel rounded to 0 or 255."""
    h, w = image.shape[:2]
    points = [(h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (3 * h // 4, 3 * w // 4)]
    return [tuple(255 if value > 127 else 0 for value in image[point]) for point in points]


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """30 frames, each 8 shades lighter than the one before."""
    return make_clip(tmp_path / "shades.mp4", [flat(8 * number) for number in range(30)])


@pytest.mark.parametrize("threads", [1, 2])
def test_every_frame_comes_once_in_order(shades: Path, threads: int) -> None:
    frames, video = read(shades, threads)
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.pts_s for frame in frames] == pytest.approx([number / 30 for number in range(30)])
    assert [shade_of(frame.image) for frame in frames] == pytest.approx([8 * n for n in range(30)], abs=4)
    assert (video.frames_decoded, video.decode_errors, video.problem) == (30, 0, None)
    assert video.verdict is Verdict.COMPLETE
    assert video.warnings == ()


def test_frames_are_freed_without_the_garbage_collector(shades: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        with VideoFile(shades) as video:
            for _ in video.frames(always):
                pass
            alive = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert alive < 10


def test_picture_is_contiguous_bgr(shades: Path) -> None:
    frames, _ = read(shades)
    image = frames[0].image
    assert image.dtype == np.uint8 and image.shape == (48, 64, 3) and image.flags.c_contiguous


def test_only_wanted_frames_are_given_and_all_are_counted(shades: Path) -> None:
    with VideoFile(shades) as video:
        indices = [frame.index for frame in video.frames(Sampler(frames_per_s=10).wanted)]
        assert indices == list(range(0, 30, 3))
        assert video.frames_decoded == 30


def test_resume_gives_the_same_frames_as_an_undisturbed_reading(shades: Path) -> None:
    with VideoFile(shades) as video:
        whole = list(video.frames(Sampler(frames_per_s=7).wanted))
    with VideoFile(shades) as video:
        rest = list(video.frames(Sampler(frames_per_s=7).wanted, first=11))
        assert video.frames_decoded == 30
    expected = [frame for frame in whole if frame.index >= 11]
    assert [(frame.index, frame.pts_s) for frame in rest] == [
        (frame.index, frame.pts_s) for frame in expected
    ]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(rest, expected, strict=True))


def test_stopping_early_is_unfinished_and_closes(shades: Path) -> None:
    with VideoFile(shades) as video:
        next(iter(video.frames(always)))
        assert video.verdict is Verdict.UNFINISHED
    assert video.verdict is Verdict.UNFINISHED
    with pytest.raises(RuntimeError, match="outside of the with block"):
        video.frames(always)


def test_reading_twice_is_refused(shades: Path) -> None:
    with VideoFile(shades) as video:
        list(video.frames(always))
        with pytest.raises(RuntimeError, match="once"):
            video.frames(always)


def test_video_file_is_a_frame_source(shades: Path) -> None:
    assert isinstance(VideoFile(shades), FrameSource)


def test_variable_rate_keeps_the_timestamps(tmp_path: Path) -> None:
    pts = [0, 33, 66, 500, 533, 2000, 2010]
    images = [flat(30 * number) for number in range(len(pts))]
    clip = make_clip(tmp_path / "vfr.mkv", images, pts=pts, time_base=MILLISECOND)
    frames, video = read(clip)
    assert [frame.pts_s for frame in frames] == pytest.approx([value / 1000 for value in pts], abs=0.0011)
    assert video.verdict is Verdict.COMPLETE


def test_late_start_counts_from_zero(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "late.ts", [flat(100)] * 10, codec="mpeg2video", fps=25)
    with open_video(clip) as video:
        assert video.stream.start_time  # transport streams do not start at zero
    frames, _ = read(clip)
    assert [frame.pts_s for frame in frames] == pytest.approx([number / 25 for number in range(10)])


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (0, [BLUE, GREEN, RED, WHITE]),
        (90, [RED, BLUE, WHITE, GREEN]),
        (180, [WHITE, RED, GREEN, BLUE]),
        (270, [GREEN, WHITE, BLUE, RED]),
    ],
)
def test_rotation_metadata_is_applied(tmp_path: Path, turn: int, expected: list[tuple[int, ...]]) -> None:
    clip = set_matrix(make_clip(tmp_path / "turned.mp4", [corners()] * 3), MATRICES[turn])
    info = probe(clip)
    assert info.rotation_deg == turn
    assert (info.width, info.height) == ((48, 64) if turn % 180 else (64, 48))
    frames, _ = read(clip)
    assert frames[0].image.shape == (info.height, info.width, 3)
    assert frames[0].image.flags.c_contiguous
    assert corner_colours(frames[0].image) == expected


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((-1, 0, 0, 1), [GREEN, BLUE, WHITE, RED]),  # left and right exchanged
        ((1, 0, 0, -1), [RED, WHITE, BLUE, GREEN]),  # upside down
        ((0, 1, 1, 0), [BLUE, RED, GREEN, WHITE]),  # mirrored at the main diagonal
    ],
)
def test_mirror_metadata_is_applied(
    tmp_path: Path, matrix: tuple[int, int, int, int], expected: list[tuple[int, ...]]
) -> None:
    clip = set_matrix(make_clip(tmp_path / "mirrored.mp4", [corners()] * 3), matrix)
    frames, _ = read(clip)
    assert corner_colours(frames[0].image) == expected


@pytest.mark.parametrize("matrix", [b"", bytes(36), b"\x01" * 12])
def test_damaged_matrix_means_upright(matrix: bytes) -> None:
    assert orientation_from_matrix(matrix) == UPRIGHT


def test_odd_angle_is_said_and_not_applied(tmp_path: Path) -> None:
    clip = set_matrix(make_clip(tmp_path / "slanted.mp4", [corners()] * 3), (1, 1, -1, 1))
    assert "no multiple of 90" in probe(clip).warnings[0]
    frames, _ = read(clip)
    assert corner_colours(frames[0].image) == [BLUE, GREEN, RED, WHITE]


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [
        ("ffv1", "yuv420p10le", "mkv"),
        ("ffv1", "yuv444p", "mkv"),
        ("ffv1", "gray", "mkv"),
        ("mjpeg", "yuvj420p", "avi"),
    ],
)
def test_pixel_formats_come_out_as_bgr(tmp_path: Path, codec: str, pixel_format: str, suffix: str) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", [flat(200)] * 3, codec=codec, pixel_format=pixel_format)
    frames, video = read(clip)
    assert video.info.pixel_format == pixel_format
    assert shade_of(frames[0].image) == pytest.approx(200, abs=3)


@pytest.mark.parametrize(("width", "height"), [(65, 47), (63, 48), (17, 33)])
def test_odd_sizes_keep_every_pixel(tmp_path: Path, width: int, height: int) -> None:
    images = [corners(width, height)] * 2
    clip = make_clip(tmp_path / "odd.mkv", images, codec="ffv1", pixel_format="yuv444p")
    frames, video = read(clip)
    assert (video.info.width, video.info.height) == (width, height)
    assert frames[0].image.shape == (height, width, 3) and frames[0].image.flags.c_contiguous
    assert np.abs(frames[0].image.astype(int) - images[0]).max() <= 3


@pytest.mark.parametrize(
    ("matrix", "colour_range", "yuv", "bgr"),
    [  # pure red: Y'CbCr by ITU-R BT.601 and BT.709, in limited and full range
        ("smpte170m", "mpeg", (81, 90, 240), RED),
        ("bt709", "mpeg", (63, 102, 240), RED),
        ("smpte170m", "jpeg", (76, 85, 255), RED),
        ("bt709", "jpeg", (54, 99, 255), RED),
    ],
)
def test_colour_matrix_and_range_are_honoured(
    tmp_path: Path, matrix: str, colour_range: str, yuv: tuple[int, int, int], bgr: tuple[int, int, int]
) -> None:
    path = tmp_path / "red.mkv"
    with av.open(str(path), "w") as container:
        options = {"colorspace": matrix, "color_range": colour_range}
        stream = container.add_stream("ffv1", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv444p"
        planes = np.stack([np.full((32, 32), value, np.uint8) for value in yuv])
        frame = av.VideoFrame.from_ndarray(planes, format="yuv444p")
        frame.colorspace = 1 if matrix == "bt709" else 6
        frame.color_range = 2 if colour_range == "jpeg" else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames, _ = read(path)
    assert np.abs(frames[0].image.astype(int) - bgr).max() <= 4


def test_size_that_changes_on_the_way_is_read_and_said(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.ts", [flat(90)] * 5, codec="mpeg2video", fps=25)
    large = make_clip(tmp_path / "large.ts", [flat(90, 128, 96)] * 5, codec="mpeg2video", fps=25)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    frames, video = read(joined)
    shapes = [frame.image.shape[:2] for frame in frames]
    before = shapes.count((48, 64))
    assert before >= 4  # the decoder may drop the picture that it still held back
    assert shapes == [(48, 64)] * before + [(96, 128)] * 5
    assert all(later.pts_s > earlier.pts_s for earlier, later in itertools.pairwise(frames))
    assert any("64x48, 128x96" in warning for warning in video.warnings)


def test_sound_longer_than_the_picture_is_no_truncation(tmp_path: Path) -> None:
    path = tmp_path / "long_sound.mkv"
    with av.open(str(path), "w") as container:
        picture, sound = (
            container.add_stream("mpeg4", rate=30),
            container.add_stream("aac", rate=48000, layout="mono"),
        )
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        for number in range(15):
            frame = av.VideoFrame.from_ndarray(flat(80), format="bgr24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000 * 3), np.float32), "fltp", "mono")
        silence.sample_rate = 48000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    _, video = read(path)
    assert video.info.duration_s == pytest.approx(3, abs=0.1)
    assert (video.frames_decoded, video.verdict, video.problem) == (15, Verdict.COMPLETE, None)


@pytest.mark.parametrize(("suffix", "options"), [("mkv", {}), ("mp4", {"movflags": "faststart"})])
def test_truncated_file_keeps_what_was_readable(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", NOISE, options=options)
    frames, video = read(cut(clip, 0.5))
    assert 30 < len(frames) < 60
    assert video.verdict is Verdict.PARTIAL
    assert video.problem is not None
    assert f"ends after {len(frames) / 30:.1f} s of 3.0 s: the file is truncated" in video.problem


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


def test_truncated_file_without_index_is_unreadable_and_says_why(shades: Path) -> None:
    with pytest.raises(VideoUnreadable, match=r"cut_shades\.mp4: its index \(moov\) is missing"):
        probe(cut(shades, 0.5))


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
    clip = make_clip(tmp_path / "clip.ts", NOISE, codec="mpeg2video", fps=25)
    data = clip.read_bytes()
    middle = len(data) // 376 * 188
    clip.write_bytes(data[:middle] + bytes(8 << 20) + data[middle:])
    frames, video = read(clip)
    assert len(frames) > len(NOISE) - 5
    assert video.verdict is Verdict.PARTIAL
    assert video.problem is not None and "1 unreadable stretch skipped" in video.problem


def test_zeros_behind_a_transport_stream_are_no_damage(tmp_path: Path) -> None:
    """Cameras that allocate their files in advance leave such ends."""
    clip = make_clip(tmp_path / "clip.ts", NOISE, codec="mpeg2video", fps=25)
    clip.write_bytes(clip.read_bytes() + bytes(8 << 20))
    frames, video = read(clip)
    assert (len(frames), video.verdict, video.problem) == (len(NOISE), Verdict.COMPLETE, None)


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
        list(video.frames(always))


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


def test_ffmpeg_says_nothing_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [flat(100 + n) for n in range(30)])
    data = bytearray(clip.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = b"\xa5" * 200
    clip.write_bytes(data)
    read(clip)
    assert capfd.readouterr() == ("", "")
