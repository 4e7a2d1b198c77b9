"""Compares file formats for frames that wait on disk: written once, read once whole and sometimes as a crop.

Usage: python benchmarks/frame_formats.py FOLDER_OF_CLIPS [--frames 60] [--stores /var/tmp /dev/shm]

Takes frames evenly from all clips of the folder, by size (720p, 1080p; clips of other sizes are left out), and
prints one markdown table of medians. "fresh" creates a new file for each frame, "reused" overwrites one that
an earlier frame left behind, which saves the file system the allocation. Reads come from the page cache, as
they do in a run where frames live for seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np

from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.sources.discover import discover
from dashcam_pipeline.sources.picture import PictureConverter
from dashcam_pipeline.sources.probe import probe
from dashcam_pipeline.vision.types import Image

SIZES = {(1280, 720): "720p", (1920, 1080): "1080p"}
RESIZED = (512, 512)  # what a vehicle detector takes
CROP_SHARE = 0.3  # width and height of a crop, of the frame's


@dataclass(frozen=True, slots=True)
class Sample:
    """One decoded frame: its planes stacked as one picture (yuv420p), and the same in BGR."""

    planes: Image  # (height * 3 / 2, width)
    bgr: Image


class Format(ABC):
    """One way to keep a frame in a file."""

    name: str

    @abstractmethod
    def payload(self, sample: Sample) -> bytes | memoryview:
        """What goes into the file."""

    @abstractmethod
    def whole(self, path: Path, shape: tuple[int, int, int]) -> Image:
        """The BGR frame."""

    def crop(self, path: Path, shape: tuple[int, int, int], part: tuple[slice, slice]) -> Image:
        """A part of the BGR frame, as a copy."""
        return self.whole(path, shape)[part].copy()


class RawBgr(Format):
    name = "raw BGR (.npy, mapped)"

    def payload(self, sample: Sample) -> bytes | memoryview:
        return memoryview(sample.bgr).cast("B")

    def whole(self, path: Path, shape: tuple[int, int, int]) -> Image:
        return np.load(path, mmap_mode="r")


class RawPlanes(Format):
    name = "raw planes (yuv420p, mapped)"

    def payload(self, sample: Sample) -> bytes | memoryview:
        return memoryview(sample.planes).cast("B")

    def whole(self, path: Path, shape: tuple[int, int, int]) -> Image:
        height, width, _ = shape
        planes = np.memmap(path, np.uint8, "r", shape=(height * 3 // 2, width))
        return cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)

    def crop(self, path: Path, shape: tuple[int, int, int], part: tuple[slice, slice]) -> Image:
        height, width, _ = shape
        flat = np.memmap(path, np.uint8, "r", shape=(height * width * 3 // 2,))
        rows, columns = part  # even numbers
        halves = tuple(slice(side.start // 2, side.stop // 2) for side in part)
        luma = flat[: height * width].reshape(height, width)[rows, columns]
        chroma = flat[height * width :].reshape(2, height // 2, width // 2)[(slice(None), *halves)]
        cut = np.concatenate([luma.ravel(), chroma.ravel()])
        return cv2.cvtColor(cut.reshape(luma.shape[0] * 3 // 2, luma.shape[1]), cv2.COLOR_YUV2BGR_I420)


class Encoded(Format):
    def __init__(self, name: str, suffix: str, options: list[int]) -> None:
        self.name, self._suffix, self._options = name, suffix, options

    def payload(self, sample: Sample) -> bytes | memoryview:
        done, data = cv2.imencode(self._suffix, sample.bgr, self._options)
        assert done
        return memoryview(data).cast("B")

    def whole(self, path: Path, shape: tuple[int, int, int]) -> Image:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None and image.shape == shape
        return image


FORMATS: tuple[Format, ...] = (
    RawBgr(),
    RawPlanes(),
    Encoded("JPEG q95", ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]),
    Encoded("JPEG q90", ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]),
    Encoded("PNG level 1", ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]),
)


def samples(clips: list[Path], wanted: int) -> list[Sample]:
    """`wanted` frames, evenly from all clips."""
    taken = []
    converter = PictureConverter()
    for clip in clips:
        share = -(-wanted // len(clips))
        every = max(1, (probe(clip).frames or share) // share)
        with av.open(str(clip)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % every == 0 and share:
                    share -= 1
                    planes = np.ascontiguousarray(frame.reformat(format="yuv420p", threads=1).to_ndarray())
                    taken.append(Sample(planes, converter.image(frame)))
                if not share:
                    break
    return taken[:wanted]


def timed_ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def write(path: Path, kept: Format, sample: Sample, fresh: bool) -> None:
    """Write like a frame store does: under another name first when the file is new, in place when reused."""
    payload = kept.payload(sample)
    if not fresh:
        with path.open("r+b", buffering=0) as file:
            _fill(file.fileno(), kept, sample, payload)
            file.truncate()
        return
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb", buffering=0) as file:
        _fill(file.fileno(), kept, sample, payload)
    unfinished.rename(path)


def _fill(handle: int, kept: Format, sample: Sample, payload: bytes | memoryview) -> None:
    if isinstance(kept, RawBgr):
        os.write(handle, _npy_header(sample.bgr))
    left = memoryview(payload)
    while left:
        left = left[os.write(handle, left) :]


def _npy_header(image: Image) -> bytes:
    buffer = BytesIO()
    np.lib.format.write_array_header_1_0(buffer, np.lib.format.header_data_from_array_1_0(image))
    return buffer.getvalue()


def measure(kept: Format, frames: list[Sample], folder: Path, fresh: bool) -> list[float]:
    """Medians: write, read whole, read and resize, read a crop, unlink (ms), bytes a frame."""
    shape = frames[0].bgr.shape
    height, width, _ = shape
    rows, columns = (
        slice(int(side * 0.4) & ~1, int(side * (0.4 + CROP_SHARE)) & ~1) for side in (height, width)
    )
    paths = [folder / f"frame{number}" for number in range(len(frames))]
    if not fresh:
        for path, sample in zip(paths, [*frames[1:], frames[0]], strict=True):
            write(path, kept, sample, fresh=True)
    rows_of_ms: list[list[float]] = []
    for path, sample in zip(paths, frames, strict=True):
        wrote = timed_ms(lambda path=path, sample=sample: write(path, kept, sample, fresh))
        stored = path.stat().st_size
        # A mapped file is only read when it is touched: the copy does that.
        whole = timed_ms(lambda path=path: np.array(kept.whole(path, shape)))
        resized = timed_ms(lambda path=path: cv2.resize(kept.whole(path, shape), RESIZED))
        crop = timed_ms(lambda path=path: kept.crop(path, shape, (rows, columns)))
        rows_of_ms.append([wrote, whole, resized, crop, float(stored)])
    unlinked = [timed_ms(path.unlink) for path in paths]
    medians = [statistics.median(column) for column in zip(*rows_of_ms, strict=True)]
    return [*medians[:4], statistics.median(unlinked), medians[4]]


def table(clips: dict[str, list[Path]], wanted: int, stores: list[Path]) -> Iterator[str]:
    yield "| size | store | files | format | write | read whole | read + resize | read crop | unlink | MB | life |"
    yield "|---|---|---|---|--:|--:|--:|--:|--:|--:|--:|"
    for size, paths in clips.items():
        frames = samples(paths, wanted)
        for store in stores:
            for fresh in (True, False):
                for kept in FORMATS:
                    with tempfile.TemporaryDirectory(dir=store) as folder:
                        ms = measure(kept, frames, Path(folder), fresh)
                    life_ms = ms[0] + ms[2] + ms[3] / 2 + (ms[4] if fresh else 0.0)
                    cells = [size, str(store), "fresh" if fresh else "reused", kept.name]
                    cells += [f"{value:.2f}" for value in (*ms[:5], ms[5] / 1e6, life_ms)]
                    yield f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="clips, at least one of 1280x720 or 1920x1080")
    parser.add_argument("--frames", type=int, default=60, help="frames a size (default 60)")
    parser.add_argument("--stores", type=Path, nargs="+", default=[Path("/var/tmp"), Path("/dev/shm")])
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # a worker has one or two cores, not all
    clips: dict[str, list[Path]] = {}
    try:
        for path in discover([arguments.folder]).videos:
            info = probe(path)
            if size := SIZES.get((info.width, info.height)):
                clips.setdefault(size, []).append(path)
    except DashcamError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(
        f"{arguments.frames} frames a size, medians in ms; life = write + read with resize + half a crop + unlink."
    )
    print(f"Clips: {', '.join(f'{size}: {len(paths)}' for size, paths in clips.items())}.\n")
    for line in table(clips, arguments.frames, arguments.stores):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
