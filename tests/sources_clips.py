"""Makes the small video files that the tests of `sources` read, and finds the real ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dashcam_pipeline.sources.base import Frame
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.vision.types import Image

ROOT = Path(__file__).resolve().parent.parent
TEST_DATA = Path(os.environ.get("DASHCAM_TEST_DATA", ROOT.parent / "shared"))
MILLISECOND = Fraction(1, 1000)

FIXED_POINT_ONE = 0x00010000
MATRICES = {  # (a, b, c, d) of a track header, by the clockwise turn that they ask for
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


def real_clip(*parts: str) -> Path:
    """A file of the test data; the test is skipped where there is none, and fails in CI."""
    path = TEST_DATA.joinpath(*parts)
    if not path.exists():
        reason = f"test data not here: {'/'.join(parts)} (set DASHCAM_TEST_DATA)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def every() -> Sampler:
    """One that wants every frame."""
    return Sampler(frames_per_s=1, stride=1)


def read(path: Path, threads: int = 1) -> tuple[list[Frame], VideoFile]:
    """All frames of a file, and the file read to its end."""
    with VideoFile(path, threads) as video:
        return list(video.frames(every())), video


def shade_of(image: Image) -> float:
    return float(image.mean())


def flat(shade: int, width: int = 64, height: int = 48) -> Image:
    return np.full((height, width, 3), shade, np.uint8)


def noise(frames: int = 90, width: int = 64, height: int = 48) -> list[Image]:
    """Pictures that can't be made small."""
    return list(np.random.default_rng(0).integers(0, 255, (frames, height, width, 3), np.uint8))


def moving(frames: int, width: int = 64, height: int = 48) -> list[Image]:
    """A grainy picture that slides by, so that each frame is made from the ones around it."""
    chance = np.random.default_rng(1)
    scene = chance.integers(
        0, 255, (height // 8 + frames // 8 + 1, width // 8 + frames // 8 + 1, 3), np.uint8
    )
    scene = scene.repeat(8, 0).repeat(8, 1)
    grain = chance.integers(0, 16, (frames, height, width, 3), np.uint8)
    return [np.maximum(scene[n : n + height, n : n + width], 16) - 16 + grain[n] for n in range(frames)]


def corners(width: int = 64, height: int = 48) -> Image:
    """Blue, green and red in the first three corners, white in the last (top left, top right, bottom left, …)."""
    image = np.zeros((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    image[:h, :w] = (255, 0, 0)
    image[:h, w:] = (0, 255, 0)
    image[h:, :w] = (0, 0, 255)
    image[h:, w:] = (255, 255, 255)
    return image


def make_clip(
    path: Path,
    images: Sequence[Image],
    *,
    fps: int = 30,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "mpeg4",
    pixel_format: str = "yuv420p",
    key_every: int = 12,
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
    b_frames: int = 0,
) -> Path:
    """Write a clip of the given pictures; `pts` in units of `time_base` instead of an even rate.

    `options` are those of the container, `encoder` those of the codec.
    """
    base = time_base or Fraction(1, fps)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=encoder or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = base
        stream.codec_context.gop_size = key_every
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.bit_rate = 2_000_000
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pixel_format, threads=1)
            frame.pts = number if pts is None else pts[number]
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_shades(folder: Path) -> Path:
    """30 frames, each 8 shades lighter than the one before."""
    return make_clip(folder / "shades.mp4", [flat(8 * number) for number in range(30)])


def make_sound(path: Path, seconds: int = 1) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000 * seconds), np.float32), "fltp", "mono")
        silence.sample_rate = 48000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    return path


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a display matrix (a, b, c, d) into the first track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0: the matrix is 40 bytes into the payload
    a, b, c, d = (value * FIXED_POINT_ONE for value in matrix)
    for position, value in enumerate((a, b, 0, c, d, 0, 0, 0, 1 << 30)):
        data[start + 4 * position : start + 4 * position + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path


def cut(path: Path, share: float) -> Path:
    """A copy of the first `share` of a file."""
    data = path.read_bytes()
    copy = path.with_name(f"cut_{path.name}")
    copy.write_bytes(data[: int(len(data) * share)])
    return copy
