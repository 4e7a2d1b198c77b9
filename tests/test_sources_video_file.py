"""Reading whole and odd videos, made on the spot."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from dashcam_pipeline.sources.base import FrameSource, Verdict
from dashcam_pipeline.sources.container import open_video
from dashcam_pipeline.sources.picture import UPRIGHT, orientation_from_matrix
from dashcam_pipeline.sources.probe import probe
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from sources_clips import (
    MATRICES,
    MILLISECOND,
    corners,
    every,
    flat,
    make_clip,
    make_shades,
    read,
    set_matrix,
    shade_of,
)

BLUE, GREEN, RED, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corner_colours(image: np.ndarray) -> list[tuple[int, ...]]:
    """The colours at top left, top right, bottom left, bottom right, each channel rounded to 0 or 255."""
    h, w = image.shape[:2]
    points = [(h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (3 * h // 4, 3 * w // 4)]
    return [tuple(255 if value > 127 else 0 for value in image[point]) for point in points]


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    return make_shades(tmp_path)


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
            for _ in video.frames(every()):
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
        indices = [frame.index for frame in video.frames(Sampler(frames_per_s=10))]
        assert indices == list(range(0, 30, 3))
        assert video.frames_decoded == 30


def test_stopping_early_is_unfinished_and_closes(shades: Path) -> None:
    with VideoFile(shades) as video:
        next(iter(video.frames(every())))
        assert video.verdict is Verdict.UNFINISHED
    assert video.verdict is Verdict.UNFINISHED
    with pytest.raises(RuntimeError, match="outside of the with block"):
        video.frames(every())


def test_reading_twice_is_refused(shades: Path) -> None:
    with VideoFile(shades) as video:
        list(video.frames(every()))
        with pytest.raises(RuntimeError, match="once"):
            video.frames(every())


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
