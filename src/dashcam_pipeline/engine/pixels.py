"""Pictures as the files of the frame store; apart from it, as most processes only move or delete those files."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from dashcam_pipeline.engine.frame_store import SUFFIXES, write_all

Pixels = NDArray[np.uint8]
"""uint8, shape (height, width, 3), BGR."""

PNG_LEVEL = 1


def read_pixels(path: Path) -> Pixels:
    """Read one picture; an uncompressed one is mapped, so that only the part that is used is read."""
    if path.suffix == SUFFIXES["raw"]:
        return np.asarray(np.load(path, mmap_mode="r"))
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise OSError(f"{path} is not a readable picture")
    return np.asarray(pixels, np.uint8)


def write_pixels(file: IO[bytes], suffix: str, pixels: Pixels, quality: int) -> None:
    """Write one picture to an unbuffered file, in the format of the suffix."""
    if suffix == SUFFIXES["raw"]:
        write_all(file, memoryview(_raw_header(pixels.shape)))
        write_all(file, np.ascontiguousarray(pixels).data)
        return
    parameters = (
        [cv2.IMWRITE_JPEG_QUALITY, quality]
        if suffix == SUFFIXES["jpeg"]
        else [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]
    )
    encoded = cv2.imencode(suffix, pixels, parameters)[1]
    write_all(file, encoded.data)


def raw_nbytes(pixels: Pixels) -> int:
    """Size of the file of an uncompressed picture."""
    return len(_raw_header(pixels.shape)) + pixels.nbytes


@lru_cache(maxsize=64)
def _raw_header(shape: tuple[int, ...]) -> bytes:
    """What stands before the pixels in a .npy file, version 1.0."""
    file = BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call,unused-ignore]
    return file.getvalue()
